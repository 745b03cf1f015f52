package githubtest

import (
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

func newLimits() limits {
	return limits{RateLimit: RateLimit{Limit: 5000, Remaining: 5000, WritesPerMinute: 80, WritesPerHour: 500}}
}

// RateLimit replaces the limits and forgets what was counted. Remaining 0 with
// a Limit refuses every call until Reset.
func (s *Server) RateLimit(l RateLimit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := newLimits()
	if l.Limit > 0 {
		fresh.Limit, fresh.Remaining = l.Limit, l.Remaining
	}
	if l.WritesPerMinute > 0 {
		fresh.WritesPerMinute = l.WritesPerMinute
	}
	if l.WritesPerHour > 0 {
		fresh.WritesPerHour = l.WritesPerHour
	}
	fresh.Reset, fresh.RetryAfter = l.Reset, l.RetryAfter
	s.limits = fresh
}

// limit counts a call and refuses it where it is one too many. Call it with mu held.
func (s *Server) limit(c *call) (answer, bool) {
	l, now := &s.limits, s.now()
	if l.Reset.IsZero() || !now.Before(l.Reset) {
		if !l.Reset.IsZero() {
			l.Remaining = l.Limit
		}
		l.Reset, l.used = now.Add(time.Hour), 0
	}
	if c.user == nil || c.r.URL.Path == "/rate_limit" {
		return answer{}, false
	}
	if l.Remaining <= 0 {
		return refuse(http.StatusForbidden, "API rate limit exceeded for user ID "+strconv.FormatInt(c.user.id, 10)+"."), true
	}
	l.Remaining--
	l.used++
	if c.r.Method == http.MethodGet || c.r.URL.Path == "/graphql" {
		return answer{}, false
	}
	retry, over := l.write(now)
	if !over {
		return answer{}, false
	}
	if l.RetryAfter > 0 {
		retry = l.RetryAfter
	}
	seconds := int((retry + time.Second - 1) / time.Second)
	return refuse(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.").
		with("Retry-After", strconv.Itoa(max(seconds, 1))), true
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

func (s *Server) limitHeaders(c *call, a answer) answer {
	if c.user == nil {
		return a
	}
	l := s.limits
	return a.with("X-Ratelimit-Limit", strconv.Itoa(l.Limit)).with("X-Ratelimit-Remaining", strconv.Itoa(max(l.Remaining, 0))).
		with("X-Ratelimit-Used", strconv.Itoa(l.used)).with("X-Ratelimit-Reset", strconv.FormatInt(l.Reset.Unix(), 10)).
		with("X-Ratelimit-Resource", "core")
}

func (s *Server) getRateLimit(*call) answer {
	core := map[string]any{"limit": s.limits.Limit, "remaining": max(s.limits.Remaining, 0), "used": s.limits.used, "reset": s.limits.Reset.Unix()}
	return ok(map[string]any{"resources": map[string]any{"core": core}, "rate": core})
}
