package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/logs"
)

// ErrNotShared says that a delivery is stored on this node and that no quorum of the others has it. It is answered with 503, and
// shared later.
var ErrNotShared = errors.New("the delivery is stored here, but not on the other nodes")

// Shared is what a receiver does differently as one of several that share their deliveries (DESIGN §11). The core knows no
// cluster: it stores a delivery, has it published, and hears from [Server.Announce] which of those that every node has are
// its own to notify. Records that a person asked for here, replays and tests, stay on the node and are sent from it.
type Shared struct {
	// Instance is reported at /healthz in place of a random name, so that a URL that leads to any node leads here.
	Instance string
	// Ready waits until this node has the secrets of the others; the error is answered with 503.
	Ready func(ctx context.Context) error
	// Healthy is false while the others cannot be reached. Then /healthz answers 503, and so does a signature that does not
	// match, because the secret may be newer than what this node knows.
	Healthy func() bool
	// Publish returns nil once a quorum has the record, now or before; [logs.ErrFull] where the cluster has no room for it, and
	// [ErrNotShared] where that is not known, in time to answer GitHub.
	Publish func(ctx context.Context, rec *logs.Record) error
	// Claim writes down, before an attempt to notify of a record, that this node is at it. It waits as long as a quorum cannot
	// be reached, and returns false when another node has the record or ctx ends.
	Claim func(ctx context.Context, file string) bool
	// Outcome shares the notifications of a record; they are durable here. ended is how many attempts that were claimed they have
	// the outcomes of: others may be under way. It returns at once.
	Outcome func(file string, n []logs.Notification, ended int)
}

// shares reports whether every node is to have a record.
func (s *Server) shares(rec *logs.Record) bool {
	return s.shared != nil && rec.DeliveryID != "" && rec.Source != logs.SourceReplay && rec.Source != logs.SourceTest
}

// answerTime is within which a delivery is answered, whatever the other nodes do: GitHub waits ten seconds. readyPatience is
// the part of it for the start of a node.
const (
	answerTime    = 9 * time.Second
	readyPatience = 7 * time.Second
)

// ready waits until deliveries can be judged.
func (s *Server) ready(ctx context.Context) error {
	if s.shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	return s.shared.Ready(ctx)
}

// healthy is true for a single machine, and for a node that reaches the others.
func (s *Server) healthy() bool { return s.shared == nil || s.shared.Healthy() }

// shareStored publishes a record that is in the log already: the first time, the answer may have been 503.
func (s *Server) shareStored(ctx context.Context, file string) error {
	if s.shared == nil {
		return nil
	}
	rec, err := s.log.Log().Read(ctx, file)
	if errors.Is(err, logs.ErrNotFound) {
		return nil // It was pruned since, so it is old.
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", file, err)
	}
	if !s.shares(rec) {
		return nil
	}
	return s.shared.Publish(ctx, rec)
}

// Announce hands the notifications of a stored record to the queue of this node, which is the one to send them. Records are sent
// in the order of the calls. It waits while the queue is full.
func (s *Server) Announce(ctx context.Context, file string) error {
	q := s.queue
	for {
		q.mu.Lock()
		full, changed := q.held >= q.most, q.changed
		q.mu.Unlock()
		if !full {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := q.restore(ctx, file, true); err != nil {
		return fmt.Errorf("announce %s: %w", file, err)
	}
	return nil
}

// claim claims the records of an item and takes those out of it that another node has. It returns false when none is left, or
// when the queue stops.
func (q *queue) claim(it *item) bool {
	if q.s.shared == nil {
		return true
	}
	var lost []string
	for _, r := range it.refs {
		if !r.shared || slices.Contains(lost, r.file) {
			continue
		}
		if !q.s.shared.Claim(q.ctx, r.file) {
			if q.ctx.Err() != nil {
				return false
			}
			lost = append(lost, r.file)
		}
	}
	if len(lost) == 0 {
		return true
	}
	gone := func(r ref) bool { return slices.Contains(lost, r.file) }
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leave(it, gone)
	return len(it.refs) > 0
}

// leave takes notifications out of an item that another node has. q.mu is held.
func (q *queue) leave(it *item, gone func(ref) bool) {
	for _, r := range it.refs {
		f := q.files[r.file]
		if f == nil || !gone(r) {
			continue
		}
		f.open--
		q.held--
		if f.open == 0 { // What this node knew of it is out of date, so it is not saved.
			delete(q.files, r.file)
		}
	}
	it.refs, it.prepare = slices.DeleteFunc(it.refs, gone), nil
	q.signal()
}

// Withdraw returns when nothing that was announced is in the queue any more, so that what is announced next is sent in its order.
// While it runs every [Shared.Claim] must return false; attempts under way are waited for.
func (s *Server) Withdraw(ctx context.Context) error {
	q := s.queue
	for {
		q.wake()
		q.mu.Lock()
		busy := false
		for _, f := range q.files {
			busy = busy || f.shared
		}
		q.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
