package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs"
)

// A lane is what waits for one sink and repository, in order. Its head is tried until it is sent or failed, so a
// sink that is down holds its lanes. A message that fails for a reason of its own must not: once it has failed for
// long enough, either the sink has taken something of another repository between its last two failures, or
// the lane tries one of the messages behind it. If that one gets through, the head is set aside: it is
// tried again later beside its lane, one at a time for each sink, until Retry.GiveUp.

// laneKey names a lane. Beside those that are sent in order there is one for what is set aside of a sink, and one for what is gathered
// of a repository: these go by time.
type laneKey struct {
	sink, repository string
	kind             laneKind
}

type laneKind int

const (
	inOrder laneKind = iota
	aside
	gathering
)

type lane struct {
	key   laneKey
	items []*item
	wake  bell
	other int // which of the items behind the head is tried next in its place
}

// When a message that keeps failing is suspected of having a reason of its own.
const (
	suspectTries = 3
	suspectAfter = 15 * time.Second
)

// slowAfter is how long messages wait for their turn before a sink is slow. A burst before a quick one stays as it is.
const slowAfter = time.Second

// push appends an item to a lane and sees that the lane runs. q.mu is held.
func (q *queue) push(it *item, to laneKey) {
	l := q.lanes[to]
	if l == nil {
		l = &lane{key: to, wake: newBell()}
		q.lanes[to] = l
		defer q.start(l)
	}
	it.queued = time.Now()
	l.items = append(l.items, it)
	l.wake.ring()
}

// start gives a lane its goroutine, once the queue runs. q.mu is held.
func (q *queue) start(l *lane) {
	if q.ctx != nil && !q.stopping.Load() {
		q.lanesRun.Go(func() { q.drive(l) })
	}
}

// wake makes every lane try again now: the settings, or the world, may have changed.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		for _, it := range l.items {
			it.due = time.Time{}
		}
		l.wake.ring()
	}
}

// bell wakes one who waits, or the next one to wait.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// wait waits for a time, until the bell rings or until ctx ends, which it reports as false.
func (b bell) wait(ctx context.Context, most time.Duration) bool {
	select {
	case <-time.After(most):
	case <-b:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// drive sends a lane's items, each at its time and never two at once, so that messages that hang leave the sink's places to other
// lanes. It ends after the last, or when the queue stops: what is pending then stands in the log.
func (q *queue) drive(l *lane) {
	for {
		q.mu.Lock()
		if len(l.items) == 0 {
			delete(q.lanes, l.key)
		}
		if len(l.items) == 0 || q.stopping.Load() {
			q.mu.Unlock()
			return
		}
		it := l.next(q.s.settings.Load().CoalesceMax)
		wait := time.Until(it.due)
		if wait <= 0 && l.key.kind == gathering {
			q.release(l, it)
			q.mu.Unlock()
			continue
		}
		q.mu.Unlock()
		if wait > 0 {
			if !l.wake.wait(q.ctx, wait) {
				return
			}
			continue
		}
		end := q.try(it)
		switch end.status {
		case "":
			return
		case logs.StatusPending:
			q.failed(l, it, end)
		default:
			q.remove(l, it)
		}
	}
}

// next is the item of a lane whose turn it is. q.mu is held, and none of the lane is being tried.
func (l *lane) next(most int) *item {
	if l.key.kind != inOrder {
		return slices.MinFunc(l.items, func(a, b *item) int { return a.due.Compare(b.due) })
	}
	if l.items[0].due.IsZero() { // before its first attempt
		l.gather(most)
	}
	return l.items[0]
}

// gather makes one summary of what waits behind the first in line, when there are more than so many (less than 1 is
// no bound) and the sink is slow.
func (l *lane) gather(most int) {
	if most < 1 || len(l.items) < most+2 || time.Since(l.items[0].queued) < slowAfter {
		return
	}
	one := l.items[most]
	for _, more := range l.items[most+1:] {
		one.join(more)
	}
	l.items = slices.Delete(l.items, most+1, len(l.items))
}

// failed puts off an item that was not sent, and sets a lane's head aside where that is the item's own fault.
func (q *queue) failed(l *lane, it *item, end tried) {
	q.mu.Lock()
	it.due = time.Now().Add(end.wait)
	q.mu.Unlock()
	suspect, others := q.suspect(it)
	if l.key.kind == aside || !suspect || !others && !q.nextGetsThrough(l, end.err) {
		return
	}
	q.s.logger.Warn("a notification fails while others get through; it no longer holds up its repository",
		"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries)
	q.remove(l, it)
	q.mu.Lock()
	defer q.mu.Unlock()
	l.other = 0
	q.push(it, laneKey{sink: it.key.sink, kind: aside})
}

func (q *queue) remove(l *lane, it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.items = slices.DeleteFunc(l.items, func(x *item) bool { return x == it })
}

// suspect counts a failed attempt. It says whether the failures are enough to ask whose fault they are, and
// whether the sink has taken something else since the one before.
func (q *queue) suspect(it *item) (suspect, others bool) {
	now := time.Now()
	if it.misses == 0 {
		it.missed = now
	}
	it.misses++
	q.mu.Lock()
	defer q.mu.Unlock()
	others = it.misses > 1 && q.sink(it.key.sink).taken > it.seen
	it.seen = q.sink(it.key.sink).taken
	return it.misses >= suspectTries || now.Sub(it.missed) >= suspectAfter, others
}

// nextGetsThrough tries one of the messages behind a lane's head, another one every time.
func (q *queue) nextGetsThrough(l *lane, err error) bool {
	if _, later := errors.AsType[*backoff.RetryAfterError](err); later {
		return false // The sink asked to be left alone.
	}
	q.mu.Lock()
	if len(l.items) < 2 || q.stopping.Load() {
		q.mu.Unlock()
		return false
	}
	it := l.items[1+l.other%(len(l.items)-1)]
	l.other++
	q.mu.Unlock()
	end := q.try(it)
	switch end.status {
	case logs.StatusSent, logs.StatusFailed, elsewhere:
		q.remove(l, it)
	case logs.StatusPending:
		q.suspect(it) // Its attempts count when its turn comes.
	}
	return end.status == logs.StatusSent
}
