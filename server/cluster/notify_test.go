package cluster

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs"
)

// A record goes to two sinks at once. While one of the attempts is under way the record stays claimed, whatever became of the
// other: the next node must not take it for one that nobody sends.
func TestTheClaimStaysWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	n := followingNode(t)
	engine, _ := leaseNodes(t)
	n.js = engine.js
	stream, err := n.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: outcomes, Subjects: []string{outcomeSubject + ">"}, MaxMsgsPerSubject: 1})
	if err != nil {
		t.Fatal(err)
	}
	n.claims.Store(true)
	n.held.set("notify", time.Now().Add(time.Hour))
	list := func(first, second string) []logs.Notification {
		return []logs.Notification{{Sink: "agents", Status: first}, {Sink: "chat", Status: second}}
	}
	rec := sharedRecord(1)
	rec.Notifications = list(logs.StatusPending, logs.StatusPending)
	if err := n.cfg.Log.Append(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	id := identityOf(rec)
	if err := n.enter(t.Context(), delivered{id: id, seq: 1, file: rec.File}, true); err != nil {
		t.Fatal(err)
	}
	shared := func(when string, sending bool) {
		t.Helper()
		n.shareOutcomes(t.Context())
		var s state
		m, err := stream.GetLastMsgForSubject(t.Context(), id.subject(outcomeSubject))
		if err != nil || json.Unmarshal(m.Data, &s) != nil || s.Sending != sending {
			t.Errorf("%s the others know %+v, %v; want sending %v", when, s, err, sending)
		}
	}
	for range 2 {
		if !n.Claim(t.Context(), rec.File) {
			t.Fatal("the record cannot be claimed")
		}
	}
	n.Outcome(rec.File, list(logs.StatusSent, logs.StatusPending), 1)
	shared("when one of two attempts is over", true)
	n.Outcome(rec.File, list(logs.StatusSent, logs.StatusPending), 1)
	shared("when both are over", false)
	if !n.Claim(t.Context(), rec.File) {
		t.Fatal("the record cannot be claimed again")
	}
	n.Outcome(rec.File, list(logs.StatusSent, logs.StatusSent), 1)
	shared("at the end", false)
	if n.records.isOpen(id) {
		t.Error("a settled record is open")
	}
}
