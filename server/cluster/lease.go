package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Lease is who does something for the cluster.
type Lease struct {
	Node  string `json:"node"`
	Token uint64 `json:"token"` // grows with every new holder
}

type leaseData struct {
	Node  string `json:"node"`
	Run   string `json:"run"` // of the process
	Token uint64 `json:"token,omitempty"`
}

const leasePrefix = "lease."

// leaseTTL is how long a lease outlives its holder, who renews it so many times in that time.
const (
	leaseTTL = 15 * time.Second
	renewals = 4
)

// Holds reports whether this node has a lease now.
func (n *Node) Holds(name string) bool {
	until, _ := n.held.Load(name)
	at, ok := until.(time.Time)
	return ok && time.Now().Before(at)
}

// Lease is [Node.Hold] with the usual time to live.
func (n *Node) Lease(ctx context.Context, name string, do func(ctx context.Context, token uint64)) {
	n.Hold(ctx, name, leaseTTL, do)
}

// Hold competes for a lease until ctx ends, and calls do whenever this node has it. The context of do ends when the lease is
// lost, before another node can have it. do may return early; then the lease is given back, and not taken again.
func (n *Node) Hold(ctx context.Context, name string, ttl time.Duration, do func(ctx context.Context, token uint64)) {
	if n.waitReady(ctx) != nil {
		return
	}
	for ctx.Err() == nil {
		revision, until, ok := n.acquire(ctx, name, ttl)
		if !ok {
			continue
		}
		if n.work(ctx, name, ttl, revision, until, do) {
			return
		}
	}
}

// acquire tries to get a lease; where another node has it, it first waits for a change. When a lease ends is judged by this
// node's own clock, from when it last saw it renewed: the server that leads may end it early or late, by the clock of the one
// that led before.
func (n *Node) acquire(ctx context.Context, name string, ttl time.Duration) (revision uint64, until time.Time, ok bool) {
	changed := n.board.next()
	e, taken := n.board.get(leasePrefix + name)
	wait := 2*ttl - time.Since(e.seen)
	if !taken {
		wait = time.Until(n.board.free(leasePrefix+name, ttl))
	}
	if wait > 0 {
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(wait):
		}
		return 0, until, false
	}
	one, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	asked, mine := time.Now(), leaseData{Node: n.cfg.Node, Run: n.run}
	var err error
	if taken {
		revision, err = n.put(one, leasePrefix+name, mine, ttl, &e.revision)
	} else {
		revision, err = n.kv.Create(one, leasePrefix+name, mustJSON(mine), jetstream.KeyTTL(ttl))
	}
	if err != nil {
		pause(ctx, 500*time.Millisecond)
		return 0, until, false
	}
	n.board.note(leasePrefix+name, entry{mustJSON(mine), revision, asked, asked}, jetstream.KeyValuePut)
	return revision, asked.Add(ttl - leaseMargin), true
}

// leaseMargin is how much earlier a holder counts a lease as lost than the others.
const leaseMargin = time.Second

// work calls do while it renews the lease. It returns true where do has come to its own end. Whatever a renewal waits for, the
// context of do ends in time, and the lease is given back when do has ended.
func (n *Node) work(ctx context.Context, name string, ttl time.Duration, revision uint64, until time.Time, do func(context.Context, uint64)) bool {
	working, stop := context.WithCancel(ctx)
	late := time.AfterFunc(time.Until(until), stop)
	token := revision
	n.held.Store(name, until)
	done := make(chan struct{})
	go func() { defer close(done); do(working, token) }()
	end := func() {
		n.held.Store(name, time.Time{})
		late.Stop()
		stop()
		<-done
	}
	defer end()
	tick := time.Tick(ttl / renewals)
	for {
		select {
		case <-done:
			own := working.Err() == nil
			end()
			n.release(ctx, name, revision)
			return own
		case <-working.Done(): // too late, whatever a renewal would say, or ctx has ended
			end()
			n.release(ctx, name, revision)
			return false
		case <-tick:
		}
		asked := time.Now()
		next, err := n.put(working, leasePrefix+name, leaseData{n.cfg.Node, n.run, token}, ttl, &revision)
		if codeOf(err) == codeExists {
			next, err = n.stillMine(working, name)
		}
		switch {
		case err == nil && next == 0:
			return false // another node has it
		case err == nil:
			revision, until = next, asked.Add(ttl-leaseMargin)
			if late.Reset(time.Until(until)) {
				n.held.Store(name, until)
			}
		}
	}
}

// stillMine looks who has a lease after a renewal was refused: an earlier one may have got through without an answer. It
// returns 0 where it is another process.
func (n *Node) stillMine(ctx context.Context, name string) (uint64, error) {
	one, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	e, err := n.kv.Get(one, leasePrefix+name)
	if err != nil {
		if isGone(err) {
			return 0, nil
		}
		return 0, err
	}
	var data leaseData
	if json.Unmarshal(e.Value(), &data) != nil || data.Run != n.run {
		return 0, nil
	}
	return e.Revision(), nil
}

// release gives a lease back, so that nobody has to wait until it runs out.
func (n *Node) release(ctx context.Context, name string, revision uint64) {
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := n.kv.Delete(one, leasePrefix+name, jetstream.LastRevision(revision)); err != nil {
		n.log.Debug("cluster: a lease is not given back and runs out", "lease", name, "error", err)
	}
}

func (n *Node) leases() map[string]Lease {
	all := map[string]Lease{}
	for name, e := range n.board.under(leasePrefix) {
		var data leaseData
		if json.Unmarshal(e.value, &data) == nil && data.Node != "" {
			if data.Token == 0 {
				data.Token = e.revision
			}
			all[name] = Lease{data.Node, data.Token}
		}
	}
	return all
}

func isGone(err error) bool {
	return errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted)
}
