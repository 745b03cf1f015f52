package hooks

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/cli/go-gh/v2/pkg/api"
	"golang.org/x/time/rate"
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
	if l.WritesPerMinute <= 0 {
		l.WritesPerMinute = 80
	}
	if l.WritesPerHour <= 0 {
		l.WritesPerHour = 500
	}
	if l.Concurrent <= 0 {
		l.Concurrent = 8
	}
	if l.MaxWait <= 0 {
		l.MaxWait = 5 * time.Minute
	}
	if l.Tries == 0 {
		l.Tries = 5
	}
	if l.Pause <= 0 {
		l.Pause = 500 * time.Millisecond
	}
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
	pace   *rate.Limiter // evens out what the windows let through
	log    *slog.Logger
	onWait func(time.Time, string)
	most   time.Duration // the longest time to hold a request

	mu      sync.Mutex
	windows []window
	until   time.Time // held back until then
	told    time.Time // the end of the longest wait that was told of
}

// windowSlack is added to a window, because GitHub counts when a request arrives and not when it is sent.
const windowSlack = time.Second

func newGate(l Limits, log *slog.Logger, onWait func(time.Time, string)) *gate {
	return &gate{
		slots:  make(chan struct{}, l.Concurrent),
		pace:   rate.NewLimiter(rate.Limit(max(1, l.WritesPerMinute/10)), 1),
		log:    log,
		onWait: onWait,
		most:   l.MaxWait,
		windows: []window{
			{span: time.Minute + windowSlack, starts: make([]time.Time, l.WritesPerMinute)},
			{span: time.Hour + windowSlack, starts: make([]time.Time, l.WritesPerHour)},
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
	if write {
		start := g.book(time.Now())
		if wait := time.Until(start); wait > 0 {
			g.tell(start, "GitHub's limit of changes")
			if err := sleep(ctx, wait); err != nil {
				return nil, notSentError{err}
			}
		}
		if err := g.pace.Wait(ctx); err != nil {
			return nil, notSentError{err}
		}
	}
	for {
		if err := g.wait(ctx); err != nil {
			return nil, err
		}
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, notSentError{ctx.Err()}
		}
		if !g.held() {
			return func() { <-g.slots }, nil
		}
		// GitHub asked to wait while this request stood in the queue.
		<-g.slots
	}
}

func (g *gate) held() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

// wait waits until requests are no longer held back.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		until := g.until
		g.mu.Unlock()
		wait := time.Until(until)
		if wait <= 0 {
			return nil
		}
		if wait > g.most {
			// Asking on while limited would make GitHub prolong it.
			return &heldError{until}
		}
		if err := sleep(ctx, wait); err != nil {
			return notSentError{err}
		}
	}
}

// book gives a write the first time at which every window has room.
func (g *gate) book(now time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	start := now
	for i := range g.windows {
		if free := g.windows[i].free(); free.After(start) {
			start = free
		}
	}
	for i := range g.windows {
		g.windows[i].add(start)
	}
	return start
}

// tell says that requests wait, once for each second that the wait grows.
func (g *gate) tell(until time.Time, reason string) {
	g.mu.Lock()
	longer := until.Sub(g.told) >= time.Second
	if longer {
		g.told = until
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
		g.tell(until, reason)
	}
}

// window counts starts within a span of time; the limit is len(starts).
type window struct {
	span   time.Duration
	starts []time.Time // a ring: the oldest start is at next
	next   int
}

// free is when the window has room again; the zero time or a past one when it has.
func (w *window) free() time.Time {
	if oldest := w.starts[w.next]; !oldest.IsZero() {
		return oldest.Add(w.span)
	}
	return time.Time{}
}

func (w *window) add(start time.Time) {
	w.starts[w.next] = start
	w.next = (w.next + 1) % len(w.starts)
}

// limitOf tells whether GitHub refused a call because of a rate limit, and how long it asks to wait.
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
