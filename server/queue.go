package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs"
)

// queue delivers notifications. What is pending stands in the records; the queue holds references to it,
// in lanes: one for each sink and repository, each in order, each with a goroutine of its own while it
// has something to send. A lane that waits for its next attempt holds no other one up, and neither
// does a sink that hangs: every sink has its own places for attempts under way.
type queue struct {
	s     *Server
	retry Retry
	heads heads
	fails failing

	mu       sync.Mutex
	ctx      context.Context // nil until run
	stopping bool
	lanes    map[laneKey]*lane
	files    map[string]*fileState
	gathers  map[gatherKey]*gathering
	places   map[string]chan struct{} // by sink
	most     int                      // maxHeld
	overflow bool                     // more is pending than is held here; the log has the rest
	missed   bool                     // something was left to the log since it was last read
	held     int                      // notifications that are pending and held
	sending  int
	changed  chan struct{} // closed and replaced when anything that run waits for may have changed
	lanesRun sync.WaitGroup
}

// maxHeld bounds the memory that pending notifications take; past it they stay in the log only, and are
// fetched once half is done.
const maxHeld = 20_000

type laneKey struct{ sink, repository string }

type lane struct {
	items []*item
	wake  chan struct{} // has room for one
}

// fileState is a record with notifications under way.
type fileState struct {
	notifications []logs.Notification
	since         time.Time
	open          int  // of them pending and held by the queue
	dirty         bool // the log does not know the latest
	saving        sync.Mutex
}

// ref is one notification of one record.
type ref struct {
	file     string
	index    int
	delivery string
	result   string
}

// item is one message to send. It speaks for one notification, or for several that were gathered.
type item struct {
	key     laneKey
	refs    []ref
	kind    string
	since   time.Time // from when Retry.GiveUp counts
	tries   int
	waits   *backoff.ExponentialBackOff
	prepare *message // kept for the first attempt only
}

func newQueue(s *Server, retry Retry) *queue {
	return &queue{
		s: s, retry: retry, lanes: map[laneKey]*lane{}, files: map[string]*fileState{},
		gathers: map[gatherKey]*gathering{}, places: map[string]chan struct{}{}, changed: make(chan struct{}), most: maxHeld,
		overflow: true, missed: true, // until run has read the log
	}
}

// add takes on what a new record has pending.
func (q *queue) add(rec *logs.Record, ev Event, d Decision) {
	q.heads.note(ev)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.overflow || q.held >= q.most {
		if len(rec.Notifications) > 0 {
			q.overflow, q.missed = true, true
		}
		return
	}
	q.take(rec, ev, d, rec.ReceivedAt)
}

// take puts a record's pending notifications into lanes. q.mu is held.
func (q *queue) take(rec *logs.Record, ev Event, d Decision, since time.Time) {
	if q.files[rec.File] != nil {
		return
	}
	f := &fileState{notifications: slices.Clone(rec.Notifications), since: since}
	for i, n := range f.notifications {
		if n.Status != logs.StatusPending {
			continue
		}
		f.open++
		q.held++
		it := &item{
			key: laneKey{n.Sink, ev.Repository}, kind: n.Type, since: since, tries: n.Attempts,
			refs: []ref{{file: rec.File, index: i, delivery: rec.DeliveryID, result: rec.Result}},
		}
		if m, ok := compose(rec, n, d); ok && q.held < 1000 {
			it.prepare = &m
		}
		q.offer(it, ev)
	}
	if f.open > 0 {
		q.files[rec.File] = f
		q.signal()
	}
}

// push appends an item to its lane and sees that the lane runs. q.mu is held.
func (q *queue) push(it *item) {
	l := q.lanes[it.key]
	if l == nil {
		l = &lane{wake: make(chan struct{}, 1)}
		q.lanes[it.key] = l
		defer q.start(it.key, l)
	}
	l.items = append(l.items, it)
}

// start gives a lane its goroutine, once the queue runs. q.mu is held.
func (q *queue) start(key laneKey, l *lane) {
	if q.ctx == nil || q.stopping {
		return
	}
	q.lanesRun.Go(func() { q.drive(key, l) })
}

// signal tells run and drain to look again. q.mu is held.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// pending is how many notifications are not sent yet.
func (q *queue) pending() int64 {
	recorded := q.s.log.Health().Pending
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.overflow {
		recorded = 0
	}
	return int64(max(q.held, recorded)) // of those left to the log there is at least one for each record
}

// wake makes every lane try again now: the settings, or the world, may have changed.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// run sends until ctx ends, and returns when the last attempt has.
func (q *queue) run(ctx context.Context) {
	q.recall(ctx)
	q.mu.Lock()
	q.ctx = ctx
	for key, l := range q.lanes {
		q.start(key, l)
	}
	q.mu.Unlock()
	complete := q.s.log.PendingComplete()
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		q.mu.Lock()
		next := q.flushGathered(time.Now())
		changed, reload := q.changed, q.overflow && q.held <= q.most/2
		q.mu.Unlock()
		if reload {
			q.reload(ctx)
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-complete:
			complete = nil
			q.lookAgain()
		case <-timer.C:
		case <-tick.C:
			q.saveDirty(ctx)
		}
		timer.Stop()
	}
	q.lanesRun.Wait()
	q.saveDirty(context.WithoutCancel(ctx))
}

// drain lets attempts that are under way end, and starts none.
func (q *queue) drain(ctx context.Context) {
	q.mu.Lock()
	q.stopping = true
	q.signal()
	q.mu.Unlock()
	for {
		q.mu.Lock()
		busy, changed := q.sending > 0, q.changed
		q.mu.Unlock()
		if !busy {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// drive sends a lane's items in order and ends when there are none.
func (q *queue) drive(key laneKey, l *lane) {
	for {
		q.mu.Lock()
		if len(l.items) == 0 || q.stopping {
			if len(l.items) == 0 {
				delete(q.lanes, key)
			}
			q.mu.Unlock()
			return
		}
		it := l.items[0]
		q.mu.Unlock()
		if !q.finish(it, l) {
			return // The queue is stopping; what is pending stands in the log.
		}
		q.mu.Lock()
		l.items[0] = nil
		l.items = l.items[1:]
		q.mu.Unlock()
	}
}

// finish tries an item until it is sent or given up; false when the queue stops first.
func (q *queue) finish(it *item, l *lane) bool {
	for {
		place := q.place(it.key.sink)
		select {
		case place <- struct{}{}:
		case <-q.ctx.Done():
			return false
		}
		if !q.begin() {
			<-place
			return false
		}
		id, err := q.attempt(it)
		<-place
		wait, again := q.settle(it, id, err)
		q.end()
		if !again {
			return true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-q.ctx.Done():
		}
		timer.Stop()
		if q.ctx.Err() != nil {
			return false
		}
	}
}

func (q *queue) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopping || q.ctx.Err() != nil {
		return false
	}
	q.sending++
	return true
}

func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending--
	q.signal()
}

func (q *queue) place(sink string) chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.places[sink]
	if p == nil {
		p = make(chan struct{}, q.retry.PerSink)
		q.places[sink] = p
	}
	return p
}

// attempt sends an item once.
func (q *queue) attempt(it *item) (string, error) {
	to := q.s.settings.Load().sinks[it.key.sink]
	if to == nil {
		return "", backoff.Permanent(fmt.Errorf("there is no sink %q in the settings any more", it.key.sink))
	}
	m, err := q.message(q.ctx, it)
	if err != nil {
		return "", err
	}
	return to.send(q.ctx, m)
}

// settle writes down how an attempt ended, and says how long to wait when it is to be repeated.
func (q *queue) settle(it *item, id string, err error) (wait time.Duration, again bool) {
	now := q.s.now()
	it.tries++
	it.prepare = nil
	if err != nil && q.ctx.Err() != nil {
		return 0, true // The stop cut it off; that says nothing about the sink.
	}
	outcome := logs.StatusSent
	if err != nil {
		if it.waits == nil {
			it.waits = q.waits()
		}
		wait = it.waits.NextBackOff()
		if later := (*backoff.RetryAfterError)(nil); errors.As(err, &later) {
			wait = max(wait, later.Duration)
		}
		permanent := (*backoff.PermanentError)(nil)
		outcome = logs.StatusPending
		if errors.As(err, &permanent) || now.Add(wait).Sub(it.since) > q.retry.GiveUp {
			outcome = logs.StatusFailed
		}
	}
	q.fails.note(it.key.sink, err, now)
	q.tell(it, outcome, err)
	again = outcome == logs.StatusPending
	// Rewriting a record for each of many attempts would wear the disk for nothing: 1, 2, 4, 8… are written.
	save := !again || it.tries&(it.tries-1) == 0
	for i, r := range it.refs {
		q.update(r, save, func(n *logs.Notification) {
			n.Status, n.Attempts, n.At, n.Error, n.NextAt = outcome, it.tries, now, "", time.Time{}
			if err != nil {
				n.Error = line(err.Error(), 500)
			}
			if again {
				n.NextAt = now.Add(wait)
			}
			if outcome == logs.StatusSent {
				n.MessageID = id
			}
			if i > 0 {
				n.GatheredBy = it.refs[0].delivery
			}
		})
	}
	return wait, again
}

func (q *queue) waits() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = q.retry.First, q.retry.Max, 2, 0.3
	b.Reset()
	return b
}

// tell counts an outcome and logs it.
func (q *queue) tell(it *item, outcome string, err error) {
	m, log := q.s.metrics, q.s.logger
	where := []any{"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries}
	switch outcome {
	case logs.StatusSent:
		m.notified.WithLabelValues(it.key.sink, "sent").Inc()
		m.sentAll.Add(float64(len(it.refs)))
		log.Debug("notified", where...)
	case logs.StatusFailed:
		m.notified.WithLabelValues(it.key.sink, "failed").Inc()
		m.failedAll.Add(float64(len(it.refs)))
		log.Error("a notification was given up; hookctl events resend sends it again", append(where, "error", line(err.Error(), 500))...)
	default:
		m.notified.WithLabelValues(it.key.sink, "retry").Inc()
		if it.tries == 1 {
			log.Warn("a notification did not get through and is tried again", append(where, "error", line(err.Error(), 500))...)
		} else {
			log.Debug("a notification did not get through and is tried again", append(where, "error", line(err.Error(), 500))...)
		}
	}
}
