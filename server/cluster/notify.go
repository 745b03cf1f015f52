package cluster

import (
	"context"
	"encoding/json"
	"errors"
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
