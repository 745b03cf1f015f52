package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs"
	"hookctl/logs/text"
)

// attempts are those of one message, or of one record of the consumer.
type attempts struct {
	since time.Time // from when Retry.GiveUp counts
	tries int
	due   time.Time // when it is tried next
	waits *backoff.ExponentialBackOff
}

func (a *attempts) timing() *attempts { return a }

// failed says how long to wait after an attempt that failed; last is that there is no other.
func (a *attempts) failed(r Retry, now time.Time, err error) (wait time.Duration, last bool) {
	if a.waits == nil {
		a.waits = r.waits()
	}
	wait = a.waits.NextBackOff()
	if later, ok := errors.AsType[*backoff.RetryAfterError](err); ok {
		wait = max(wait, later.Duration)
	}
	_, permanent := errors.AsType[*backoff.PermanentError](err)
	return wait, permanent || now.Add(wait).Sub(a.since) > r.GiveUp
}

// noted reports whether an attempt after which another one follows is written down: rewriting a record for each of many would wear
// the disk for nothing, so 1, 2, 4, 8… are.
func (a *attempts) noted() bool { return a.tries&(a.tries-1) == 0 }

// waits are the pauses between attempts.
func (r Retry) waits() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = r.First, r.Max, 2, 0.3
	b.Reset()
	return b
}

// since is from when what a stored record has pending is tried. What nobody tried while its time went by gets that from now.
func (r Retry) since(rec *logs.Record, now time.Time) time.Time {
	if now.Sub(rec.ReceivedAt) > r.GiveUp {
		return now
	}
	return rec.ReceivedAt
}

// sinkState is what the queue knows of a sink.
type sinkState struct {
	places  chan struct{} // held by the attempts under way
	taken   int           // messages
	failing FailingSink   // without attempts while the sink takes what it is sent
}

// FailingSink is a sink whose last attempt failed. Its error is clean and one line.
type FailingSink struct {
	Sink     string    `json:"sink"`
	Since    time.Time `json:"since"` // the first failure after the last success
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"` // of the last attempt
}

// sink is the state of a sink. q.mu is held.
func (q *queue) sink(name string) *sinkState {
	if q.sinks[name] == nil {
		q.sinks[name] = &sinkState{places: make(chan struct{}, q.retry.PerSink)}
	}
	return q.sinks[name]
}

// tried is how an attempt ended.
type tried struct {
	status string        // sent, failed, pending or elsewhere; "" where the queue is stopping and nothing is known
	wait   time.Duration // until the next attempt, while it is pending
	err    error
}

// elsewhere is how an attempt ends whose record another node has.
const elsewhere = "elsewhere"

var (
	errElsewhere = errors.New("another node has the record")
	errStopping  = errors.New("the queue is stopping")
)

// try sends an item once and writes down how that ended.
func (q *queue) try(it *item) tried {
	to, id, err := q.attempt(it)
	switch {
	case errors.Is(err, errStopping), err != nil && q.ctx.Err() != nil:
		return tried{} // The stop cut it off; that says nothing about the sink.
	case errors.Is(err, errElsewhere):
		return tried{status: elsewhere}
	}
	return q.settle(it, to, id, err)
}

// attempt sends an item as soon as its sink has a place for that, and returns who got it and the message's id.
func (q *queue) attempt(it *item) (to, id string, err error) {
	q.mu.Lock()
	places := q.sink(it.key.sink).places
	q.mu.Unlock()
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-q.ctx.Done():
	}
	if q.stopping.Load() || q.ctx.Err() != nil {
		return "", "", errStopping
	}
	if !q.claim(it) {
		return "", "", errElsewhere
	}
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
	end, words := tried{status: logs.StatusSent, err: err}, ""
	if err != nil {
		words = text.Line(err.Error(), 500)
		var last bool
		end.status = logs.StatusPending
		if end.wait, last = it.failed(q.retry, now, err); last {
			end.status = logs.StatusFailed
		}
	}
	q.report(it, end.status, words)
	again := end.status == logs.StatusPending
	save := !again || it.noted()
	files := map[string]*fileState{}
	q.mu.Lock()
	switch sink := q.sink(it.key.sink); {
	case err == nil:
		sink.taken++
		sink.failing = FailingSink{} // as good as new
	case sink.failing.Attempts == 0:
		sink.failing = FailingSink{it.key.sink, now, 1, words}
	default:
		sink.failing.Attempts++
		sink.failing.Error = words
	}
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
		n.Status, n.Attempts, n.At, n.Error, n.NextAt = end.status, it.tries, now, words, time.Time{}
		if to != "" {
			n.To = to // The settings may have changed since the record was made.
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
	q.signal()
	q.mu.Unlock()
	if save {
		q.saveAll(context.WithoutCancel(q.ctx), files)
	}
	return end
}

// report counts an outcome and logs it. words are those of the error.
func (q *queue) report(it *item, status, words string) {
	m, log := q.s.metrics, q.s.logger
	where := []any{"sink", it.key.sink, "repository", it.key.repository, "type", it.kind, "delivery", it.refs[0].delivery, "attempts", it.tries}
	if words != "" {
		where = append(where, "error", words)
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
