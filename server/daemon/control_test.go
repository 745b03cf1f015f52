//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serveControl is a receiver in this process.
func serveControl(t *testing.T, home string, c Control) *Client {
	t.Helper()
	inst, err := Lock(Config{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- inst.Serve(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, inst.Close()); err != nil {
			t.Error(err)
		}
	})
	client := Dial(home)
	within(t, "the control socket", func() bool {
		_, err := client.Status(t.Context())
		return err == nil
	})
	return client
}

func TestControlSocket(t *testing.T) {
	var reload error
	var stops atomic.Int32
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	client := serveControl(t, shortDirT(t), Control{
		Status:   func() Status { return Status{Received: 7, Secret: "a1b2c3d4"} },
		Rejected: func() []Rejected { return []Rejected{{Time: since, Address: "192.0.2.1", Reason: "wrong signature"}} },
		Reload:   func(context.Context) error { return reload },
		Stop:     func() { stops.Add(1) },
		Extra: map[string]http.Handler{"POST /echo/{word}": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s", r.PathValue("word"), body)
		})},
	})

	st, err := client.Status(t.Context())
	if err != nil || st.Received != 7 || !st.Running || st.PID != os.Getpid() || st.Since.IsZero() || st.Secret != "a1b2c3d4" {
		t.Errorf("status: %+v, %v", st, err)
	}
	list, err := client.Rejected(t.Context())
	if err != nil || len(list) != 1 || list[0].Reason != "wrong signature" || !list[0].Time.Equal(since) {
		t.Errorf("rejected: %+v, %v", list, err)
	}
	if st, err := client.Reload(t.Context()); err != nil || st.Received != 7 {
		t.Errorf("reload: %+v, %v", st, err)
	}
	reload = coded{&hinted{errors.New("hookctl.yaml:3: unknown key"), "fix line 3"}}
	_, err = client.Reload(t.Context())
	var refused *ControlError
	if !errors.As(err, &refused) || err.Error() != "reload: hookctl.yaml:3: unknown key" || refused.Hint() != "fix line 3" || refused.Code() != "settings" {
		t.Errorf("refused reload: %v", err)
	}

	res, err := client.Do(t.Context(), http.MethodPost, "/echo/hello", strings.NewReader("world"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || string(body) != "hello world" {
		t.Errorf("extra handler: %q, %v", body, err)
	}
	res, err = client.Do(t.Context(), http.MethodGet, "/stop", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusMethodNotAllowed || stops.Load() != 0 {
		t.Errorf("GET /stop: %s, %d stops, %v", res.Status, stops.Load(), err)
	}
	if err := client.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	within(t, "the stop to be heard", func() bool { return stops.Load() == 1 })
	if st, err := client.Status(t.Context()); err != nil || !st.Stopping {
		t.Errorf("status while stopping: %+v, %v", st, err)
	}
}

// A home whose path is too long for a socket has it in the usual place; nothing of it is left elsewhere.
func TestAHomeWithALongPath(t *testing.T) {
	home, tmp := filepath.Join(shortDirT(t), strings.Repeat("long-directory-name/", 8)), shortDirT(t)
	t.Setenv("TMPDIR", tmp)
	if _, err := Dial(home).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	serveControl(t, home, Control{Status: func() Status { return Status{} }})
	if info, err := os.Stat(SocketFile(home)); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	if err := os.RemoveAll(filepath.Join(home, "run")); err != nil {
		t.Fatal(err)
	}
	within(t, "the socket to be there again", func() bool {
		_, err := Dial(home).Status(t.Context())
		return err == nil
	})
}

func TestStopNeverEndsItsOwnProcess(t *testing.T) {
	home := shortDirT(t)
	serveControl(t, home, Control{Status: func() Status { return Status{} }})
	err := Stop(t.Context(), Config{Home: home, StopTimeout: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d) does not end", os.Getpid())) || !strings.Contains(hintOf(err), "ps -o") {
		t.Errorf("got %v", err)
	}
}

// coded is an error as the host gives it.
type coded struct{ *hinted }

func (coded) Code() string { return "settings" }
