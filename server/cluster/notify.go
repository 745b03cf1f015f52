package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	nats "github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"hookctl/logs"
)

// notifyTTL is how long the others wait for a node that notified and is silent. It is the longest pause of notifications when
// that node dies; one that stops hands over at once.
const notifyTTL = 8 * time.Second

// notify hands this node's queue what is to be sent, in the order of the stream, while it holds the lease.
func (n *Node) notify(ctx context.Context, token uint64) {
	// What an earlier turn left in the queue would be sent before what is older and was dropped.
	if n.cfg.Withdraw(ctx) != nil || !n.again(ctx, "catch up before notifying", n.caughtUp) {
		return
	}
	n.records.do(func() {
		for _, rec := range n.records.open {
			rec.announced = false
		}
	})
	n.claims.Store(true)
	defer n.claims.Store(false)
	n.log.Info("this node notifies for the cluster", "token", token)
	defer n.log.Info("this node no longer notifies for the cluster", "token", token)
	for ctx.Err() == nil {
		list, changed := n.records.waiting()
		for _, rec := range list {
			if err := n.cfg.Announce(ctx, rec.file); err != nil && ctx.Err() == nil {
				if errors.Is(err, logs.ErrNotFound) {
					n.close(rec)
					continue
				}
				n.log.Error("a record cannot be announced", "file", rec.file, "error", err)
				pause(ctx, time.Second)
				break // the order holds
			}
			n.records.do(func() { rec.announced = true })
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// caughtUp returns nil when this node has read all that the others had written when it was called.
func (n *Node) caughtUp(ctx context.Context) error {
	for name, at := range map[string]*stream{deliveries: &n.place.now.Deliveries, outcomes: &n.place.now.Outcomes} {
		s, err := n.js.Stream(ctx, name)
		if err != nil {
			return err
		}
		for last := s.CachedInfo().State.LastSeq; n.place.seen(at) < last && s.CachedInfo().State.Msgs > 0; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			pause(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

// Claim writes down that this node is about to notify of a record, before every attempt. It waits as long as a quorum cannot be
// reached, and returns false when another node has the record, or when ctx ends.
func (n *Node) Claim(ctx context.Context, file string) bool {
	rec := n.records.of(file)
	if rec == nil {
		return false // settled
	}
	rec.claiming.Lock() // several sinks may have the same record
	defer rec.claiming.Unlock()
	for begun := time.Now(); ctx.Err() == nil && n.claims.Load() && n.Holds("notify"); {
		n.records.mu.Lock()
		open, last, by, notes, twice := n.records.files[file] == rec, rec.last, rec.by, rec.notes, rec.twice
		n.records.mu.Unlock()
		if !open {
			return false
		}
		others := by.node != "" && by != n.me()
		if others && n.isUp(by) && time.Since(begun) < outcomePatience {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		s := state{Node: n.cfg.Node, Run: n.run, Sending: true, Twice: twice || others, Notifications: notes}
		err := n.say(ctx, rec.id, &s, &last)
		if err == nil {
			if others {
				n.countTwice(rec.id, by.node)
			}
			n.records.said(rec, s, -1)
			return true
		}
		if codeOf(err) == codeExists {
			n.refresh(ctx, rec.id)
			continue
		}
		pause(ctx, 100*time.Millisecond)
	}
	return false
}

// outcomePatience is how long a node that claimed a record and is up has to say what became of it, when another has the lease by
// now: an attempt takes ten seconds at most.
const outcomePatience = 12 * time.Second

// process is one run of a node.
type process struct{ node, run string }

func (n *Node) me() process { return process{n.cfg.Node, n.run} }

func (n *Node) isUp(who process) bool {
	p, up := n.presenceOf(who.node)
	return up && p.Run == who.run
}

// countTwice counts a record that may be sent twice.
func (n *Node) countTwice(id identity, other string) {
	n.maybeTwice.Add(1)
	n.log.Warn("a node was lost between claiming a notification and its outcome; it is sent again, maybe twice", "delivery", id.guid, "node", other)
}

// say writes a state, where last is given only on top of that.
func (n *Node) say(ctx context.Context, id identity, s *state, last *uint64) (err error) {
	msg := nats.NewMsg(id.subject(outcomeSubject))
	msg.Data = mustJSON(s)
	s.seq, err = n.send(ctx, msg, last)
	return err
}

// refresh takes up the newest state of a delivery: another node wrote one, or this one without learning of it.
func (n *Node) refresh(ctx context.Context, id identity) {
	s, err := n.newest(ctx, id)
	if err == nil {
		err = n.apply(ctx, id, s)
	}
	if err != nil {
		pause(ctx, 100*time.Millisecond)
	}
}

func (n *Node) newest(ctx context.Context, id identity) (s state, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	stream, err := n.js.Stream(ctx, outcomes)
	if err != nil {
		return s, err
	}
	raw, err := stream.GetLastMsgForSubject(ctx, id.subject(outcomeSubject))
	if err != nil {
		return s, err
	}
	s.seq = raw.Sequence
	err = json.Unmarshal(raw.Data, &s)
	return s, err
}

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

// shareOutcomes shares what is there to share; what cannot be is tried again later.
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
