package server

import (
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

// laneKey names a lane. Beside those that are sent there is one for what is set aside of a sink, which goes by time, and one for what is
// gathered of a repository while its window lasts.
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

// messages is a lane of the queue.
type messages = lane[laneKey, *item]

// When a message that keeps failing is suspected of having a reason of its own.
const (
	suspectTries = 3
	suspectAfter = 15 * time.Second
)

// slowAfter is how long messages wait for their turn before a sink is slow. A burst before a quick one stays as it is.
const slowAfter = time.Second

// push appends an item to a lane. q.mu is held.
func (q *queue) push(it *item, to laneKey) {
	it.queued = time.Now()
	q.lanes.push(to, it)
}

// turn is the item of a lane whose turn it is. q.mu is held.
func (q *queue) turn(l *messages) *item {
	if l.key.kind == aside {
		return slices.MinFunc(l.items, func(a, b *item) int { return a.due.Compare(b.due) })
	}
	if l.key.kind == inOrder && l.items[0].due.IsZero() { // before its first attempt
		gather(l, q.s.settings.Load().CoalesceMax)
	}
	return l.items[0]
}

// work sends an item, or lets what was gathered into its lane. It returns false when the queue stops: what is pending then stands in
// the log.
func (q *queue) work(l *messages, it *item) bool {
	if l.key.kind == gathering {
		q.release(l, it)
		return true
	}
	end := q.try(it)
	switch end.status {
	case "":
		return false
	case logs.StatusPending:
		q.failed(l, it, end)
	default:
		q.remove(l, it)
	}
	return true
}

// gather makes one summary of what waits behind the first in line, when there are more than so many (less than 1 is
// no bound) and the sink is slow.
func gather(l *messages, most int) {
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
func (q *queue) failed(l *messages, it *item, end tried) {
	q.mu.Lock()
	it.due = time.Now().Add(end.wait)
	q.mu.Unlock()
	suspect, others := q.suspect(it)
	if l.key.kind == aside || !suspect || !others && !q.nextGetsThrough(l, end.err) {
		return
	}
	q.s.logger.Warn("a notification fails while others get through; it no longer holds up its repository",
		"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries)
	q.mu.Lock()
	defer q.mu.Unlock()
	l.remove(it)
	l.other = 0
	q.push(it, laneKey{sink: it.key.sink, kind: aside})
}

func (q *queue) remove(l *messages, it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.remove(it)
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
func (q *queue) nextGetsThrough(l *messages, err error) bool {
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
