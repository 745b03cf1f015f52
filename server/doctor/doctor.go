// Package doctor looks at the whole way of a delivery and says what is wrong with it.
//
// A delivery passes GitHub's hook, a public address, perhaps a tunnel, the receiver, its log, and a sink; behind them are
// a login, a secret that two sides share, file modes, disk space and a clock. Each of these is a check. Run does them
// side by side, each within its own time, and every one ends as ok, warn or fail, with what was seen and with the command
// that mends it. What several checks need (the receiver's status, the hooks of a repository) is asked once.
//
// Fix does what can be mended without asking: it changes modes, removes a stale socket, and starts, reloads or resumes
// what should be running. It never touches GitHub.
//
// The package does not know the server: what it needs to know of sinks comes as a Probe.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// What a check can say.
const (
	OK   = "ok"
	Warn = "warn" // it works, or may work, and should be looked at
	Fail = "fail" // deliveries are lost, or will be
)

// Check is what one check found. Its texts are clean for a terminal and hold no secret.
type Check struct {
	Name   string `json:"check"`
	Status string `json:"status"` // ok, warn or fail
	Detail string `json:"detail"` // what was seen
	Fix    string `json:"fix"`    // the command that mends it; empty where all is well or nothing is known
}

// check is one that has not been done yet.
type check struct {
	name string
	run  func(context.Context) finding
}

// finding is what a check found, before it has a name.
type finding struct{ status, detail, fix string }

func ok(format string, args ...any) finding {
	return finding{status: OK, detail: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) finding {
	return finding{status: Warn, detail: fmt.Sprintf(format, args...), fix: fix}
}

func fail(fix, format string, args ...any) finding {
	return finding{status: Fail, detail: fmt.Sprintf(format, args...), fix: fix}
}

// failed turns an error into a finding; the cure is the one that comes with it, else fix.
func failed(err error, fix string) finding {
	if cure := cureOf(err); cure != "" {
		fix = cure
	}
	return fail(fix, "%v", err)
}

// cureOf finds what to do about an error, whichever package made it.
func cureOf(err error) string {
	if cure := hooks.CureOf(err); cure != "" {
		return cure
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// worst makes one finding of several: the most serious status, and what the findings of note say. Where all is well
// it says what the last one says.
func worst(all ...finding) finding {
	rank := map[string]int{OK: 0, Warn: 1, Fail: 2}
	out := finding{status: OK}
	for _, f := range all {
		if rank[f.status] > rank[out.status] {
			out.status = f.status
		}
	}
	seen := map[string]bool{}
	for _, f := range all {
		if f.status == OK {
			if out.status == OK && f.detail != "" {
				out.detail = f.detail
			}
			continue
		}
		out.detail = join(out.detail, f.detail)
		if f.fix != "" && !seen[f.fix] {
			seen[f.fix] = true
			out.fix = join(out.fix, f.fix)
		}
	}
	return out
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// Run does all checks, several at once, and returns them in a fixed order: from this machine outwards. progress, if set,
// is told of each as it is done, one at a time. A check that takes longer than cfg.Timeout is a warning.
func Run(ctx context.Context, cfg Config, progress func(Check)) []Check {
	cfg = cfg.withDefaults()
	checks := newFacts(ctx, cfg).checks()
	results := make([]Check, len(checks))
	slots := make(chan struct{}, 12)
	var group sync.WaitGroup
	var told sync.Mutex
	for i, c := range checks {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = do(ctx, cfg.Timeout, c)
			if progress != nil {
				told.Lock()
				defer told.Unlock()
				progress(results[i])
			}
		})
	}
	group.Wait()
	return results
}

// Names lists the checks that Run does, in its order, so that a screen can show what is still to come.
func Names(cfg Config) []string {
	var names []string
	for _, c := range newFacts(context.Background(), cfg.withDefaults()).checks() {
		names = append(names, c.name)
	}
	return names
}

func do(ctx context.Context, limit time.Duration, c check) Check {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := c.run(timed)
	if f.status != OK && timed.Err() != nil {
		f = warn(f.fix, "did not finish within %s: %s", limit, f.detail)
		if ctx.Err() != nil {
			f = warn("", "was cancelled")
		}
	}
	return Check{Name: c.name, Status: f.status, Detail: text.Clean(f.detail), Fix: text.Clean(f.fix)}
}
