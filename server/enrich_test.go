package server

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// TestFailuresSayMore adds what Enrich finds to a failure of CI, once for all attempts and to nothing else.
func TestFailuresSayMore(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	var asked atomic.Int32
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Enrich = func(_ context.Context, rec *logs.Record) (Extra, error) {
			asked.Add(1)
			if rec.Summary.Workflow == "" {
				t.Errorf("asked for %s without its summary", rec.File)
			}
			return Extra{Text: "Job \"test\" failed.\x1b[2J", Context: map[string]any{"jobs": 1, "sha": "not this"}}, nil
		}
	})
	r.deliver(t, "workflow_run_failure", guid(0))
	r.awaitStatus(t, guid(0), logs.StatusSent)
	r.deliver(t, "workflow_run_success", guid(1))
	r.awaitStatus(t, guid(1), logs.StatusSent)
	all := m.messages()
	if len(all) != 2 || asked.Load() != 1 {
		t.Fatalf("%d messages, asked %d times", len(all), asked.Load())
	}
	said := all[0].Content
	if !strings.HasSuffix(said.Message, "\nJob \"test\" failed.") || said.Context["jobs"] == nil || said.Context["sha"] == "not this" {
		t.Errorf("%+v", said)
	}
	if strings.Contains(all[1].Content.Message, "Job") {
		t.Errorf("a success says %q", all[1].Content.Message)
	}
}

// TestAFailedEnrichHoldsNothingBack sends the message as it is.
func TestAFailedEnrichHoldsNothingBack(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Enrich = func(ctx context.Context, _ *logs.Record) (Extra, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("it may take for ever")
			}
			return Extra{}, errors.New("GitHub is down")
		}
	})
	r.deliver(t, "workflow_run_failure", guid(0))
	if n := r.awaitStatus(t, guid(0), logs.StatusSent); n.Attempts != 1 {
		t.Errorf("%+v", n)
	}
}

// TestChecksSayWhatFailed repeats the check's own summary, and who pushed a run's commit.
func TestChecksSayWhatFailed(t *testing.T) {
	for _, tt := range []struct{ event, payload, want string }{
		{"check_run", `{"action":"completed","check_run":{"name":"lint","conclusion":"failure","output":{"title":"2 problems","summary":"main.go:7: unused\nmore"}},"repository":{"full_name":"o/r"}}`,
			`The check says: "main.go:7: unused".`},
		{"check_run", `{"action":"completed","check_run":{"name":"lint","conclusion":"failure","output":{"title":"2 problems","summary":null}},"repository":{"full_name":"o/r"}}`,
			`The check says: "2 problems".`},
		{"workflow_run", `{"action":"completed","workflow_run":{"name":"CI","conclusion":"failure","actor":{"login":"mona"}},"sender":{"login":"octocat"},"repository":{"full_name":"o/r"}}`,
			`started by octocat, pushed by "mona".`},
	} {
		ev, err := route.NewEvent(tt.event, []byte(tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		d := route.Decide(route.Table{}, ev)
		if len(d.Notifications) != 1 || !strings.Contains(d.Notifications[0].Message, tt.want) {
			t.Errorf("%+v lacks %s", d.Notifications, tt.want)
		}
	}
}
