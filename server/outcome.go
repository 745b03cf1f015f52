package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// saveAll writes many records at once, since those who wait for the disk together wait only once.
func (q *queue) saveAll(ctx context.Context, files map[string]*fileState) {
	var saving errgroup.Group
	saving.SetLimit(64)
	for file, f := range files {
		saving.Go(func() error { q.save(ctx, file, f); return nil })
	}
	_ = saving.Wait() // save reports its own errors.
}

// save writes a record's notifications and forgets the record when none is open. What cannot be
// written now is written later.
func (q *queue) save(ctx context.Context, file string, f *fileState) {
	f.saving.Lock() // Two lanes may have the same record; the later state must be written last.
	defer f.saving.Unlock()
	q.mu.Lock()
	if !f.dirty {
		q.mu.Unlock()
		return
	}
	f.dirty = false
	now, ended := slices.Clone(f.notifications), f.ended
	q.mu.Unlock()
	err := q.s.log.SetNotifications(ctx, file, now)
	if err == nil && q.s.shared != nil {
		q.s.shared.Outcome(file, now, ended)
	}
	gone := errors.Is(err, logs.ErrNotFound)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil {
		f.ended -= ended
	}
	if err != nil && !gone {
		f.dirty = true
		q.s.logger.Error("the outcome of a notification cannot be written; it is tried again", "file", file, "error", err)
	}
	if f.open == 0 && !f.dirty && q.files[file] == f {
		delete(q.files, file)
		q.signal()
	}
}

// saveDirty writes what could not be written, or was not worth writing, before.
func (q *queue) saveDirty(ctx context.Context) {
	q.mu.Lock()
	dirty := map[string]*fileState{}
	for file, f := range q.files {
		if f.dirty && (f.open == 0 || ctx.Err() == nil && q.stopping.Load() && !f.shared) {
			dirty[file] = f
		}
	}
	q.mu.Unlock()
	q.saveAll(ctx, dirty)
}

// recallTime bounds what an index that cannot be opened soon holds back. A healthy one takes milliseconds.
const recallTime = 5 * time.Second

// recall reads the last pushes, so that the first failure after a restart can be known as overtaken, and has run take on
// what an earlier run left pending. Until then new notifications are left to the log, so that none overtakes an older one.
func (q *queue) recall(ctx context.Context) {
	defer q.lookAgain()
	brief, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	filter, err := logs.ParseFilter("event:push", q.s.now())
	if err != nil {
		return
	}
	page, err := q.s.log.Log().Page(brief, logs.Query{Filter: filter, Limit: 100})
	if err != nil {
		q.s.logger.Debug("the last pushes cannot be read", "error", err)
		return
	}
	for _, e := range slices.Backward(page.Entries) {
		if rec, err := q.s.log.Log().Read(brief, e.File); err == nil {
			if ev, err := route.NewEvent(rec.EventType, rec.Payload); err == nil {
				q.heads.note(ev)
			}
		}
	}
}

// lookAgain makes run fetch what is pending in the log.
func (q *queue) lookAgain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.overflow, q.missed = true, true
	q.signal()
}

// reload fetches what was left to the log, oldest first. Until all of it is here, new records are left to the log too, so
// that none of them overtakes an older one.
func (q *queue) reload(ctx context.Context) {
	q.mu.Lock()
	q.missed = false
	q.mu.Unlock()
	files, err := q.s.log.Pending(ctx)
	if err != nil {
		q.s.SetAlarm(alarmPending, "notifications stay in the log for now: list pending notifications: "+err.Error(), "hookctl doctor")
		return
	}
	q.s.SetAlarm(alarmPending, "", "")
	for _, file := range files {
		q.mu.Lock()
		known, full := q.files[file] != nil, q.held >= q.most
		q.missed = q.missed || full && !known
		q.mu.Unlock()
		if known {
			continue
		}
		if full || ctx.Err() != nil {
			break
		}
		if err := q.restore(ctx, file, false); err != nil {
			q.s.logger.Error("a record with pending notifications cannot be read", "file", file, "error", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.missed {
		q.overflow = false
		return
	}
	q.signal() // Look again.
}

// restore takes a record on again. announced says that the cluster hands it to this node, whose turn it is; others that are shared
// are left to the cluster.
func (q *queue) restore(ctx context.Context, file string, announced bool) error {
	q.reading.Lock()
	defer q.reading.Unlock()
	rec, err := q.s.log.Log().Read(ctx, file)
	if err != nil || q.s.shares(rec) && !announced {
		return err
	}
	r := q.s.decide(rec)
	if announced {
		q.heads.note(r.ev)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.take(r, q.retry.since(rec, q.s.now()), announced)
	return nil
}

// decide routes a stored record. One without a payload, or with none that can be read, is
// described by its summary.
func (s *Server) decide(rec *logs.Record) routed {
	set := s.settings.Load()
	ev, err := route.NewEvent(rec.EventType, rec.Payload)
	if err != nil {
		return routed{Record: rec, ev: route.Summarized(rec.EventType, rec.Summary)}
	}
	return routed{rec, ev, route.Decide(set.tables[set.path(rec.Headers[pathHeader])], ev)}
}

// noticeOf finds the notice that a record's notification was made of, as its sink gets it; where nothing in the settings makes
// one of its type any more, it is a plain one and known is false. What sync says has been chosen by it, by author too.
func (set *settings) noticeOf(r routed, n logs.Notification) (notice route.Notice, known bool) {
	to := set.sinks[n.Sink]
	for _, notice := range r.d.Notifications {
		if notice.Type == n.Type {
			return notice.For(to.wakesAgent), true
		}
	}
	if r.Sync != nil {
		for _, notice := range r.Sync.Notices {
			if notice.Type == n.Type {
				return set.Trust.Sync(notice, r.ev).For(to.wakesAgent), true
			}
		}
	}
	return set.Trust.Plain(r.ev, n.Type).For(to.wakesAgent), false
}

// testMark stands before what `hookctl test` caused.
const testMark = "[test] "

func messageOf(rec *logs.Record, n logs.Notification, notice route.Notice) sink.Message {
	fields := map[string]any{}
	maps.Copy(fields, notice.Context)
	fields["delivery_id"], fields["received_at"] = route.OrNil(rec.DeliveryID), rec.ReceivedAt.UTC()
	if rec.Source == logs.SourceTest {
		fields["test"] = true
		notice.Subject = testMark + notice.Subject
		notice.Message = testMark + "This is a test by hookctl test; nothing happened at GitHub.\n" + notice.Message
	}
	return sink.Message{
		ID: messageID(rec, n), Kind: n.Type, Priority: n.Priority, Subject: text.Line(notice.Subject, 200), Text: text.ForAgent(notice.Message, 4000),
		Context: fields, Event: rec.EventType, DeliveryID: rec.DeliveryID, File: rec.File, Received: rec.ReceivedAt,
	}
}

// messageID is the same in every attempt of a notification, and differs for a replay.
func messageID(rec *logs.Record, n logs.Notification) string {
	id := rec.DeliveryID
	if id == "" || rec.Source == logs.SourceReplay || rec.Source == logs.SourceTest {
		id += "@" + strconv.FormatInt(rec.ReceivedAt.UnixNano(), 36)
	}
	return id + "/" + n.Type
}

// message makes an item's message, from memory at the first attempt and from the log at later ones.
func (q *queue) message(ctx context.Context, it *item) (sink.Message, error) {
	first := it.refs[0]
	var m sink.Message
	switch {
	case it.summary:
		m = summaryMessage(it)
	case it.prepare != nil:
		m = *it.prepare
	default:
		rec, err := q.s.log.Log().Read(ctx, first.file)
		if err != nil {
			return sink.Message{}, fmt.Errorf("read the record: %w", err)
		}
		if first.index >= len(rec.Notifications) {
			return sink.Message{}, fmt.Errorf("record %s has no notification %d any more", first.file, first.index)
		}
		n := rec.Notifications[first.index]
		notice, _ := q.s.settings.Load().noticeOf(q.s.decide(rec), n)
		m = messageOf(rec, n, notice)
	}
	m.Payload = func(ctx context.Context) (json.RawMessage, error) {
		rec, err := q.s.log.Log().Read(ctx, first.file)
		if err != nil {
			return nil, err
		}
		return rec.Payload, nil
	}
	if len(it.refs) > 1 && !it.summary {
		m = gatheredMessage(m, it.refs)
	}
	return q.heads.remark(m), nil
}

// Ingest records and announces what did not come as a request: a delivery fetched from GitHub, from the
// relay, or a sample. Its signature is not checked; the caller vouches for it.
func (s *Server) Ingest(ctx context.Context, rec *logs.Record) (duplicate bool, err error) {
	rec.EventType = logs.SafeEvent(rec.EventType)
	return s.ingest(ctx, s.settings.Load(), rec)
}

// Replay sends a record through routing once more: a new record of the same delivery, and new
// notifications by the settings of now.
func (s *Server) Replay(ctx context.Context, file string) error {
	old, err := s.log.Log().Read(ctx, file)
	if err != nil {
		return fmt.Errorf("replay %s: %w", file, err)
	}
	if len(old.Payload) == 0 {
		return fmt.Errorf("replay %s: the record has no payload", file)
	}
	rec := &logs.Record{
		EventType: old.EventType, DeliveryID: old.DeliveryID, HookID: old.HookID, Source: logs.SourceReplay,
		Signature: old.Signature, Headers: old.Headers, Payload: old.Payload,
	}
	if _, err := s.ingest(ctx, s.settings.Load(), rec); err != nil {
		return fmt.Errorf("replay %s: %w", file, err)
	}
	return nil
}

// Resent is what [Server.Resend] did.
type Resent struct {
	Done    int      `json:"done"`              // notifications that are pending again, and syncs
	Pending int      `json:"pending,omitempty"` // records with a notification that was pending still: it is tried at once
	Lost    int      `json:"lost,omitempty"`    // notifications that stay as they are, because their sink is not in the settings any more
	Sinks   []string `json:"sinks,omitempty"`   // the names of those sinks
}

// Resend makes the notifications of these records pending again: of each record those that failed or, where none did, all.
// Those still pending are tried at once. A sync that failed counts as one of them.
func (s *Server) Resend(ctx context.Context, files []string) (Resent, error) {
	var total Resent
	for _, file := range files {
		err := s.queue.resend(ctx, file, &total)
		if err == nil {
			var synced bool
			if synced, err = s.ResendSync(ctx, file); synced {
				total.Done++
			}
		}
		if err != nil {
			return total, fmt.Errorf("resend %s: %w", file, err)
		}
	}
	return total, nil
}

func (q *queue) resend(ctx context.Context, file string, total *Resent) error {
	q.mu.Lock()
	busy := q.files[file] != nil
	q.mu.Unlock()
	if busy {
		q.wake()
		total.Pending++
		return nil
	}
	q.reading.Lock()
	defer q.reading.Unlock()
	rec, err := q.s.log.Log().Read(ctx, file)
	if err != nil {
		return err
	}
	sinks := q.s.settings.Load().sinks
	failed := slices.ContainsFunc(rec.Notifications, func(n logs.Notification) bool { return n.Status == logs.StatusFailed })
	done := 0
	for i := range rec.Notifications {
		n := &rec.Notifications[i]
		if failed && n.Status != logs.StatusFailed {
			continue // It has arrived.
		}
		if _, known := sinks[n.Sink]; !known {
			total.Lost++
			if !slices.Contains(total.Sinks, n.Sink) {
				total.Sinks = append(total.Sinks, n.Sink)
			}
			continue
		}
		done++
		*n = logs.Notification{Type: n.Type, Priority: n.Priority, Sink: n.Sink, To: n.To, Status: logs.StatusPending}
	}
	if done == 0 {
		return nil
	}
	if err := q.s.log.SetNotifications(ctx, file, rec.Notifications); err != nil {
		return err
	}
	r := q.s.decide(rec)
	r.ev.SHA = "" // What a person asks for does not wait for others of its commit.
	q.mu.Lock()
	defer q.mu.Unlock()
	q.take(r, q.s.now(), false)
	total.Done += done
	return nil
}

// NotifyOwn records something about the receiver, and notifies it like a delivery: to all sinks, unless a route for the event hookctl
// says otherwise. kind is the type of the notification; repository may be empty.
func (s *Server) NotifyOwn(ctx context.Context, kind, repository, words, hint string) error {
	payload := map[string]any{"action": kind, "message": text.Line(words, 300), "hint": hint}
	if repository != "" {
		payload["repository"] = map[string]string{"full_name": repository}
	}
	body, err := json.Marshal(payload)
	if err == nil {
		_, err = s.Ingest(ctx, &logs.Record{EventType: route.OwnEvent, Source: logs.SourceSelf, Payload: body})
	}
	if err != nil {
		return fmt.Errorf("notify %s: %w", kind, err)
	}
	return nil
}
