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

type laneKey struct{ sink, repository string }

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

func newLane(key laneKey) *lane { return &lane{key: key, wake: newBell()} }

// push appends an item to its lane and sees that the lane runs. q.mu is held.
func (q *queue) push(it *item) {
	l := q.lanes[it.key]
	if l == nil {
		l = newLane(it.key)
		q.lanes[it.key] = l
		defer q.start(l, q.drive)
	}
	it.queued = time.Now()
	l.items = append(l.items, it)
}

// start gives a lane its goroutine, once the queue runs. q.mu is held.
func (q *queue) start(l *lane, drive func(*lane)) {
	if q.ctx == nil || q.stopping {
		return
	}
	q.lanesRun.Go(func() { drive(l) })
}

// wake makes every lane try again now: the settings, or the world, may have changed.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.wake.ring()
	}
	for _, l := range q.asides {
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

// drive sends a lane's items in order and ends after the last.
func (q *queue) drive(l *lane) {
	for {
		q.mu.Lock()
		if len(l.items) == 0 {
			delete(q.lanes, l.key)
		}
		if len(l.items) == 0 || q.stopping {
			q.mu.Unlock()
			return
		}
		l.gather(q.s.settings.Load().CoalesceMax)
		it := l.items[0]
		q.mu.Unlock()
		if !q.finish(it, l) {
			return // The queue is stopping; what is pending stands in the log.
		}
	}
}

// gather makes one summary of what waits behind the first in line, when there are more than so many (less than 1 is
// no bound) and the sink is slow. q.mu is held, and none of the lane is being tried.
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

// finish tries a lane's head until it is out of the lane; false when the queue stops first.
func (q *queue) finish(it *item, l *lane) bool {
	for {
		end := q.try(it)
		switch {
		case end.status == "":
			return false
		case end.status != logs.StatusPending:
			q.remove(l, it)
			return true
		}
		suspect, others := q.suspect(it)
		if suspect && (others || q.nextGetsThrough(l, end.err)) {
			q.setAside(l, it, end.wait)
			return true
		}
		if !l.wake.wait(q.ctx, end.wait) {
			return false
		}
	}
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
	others = it.misses > 1 && q.taken[it.key.sink] > it.seen
	it.seen = q.taken[it.key.sink]
	return it.misses >= suspectTries || now.Sub(it.missed) >= suspectAfter, others
}

// nextGetsThrough tries one of the messages behind a lane's head, another one every time.
func (q *queue) nextGetsThrough(l *lane, err error) bool {
	if later := (*backoff.RetryAfterError)(nil); errors.As(err, &later) {
		return false // The sink asked to be left alone.
	}
	q.mu.Lock()
	if len(l.items) < 2 || q.stopping {
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

// setAside takes a lane's head out of the way of the others.
func (q *queue) setAside(l *lane, it *item, wait time.Duration) {
	q.remove(l, it)
	q.s.logger.Warn("a notification fails while others get through; it no longer holds up its repository",
		"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries)
	q.mu.Lock()
	defer q.mu.Unlock()
	l.other = 0
	it.due = time.Now().Add(wait)
	side := q.asides[it.key.sink]
	if side == nil {
		side = newLane(laneKey{sink: it.key.sink})
		q.asides[it.key.sink] = side
		defer q.start(side, q.driveAside)
	}
	side.items = append(side.items, it)
	side.wake.ring()
}

// driveAside tries what is set aside of one sink, each at its time and never two at once, so that messages
// that hang leave the sink's places to the lanes.
func (q *queue) driveAside(side *lane) {
	for {
		q.mu.Lock()
		if len(side.items) == 0 {
			delete(q.asides, side.key.sink)
		}
		if len(side.items) == 0 || q.stopping {
			q.mu.Unlock()
			return
		}
		it := slices.MinFunc(side.items, func(a, b *item) int { return a.due.Compare(b.due) })
		wait := time.Until(it.due)
		q.mu.Unlock()
		if wait > 0 {
			if !side.wake.wait(q.ctx, wait) {
				return
			}
			continue
		}
		end := q.try(it)
		switch end.status {
		case "":
			return
		case logs.StatusPending:
			q.mu.Lock()
			it.due = time.Now().Add(end.wait)
			q.mu.Unlock()
		default:
			q.remove(side, it)
		}
	}
}
