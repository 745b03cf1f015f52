package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

func (r *receiver) send(t testing.TB, event, id, body string) {
	t.Helper()
	if status, answer := do(t, request(t, r.url+"/webhook", event, id, []byte(body))); status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}
}

// TestOneFailingRunOfTwentyChecks is one message at once and one update that lists the rest.
func TestOneFailingRunOfTwentyChecks(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Coalesce = time.Hour // Released by hand below.
	})
	r.deliver(t, "workflow_run_failure", guid(0))
	r.awaitStatus(t, guid(0), logs.StatusSent)
	event, payload := sample(t, "check_run_failure")
	for i := 1; i <= 20; i++ {
		r.send(t, event, guid(i), strings.ReplaceAll(string(payload), "Octocoders-linter", fmt.Sprintf("check-%02d", i)))
	}
	other := strings.ReplaceAll(string(payload), "ec26c3e57ca3a959ca5aad62de7213c562f8c821", "aaaaaaaaaaaaa959ca5aad62de7213c562f8c821")
	r.send(t, event, guid(21), other) // Another commit is not gathered.
	r.awaitStatus(t, guid(21), logs.StatusSent)
	r.deliver(t, "issues_labeled_blocked", guid(22)) // No commit, no gathering.
	r.awaitStatus(t, guid(22), logs.StatusSent)
	if n := r.record(t, guid(1)).Notifications[0]; n.Status != logs.StatusPending {
		t.Errorf("a follower is %s before the window is over", n.Status)
	}
	r.queue.wake()
	for i := 1; i <= 20; i++ {
		n := r.awaitStatus(t, guid(i), logs.StatusSent)
		want := guid(1)
		if i == 1 {
			want = ""
		}
		if n.GatheredBy != want || n.MessageID == "" || n.Attempts != 1 {
			t.Errorf("%d: %+v", i, n)
		}
	}
	all := m.messages()
	if len(all) != 4 {
		t.Fatalf("%d messages", len(all))
	}
	update := all[3]
	if update.Subject != "ci_failure: 20 more in octo-org/Hello-World" {
		t.Errorf("subject %q", update.Subject)
	}
	ids, _ := update.Content.Context["delivery_ids"].([]any)
	if len(ids) != 20 || ids[0] != guid(1) || ids[19] != guid(20) {
		t.Errorf("delivery_ids %v", ids)
	}
	for i := 1; i <= 20; i++ {
		if !strings.Contains(update.Content.Message, fmt.Sprintf("- \"check-%02d\" failed on branch \"changes\"\n", i)) {
			t.Errorf("check %d is not listed in %q", i, update.Content.Message)
		}
	}
}

func TestGatheringEndsByItself(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Coalesce = 300 * time.Millisecond
	})
	for i := range 3 {
		r.deliver(t, "check_run_failure", guid(i))
	}
	for i := range 3 {
		r.awaitStatus(t, guid(i), logs.StatusSent)
	}
	if n := len(m.messages()); n < 2 || n > 3 { // The second may come after the window on a busy machine.
		t.Errorf("%d messages", n)
	}
}

func TestGatheredSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMaestro(t)
	settings := func(c *Config) {
		c.Sinks = []sink.Config{m.sink()}
		c.Coalesce = time.Hour
	}
	r := runIn(t, dir, settings)
	for i := range 3 {
		r.deliver(t, "check_run_failure", guid(i))
	}
	r.awaitStatus(t, guid(0), logs.StatusSent)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = runIn(t, dir, func(c *Config) {
		settings(c)
		c.Coalesce = 50 * time.Millisecond
	})
	for i := range 3 {
		r.awaitStatus(t, guid(i), logs.StatusSent)
	}
}

func TestFailureOfAnOvertakenCommitSaysSo(t *testing.T) {
	t.Parallel()
	m := newMaestro(t)
	r := run(t, func(c *Config) { c.Sinks = []sink.Config{m.sink()} })
	event, push := sample(t, "push_main")
	failEvent, fail := sample(t, "workflow_run_failure")
	onMain := strings.ReplaceAll(string(fail), "feature/test", "main")
	r.send(t, event, guid(1), string(push))
	r.send(t, failEvent, guid(2), onMain)
	r.awaitStatus(t, guid(2), logs.StatusSent) // What is sent later knows of later pushes.
	newer := strings.NewReplacer("ec26c3e57ca3a959ca5aad62de7213c562f8c821", "bbbbbbbbbbbbb959ca5aad62de7213c562f8c821",
		"6113728f27ae82c7b1a177c8d03f9e96e0adf246", "ec26c3e57ca3a959ca5aad62de7213c562f8c821").Replace(string(push))
	r.send(t, event, guid(3), newer)
	r.send(t, failEvent, guid(4), onMain)
	r.awaitStatus(t, guid(4), logs.StatusSent)
	byID := map[string]maestroMessage{}
	for _, msg := range m.messages() {
		byID[msg.Content.Context["delivery_id"].(string)] = msg
	}
	if got := byID[guid(2)]; got.Content.Context["overtaken_by"] != nil {
		t.Errorf("a failure of the newest commit: %v", got.Content.Message)
	}
	got := byID[guid(4)]
	if got.Content.Context["overtaken_by"] != "bbbbbbbbbbbbb959ca5aad62de7213c562f8c821" || !strings.Contains(got.Content.Message, "overtaken") {
		t.Errorf("a failure of an old commit: %v", got.Content.Message)
	}
}

func TestOvertakenIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMaestro(t)
	sinks := func(c *Config) { c.Sinks = []sink.Config{m.sink()} }
	r := runIn(t, dir, sinks)
	event, push := sample(t, "push_main")
	r.send(t, event, guid(1), strings.ReplaceAll(string(push), "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "ec26c3e57ca3a959ca5aad62de7213c562f8c822"))
	r.send(t, event, guid(2), strings.ReplaceAll(string(push), "ec26c3e57ca3a959ca5aad62de7213c562f8c821", "bbbbbbbbbbbbb959ca5aad62de7213c562f8c821"))
	r.awaitStatus(t, guid(2), logs.StatusSent)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = runIn(t, dir, sinks)
	failEvent, fail := sample(t, "workflow_run_failure")
	r.send(t, failEvent, guid(3), strings.ReplaceAll(string(fail), "feature/test", "main"))
	r.awaitStatus(t, guid(3), logs.StatusSent)
	all := m.messages()
	if got := all[len(all)-1].Content.Context["overtaken_by"]; got != "bbbbbbbbbbbbb959ca5aad62de7213c562f8c821" {
		t.Errorf("overtaken by %v", got)
	}
}

func TestHeadsAreBounded(t *testing.T) {
	t.Parallel()
	var h heads
	for i := range 3 * mostHeads {
		h.note(route.Event{Name: "push", Repository: "o/r", Branch: fmt.Sprint(i), SHA: "abcdef1", Before: "abcdef0"})
	}
	if len(h.pushes) > mostHeads || cap(h.pushes) > 3*mostHeads {
		t.Errorf("%d pushes in room for %d", len(h.pushes), cap(h.pushes))
	}
}
