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
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/hooks/tunnel"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
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

// Config says what to look at. Store and Fleet are required.
type Config struct {
	Home    string // HOOKCTL_HOME
	Version string // of this program; the receiver should have the same

	Daemon daemon.Config // how the receiver is started, for Fix; Home is filled in
	Logs   logs.Config
	Store  *secret.Store

	Address   string         // where the receiver should listen, host:port
	PublicURL string         // where GitHub should send; what the receiver says if empty
	Allow     []netip.Prefix // the receiver's allow-list; nil if none exists

	Cluster bool // the settings make the receiver a node of a cluster

	Fleet   *fleet.Fleet   // knows the hooks and the login
	Targets []hooks.Target // looks at these only; nil for all that the fleet knows
	Tunnel  string         // which the receiver should run, as receiver.tunnel names it; "" leaves that check out
	Tunnels tunnel.Finder  // where tunnels are looked for

	Probes []Probe

	// Sync is project sync, whose rights are checked; nil where it is off. SyncMode is suggest or act.
	Sync     *tasks.Sync
	SyncMode string

	// Simulated says that GitHub is a simulation that sends straight to the receiver: the public address exists for it alone.
	Simulated bool
	// Roots are the authorities that certificates are checked against; nil means the system's, which is what GitHub's
	// answer is closest to.
	Roots *x509.CertPool
	// Timeout bounds one check; 0 means 15 s.
	Timeout time.Duration
	Now     func() time.Time // nil means time.Now
}

// Probe is a check that another package knows how to do, such as whether a sink can be reached.
type Probe struct {
	Name string // "AI Maestro"
	Fix  string // what to do when it fails, unless the error has its own hint
	// Check gives what was seen, or the error. A *Warning is no failure.
	Check func(context.Context) (detail string, err error)
}

// Warning is an error of a Probe that is worth a warning only.
type Warning struct{ Err error }

// Error is that of what is inside.
func (w *Warning) Error() string { return w.Err.Error() }

// Unwrap gives what is inside.
func (w *Warning) Unwrap() error { return w.Err }

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Daemon.Home = c.Home
	return c
}

// Repair is one thing that Fix did, or tried.
type Repair struct {
	Check  string `json:"check"`           // the check whose finding it fixes
	Action string `json:"action"`          // what was done
	Error  string `json:"error,omitempty"` // why it did not work
}

// Fix fixes what can be fixed without asking, and reports what it did: modes that are too open, a stale control socket, a
// receiver that is not running although it could, and one that does not have the newest secrets. Nothing of it can lose
// a delivery, and GitHub is not touched. [Run] afterwards shows what is left.
func Fix(ctx context.Context, cfg Config) []Repair {
	cfg = cfg.withDefaults()
	f := newFacts(ctx, cfg)
	list := f.fixPermissions()
	if socket, err := daemon.RemoveStaleSocket(cfg.Home); err != nil || socket != "" {
		list = append(list, repair("receiver", "removed the stale control socket "+socket, err))
	}
	return append(list, f.fixReceiver(ctx)...)
}

func repair(check, action string, err error) Repair {
	r := Repair{Check: check, Action: action}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func (f *facts) fixPermissions() []Repair {
	open, err := f.tooOpen()
	var list []Repair
	if err != nil {
		list = append(list, repair("permissions", "read the modes of files", err))
	}
	for _, g := range open {
		err := os.Chmod(g.path, g.mode)
		list = append(list, repair("permissions", fmt.Sprintf("chmod %o %s", g.mode, text.Shell(g.path)), err))
	}
	return list
}

// fixReceiver starts the receiver, or makes it read its secrets again.
func (f *facts) fixReceiver(ctx context.Context) []Repair {
	st, err := f.status()
	if stopped(err) {
		if ring, err := accepted(f.cfg.Store, f.cfg.Now()); err != nil || len(ring) == 0 {
			return nil // it would not start; the check of the secret says why
		}
		st, err := daemon.Restart(ctx, f.cfg.Daemon) // which keeps the flags of the last start
		action := "started the receiver"
		if err == nil {
			action = fmt.Sprintf("started the receiver (pid %d) on %s", st.PID, st.Address)
		}
		return []Repair{repair("receiver", action, err)}
	}
	if err != nil {
		return nil // where it starts, stops or hangs, a person decides whether to end it
	}
	ring, err := accepted(f.cfg.Store, f.cfg.Now())
	if err != nil || len(lacking(st, ring)) == 0 {
		return nil
	}
	_, err = daemon.Dial(f.cfg.Home).Reload(ctx)
	return []Repair{repair("secret", "made the receiver read its secrets again", err)}
}
