package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// Everything that an agent's sink can get about strangers' events: the notice, what sync says of it, what Enrich adds, an update of
// several and a summary. Every word of them is hostile, and none reaches the agent.
func TestNothingThatAStrangerWroteReachesAnAgentsSink(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	open := make(chan struct{})
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Coalesce = time.Hour // released by hand below
		c.Trust = route.Trust{On: true, Authors: []string{"OWNER"}}
		c.Enrich = func(context.Context, *logs.Record) (Extra, error) {
			return Extra{Note: "This failure is new.", Facts: map[string]any{"still_failing": false}, Text: hostile, Context: map[string]any{"jobs": hostile}}, nil
		}
		c.Consumer = &Consumer{
			Judge: func(rec *logs.Record) *logs.Sync { return &logs.Sync{Status: logs.StatusPending, Key: rec.DeliveryID} },
			Handle: func(_ context.Context, rec *logs.Record) (logs.Sync, error) {
				<-open
				notice := func(kind string) logs.SyncNotice {
					return logs.SyncNotice{Type: kind, Priority: "low", Subject: "Issue #3 changed in o/r", Message: "The last comment, by " + hostile + ": " + hostile,
						Context: map[string]any{"change": "opened", "branch": hostile, "assignees": []string{hostile}, "url": "https://evil.example", "sync_key": hostile}}
				}
				return logs.Sync{Status: logs.SyncDone, Key: rec.Sync.Key, Notices: []logs.SyncNotice{notice("task_updated"), notice("task_escalated")}}, nil
			},
		}
	})
	repository := `"repository":{"id":1,"full_name":"o/r","html_url":"https://github.com/o/r"},"sender":{"login":"` + hostile + `","type":"User"}`
	payload := func(number int) string {
		return fmt.Sprintf(`{"action":"completed",%s,"workflow_run":{"id":%d,"name":%[3]q,"head_branch":%[3]q,"head_sha":"1a2b3c4d","conclusion":"failure","display_title":%[3]q,
			"actor":{"login":%[3]q},"head_commit":{"message":%[3]q,"author":{"name":%[3]q}},"html_url":"https://github.com/o/r/actions/runs/%[2]d","head_repository":{"full_name":"evil/r"}}}`, repository, number, hostile)
	}
	for i := range 4 {
		r.send(t, "workflow_run", guid(i), payload(i+1))
	}
	r.send(t, "issues", guid(4), fmt.Sprintf(`{"action":"labeled",%s,"label":{"name":"blocked"},"issue":{"number":3,"title":%q,"author_association":"NONE","user":{"login":"x"},"html_url":"https://github.com/o/r/issues/3"}}`, repository, hostile))
	if err := r.log.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(open)
	sent := func(kinds ...string) func() bool {
		return func() bool {
			n := 0
			for i := range 5 {
				for _, have := range r.record(t, guid(i)).Notifications {
					if slices.Contains(kinds, have.Type) && have.Status == logs.StatusSent {
						n++
					}
				}
			}
			return n >= 5
		}
	}
	await(t, "what sync says of each", sent("task_updated"))
	await(t, "what sync says of each", sent("task_escalated"))
	r.queue.wake()
	await(t, "every event", sent("ci_failure", "task_blocked"))
	seen := map[string]int{}
	for _, got := range m.messages() {
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if said := string(data); strings.Contains(strings.ToLower(said), strings.ToLower(hostile)) || strings.Contains(said, "evil") {
			t.Errorf("a stranger's words are sent: %s", said)
		}
		kind, _ := got.Content.Context["notification_type"].(string)
		if got.Content.Context["update"] == true {
			kind += ", several"
		}
		seen[kind]++
		if strings.HasPrefix(kind, "task_") && kind != "task_blocked" && (got.Content.Context["trusted"] != false || !strings.Contains(got.Content.Message, "https://github.com/o/r")) {
			t.Errorf("%s: %s", kind, data)
		}
	}
	if seen["ci_failure"] != 1 || seen["ci_failure, several"] != 1 || seen["task_updated"] != 5 || seen["task_escalated"] != 5 || seen["task_blocked"] != 1 {
		t.Errorf("messages: %v", seen)
	}
	// A summary is made of the lines of those that wait.
	ev, err := route.NewEvent("workflow_run", []byte(payload(9)))
	if err != nil {
		t.Fatal(err)
	}
	d := route.Decide(r.settings.Load().tables[""], ev)
	line := d.Notifications[0].For(true).Listed()
	if m := summaryMessage(&item{refs: []ref{{kind: "ci_failure", line: line}, {kind: "ci_failure", line: line}}, key: laneKey{repository: "o/r"}}); strings.Contains(m.Text+m.Subject, hostile) || !strings.Contains(m.Text, "left out") {
		t.Errorf("the summary says %s", m.Text)
	}
}
