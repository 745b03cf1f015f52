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

// gate is what every request passes: a few at once, writes at GitHub's pace, and none while GitHub asks to wait.
type gate struct {
	slots  chan struct{}
	minute *rate.Limiter
	hour   window
	log    *slog.Logger
	onWait func(time.Time, string)

	mu    sync.Mutex
	until time.Time
}

func newGate(l Limits, log *slog.Logger, onWait func(time.Time, string)) *gate {
	// A quarter at once and the rest evenly keeps any minute within the limit.
	burst := max(1, l.WritesPerMinute/4)
	pace := rate.Limit(float64(max(1, l.WritesPerMinute-burst)) / 60)
	return &gate{
		slots:  make(chan struct{}, l.Concurrent),
		minute: rate.NewLimiter(pace, burst),
		hour:   window{span: time.Hour, starts: make([]time.Time, l.WritesPerHour)},
		log:    log,
		onWait: onWait,
	}
}

// enter waits until a request may be sent, and returns what to call when it is answered.
func (g *gate) enter(ctx context.Context, write bool) (leave func(), err error) {
	if write {
		if err := g.minute.Wait(ctx); err != nil {
			return nil, err
		}
		if wait := g.hour.take(time.Now()); wait > 0 {
			g.hold(time.Now().Add(wait), "hourly limit of writes")
		}
	}
	for {
		g.mu.Lock()
		wait := time.Until(g.until)
		g.mu.Unlock()
		if wait <= 0 {
			break
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hold keeps every request back until a time.
func (g *gate) hold(until time.Time, reason string) {
	g.mu.Lock()
	later := until.After(g.until)
	if later {
		g.until = until
	}
	g.mu.Unlock()
	if !later {
		return
	}
	g.log.Info("waiting for GitHub's rate limit", "until", until.Format(time.RFC3339), "reason", reason)
	if g.onWait != nil {
		g.onWait(until, reason)
	}
}

// window counts starts within a span: the limit is len(starts).
type window struct {
	span   time.Duration
	mu     sync.Mutex
	starts []time.Time // a ring: the oldest start is at next
	next   int
}

// take books a start and says how long it has to wait for the window to have room.
func (w *window) take(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	start := now
	if oldest := w.starts[w.next]; !oldest.IsZero() && oldest.Add(w.span).After(now) {
		start = oldest.Add(w.span)
	}
	w.starts[w.next] = start
	w.next = (w.next + 1) % len(w.starts)
	return start.Sub(now)
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
	if e.StatusCode == http.StatusTooManyRequests || strings.Contains(strings.ToLower(e.Message), "rate limit") {
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
