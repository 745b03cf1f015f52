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
	ev, _ := q.s.decide(rec)
	d := route.Decision{}
	var more []logs.Notification
	for _, n := range rec.Sync.Notices {
		one := route.Decision{Notifications: []route.Notice{set.Trust.Sync(n, ev)}}
		d.Notifications = append(d.Notifications, one.Notifications...)
		to := set.pending(rec.Headers[pathHeader], one)
		if len(to) == 0 && n.Sinks != nil { // those that the settings name are no sinks of the path
			to = set.pending("", one)
		}
		more = append(more, to...)
	}
	more = slices.DeleteFunc(more, func(n logs.Notification) bool { return !wanted(n) })
	if len(more) == 0 {
		return nil
	}
	q.reading.Lock()
	defer q.reading.Unlock()
	ev.SHA = "" // as in take
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
			if err := q.s.log.SetNotifications(ctx, rec.File, append(slices.Clone(fresh.Notifications), more...)); err != nil {
				return err
			}
			q.mu.Lock()
			if f = q.files[rec.File]; f == nil || len(f.notifications) > len(fresh.Notifications) {
				q.mu.Unlock()
				q.lookAgain()
				return nil
			}
			q.mu.Unlock() // It was taken on just before: what it will write has to have them too.
		}
		q.mu.Lock()
		if f = q.files[rec.File]; f == nil {
			f = &fileState{notifications: slices.Clone(fresh.Notifications), since: q.s.now()}
			q.files[rec.File] = f
		}
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
		notice, _ := q.s.settings.Load().noticeOf(rec, n, ev, d)
		m := messageOf(rec, n, notice)
		q.offer(&item{
			key: laneKey{n.Sink, ev.Repository}, kind: n.Type, since: q.s.now(), prepare: &m,
			refs: []ref{{file: rec.File, index: first + i, delivery: rec.DeliveryID, kind: n.Type, priority: n.Priority, line: notice.Listed()}},
		}, ev)
	}
	q.signal()
	return nil
}

// saysSync reports whether notifications of a type are what sync has to say of a record. What it says of a commit is gathered with
// nothing else.
func saysSync(rec *logs.Record, kind string) bool {
	return rec.Sync != nil && slices.ContainsFunc(rec.Sync.Notices, func(n logs.SyncNotice) bool { return n.Type == kind })
}
