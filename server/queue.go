package server

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// queue delivers notifications. What is pending stands in the records; the queue holds references to it,
// in lanes: one for each sink and repository, each in order, each with a goroutine of its own while it
// has something to send. A lane that waits for its next attempt holds no other one up, and neither
// does a sink that hangs: every sink has its own places for attempts under way.
// A message that fails while others get through leaves its lane; see lane.go.
type queue struct {
	lanes[laneKey, *item] // mu is also of what follows

	s     *Server
	retry Retry
	heads heads

	counted sync.Once // who asked how many are pending has waited for the log

	// reading is held from reading a record's notifications until they are in files, or written back: what one adds to them in
	// between, the other would overwrite.
	reading sync.Mutex

	files    map[string]*fileState
	gathers  map[gatherKey]*item // while their windows last
	sinks    map[string]*sinkState
	most     int           // maxHeld
	overflow bool          // more is pending than is held here; the log has the rest
	missed   bool          // something was left to the log since it was last read
	held     int           // notifications that are pending and held
	changed  chan struct{} // closed and replaced when anything that run waits for may have changed
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

// routed is a record, and what it means by the settings of now.
type routed struct {
	*logs.Record
	ev route.Event
	d  route.Decision
}

// item is one message to send. It speaks for one notification, or for several that were gathered.
type item struct {
	attempts
	key     laneKey
	refs    []ref
	kind    string
	summary bool          // it speaks for whatever waited longest, not for one commit
	extra   *Extra        // what Enrich added, once it was asked
	prepare *sink.Message // kept for the first attempt only

	sha    string    // of the commit whose notifications it gathers
	queued time.Time // when it came into its lane
	misses int       // failed attempts of this run
	missed time.Time // when the first of them failed
	seen   int       // what the sink had taken when the last of them failed
}

func newQueue(s *Server, retry Retry) *queue {
	q := &queue{
		s: s, retry: retry, files: map[string]*fileState{}, gathers: map[gatherKey]*item{},
		sinks: map[string]*sinkState{}, changed: make(chan struct{}), most: maxHeld,
		overflow: true, missed: true, // until run has read the log
	}
	q.all, q.next, q.do = map[laneKey]*messages{}, q.turn, q.work
	return q
}

// add takes on what a new record has pending.
func (q *queue) add(r routed) {
	q.heads.note(r.ev)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.overflow || q.held >= q.most {
		if len(r.Notifications) > 0 {
			q.overflow, q.missed = true, true
		}
		return
	}
	q.take(r, r.ReceivedAt, false)
}

// take puts a record's pending notifications into lanes; shared says that the cluster announced it. q.mu is held.
func (q *queue) take(r routed, since time.Time, shared bool) {
	if q.files[r.File] != nil {
		return
	}
	f := &fileState{notifications: slices.Clone(r.Notifications), since: since, shared: shared}
	for i, n := range f.notifications {
		if n.Status == logs.StatusPending {
			f.open++
			q.held++
			q.line(r, i, n, since, shared)
		}
	}
	if f.open > 0 {
		q.files[r.File] = f
		q.signal()
	}
}

// line puts one pending notification of a record into its lane. q.mu is held.
func (q *queue) line(r routed, index int, n logs.Notification, since time.Time, shared bool) {
	mark := ""
	if r.Source == logs.SourceTest {
		mark = testMark
	}
	if mark != "" || saysSync(r.Record, n.Type) {
		r.ev.SHA = "" // It is gathered with nothing else.
	}
	notice, known := q.s.settings.Load().noticeOf(r, n)
	it := &item{
		attempts: attempts{since: since, tries: n.Attempts}, key: laneKey{sink: n.Sink, repository: r.ev.Repository}, kind: n.Type,
		refs: []ref{{file: r.File, index: index, delivery: r.DeliveryID, kind: n.Type, priority: n.Priority, line: mark + notice.Listed(), shared: shared}},
	}
	if known && q.held < 1000 {
		m := messageOf(r.Record, n, notice)
		it.prepare = &m
	}
	q.offer(it, r.ev.SHA)
}

// signal makes those who wait look again. q.mu is held.
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
	q.begin(ctx)
	q.mu.Unlock()
	complete := q.s.log.PendingComplete()
	tick := time.Tick(15 * time.Second)
	for ctx.Err() == nil {
		q.mu.Lock()
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
		case <-tick:
			q.saveDirty(ctx)
		}
	}
	q.drain(context.WithoutCancel(ctx)) // also where nobody did
	q.saveDirty(context.WithoutCancel(ctx))
}

// troubles are since when the oldest of the pending notifications waits, the zero time for none, and the sinks of the settings whose
// last attempt failed, by name.
func (q *queue) troubles(set *settings) (pendingSince time.Time, failing []FailingSink) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range q.files {
		if f.open > 0 && (pendingSince.IsZero() || f.since.Before(pendingSince)) {
			pendingSince = f.since
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.sinks)) {
		if _, there := set.sinks[name]; there && q.sinks[name].failing.Attempts > 0 {
			failing = append(failing, q.sinks[name].failing)
		}
	}
	return pendingSince, failing
}
