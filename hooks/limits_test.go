package hooks

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"hookctl/hooks/githubtest"
)

// pass sends n writes through a gate at once and returns when each was let through, from the start.
func pass(t *testing.T, g *gate, n int) []time.Duration {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	var at []time.Duration
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			leave, err := g.enter(t.Context(), true)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			at = append(at, time.Since(start))
			mu.Unlock()
			leave()
		})
	}
	all.Wait()
	return at
}

func TestWritesKeepToGitHubsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{}.withDefaults(), slog.New(slog.DiscardHandler), nil)
		at := pass(t, g, 200)
		for i := range at {
			within := 0
			for _, other := range at {
				if other >= at[i] && other < at[i]+time.Minute {
					within++
				}
			}
			if within > 80 {
				t.Fatalf("%d writes within a minute from %v", within, at[i])
			}
		}
		// 80 in the first minute, 80 in the second, and 40 more.
		if last := at[len(at)-1]; last > 130*time.Second {
			t.Errorf("200 writes took %v: slower than the limit asks for", last)
		}
	})
}

func TestWritesKeepToTheHourlyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Time
		start := time.Now()
		g := newGate(Limits{WritesPerMinute: 1 << 20, WritesPerHour: 500}.withDefaults(), slog.New(slog.DiscardHandler), func(until time.Time, _ string) { waits = append(waits, until) })
		pass(t, g, 500)
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("500 writes took %v", d)
		}
		pass(t, g, 1)
		if d := time.Since(start); d < time.Hour || d > time.Hour+11*time.Second {
			t.Errorf("the 501st was let through after %v", d)
		}
		if len(waits) != 1 || waits[0].Sub(start) < time.Hour {
			t.Errorf("reported waits until %v", waits)
		}
	})
}

func TestReadsAreNotHeldBackByTheLimitOfWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{WritesPerMinute: 1}.withDefaults(), slog.New(slog.DiscardHandler), nil)
		start := time.Now()
		for range 100 {
			leave, err := g.enter(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			leave()
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("reads waited %v", d)
		}
	})
}

func TestAHeldGateLetsNothingThroughAndCanBeCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{}.withDefaults(), slog.New(slog.DiscardHandler), nil)
		g.hold(time.Now().Add(time.Minute), "secondary rate limit")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := g.enter(ctx, false); err == nil {
			t.Error("let through")
		}
		start := time.Now()
		leave, err := g.enter(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		if d := time.Since(start); d != 50*time.Second {
			t.Errorf("waited %v, want the rest of the minute", d)
		}
	})
}

// What stands in the queue when GitHub asks to wait, waits too: asking on makes GitHub prolong it.
func TestAHoldReachesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{Concurrent: 1}.withDefaults(), slog.New(slog.DiscardHandler), nil)
		leave, err := g.enter(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		done := make(chan time.Duration)
		go func() {
			if leave, err := g.enter(t.Context(), false); err != nil {
				t.Error(err)
			} else {
				leave()
			}
			done <- time.Since(start)
		}()
		synctest.Wait()
		g.hold(time.Now().Add(time.Minute), "secondary rate limit")
		leave()
		if waited := <-done; waited != time.Minute {
			t.Errorf("let through after %v, want a minute", waited)
		}
	})
}

func TestLimitOfReadsWhatGitHubSays(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		name    string
		status  int
		message string
		header  []string
		wait    time.Duration
		limited bool
	}{
		{"retry-after", 403, "secondary rate limit", []string{"Retry-After", "60"}, time.Minute, true},
		{"retry-after on 429", 429, "", []string{"Retry-After", "7"}, 7 * time.Second, true},
		{"primary limit", 403, "API rate limit exceeded", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(now.Unix()+90, 10)}, 91 * time.Second, true},
		{"reset in the past", 403, "API rate limit exceeded", []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"}, time.Second, true},
		{"no numbers", 403, "You have exceeded a secondary rate limit.", nil, time.Minute, true},
		{"429 without a word", 429, "", nil, time.Minute, true},
		{"no administrator", 403, "Must have admin rights", []string{"X-RateLimit-Remaining", "4999"}, 0, false},
		{"not found", 404, "rate limit", []string{"Retry-After", "60"}, 0, false},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Set(tt.header[i], tt.header[i+1])
		}
		wait, limited := limitOf(&api.HTTPError{StatusCode: tt.status, Message: tt.message, Headers: h}, now)
		if wait != tt.wait || limited != tt.limited {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, wait, limited, tt.wait, tt.limited)
		}
	}
}

// However slow the answers are and wherever redirects lead, GitHub receives at most 80 changes within any minute.
func TestNoMinuteHasMoreThan80Writes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		gh := roundTripper(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			at = append(at, time.Now())
			n := len(at)
			mu.Unlock()
			if err := sleep(req.Context(), time.Duration(n%7)*time.Second); err != nil {
				return nil, err
			}
			res := &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}
			if !strings.Contains(req.URL.Path, "new") {
				res.StatusCode = http.StatusTemporaryRedirect
				res.Header.Set("Location", "https://api.github.com/repos/o/new/hooks/"+strconv.Itoa(n)+"/pings")
			}
			return res, nil
		})
		c, err := New(Config{Host: "github.com", Token: "t", Transport: gh})
		if err != nil {
			t.Fatal(err)
		}
		each(150, c.waiters(), func(i int) {
			if err := c.Ping(t.Context(), Target{"o", "old"}, int64(i)); err != nil {
				t.Error(err)
			}
		})
		for i := 80; i < len(at); i++ {
			if span := at[i].Sub(at[i-80]); span < time.Minute {
				t.Fatalf("81 writes within %v, the last of them is number %d", span, i+1)
			}
		}
		if took := at[len(at)-1].Sub(at[0]); len(at) != 300 || took > 4*time.Minute {
			t.Errorf("%d writes took %v", len(at), took)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A client that knows nothing of the limit is stopped by GitHub, waits as long as GitHub asks, and loses no call.
func TestTheSecondaryLimitIsObeyed(t *testing.T) {
	w := newWorld(t, "o/r")
	w.RateLimit(githubtest.RateLimit{WritesPerMinute: 3, RetryAfter: time.Second})
	var reported []string
	limits := fast()
	c := w.newClient(Config{Limits: limits, OnWait: func(_ time.Time, reason string) { reported = append(reported, reason) }})
	var errs []error
	id := w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: hookURL}})
	for i := range 4 {
		if i == 3 {
			// GitHub lifts the limit while the client waits.
			w.RateLimit(githubtest.RateLimit{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 20})
			w.Fault(githubtest.Fault{Method: http.MethodPost, Status: 403, Header: http.Header{"Retry-After": {"1"}}, Times: 1})
		}
		if err := c.Ping(t.Context(), target(t, "o/r"), id); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) != 0 || len(reported) != 1 {
		t.Errorf("errors %v, reported %q", errs, reported)
	}
	refused := 0
	var at []time.Time
	for _, r := range w.Requests() {
		if r.Status == 403 {
			refused++
		}
		at = append(at, r.At)
	}
	if last := len(at) - 1; refused != 1 || at[last].Sub(at[last-1]) < 900*time.Millisecond {
		t.Errorf("%d refusals, calls at %v", refused, at)
	}
}

// While GitHub asks for a longer wait than the client has patience for, nothing more is sent.
func TestNothingIsSentDuringALongLimit(t *testing.T) {
	w := newWorld(t, "o/r")
	w.RateLimit(githubtest.RateLimit{Limit: 5000, Remaining: 0, Reset: time.Now().Add(time.Hour)})
	for range 5 {
		_, err := w.client.List(t.Context(), target(t, "o/r"))
		if !errors.Is(err, ErrRateLimited) || !strings.HasPrefix(CureOf(err), "wait until ") {
			t.Errorf("%v, cure %q", err, CureOf(err))
		}
	}
	if n := len(w.Requests()); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}

// A deadline that ends while a call waits for its turn is the caller's, and no trouble with the network.
func TestADeadlineWhileWaitingIsNotANetworkError(t *testing.T) {
	w := newWorld(t, "o/r")
	limits := fast()
	limits.WritesPerMinute = 1
	c := w.newClient(Config{Limits: limits})
	id := w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: hookURL}})
	if err := c.Ping(t.Context(), target(t, "o/r"), id); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx, target(t, "o/r"), id); err == nil || errors.Is(err, ErrUnreachable) || len(w.Requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(w.Requests()))
	}
}

// github answers as GitHub does to what a rotation calls, after a time, and signs nothing.
type github struct {
	latency time.Duration
	writes  atomic.Int64
}

func (g *github) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := sleep(req.Context(), g.latency); err != nil {
		return nil, err
	}
	if req.Method != http.MethodGet {
		g.writes.Add(1)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// The bound: 100 hooks need 200 changes, a PATCH and a ping each, and GitHub allows 80 a minute, so the last 40 are
// sent after two minutes at best. A plain loop that waits the second between changes that GitHub recommends takes 200 s
// and the time of every answer.
func TestRotationOf100HooksTakesAsLongAsGitHubsLimitsForce(t *testing.T) {
	const latency = 300 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		gh := &github{latency: latency}
		c, err := New(Config{Host: "github.com", Token: "t", Transport: gh})
		if err != nil {
			t.Fatal(err)
		}
		store := storeIn(t.TempDir())
		if err := store.SetCurrent("old"); err != nil {
			t.Fatal(err)
		}
		var list []Hook
		for i := range 100 {
			list = append(list, Hook{ID: int64(i + 1), Target: Target{"o", "r" + strconv.Itoa(i)}})
		}
		start := time.Now()
		r := &Rotator{Client: c, Store: store, Confirm: confirmAtOnce}
		if result, err := r.Rotate(t.Context(), list, time.Hour); err != nil || !result.Complete {
			t.Fatal(result, err)
		}
		took, bound, loop := time.Since(start), 2*time.Minute, 200*(time.Second+latency)
		if took > bound+10*time.Second || gh.writes.Load() != 200 {
			t.Errorf("%d changes took %v, the limits force %v", gh.writes.Load(), took, bound)
		}
		t.Logf("100 hooks: %v, bound %v, plain loop %v: ratio %.2f", took, bound, loop, took.Seconds()/loop.Seconds())
	})
}

func confirmAtOnce(context.Context, int64, string, time.Time) error { return nil }
