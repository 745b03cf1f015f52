package server

import (
	"context"
	"slices"

	"hookctl/logs"
	"hookctl/server/route"
)

// announce adds to a record's notifications what sync has to say of it: rec.Sync.Notices. A type that the record notifies
// already is left alone, so that it can be repeated.
func (q *queue) announce(ctx context.Context, rec *logs.Record) error {
	return q.append(ctx, rec, func(n logs.Notification) bool {
		return !slices.ContainsFunc(rec.Notifications, func(have logs.Notification) bool { return have.Type == n.Type && have.Sink == n.Sink })
	})
}

// announceAgain is announce for one type, which may have been sent before.
func (q *queue) announceAgain(ctx context.Context, rec *logs.Record, kind string) error {
	return q.append(ctx, rec, func(n logs.Notification) bool { return n.Type == kind })
}

// append adds those notifications of rec.Sync that wanted selects, pending, and takes them on.
func (q *queue) append(ctx context.Context, rec *logs.Record, wanted func(logs.Notification) bool) error {
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
