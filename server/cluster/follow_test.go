package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/logs"
)

// followingNode is a node without an engine, with a log.
func followingNode(t *testing.T) *Node {
	t.Helper()
	w, err := logs.OpenWriter(t.Context(), logs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &Node{cfg: Config{Settings: Settings{Node: "a"}, Log: w}, log: slog.New(slog.DiscardHandler), run: "this"}
	n.records.init()
	n.results.init()
	return n
}

func sharedRecord(n int) *logs.Record {
	return &logs.Record{
		EventType: "push", DeliveryID: fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", n), Payload: []byte(`{"ref":"refs/heads/main"}`),
		Notifications: []logs.Notification{{Sink: "agents", Status: logs.StatusPending}},
	}
}

// The two streams are read side by side. Whatever comes first, a delivery or what became of its notifications, and however close
// together: in the end the record has the outcome, and nothing is kept.
func TestOutcomesMeetTheirDeliveriesInAnyOrder(t *testing.T) {
	t.Parallel()
	n := followingNode(t)
	sent := mustJSON([]logs.Notification{{Sink: "agents", Status: logs.StatusSent, Attempts: 1}})
	failed := mustJSON([]logs.Notification{{Sink: "agents", Status: logs.StatusPending, Attempts: 1}})
	for i := range 300 {
		rec := sharedRecord(i)
		id := identityOf(rec)
		var both sync.WaitGroup
		both.Go(func() {
			if err := n.cfg.Log.Append(t.Context(), rec); err != nil {
				t.Error(err)
				return
			}
			pending, err := n.cfg.Log.IsPending(t.Context(), rec.File)
			if err == nil {
				err = n.enter(t.Context(), delivered{id: id, seq: uint64(i) + 1, file: rec.File}, pending)
			}
			if err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			for k, s := range []state{
				{Node: "b", Run: "x", Sending: true},
				{Node: "b", Run: "x", Notifications: failed},
				{Node: "b", Run: "x", Sending: true, Notifications: failed},
				{Node: "b", Run: "x", Notifications: sent},
			} {
				s.seq = uint64(4*i + k + 1)
				if err := n.apply(t.Context(), id, s); err != nil {
					t.Error(err)
				}
			}
		})
		both.Wait()
		have, err := n.cfg.Log.Log().Read(t.Context(), rec.File)
		if err != nil {
			t.Fatal(err)
		}
		if got := have.Notifications; len(got) != 1 || got[0].Status != logs.StatusSent {
			t.Fatalf("delivery %d has %+v", i, got)
		}
		if len(n.records.open) > 0 || len(n.records.files) > 0 || len(n.records.early) > 0 {
			t.Fatalf("after delivery %d: %d open, %d early", i, len(n.records.open), len(n.records.early))
		}
	}
}

// A claim that was acknowledged may be lost with the node that had it, and the next one does not know of it. The node that made it
// counts what is then sent twice, once, and only where the other did not.
func TestClaimThatAnotherNodeDidNotSeeIsCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mine   bool // this node has a claim
		states []state
		want   int64
	}{
		"not seen":        {true, []state{{Node: "b", Sending: true}, {Node: "b", Notifications: []byte("null")}}, 1},
		"seen":            {true, []state{{Node: "b", Sending: true, Twice: true}, {Node: "b", Twice: true}}, 0},
		"outcome alone":   {true, []state{{Node: "b"}}, 1},
		"of another node": {false, []state{{Node: "b", Sending: true}, {Node: "c", Sending: true, Twice: true}}, 0},
	} {
		n := followingNode(t)
		rec := sharedRecord(1)
		if err := n.cfg.Log.Append(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		id := identityOf(rec)
		if err := n.enter(t.Context(), delivered{id: id, seq: 1, file: rec.File}, true); err != nil {
			t.Fatal(err)
		}
		if c.mine {
			n.records.said(n.records.open[id], state{Node: n.cfg.Node, Run: n.run, Sending: true, seq: 1}, 0)
		}
		for i, s := range c.states {
			s.seq = uint64(i) + 2
			if err := n.apply(t.Context(), id, s); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.maybeTwice.Load(); got != c.want {
			t.Errorf("%s: counted %d, want %d", name, got, c.want)
		}
	}
}

// A claim of an earlier run of this node, which wrote the outcome down and was killed, is answered with the outcome.
func TestOutcomeOfAnEarlierRunIsShared(t *testing.T) {
	t.Parallel()
	n := followingNode(t)
	rec := sharedRecord(1)
	rec.Notifications[0] = logs.Notification{Sink: "agents", Status: logs.StatusSent, At: time.Now()}
	if err := n.cfg.Log.Append(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	if err := n.apply(t.Context(), identityOf(rec), state{Node: "a", Run: "before", Sending: true, seq: 1}); err != nil {
		t.Fatal(err)
	}
	if list := n.results.take()[rec.File].list; len(list) != 1 || list[0].Status != logs.StatusSent {
		t.Errorf("shared %+v", list)
	}
}

// What cannot be looked up is read again: the place in the stream does not move past it.
func TestStateThatCannotBeAppliedIsNotPassedOver(t *testing.T) {
	t.Parallel()
	n := followingNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := sharedRecord(1)
	if err := n.cfg.Log.Append(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	s := state{Node: "b", Notifications: mustJSON([]logs.Notification{{Sink: "agents", Status: logs.StatusSent}}), seq: 1}
	if err := n.apply(ctx, identityOf(rec), s); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v", err)
	}
}
