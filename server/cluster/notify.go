package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	n.records.forget()
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
			n.records.announced(rec)
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
	for name, of := range map[string]func(*placeData) *stream{deliveries: ofDeliveries, outcomes: ofOutcomes} {
		s, err := n.js.Stream(ctx, name)
		if err != nil {
			return err
		}
		for last := s.CachedInfo().State.LastSeq; n.seen(of).Seq < last && s.CachedInfo().State.Msgs > 0; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			pause(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

// forget makes every record one that is still to be announced.
func (r *records) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.open {
		rec.announced = false
	}
}

// waiting are the records to announce, in order; changed is closed when there are more.
func (r *records) waiting() (list []*record, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.open {
		if !rec.announced {
			list = append(list, rec)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.order, b.order) })
	return list, r.changed
}

func (r *records) announced(rec *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.announced = true
}

// Claim writes down that this node is about to notify of a record, before every attempt. It waits as long as a quorum cannot be
// reached, and returns false when another node has the record, or when ctx ends.
func (n *Node) Claim(ctx context.Context, file string) bool {
	n.records.mu.Lock()
	rec := n.records.files[file]
	n.records.mu.Unlock()
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
		if by.node != "" && by != n.me() && n.isUp(by) && time.Since(begun) < outcomePatience {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		others := by.node != "" && by != n.me()
		seq, err := n.say(ctx, rec.id, state{Node: n.cfg.Node, Run: n.run, Sending: true, Twice: twice || others, Notifications: notes}, &last)
		if err == nil {
			if others {
				n.countTwice(rec.id, by.node)
			}
			n.records.said(rec, seq, n.me(), notes, twice || others)
			n.records.ended(rec, -1)
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

// said notes a state that this node wrote.
func (r *records) said(rec *record, seq uint64, by process, notes []byte, twice bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq > rec.last {
		rec.last, rec.by, rec.notes, rec.twice = seq, by, notes, twice
	}
}

// ended notes how many attempts of this process are over.
func (r *records) ended(rec *record, attempts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.trying -= attempts
}

// say writes a state, where last is given only on top of that.
func (n *Node) say(ctx context.Context, id identity, s state, last *uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
	defer cancel()
	msg := nats.NewMsg(id.subject(outcomeSubject))
	var err error
	if msg.Data, err = json.Marshal(s); err != nil {
		return 0, err
	}
	options := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)}
	if last != nil {
		options = append(options, jetstream.WithExpectLastSequencePerSubject(*last))
	}
	ack, err := n.js.PublishMsg(ctx, msg, options...)
	if err != nil {
		return 0, err
	}
	n.answered()
	return ack.Sequence, nil
}

// refresh takes up the newest state of a delivery: another node wrote one, or this one without learning of it.
func (n *Node) refresh(ctx context.Context, id identity) {
	one, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
	defer cancel()
	stream, err := n.js.Stream(one, outcomes)
	if err != nil {
		pause(ctx, 100*time.Millisecond)
		return
	}
	raw, err := stream.GetLastMsgForSubject(one, id.subject(outcomeSubject))
	var s state
	if err != nil || json.Unmarshal(raw.Data, &s) != nil {
		pause(ctx, 100*time.Millisecond)
		return
	}
	s.seq = raw.Sequence
	if err := n.apply(ctx, id, s); err != nil {
		pause(ctx, 100*time.Millisecond)
	}
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

// sendOutcomes shares outcomes until ctx ends.
func (n *Node) sendOutcomes(ctx context.Context) {
	tick := time.NewTicker(time.Second) // for what could not be shared
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.results.wake:
		case <-tick.C:
		}
		n.shareOutcomes(ctx)
	}
}

func (n *Node) shareOutcomes(ctx context.Context) {
	var group sync.WaitGroup
	limit := make(chan struct{}, 64)
	for file, one := range n.results.take() {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit; n.results.done() }()
			if !n.shareOutcome(ctx, file, one) {
				n.results.put(file, one, false)
			}
		})
	}
	group.Wait()
}

// shareOutcome shares one outcome; false means later. What this node claimed is written on top of its claim only: another node
// that has the record by now knows better. The claim stays while an attempt for another sink is under way.
func (n *Node) shareOutcome(ctx context.Context, file string, one result) bool {
	list := one.list
	n.records.mu.Lock()
	rec := n.records.files[file]
	n.records.mu.Unlock()
	s := state{Node: n.cfg.Node, Run: n.run, Notifications: mustJSON(list)}
	if rec == nil { // sent again because a person asked for it, or never shared
		stored, err := n.cfg.Log.Log().Read(ctx, file)
		if err != nil || !shares(stored) || pendingIn(list) {
			return err == nil || errors.Is(err, logs.ErrNotFound)
		}
		_, err = n.say(ctx, identityOf(stored), s, nil)
		return err == nil
	}
	rec.claiming.Lock()
	defer rec.claiming.Unlock()
	n.records.mu.Lock()
	last := rec.last
	s.Twice, s.Sending = rec.twice, rec.trying > one.ended
	n.records.mu.Unlock()
	by := process{}
	if s.Sending {
		by = n.me()
	}
	seq, err := n.say(ctx, rec.id, s, &last)
	switch {
	case err == nil:
		n.records.said(rec, seq, by, s.Notifications, s.Twice)
		n.records.ended(rec, one.ended)
		if !pendingIn(list) {
			n.close(rec)
		}
		return true
	case codeOf(err) == codeExists:
		n.refresh(ctx, rec.id)
		n.records.mu.Lock()
		mine := rec.by == n.me()
		n.records.mu.Unlock()
		if mine {
			return false // it was written, or claimed, by this node without learning of it
		}
		n.records.ended(rec, one.ended)
		return true
	}
	return false
}
