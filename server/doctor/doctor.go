// Package doctor checks every step of a delivery and suggests fixes.
//
// A delivery passes GitHub's hook, a public address, perhaps a tunnel, the receiver, its log, and a sink; behind them are
// a login, a secret that two sides share, file modes, disk space and a clock. Each of these is a check. [Run] does them
// side by side, each within its own time, and every one ends as ok, warn, fail or unknown, with what was seen and with the
// command that leads out of it. What several checks need (the receiver's status, the list of hooks) is asked once.
//
// What is known about hooks, package fleet knows: which there are, which are ours, how each one is and what to do about it.
// The checks here show its judgement and add none, so that they say what `hooks list` says.
//
// [Run] keeps its report in state/doctor.json. [Summary] adds to it what can be seen at any moment without GitHub, for Home;
// `status` judges with the same functions.
//
// [Fix] does what can be fixed without asking: it changes modes, removes a stale socket, and starts or reloads what should
// be running. It never touches GitHub.
//
// The package does not know the server: what it needs to know of sinks comes as a [Probe].
package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// What a check can say.
const (
	OK   = "ok"
	Warn = "warn" // it works, or may work, and should be looked at
	Fail = "fail" // deliveries are lost, or will be

	// Unknown is neither good nor bad: it was not checked, or there is nothing to check.
	Unknown = "unknown"
)

// Check is what one check found. It holds no secret, and once it is named its texts are clean for a terminal.
type Check struct {
	Name   string `json:"check"`
	Status string `json:"status"` // ok, warn, fail or unknown
	Detail string `json:"detail"` // what was seen
	Fix    string `json:"fix"`    // the command that leads out of it; empty where nothing is wrong or nothing is known
}

// check is one that has not been done yet.
type check struct {
	name string
	run  func(context.Context) Check
}

func ok(format string, args ...any) Check {
	return Check{Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Check {
	return Check{Status: Warn, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Check {
	return Check{Status: Fail, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func unknown(format string, args ...any) Check {
	return Check{Status: Unknown, Detail: fmt.Sprintf(format, args...)}
}

// failed is a check that found an error; the cure is the one that comes with it, else fix.
func failed(err error, fix string) Check {
	if cure := hooks.CureOf(err); cure != "" {
		fix = cure
	}
	return fail(fix, "%v", err)
}

// named is what was found under a name, clean for a terminal.
func (c Check) named(name string) Check {
	return Check{Name: text.Clean(name), Status: c.Status, Detail: text.Clean(c.Detail), Fix: text.Clean(c.Fix)}
}

// rank orders what a check can say by how much it matters.
func rank(status string) int {
	return slices.Index([]string{OK, Unknown, Warn, Fail}, status)
}

// worst makes one of several: the most serious status, and what those that are not ok say. Where all are ok it says what the
// last one says.
func worst(all ...Check) Check {
	out := Check{Status: OK}
	seen := map[string]bool{}
	for _, c := range all {
		switch {
		case c.Status != OK:
			if out.Status == OK {
				out = Check{Status: Unknown}
			}
			if rank(c.Status) > rank(out.Status) {
				out.Status = c.Status
			}
			out.Detail = join(out.Detail, c.Detail)
			if !seen[c.Fix] {
				seen[c.Fix] = true
				out.Fix = join(out.Fix, c.Fix)
			}
		case out.Status == OK && c.Detail != "":
			out.Detail = c.Detail
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

// Run does all checks, several at once, and reports them in a fixed order: from this machine outwards. progress, if set, is
// called with each check as it is done, one at a time. A check that takes longer than cfg.Timeout is a warning. A report on all
// targets that was not cancelled is kept for [Last]; the error says why it could not be, and the report is complete anyway.
func Run(ctx context.Context, cfg Config, progress func(Check)) (Report, error) {
	cfg = cfg.withDefaults()
	checks := newFacts(ctx, cfg).checks()
	report := Report{Checks: make([]Check, len(checks))}
	var group errgroup.Group
	group.SetLimit(12)
	var one sync.Mutex
	for i, c := range checks {
		group.Go(func() error {
			report.Checks[i] = do(ctx, cfg.Timeout, c)
			if progress != nil {
				one.Lock()
				defer one.Unlock()
				progress(report.Checks[i])
			}
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in the checks
	report.At = cfg.Now()
	if ctx.Err() != nil || cfg.Targets != nil {
		return report, nil
	}
	return report, report.keep(cfg.Home)
}

func do(ctx context.Context, limit time.Duration, c check) Check {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := c.run(timed)
	if f.Status != OK && timed.Err() != nil {
		f = warn(f.Fix, "did not finish within %s: %s", limit, f.Detail)
		if ctx.Err() != nil {
			f = warn("", "was cancelled")
		}
	}
	return f.named(c.name)
}
