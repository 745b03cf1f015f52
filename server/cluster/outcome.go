package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"hookctl/logs"

	"golang.org/x/sync/errgroup"
)

// results are the outcomes that are still to be shared, by file, the latest of each.
type results struct {
	mu    sync.Mutex
	files map[string]result
	under int // being shared now
	wake  chan struct{}
}

// result is what became of the notifications of a record so far.
type result struct {
	list  []logs.Notification
	ended int // attempts whose outcomes it has and the others do not know
}

func (r *results) init() { r.files, r.wake = map[string]result{}, make(chan struct{}, 1) }

func (r *results) put(file string, one result, newest bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, there := r.files[file]; there {
		one.ended += other.ended
		if !newest {
			one.list = other.list
		}
	}
	r.files[file] = one
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *results) take() map[string]result {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.files
	r.files = map[string]result{}
	r.under += len(all)
	return all
}

func (r *results) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under--
}

// empty reports whether everything was shared; what another goroutine is sharing now is in its hands.
func (r *results) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.files) == 0 && r.under == 0
}

// Outcome shares the notifications of a record that are durable here, with the outcomes of so many of the attempts that were
// claimed. It returns at once; they are shared as soon as there is a quorum.
func (n *Node) Outcome(file string, list []logs.Notification, ended int) {
	n.results.put(file, result{list, ended}, true)
}

// flushTime bounds how long a node that stops waits for a quorum to take its last outcomes.
const flushTime = 5 * time.Second

// flushOutcomes shares what is left.
func (n *Node) flushOutcomes() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	for ctx.Err() == nil {
		n.shareOutcomes(ctx)
		if n.results.empty() {
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// sendOutcomes shares outcomes until ctx ends.
func (n *Node) sendOutcomes(ctx context.Context) {
	every(ctx, time.Second, n.results.wake, func() { n.shareOutcomes(ctx) }) // by time what could not be shared
}

func (n *Node) shareOutcomes(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(64)
	for file, one := range n.results.take() {
		group.Go(func() error {
			defer n.results.done()
			if !n.shareOutcome(ctx, file, one) {
				n.results.put(file, one, false)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
}

// shareOutcome shares one outcome; false means later. What this node claimed is written on top of its claim only: another node
// that has the record by now knows better. The claim stays while an attempt for another sink is under way.
func (n *Node) shareOutcome(ctx context.Context, file string, one result) bool {
	list := one.list
	rec := n.records.of(file)
	s := state{Node: n.cfg.Node, Run: n.run, Notifications: mustJSON(list)}
	if rec == nil { // sent again because a person asked for it, or never shared
		stored, err := n.cfg.Log.Log().Read(ctx, file)
		if err != nil || !shares(stored) || pendingIn(list) {
			return err == nil || errors.Is(err, logs.ErrNotFound)
		}
		return n.say(ctx, identityOf(stored), &s, nil) == nil
	}
	rec.claiming.Lock()
	defer rec.claiming.Unlock()
	n.records.mu.Lock()
	last := rec.last
	s.Twice, s.Sending = rec.twice, rec.trying > one.ended
	n.records.mu.Unlock()
	err := n.say(ctx, rec.id, &s, &last)
	switch {
	case err == nil:
		n.records.said(rec, s, one.ended)
		if !pendingIn(list) {
			n.close(rec)
		}
		return true
	case codeOf(err) == codeExists:
		n.refresh(ctx, rec.id)
		n.records.mu.Lock()
		defer n.records.mu.Unlock()
		if rec.by == n.me() {
			return false // it was written, or claimed, by this node without learning of it
		}
		rec.trying -= one.ended
		return true
	}
	return false
}
