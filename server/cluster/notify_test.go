package cluster

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs"
)

// claimingNodes are two nodes with logs that hold the same record, and the right to notify.
func claimingNodes(t *testing.T, rec func() *logs.Record) (a, b *Node, stream jetstream.Stream, fileA, fileB string) {
	t.Helper()
	file := func(n, engine *Node) string {
		t.Helper()
		n.js, n.cfg.Node, n.run = engine.js, engine.cfg.Node, engine.run
		n.board.init()
		n.claims.Store(true)
		n.held.Store("notify", time.Now().Add(time.Hour))
		r := rec()
		if err := n.cfg.Log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := n.enter(t.Context(), delivered{id: identityOf(r), seq: 1, file: r.File}, true); err != nil {
			t.Fatal(err)
		}
		return r.File
	}
	a, b = followingNode(t), followingNode(t)
	one, two := leaseNodes(t)
	stream, err := one.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: outcomes, Subjects: []string{outcomeSubject + ">"}, MaxMsgsPerSubject: 1})
	if err != nil {
		t.Fatal(err)
	}
	return a, b, stream, file(a, one), file(b, two)
}

// A claim that a node has not read yet is not overlooked: its own is written on top of what it knows only, so it learns of the
// other one, and counts what may be sent twice when the other node is gone.
func TestAClaimThatWasNotReadYetIsNotOverlooked(t *testing.T) {
	t.Parallel()
	a, b, _, fileA, fileB := claimingNodes(t, func() *logs.Record { return sharedRecord(1) })
	if !a.Claim(t.Context(), fileA) {
		t.Fatal("the record cannot be claimed")
	}
	if !b.Claim(t.Context(), fileB) || b.maybeTwice.Load() != 1 { // a is not up: it never said so
		t.Errorf("counted %d, want 1", b.maybeTwice.Load())
	}
	a.Outcome(fileA, []logs.Notification{{Sink: "agents", Status: logs.StatusSent}}, 1)
	a.shareOutcomes(t.Context()) // too late: the other node has the record
	if by := b.records.files[fileB].by; by != b.me() {
		t.Errorf("the record is claimed by %v", by)
	}
	b.refresh(t.Context(), identityOf(sharedRecord(1)))
	if by := b.records.files[fileB].by; by != b.me() {
		t.Errorf("after the late outcome the record is claimed by %v", by)
	}
}

// A record goes to two sinks at once. While one of the attempts is under way the record stays claimed, whatever became of the
// other: the next node must not take it for one that nobody sends.
func TestTheClaimStaysWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	list := func(first, second string) []logs.Notification {
		return []logs.Notification{{Sink: "agents", Status: first}, {Sink: "chat", Status: second}}
	}
	n, _, stream, file, _ := claimingNodes(t, func() *logs.Record {
		rec := sharedRecord(1)
		rec.Notifications = list(logs.StatusPending, logs.StatusPending)
		return rec
	})
	id := identityOf(sharedRecord(1))
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
		if !n.Claim(t.Context(), file) {
			t.Fatal("the record cannot be claimed")
		}
	}
	n.Outcome(file, list(logs.StatusSent, logs.StatusPending), 1)
	shared("when one of two attempts is over", true)
	n.Outcome(file, list(logs.StatusSent, logs.StatusPending), 1)
	shared("when both are over", false)
	if !n.Claim(t.Context(), file) {
		t.Fatal("the record cannot be claimed again")
	}
	n.Outcome(file, list(logs.StatusSent, logs.StatusSent), 1)
	shared("at the end", false)
	if n.records.open[id] != nil {
		t.Error("a settled record is open")
	}
}
