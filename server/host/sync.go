package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server"
)

// openSync makes project sync of settings. It asks nobody yet.
func (r *receiver) openSync(s *Settings) *tasks.Sync {
	cfg := s.Sync
	cfg.Home, cfg.Watched, cfg.Logger = r.cfg.Daemon.Home, s.Server.WatchedBranches, r.logger
	cfg.Hide = s.Server.Keys.Redact
	cfg.Targets = func(ctx context.Context) ([]hooks.Target, error) { return s.fleet.With(r.log.Log()).Targets(ctx) }
	return tasks.New(cfg)
}

// consumer is project sync as the receiver's core takes it; nil where it is off.
func consumer(sync *tasks.Sync, mode string) *server.Consumer {
	if mode != tasks.ModeSuggest && mode != tasks.ModeAct {
		return nil
	}
	return &server.Consumer{
		Judge:  func(rec *logs.Record) *logs.Sync { return judged(sync.Judge(deliveryOf(rec))) },
		Handle: handled(sync.Handle),
	}
}

// judge is a consumer that leaves everything pending, for the receiver that runs next.
func judge(home string, s *Settings) *server.Consumer {
	cfg := s.Sync
	cfg.Home, cfg.Watched = home, s.Server.WatchedBranches
	return consumer(tasks.New(cfg), cfg.Mode)
}

func judged(v tasks.Verdict) *logs.Sync {
	switch {
	case v.Matters:
		return &logs.Sync{Status: logs.StatusPending, Key: v.Key}
	case v.Why != "":
		return &logs.Sync{Status: logs.SyncSkipped, Text: v.Why}
	}
	return nil
}

func deliveryOf(rec *logs.Record) tasks.Delivery {
	return tasks.Delivery{File: rec.File, Event: rec.EventType, Source: rec.Source, ReceivedAt: rec.ReceivedAt, Payload: rec.Payload}
}

// handled turns a function of project sync into one of the log's records.
func handled(f func(context.Context, tasks.Delivery) (tasks.Outcome, error)) func(context.Context, *logs.Record) (logs.Sync, error) {
	return func(ctx context.Context, rec *logs.Record) (logs.Sync, error) {
		out, err := f(ctx, deliveryOf(rec))
		if err != nil {
			return logs.Sync{}, err
		}
		sync := logs.Sync{Status: out.Status, Key: out.Key, Text: out.Text, Issue: out.Issue, URL: out.URL}
		if out.Problem != nil {
			sync.Status, sync.Error, sync.Hint = logs.StatusFailed, out.Problem.Error(), hooks.CureOf(out.Problem)
		}
		for _, n := range out.Notices {
			sync.Notices = append(sync.Notices, logs.SyncNotice(n))
		}
		return sync, nil
	}
}

// leaseSync is the lease of the node of a cluster that consumes.
const leaseSync = "sync"

// remindEvery is how often it is looked whether a reminder is due.
const remindEvery = time.Minute

// keepReminding sends the reminders of blocked tasks when they are due, until ctx ends.
func (r *receiver) keepReminding(ctx context.Context) {
	every(ctx, remindEvery, func() {
		if err := r.remind(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.logger.Warn("cannot remind of blocked tasks, trying again in a minute", "error", err)
		}
	})
}

// remind sends the sinks what is due at a time.
func (r *receiver) remind(ctx context.Context, now time.Time) error {
	due, err := r.current().sync.Due(ctx, now)
	for _, d := range due {
		sent := r.server.Tell(ctx, d.File, logs.SyncNotice(d.Notice))
		if sent == nil || errors.Is(sent, logs.ErrNotFound) { // it may be pruned
			sent = r.current().sync.Reminded(ctx, d.Key, now)
		}
		err = errors.Join(err, sent)
	}
	return err
}

// Apply carries out what sync suggested, or tries again what failed, and returns the outcome.
func (c *Client) Apply(ctx context.Context, key string) (logs.Sync, error) {
	return ask[logs.Sync](ctx, c, "/sync", request{Key: key})
}

// ApplySync is [Client.Apply] where a receiver runs. Without one this process is the writer of the log; the sinks hear of it when
// a receiver starts.
func ApplySync(ctx context.Context, home string, s *Settings, sync *tasks.Sync, key string) (logs.Sync, error) {
	item, err := sync.Find(key)
	if err != nil {
		return logs.Sync{}, err
	}
	intake, err := OpenIntake(ctx, home, s)
	if err != nil {
		return logs.Sync{}, err
	}
	if intake.server == nil {
		return intake.client.Apply(ctx, key)
	}
	out, err := intake.server.Consume(ctx, item.File, handled(sync.Apply))
	return out, errors.Join(gone(item, err), intake.Close(ctx))
}

// gone explains that the record of an item was pruned.
func gone(item tasks.Item, err error) error {
	if !errors.Is(err, logs.ErrNotFound) {
		return err
	}
	return hooks.WithCure(fmt.Errorf("the record %s of %s is no longer in the log", item.File, item.Key), "the next event of it makes a new plan")
}

// resendSync tries again what sync failed with, and returns how much that is.
func (r *receiver) resendSync(ctx context.Context) (n int, err error) {
	list, err := r.current().sync.List()
	if err != nil {
		return 0, err
	}
	for _, item := range list {
		if item.Error == "" || item.File == "" {
			continue
		}
		again, err := r.server.ResendSync(ctx, item.File)
		if err != nil && !errors.Is(err, logs.ErrNotFound) {
			return n, err
		}
		if again {
			n++
		}
	}
	return n, nil
}

func (r *receiver) applySync(ctx context.Context, q request) (logs.Sync, error) {
	sync := r.current().sync
	item, err := sync.Find(q.Key)
	if err != nil {
		return logs.Sync{}, err
	}
	out, err := r.server.Consume(ctx, item.File, handled(sync.Apply))
	return out, errors.Join(gone(item, err), r.log.Log().Settle(ctx))
}
