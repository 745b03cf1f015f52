package cluster

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// leaseNodes are two nodes that compete through one server.
func leaseNodes(t *testing.T) (a, b *Node) {
	t.Helper()
	s, err := natsd.NewServer(&natsd.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	node := func(name string) *Node {
		conn, err := nats.Connect("", nats.InProcessServer(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		n := &Node{cfg: Config{Settings: Settings{Node: name}}, log: slog.New(slog.DiscardHandler), ready: make(chan struct{}), run: nuid.Next()}
		n.board.init()
		close(n.ready)
		if n.js, err = jetstream.New(conn); err != nil {
			t.Fatal(err)
		}
		if n.kv, err = n.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, LimitMarkerTTL: time.Minute}); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { n.watchBoard(ctx) })
		return n
	}
	t.Cleanup(func() { stop(); all.Wait() })
	return node("a"), node("b")
}

// The server that leads ends a lease by its own clock: early where that is ahead of the one that led before, late where it is
// behind. Neither lets two nodes have it, and a dead node keeps it no longer than the others need to notice.
func TestLeasesNeedNoClockOfTheServer(t *testing.T) {
	t.Parallel()
	const ttl = 3 * time.Second
	a, b := leaseNodes(t)
	if _, err := a.kv.Put(t.Context(), leasePrefix+"late", mustJSON(leaseData{Node: "dead", Run: "x"})); err != nil { // it never runs out
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() { stop(); all.Wait() }()
	var turns atomic.Int32
	late := make(chan string, 2)
	for n, other := range map[*Node]*Node{a: b, b: a} {
		all.Go(func() {
			n.Hold(ctx, "early", ttl, func(ctx context.Context, _ uint64) {
				if other.Holds("early") {
					t.Error("two nodes have the lease")
				}
				turns.Add(1)
				<-ctx.Done()
			})
		})
		all.Go(func() {
			n.Hold(ctx, "late", ttl, func(ctx context.Context, _ uint64) { late <- n.cfg.Node; <-ctx.Done() })
		})
	}
	// known reports whether the lease was taken more than turn times, and both nodes know who has it.
	known := func(turn int32) bool {
		at, there := a.board.get(leasePrefix + "early")
		bt, too := b.board.get(leasePrefix + "early")
		return turns.Load() > turn && there && too && at.revision == bt.revision
	}
	for turn := range int32(3) {
		for !known(turn) {
			pause(t.Context(), 10*time.Millisecond)
		}
		if err := a.kv.Purge(t.Context(), leasePrefix+"early"); err != nil { // what the others see when it runs out
			t.Fatal(err)
		}
	}
	<-late
}

// A lease that lived its time may be taken as soon as that is over, also where it was seen a moment late. One that was gone much
// earlier is waited for from then on.
func TestALeaseIsFreeWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	const ttl = 12 * time.Second
	now := time.Now()
	for name, tt := range map[string]struct{ seen, gone, want time.Duration }{ // ago; want is from now on
		"in time":               {12 * time.Second, 0, 0},
		"late":                  {20 * time.Second, 0, -8 * time.Second},
		"seen a moment late":    {11900 * time.Millisecond, 0, 100 * time.Millisecond},
		"gone much too early":   {8 * time.Second, 0, 12 * time.Second},
		"renewed and gone soon": {time.Second, time.Second, 11 * time.Second},
	} {
		b := board{lapsed: map[string]lapse{"x": {now.Add(-tt.seen), now.Add(-tt.gone)}}}
		if got := b.free("x", ttl).Sub(now); got != tt.want {
			t.Errorf("%s: free after %s, want %s", name, got, tt.want)
		}
	}
	if at := (&board{}).free("y", ttl); !at.IsZero() {
		t.Errorf("a lease that nobody had is free at %s", at)
	}
}
