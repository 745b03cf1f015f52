package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	nats "github.com/nats-io/nats.go"

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
