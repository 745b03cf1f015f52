package hooks

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/cli/go-gh/v2/pkg/api"
)

// Limits keep a client within what GitHub allows. A zero field is GitHub's own limit, or what serves it well.
type Limits struct {
	WritesPerMinute int           // default 80
	WritesPerHour   int           // default 500
	Concurrent      int           // requests at once, default 8
	MaxWait         time.Duration // longest pause that GitHub may ask for before a call fails, default 5 minutes
	Tries           uint          // attempts of a call whose answer is lost, default 5
	Pause           time.Duration // before the second attempt, growing after it; default 500 ms
}

func (l Limits) withDefaults() Limits {
	l.WritesPerMinute = cmp.Or(l.WritesPerMinute, 80)
	l.WritesPerHour = cmp.Or(l.WritesPerHour, 500)
	l.Concurrent = cmp.Or(l.Concurrent, 8)
	l.MaxWait = cmp.Or(l.MaxWait, 5*time.Minute)
	l.Tries = cmp.Or(l.Tries, 5)
	l.Pause = cmp.Or(l.Pause, 500*time.Millisecond)
	return l
}

func (l Limits) backOff() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = l.Pause
	b.MaxInterval = 20 * l.Pause
	return b
}

// gate is what every request passes: a few at once, writes within GitHub's limits, and none while GitHub asks to wait.
type gate struct {
	slots  chan struct{}
	turn   chan struct{} // held by the write that is next
	limits []limit
	log    *slog.Logger
	onWait func(time.Time, string)
	most   time.Duration // the longest time to hold a request

	mu       sync.Mutex
	sent     []time.Time // the latest writes, as many as the largest limit counts
	until    time.Time   // held back until then
	reported time.Time   // the end of the longest wait that was reported
}

// limit allows so many writes within any span of that length.
type limit struct {
	writes int
	span   time.Duration
}

// slack is added to a span, because GitHub counts when a request arrives and not when it is sent.
const slack = time.Second

func newGate(l Limits, log *slog.Logger, onWait func(time.Time, string)) *gate {
	return &gate{
		slots:  make(chan struct{}, l.Concurrent),
		turn:   make(chan struct{}, 1),
		log:    log,
		onWait: onWait,
		most:   l.MaxWait,
		limits: []limit{
			{l.WritesPerHour, time.Hour + slack},
			{l.WritesPerMinute, time.Minute + slack},
			{1, time.Second / time.Duration(max(1, l.WritesPerMinute/10))}, // an even pace
		},
	}
}

// heldError says that a request was not sent, because GitHub asked to wait for longer than the client does.
type heldError struct{ until time.Time }

func (e *heldError) Error() string {
	return "GitHub asked to wait until " + e.until.Format(time.RFC3339)
}

// notSentError is a context that ended before the request was sent.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

// enter waits until a request may be sent, and returns what to call when it is answered. Its error, a *heldError or a
// notSentError, says that it was not sent.
func (g *gate) enter(ctx context.Context, write bool) (leave func(), err error) {
	take := func(free chan struct{}) error {
		select {
		case free <- struct{}{}:
			return nil
		case <-ctx.Done():
			return notSentError{ctx.Err()}
		}
	}
	if write {
		if err := take(g.turn); err != nil {
			return nil, err
		}
		defer func() { <-g.turn }()
	}
	for {
		if err := take(g.slots); err != nil {
			return nil, err
		}
		until, held := g.next(time.Now(), write)
		if until.IsZero() {
			return func() { <-g.slots }, nil
		}
		<-g.slots
		wait := time.Until(until)
		if held && wait > g.most { // asking on while limited would make GitHub prolong it
			return nil, &heldError{until}
		}
		if !held && wait >= time.Second {
			g.report(until, "GitHub's limit of changes")
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, notSentError{err}
		}
	}
}

// next says until when a request has to wait, and whether GitHub asked for that. One that need not wait counts as sent.
func (g *gate) next(now time.Time, write bool) (until time.Time, held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.until) {
		return g.until, true
	}
	if !write {
		return time.Time{}, false
	}
	most := 0
	for _, l := range g.limits {
		if n := len(g.sent) - l.writes; n >= 0 {
			if free := g.sent[n].Add(l.span); free.After(now) {
				return free, false
			}
		}
		most = max(most, l.writes)
	}
	g.sent = append(g.sent, now)
	g.sent = g.sent[max(0, len(g.sent)-most):]
	return time.Time{}, false
}

// report says that requests wait, once for each second that the wait grows.
func (g *gate) report(until time.Time, reason string) {
	g.mu.Lock()
	longer := until.Sub(g.reported) >= time.Second
	if longer {
		g.reported = until
	}
	g.mu.Unlock()
	if !longer {
		return
	}
	g.log.Info("waiting for GitHub's rate limit", "until", until.Format(time.RFC3339), "reason", reason)
	if g.onWait != nil {
		g.onWait(until, reason)
	}
}

// hold keeps every request back until a time.
func (g *gate) hold(until time.Time, reason string) {
	g.mu.Lock()
	if until.After(g.until) {
		g.until = until
	}
	g.mu.Unlock()
	if time.Until(until) <= g.most {
		g.report(until, reason)
	}
}

// limitOf reports whether GitHub refused a call because of a rate limit, and how long it asks to wait.
// See https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
func limitOf(e *api.HTTPError, now time.Time) (wait time.Duration, limited bool) {
	if e.StatusCode != http.StatusForbidden && e.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	if seconds, err := strconv.Atoi(e.Headers.Get("Retry-After")); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if e.Headers.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(e.Headers.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(0, time.Unix(reset, 0).Sub(now)) + time.Second, true
		}
	}
	message := strings.ToLower(e.Message) // an old Enterprise Server calls a secondary limit abuse detection
	if e.StatusCode == http.StatusTooManyRequests || strings.Contains(message, "rate limit") || strings.Contains(message, "abuse detection") {
		return time.Minute, true
	}
	return 0, false
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
