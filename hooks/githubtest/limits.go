package githubtest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// RateLimit says how many calls an account may make. Zero fields are GitHub's
// own numbers.
type RateLimit struct {
	// Limit and Remaining are the primary limit of an hour; Reset is when it
	// begins again, an hour from now where it is zero.
	Limit, Remaining int
	Reset            time.Time
	// WritesPerMinute and WritesPerHour are the secondary limit of calls that
	// change something: 80 and 500.
	WritesPerMinute, WritesPerHour int
	// RetryAfter is what a refusal by the secondary limit says; 0 is the time
	// until it would be lifted.
	RetryAfter time.Duration
}

// limits counts calls against a RateLimit, for all accounts together.
type limits struct {
	RateLimit
	used   int
	writes []time.Time // of the last hour
}

// RateLimit replaces the limits and forgets what was counted. Remaining 0 with
// a Limit refuses every call until Reset.
func (s *Server) RateLimit(l RateLimit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = newLimits(l)
}

func newLimits(l RateLimit) limits {
	if l.Limit == 0 {
		l.Limit, l.Remaining = 5000, 5000
	}
	l.WritesPerMinute, l.WritesPerHour = cmp.Or(l.WritesPerMinute, 80), cmp.Or(l.WritesPerHour, 500)
	return limits{RateLimit: l}
}

// limit counts a call and refuses it where it is one too many. Call it with mu held.
func (c *call) limit() {
	l, now := &c.s.limits, c.s.now()
	if l.Reset.IsZero() || !now.Before(l.Reset) {
		if !l.Reset.IsZero() {
			l.Remaining = l.Limit
		}
		l.Reset, l.used = now.Add(time.Hour), 0
	}
	if !c.signedIn || c.r.URL.Path == "/rate_limit" {
		return
	}
	if l.Remaining <= 0 {
		panic(refuse(http.StatusForbidden, "API rate limit exceeded for user ID "+itoa(accountID)+"."))
	}
	l.Remaining--
	l.used++
	if c.r.Method == http.MethodGet || c.r.URL.Path == "/graphql" {
		return
	}
	if retry, over := l.write(now); over {
		seconds := (cmp.Or(l.RetryAfter, retry) + time.Second - 1) / time.Second
		panic(refuse(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.").
			with("Retry-After", itoa(int64(max(seconds, 1)))))
	}
}

// write counts a change, or says how long to wait for a free place.
func (l *limits) write(now time.Time) (retry time.Duration, over bool) {
	for len(l.writes) > 0 && now.Sub(l.writes[0]) >= time.Hour {
		l.writes = l.writes[1:]
	}
	if len(l.writes) >= l.WritesPerHour {
		return l.writes[len(l.writes)-l.WritesPerHour].Add(time.Hour).Sub(now), true
	}
	if n := len(l.writes) - l.WritesPerMinute; n >= 0 && now.Sub(l.writes[n]) < time.Minute {
		return l.writes[n].Add(time.Minute).Sub(now), true
	}
	l.writes = append(l.writes, now)
	return 0, false
}

func (l *limits) header(a answer) answer {
	return a.with("X-Ratelimit-Limit", strconv.Itoa(l.Limit)).with("X-Ratelimit-Remaining", strconv.Itoa(max(l.Remaining, 0))).
		with("X-Ratelimit-Used", strconv.Itoa(l.used)).with("X-Ratelimit-Reset", itoa(l.Reset.Unix())).with("X-Ratelimit-Resource", "core")
}

func (c *call) getRateLimit() answer {
	l := c.s.limits
	core := map[string]any{"limit": l.Limit, "remaining": max(l.Remaining, 0), "used": l.used, "reset": l.Reset.Unix()}
	return ok(map[string]any{"resources": map[string]any{"core": core}, "rate": core})
}
