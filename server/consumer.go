package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/route"
)

// Consumer is a durable consumer beside the sinks: project sync. What is pending stands in the records, as notifications do, so
// whatever was acknowledged is also consumed, at least once, even after a kill -9. Records of one repository are consumed in
// order; one that fails holds up only those of its own key.
type Consumer struct {
	// Judge says, from the record alone and without asking anybody, what is to be done with it: nil for nothing at all, one
	// that is pending, or the outcome where it is clear already. It is called before the answer, so it must be quick.
	Judge func(*logs.Record) *logs.Sync
	// Handle does what is pending and returns the outcome. An error is tried again, with growing pauses until Retry.GiveUp,
	// unless it is a [*backoff.PermanentError]. It may be called again for what it has done already.
	Handle func(context.Context, *logs.Record) (logs.Sync, error)
	// Owns reports whether this receiver is the one of a cluster that consumes; nil is a single machine. What is pending here while
	// another one consumes is kept for a while, in case that one fails.
	Owns func() bool
}

// judge gives a record its sync, if there is a consumer that wants it.
func (set *settings) judge(rec *logs.Record) {
	rec.Sync = nil
	if set.Consumer != nil {
		rec.Sync = set.Consumer.Judge(rec)
	}
}

// How long a record is kept pending while another node consumes, and how often it is looked whether that is still so.
const (
	othersTime  = 30 * time.Minute
	othersPause = 15 * time.Second
)

// consuming is the queue of the consumer: a lane for each repository.
type consuming struct {
	lanes[string, *consumed]

	s     *Server
	retry Retry
	known map[string]bool // files in lanes
}

// consumed is a record that waits for its turn.
type consumed struct {
	attempts
	file, key string
	at        time.Time // when it came in
}

func newConsuming(s *Server, retry Retry) *consuming {
	c := &consuming{s: s, retry: retry, known: map[string]bool{}}
	c.all, c.next, c.do = map[string]*lane[string, *consumed]{}, c.turn, c.work
	return c
}

// add takes a record on whose sync is pending.
func (c *consuming) add(rec *logs.Record) {
	if rec.Sync == nil || rec.Sync.Status != logs.StatusPending {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[rec.File] {
		return
	}
	c.known[rec.File] = true
	c.push(rec.Summary.Repository, &consumed{
		attempts: attempts{since: c.retry.since(rec, c.s.now()), tries: rec.Sync.Attempts, due: rec.Sync.NextAt},
		file:     rec.File, key: rec.Sync.Key, at: rec.ReceivedAt,
	})
}

// run consumes until ctx ends, and returns when what is under way has ended.
func (c *consuming) run(ctx context.Context) {
	complete := c.s.log.PendingComplete()
	select {
	case <-complete:
		complete = nil // no need to look again
	default:
	}
	c.takePending(ctx)
	c.mu.Lock()
	for _, l := range c.all {
		// What came in while the pending ones were read stands before them.
		slices.SortStableFunc(l.items, func(a, b *consumed) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.file, b.file)) })
	}
	c.begin(ctx)
	c.mu.Unlock()
	select {
	case <-complete:
		c.takePending(ctx)
		<-ctx.Done()
	case <-ctx.Done():
	}
	c.drain(context.WithoutCancel(ctx)) // requests under way may still add
}

// takePending takes on what the log knows to be pending.
func (c *consuming) takePending(ctx context.Context) {
	files, err := c.s.log.PendingSync(ctx)
	if err != nil {
		c.s.logger.Error("what sync still has to do cannot be read", "error", err)
	}
	for _, file := range files {
		rec, err := c.s.log.Log().Read(ctx, file)
		if err != nil {
			c.s.logger.Error("a record whose sync is pending cannot be read", "file", file, "error", err)
			continue
		}
		c.add(rec)
	}
}

// turn is the first that is due and has none of its key before it, or the one that will be next.
func (c *consuming) turn(l *lane[string, *consumed]) (next *consumed) {
	held := map[string]bool{}
	now := time.Now()
	for _, it := range l.items {
		if it.key != "" && held[it.key] {
			continue
		}
		held[it.key] = true
		if !it.due.After(now) {
			return it
		}
		if next == nil || it.due.Before(next.due) {
			next = it
		}
	}
	return next
}

// work consumes a record.
func (c *consuming) work(l *lane[string, *consumed], it *consumed) bool {
	if c.consume(it) {
		c.mu.Lock()
		defer c.mu.Unlock()
		l.remove(it)
		delete(c.known, it.file)
	}
	return true
}

// consume handles one record once; true is that it is out of the lane.
func (c *consuming) consume(it *consumed) bool {
	rec, err := c.s.log.Log().Read(c.ctx, it.file)
	if c.ctx.Err() != nil {
		return false
	}
	if err != nil || rec.Sync == nil {
		c.s.logger.Error("a record whose sync is pending cannot be read", "file", it.file, "error", err)
		return true
	}
	out := *rec.Sync
	consumer := c.s.settings.Load().Consumer
	others := consumer != nil && consumer.Owns != nil && !consumer.Owns()
	switch {
	case len(out.Notices) > 0: // It is done, and perhaps the sinks were not notified.
	case consumer == nil:
		out = logs.Sync{Status: logs.SyncSkipped, Key: it.key, Text: "sync was switched off before its turn came"}
	case others && c.s.now().Sub(it.since) < othersTime:
		c.later(it, othersPause)
		return false
	case others:
		out = logs.Sync{Status: logs.SyncSkipped, Key: it.key, Text: "another node of the cluster does it"}
	default:
		if out, err = consumer.Handle(c.ctx, rec); err != nil && c.ctx.Err() != nil {
			return false // The stop cut it off; that says nothing about GitHub.
		}
	}
	it.tries++
	if err != nil {
		return c.failed(it, rec, err)
	}
	if err := c.finish(context.WithoutCancel(c.ctx), rec, out, it.tries); err != nil {
		c.s.logger.Error("what sync did cannot be written down; it is tried again", "file", it.file, "error", err)
		c.later(it, time.Second)
		return false
	}
	c.s.logger.Info("sync", "file", it.file, "repository", rec.Summary.Repository, "status", out.Status, "text", text.Line(out.Text, 200))
	return true
}

// failed notes an attempt that failed; true is that it was the last one.
func (c *consuming) failed(it *consumed, rec *logs.Record, err error) bool {
	wait, last := it.failed(c.retry, c.s.now(), err)
	out := logs.Sync{Status: logs.StatusPending, Key: it.key, Attempts: it.tries, At: c.s.now().UTC(), Error: text.Line(err.Error(), 500), Hint: text.Line(hintOf(err), 500)}
	if last {
		out.Status = logs.StatusFailed
		c.s.logger.Error("sync failed; hookctl events resend tries it again", "file", it.file, "error", out.Error, "hint", out.Hint)
	} else {
		out.NextAt = out.At.Add(wait)
		c.s.logger.Warn("sync failed and is tried again", "file", it.file, "error", out.Error, "attempts", it.tries)
		c.later(it, wait)
	}
	if last || it.noted() {
		if err := c.s.log.SetSync(context.WithoutCancel(c.ctx), rec.File, out); err != nil {
			c.s.logger.Error("what sync failed with cannot be written down", "file", it.file, "error", err)
		}
	}
	return last
}

func (c *consuming) later(it *consumed, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it.due = time.Now().Add(wait)
}

// finish writes an outcome into the record and notifies the sinks. First the outcome stands there as pending, with what the sinks
// are to get, so that neither is lost nor done twice wherever it is interrupted.
func (c *consuming) finish(ctx context.Context, rec *logs.Record, out logs.Sync, tries int) error {
	status := out.Status
	if out.Status == logs.StatusPending {
		status = logs.SyncDone // an interrupted finish that goes on
	}
	out.Attempts, out.At, out.NextAt = tries, c.s.now().UTC(), time.Time{}
	if len(out.Notices) > 0 {
		out.Status = logs.StatusPending
		if err := c.s.log.SetSync(ctx, rec.File, out); err != nil {
			return err
		}
		rec.Sync = &out
		// A type that the record notifies already is left alone, so that this can be repeated.
		if err := c.s.queue.announce(ctx, rec, func(n logs.Notification) bool {
			return !slices.ContainsFunc(rec.Notifications, func(have logs.Notification) bool { return have.Type == n.Type && have.Sink == n.Sink })
		}); err != nil {
			return err
		}
	}
	out.Status = status
	return c.s.log.SetSync(ctx, rec.File, out)
}

// Consume lets handle consume a record now, whatever its state, and writes its outcome down. It is for what a person asks for.
func (s *Server) Consume(ctx context.Context, file string, handle func(context.Context, *logs.Record) (logs.Sync, error)) (logs.Sync, error) {
	rec, err := s.log.Log().Read(ctx, file)
	if err != nil {
		return logs.Sync{}, err
	}
	out, err := handle(ctx, rec)
	if err != nil {
		return out, err
	}
	tries := 1
	if rec.Sync != nil {
		tries += rec.Sync.Attempts
	}
	return out, s.consuming.finish(context.WithoutCancel(ctx), rec, out, tries)
}

// Tell sends the sinks a notice about a record, in addition to what they got about it before.
func (s *Server) Tell(ctx context.Context, file string, notice logs.SyncNotice) error {
	rec, err := s.log.Log().Read(ctx, file)
	if err != nil {
		return fmt.Errorf("notify of %s: %w", file, err)
	}
	var sync logs.Sync
	if rec.Sync != nil {
		sync = *rec.Sync
	}
	sync.Notices = append(slices.DeleteFunc(slices.Clone(sync.Notices), func(n logs.SyncNotice) bool { return n.Type == notice.Type }), notice)
	if sync.Status == "" {
		sync.Status = logs.SyncDone
	}
	if err := s.log.SetSync(ctx, file, sync); err != nil {
		return err
	}
	rec.Sync = &sync
	return s.queue.announce(ctx, rec, func(n logs.Notification) bool { return n.Type == notice.Type })
}

// ResendSync makes a sync that failed, or waits, due now, and reports whether there is one that failed. The record's notifications
// stay as they are.
func (s *Server) ResendSync(ctx context.Context, file string) (bool, error) {
	c := s.consuming
	c.mu.Lock()
	waiting := c.known[file]
	c.mu.Unlock()
	if waiting {
		c.wake()
		return false, nil
	}
	rec, err := s.log.Log().Read(ctx, file)
	if err != nil || rec.Sync == nil || rec.Sync.Status != logs.StatusFailed {
		return false, err
	}
	again := logs.Sync{Status: logs.StatusPending, Key: rec.Sync.Key, At: s.now().UTC()}
	if err := s.log.SetSync(ctx, file, again); err != nil {
		return false, err
	}
	rec.Sync = &again
	c.add(rec)
	return true, nil
}

// hintOf is what a person can do about an error, as the errors of other packages say it.
func hintOf(err error) string {
	with, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok {
		return ""
	}
	return cmp.Or(with.Hint(), hintOf(errors.Unwrap(with)))
}

// announce adds to a record's notifications what sync has to say of it: those of rec.Sync.Notices that wanted selects, pending, and
// takes them on.
func (q *queue) announce(ctx context.Context, rec *logs.Record, wanted func(logs.Notification) bool) error {
	set := q.s.settings.Load()
	r := q.s.decide(rec)
	r.d = route.Decision{}
	var more []logs.Notification
	for _, n := range rec.Sync.Notices {
		notice := []route.Notice{set.Trust.Sync(n, r.ev)}
		r.d.Notifications = append(r.d.Notifications, notice...)
		to := set.pending(rec.Headers[pathHeader], notice)
		if len(to) == 0 && n.Sinks != nil { // those that the settings name are no sinks of the path
			to = set.pending("", notice)
		}
		more = append(more, to...)
	}
	more = slices.DeleteFunc(more, func(n logs.Notification) bool { return !wanted(n) })
	if len(more) == 0 {
		return nil
	}
	q.reading.Lock()
	defer q.reading.Unlock()
	q.mu.Lock()
	f := q.files[rec.File]
	if f == nil {
		// What it notified before may have been sent since rec was read, and the log knows that before the queue forgets it.
		q.mu.Unlock()
		fresh, err := q.s.log.Log().Read(ctx, rec.File)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(fresh.Notifications, func(n logs.Notification) bool { return n.Status == logs.StatusPending }) {
			// They are left to the log; what is new is fetched from there with them, and after them.
			defer q.lookAgain()
			return q.s.log.SetNotifications(ctx, rec.File, append(fresh.Notifications, more...))
		}
		q.mu.Lock()
		f = &fileState{notifications: fresh.Notifications, since: q.s.now()}
		q.files[rec.File] = f
	}
	first := len(f.notifications)
	f.notifications = append(f.notifications, more...)
	f.dirty = true
	f.open += len(more)
	q.held += len(more)
	q.mu.Unlock()
	q.save(ctx, rec.File, f) // durable before it is sent; what it cannot write it reports, and run writes it later
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, n := range more {
		q.line(r, first+i, n, q.s.now(), false)
	}
	q.signal()
	return nil
}

// saysSync reports whether notifications of a type are what sync has to say of a record. What it says of a commit is gathered with
// nothing else.
func saysSync(rec *logs.Record, kind string) bool {
	return rec.Sync != nil && slices.ContainsFunc(rec.Sync.Notices, func(n logs.SyncNotice) bool { return n.Type == kind })
}
