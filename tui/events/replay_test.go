package events

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"testing"

	"hookctl/server/daemon"
	"hookctl/tui/kittest"
)

// control serves the receiver's control socket with handlers of the test.
func control(t *testing.T, home string, extra map[string]http.Handler) {
	t.Helper()
	inst, err := daemon.Lock(daemon.Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- inst.Serve(ctx, daemon.Control{Status: func() daemon.Status { return kittest.RunningStatus() }, Extra: extra})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := inst.Close(); err != nil {
			t.Error(err)
		}
	})
	for {
		if _, err := daemon.Dial(home).Status(context.Background()); err == nil {
			return
		}
		select {
		case err := <-done:
			t.Fatalf("the control socket ended: %v", err)
		default:
		}
	}
}

func TestReplayAndResendAskTheReceiver(t *testing.T) {
	home, err := os.MkdirTemp("", "hc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	asked := make(chan []string, 1)
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var in struct{ Files []string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Error(err)
			}
			asked <- in.Files
			w.WriteHeader(status)
			w.Write([]byte(body))
		})
	}
	control(t, home, map[string]http.Handler{
		"POST /replay": answer(200, `{"done":2}`),
		"POST /resend": answer(422, `{"error":"no sink is set up","hint":"run: hookctl setup"}`),
	})
	s := eventful(t, 80, 24, func(c *kittest.Settings) { c.Home = home })
	s.Press("2", "x", "x", "R")
	s.Shows("replayed 2 records")
	s.Lacks("marked")
	files := <-asked
	slices.Sort(files)
	if want := []string{"20261124_114900_workflow_run.json", "20261124_115500_pull_request.json"}; !slices.Equal(files, want) {
		t.Errorf("asked for %v, not %v", files, want)
	}
	s.Press("g", "S")
	s.Shows("resend: no sink is set up", "hint: run: hookctl setup")
	if files, want := <-asked, []string{"20261124_115500_pull_request.json"}; !slices.Equal(files, want) {
		t.Errorf("asked for %v, not %v", files, want)
	}
}
