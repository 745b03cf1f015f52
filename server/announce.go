package server

import (
	"context"
	"slices"

	"hookctl/logs"
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
	d := Decision{}
	for _, n := range rec.Sync.Notices {
		d.Notifications = append(d.Notifications, syncNotice(n))
	}
	more := slices.DeleteFunc(set.pending(rec.Headers[pathHeader], d), func(n logs.Notification) bool { return !wanted(n) })
	if len(more) == 0 {
		return nil
	}
	ev, _ := q.s.decide(rec)
	ev.SHA = "" // What sync says of a commit is not gathered with what CI says of it.
	q.mu.Lock()
	f := q.files[rec.File]
	if f == nil {
		f = &fileState{notifications: slices.Clone(rec.Notifications), since: q.s.now()}
		q.files[rec.File] = f
		if slices.ContainsFunc(rec.Notifications, func(n logs.Notification) bool { return n.Status == logs.StatusPending }) {
			q.overflow, q.missed = true, true // those are fetched from the log once these are sent
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
			refs: []ref{{file: rec.File, index: first + i, delivery: rec.DeliveryID, kind: n.Type, priority: n.Priority, line: notice.listed()}},
		}, ev)
	}
	q.signal()
	return nil
}

// syncNotice is a notice of sync as the queue knows notices.
func syncNotice(n logs.SyncNotice) Notice {
	return Notice{Type: n.Type, Priority: n.Priority, Subject: n.Subject, Message: n.Message, Context: n.Context, Sinks: n.Sinks}
}
