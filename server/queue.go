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
	"hookctl/logs/text"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// queue delivers notifications. What is pending stands in the records; the queue holds references to it,
// in lanes: one for each sink and repository, each in order, each with a goroutine of its own while it
// has something to send. A lane that waits for its next attempt holds no other one up, and neither
// does a sink that hangs: every sink has its own places for attempts under way.
// A message that fails while others get through leaves its lane; see lane.go.
type queue struct {
	s     *Server
	retry Retry
	heads heads
	fails failing

	counted sync.Once // who asked how many are pending has waited for the log

	// reading is held from reading a record's notifications until they are in files, or written back: what one adds to them in
	// between, the other would overwrite.
	reading sync.Mutex

	mu       sync.Mutex
	ctx      context.Context // nil until run
	stopping bool
	lanes    map[laneKey]*lane
	asides   map[string]*lane // by sink
	files    map[string]*fileState
	gathers  map[gatherKey]*gathering
	places   map[string]chan struct{} // by sink
	taken    map[string]int           // by sink: messages that it has taken
	most     int                      // maxHeld
	overflow bool                     // more is pending than is held here; the log has the rest
	missed   bool                     // something was left to the log since it was last read
	held     int                      // notifications that are pending and held
	sending  int
	changed  chan struct{} // closed and replaced when anything that run waits for may have changed
	lanesRun sync.WaitGroup
}

// maxHeld bounds the memory that pending notifications take; past it they stay in the log only, and are
// fetched once half of them are done.
const maxHeld = 20_000

// fileState is a record with notifications under way.
type fileState struct {
	notifications []logs.Notification
	since         time.Time
	open          int  // of them pending and held by the queue
	shared        bool // it was announced by the cluster, which may have given it to another node since
	dirty         bool // the log does not know the latest
	ended         int  // attempts whose outcomes the others do not know
	saving        sync.Mutex
}

// ref is one notification of one record.
type ref struct {
	file     string
	index    int
	delivery string
	kind     string
	priority string
	line     string // what a list of several notifications says of it
	shared   bool   // to be claimed before every attempt
}

// item is one message to send. It speaks for one notification, or for several that were gathered.
type item struct {
	key     laneKey
	refs    []ref
	kind    string
	summary bool      // it speaks for whatever waited longest, not for one commit
	since   time.Time // from when Retry.GiveUp counts
	tries   int
	waits   *backoff.ExponentialBackOff
	extra   *Extra        // what Enrich added, once it was asked
	prepare *sink.Message // kept for the first attempt only

	queued time.Time // when it came into its lane
	misses int       // failed attempts of this run
	missed time.Time // when the first of them failed
	seen   int       // what the sink had taken when the last of them failed
	due    time.Time // next attempt of an item that is set aside
}

func newQueue(s *Server, retry Retry) *queue {
	return &queue{
		s: s, retry: retry, lanes: map[laneKey]*lane{}, asides: map[string]*lane{}, files: map[string]*fileState{},
		gathers: map[gatherKey]*gathering{}, places: map[string]chan struct{}{}, taken: map[string]int{},
		changed: make(chan struct{}), most: maxHeld,
		overflow: true, missed: true, // until run has read the log
	}
}

// add takes on what a new record has pending.
func (q *queue) add(rec *logs.Record, ev route.Event, d route.Decision) {
	q.heads.note(ev)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.overflow || q.held >= q.most {
		if len(rec.Notifications) > 0 {
			q.overflow, q.missed = true, true
		}
		return
	}
	q.take(rec, ev, d, rec.ReceivedAt, false)
}

// take puts a record's pending notifications into lanes; shared says that the cluster announced it. q.mu is held.
func (q *queue) take(rec *logs.Record, ev route.Event, d route.Decision, since time.Time, shared bool) {
	if q.files[rec.File] != nil {
		return
	}
	f := &fileState{notifications: slices.Clone(rec.Notifications), since: since, shared: shared}
	mark := ""
	if rec.Source == logs.SourceTest {
		mark, ev.SHA = testMark, "" // It is not gathered with what really happened.
	}
	for i, n := range f.notifications {
		if n.Status != logs.StatusPending {
			continue
		}
		f.open++
		q.held++
		notice, known := q.s.settings.Load().noticeOf(rec, n, ev, d)
		it := &item{
			key: laneKey{n.Sink, ev.Repository}, kind: n.Type, since: since, tries: n.Attempts,
			refs: []ref{{file: rec.File, index: i, delivery: rec.DeliveryID, kind: n.Type, priority: n.Priority, line: mark + notice.Listed(), shared: shared}},
		}
		if known && q.held < 1000 {
			m := messageOf(rec, n, notice)
			it.prepare = &m
		}
		of := ev
		if saysSync(rec, n.Type) {
			of.SHA = ""
		}
		q.offer(it, of)
	}
	if f.open > 0 {
		q.files[rec.File] = f
		q.signal()
	}
}

// signal makes run and drain look again. q.mu is held.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// pending is how many notifications are not sent yet; counting says that there may be more. The first who asks waits a moment, so
// that even he learns the number.
func (q *queue) pending() (n int64, counting bool) {
	complete := q.s.log.PendingComplete()
	q.counted.Do(func() {
		select {
		case <-complete:
		case <-time.After(time.Second):
		}
	})
	select {
	case <-complete:
	default:
		counting = true
	}
	recorded := q.s.log.Health().Pending
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.overflow {
		recorded = 0
	}
	return int64(max(q.held, recorded)), counting // Of those left to the log there is at least one for each record.
}

// run sends until ctx ends, and returns when the last attempt has.
func (q *queue) run(ctx context.Context) {
	q.recall(ctx)
	q.mu.Lock()
	q.ctx = ctx
	for _, l := range q.lanes {
		q.start(l, q.drive)
	}
	q.mu.Unlock()
	complete := q.s.log.PendingComplete()
	tick := time.Tick(15 * time.Second)
	for ctx.Err() == nil {
		q.mu.Lock()
		next := q.flushGathered(time.Now())
		changed, reload := q.changed, q.overflow && q.held <= q.most/2
		q.mu.Unlock()
		if reload {
			q.reload(ctx)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-complete:
			complete = nil
			q.lookAgain()
		case <-time.After(next):
		case <-tick:
			q.saveDirty(ctx)
		}
	}
	q.mu.Lock()
	q.stopping = true // also where nobody drained: no lane may start any more
	q.mu.Unlock()
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

// tried is how an attempt ended.
type tried struct {
	status string        // sent, failed, pending or elsewhere; "" where the queue is stopping and nothing is known
	wait   time.Duration // until the next attempt, while it is pending
	err    error
}

// try sends an item once, as soon as its sink has a place for an attempt.
func (q *queue) try(it *item) tried {
	place := q.place(it.key.sink)
	select {
	case place <- struct{}{}:
	case <-q.ctx.Done():
		return tried{}
	}
	if !q.begin() {
		<-place
		return tried{}
	}
	defer q.end()
	if !q.claim(it) {
		<-place
		if q.ctx.Err() != nil {
			return tried{}
		}
		return tried{status: elsewhere}
	}
	to, id, err := q.attempt(it)
	<-place
	return q.settle(it, to, id, err)
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

// attempt sends an item once and returns who got it and the message's id.
func (q *queue) attempt(it *item) (to, id string, err error) {
	sink, ok := q.s.settings.Load().sinks[it.key.sink]
	if !ok {
		return "", "", backoff.Permanent(fmt.Errorf("there is no sink %q in the settings any more", it.key.sink))
	}
	m, err := q.message(q.ctx, it)
	if err != nil {
		return "", "", err
	}
	id, err = sink.Send(q.ctx, q.enrich(q.ctx, it, m))
	return sink.to, id, err
}

// settle writes down how an attempt ended.
func (q *queue) settle(it *item, to, id string, err error) tried {
	now := q.s.now()
	it.tries++
	it.prepare = nil
	if err != nil && q.ctx.Err() != nil {
		return tried{} // The stop cut it off; that says nothing about the sink.
	}
	end := tried{status: logs.StatusSent, err: err}
	if err != nil {
		if it.waits == nil {
			it.waits = q.retry.waits()
		}
		end.wait = it.waits.NextBackOff()
		if later := (*backoff.RetryAfterError)(nil); errors.As(err, &later) {
			end.wait = max(end.wait, later.Duration)
		}
		permanent := (*backoff.PermanentError)(nil)
		end.status = logs.StatusPending
		if errors.As(err, &permanent) || now.Add(end.wait).Sub(it.since) > q.retry.GiveUp {
			end.status = logs.StatusFailed
		}
	}
	if err == nil {
		q.mu.Lock()
		q.taken[it.key.sink]++
		q.mu.Unlock()
	}
	q.fails.note(it.key.sink, err, now)
	q.report(it, end.status, err)
	again := end.status == logs.StatusPending
	// Rewriting a record for each of many attempts would wear the disk for nothing: 1, 2, 4, 8… are written.
	save := !again || it.tries&(it.tries-1) == 0
	files := map[string]*fileState{}
	q.mu.Lock()
	for i, r := range it.refs {
		f := q.files[r.file]
		if f == nil {
			continue
		}
		if r.shared {
			f.ended++
		}
		n := &f.notifications[r.index]
		if n.Status == logs.StatusPending && !again {
			f.open--
			q.held--
		}
		n.Status, n.Attempts, n.At, n.Error, n.NextAt = end.status, it.tries, now, "", time.Time{}
		if to != "" {
			n.To = to // The settings may have changed since the record was made.
		}
		if err != nil {
			n.Error = text.Line(err.Error(), 500)
		}
		if again {
			n.NextAt = now.Add(end.wait)
		}
		if end.status == logs.StatusSent {
			n.MessageID = id
		}
		if i > 0 {
			n.GatheredBy = it.refs[0].delivery
		}
		f.dirty = true
		files[r.file] = f
	}
	q.mu.Unlock()
	if save {
		q.saveAll(context.WithoutCancel(q.ctx), files)
	}
	return end
}

// waits are the pauses between attempts.
func (r Retry) waits() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = r.First, r.Max, 2, 0.3
	b.Reset()
	return b
}

// report counts an outcome and logs it.
func (q *queue) report(it *item, status string, err error) {
	m, log := q.s.metrics, q.s.logger
	where := []any{"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries}
	if err != nil {
		where = append(where, "error", text.Line(err.Error(), 500))
	}
	switch status {
	case logs.StatusSent:
		m.notified.WithLabelValues(it.key.sink, "sent").Inc()
		m.sentAll.Add(float64(len(it.refs)))
		log.Debug("notified", where...)
	case logs.StatusFailed:
		m.notified.WithLabelValues(it.key.sink, "failed").Inc()
		m.failedAll.Add(float64(len(it.refs)))
		log.Error("a notification failed; hookctl events resend sends it again", where...)
	default:
		m.notified.WithLabelValues(it.key.sink, "retry").Inc()
		level := log.Debug
		if it.tries == 1 {
			level = log.Warn
		}
		level("a notification was not sent and is tried again", where...)
	}
}
