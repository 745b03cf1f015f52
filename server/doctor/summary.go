package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hookctl/logs/jsonfile"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// Row is one line of a [Summary]: a judgement and when what it says was seen.
type Row struct {
	Check
	At time.Time // zero where it was never checked
}

// Live is what a face knows of this moment. Its zero value knows nothing.
type Live struct {
	Status daemon.Status // what [daemon.Client.Status] returned
	Err    error         // and its error
	Failed Failures      // what the log has of them

	Hooks   *fleet.List // the newest list of all hooks; nil for none
	HooksAt time.Time   // when it was made
}

// Summary says in a few rows how everything is: the receiver, the hooks, the secret, the notifications, the tunnel, and the
// cluster of a node, each once and in this order, and then whatever else the last report has that is wrong. The receiver, the secret and the
// notifications are judged now, from live and from cfg.Store and cfg.Fleet on the disk; hooks and tunnel are as last reports
// them, or newer where live knows. What was never checked is [Unknown]. GitHub is not asked.
func Summary(cfg Config, live Live, last Report) []Row {
	cfg = cfg.withDefaults()
	f := newFacts(context.Background(), cfg)
	f.status = func() (daemon.Status, error) { return live.Status, live.Err }
	now := cfg.Now()
	notifications := Notifications(live.Status, live.Failed, now)
	if live.Err == nil && !live.Status.Running && live.Failed.Records == 0 {
		notifications = Check{Status: Unknown, Detail: "not asked yet"}.named("notifications")
	}
	rows := []Row{
		{Receiver(cfg.Home, live.Status, live.Err, now), now},
		hooksRow(live, last, now),
		{f.secrets().named("secret"), now},
		{notifications, now},
		tunnelRow(live, last, now),
	}
	if cfg.Sync != nil {
		rows = append(rows, Row{worst(f.tasks(), f.blocked()).named("sync"), now})
	}
	if live.Err == nil && live.Status.Running && (cfg.Cluster || live.Status.Cluster != nil) {
		rows = append(rows, Row{f.cluster(context.Background()).named("cluster"), now})
	}
	return append(rows, others(last)...)
}

// secrets is everything about the shared secret in one.
func (f *facts) secrets() Check {
	ctx := context.Background()
	age := f.age(ctx)
	var all []Check
	if age.Status != Unknown { // the secret is fine without
		all = append(all, age)
	}
	out := worst(append(all, f.rotation(ctx), f.secret(ctx))...)
	if since, err := f.cfg.Store.ChangedAt(); out.Status == OK && err == nil && !since.IsZero() {
		out.Detail += "; " + age.Detail
	}
	return out
}

// Secret judges the shared secret, its age and its rotation, for everyone who shows it; cfg.Store and cfg.Fleet are read, and
// st and err are what [daemon.Client.Status] returned.
func Secret(cfg Config, st daemon.Status, err error) Check {
	f := newFacts(context.Background(), cfg.withDefaults())
	f.status = func() (daemon.Status, error) { return st, err }
	return f.secrets().named("secret")
}

// never is the row of what no report has.
func never(name string) Row {
	return Row{Check: Check{Status: Unknown, Detail: "not checked yet", Fix: "hookctl doctor"}.named(name)}
}

// hooksRow is what the newest list or report says of all hooks.
func hooksRow(live Live, last Report, now time.Time) Row {
	checks, at := last.about(func(name string) bool { return name == "hooks" || ofTarget(name) }), last.At
	if live.Hooks != nil && live.HooksAt.After(last.At) {
		checks, at = nil, live.HooksAt
		targets := slices.Clone(live.Hooks.Targets)
		for _, a := range live.Hooks.Aside {
			targets = append(targets, a.Target)
		}
		for _, t := range targets {
			for _, k := range kinds() {
				checks = append(checks, judge(*live.Hooks, t, k, now).named(k.of(t)))
			}
		}
	}
	if len(checks) == 0 {
		return never("hooks")
	}
	targets := 0
	for _, c := range checks {
		if strings.HasPrefix(c.Name, string(ofHook)+" of ") {
			targets++
		}
	}
	out := worst(checks...)
	if out.Status == OK {
		out.Detail = text.Count(targets, "repository delivers", "repositories deliver")
	}
	return Row{out.named("hooks"), at}
}

func tunnelRow(live Live, last Report, now time.Time) Row {
	if alarm := judgeTunnelAlarm(live.Status); live.Err == nil && alarm.Status != OK {
		return Row{alarm.named("tunnel"), now}
	}
	checks := last.about(isOfTunnel)
	if len(checks) == 0 {
		return never("tunnel")
	}
	out := worst(checks...)
	if out.Status == OK {
		out.Detail = checks[0].Detail // where GitHub sends to
	}
	return Row{out.named("tunnel"), last.At}
}

// others are the checks that found something wrong and have no row of their own.
func others(last Report) []Row {
	var rows []Row
	for _, c := range last.Checks {
		judged := slices.Contains([]string{"receiver", "secret", "age of the secret", "rotation", "notifications", "sync", "cluster"}, c.Name)
		if rank(c.Status) > rank(Unknown) && !judged && c.Name != "hooks" && !ofTarget(c.Name) && !isOfTunnel(c.Name) {
			rows = append(rows, Row{c, last.At})
		}
	}
	return rows
}

func isOfTunnel(name string) bool {
	return slices.Contains([]string{"public URL", "certificate", "tunnel"}, name)
}

// Report is what a run found. As JSON it is what state/doctor.json keeps.
type Report struct {
	At     time.Time `json:"at"` // when the last check was done; zero for a report that there is not yet
	Checks []Check   `json:"checks"`
}

func reportFile(home string) string { return filepath.Join(home, "state", "doctor.json") }

// keep writes the report where [Last] finds it. A home that does not exist is not created by looking at it.
func (r Report) keep(home string) error {
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := jsonfile.Write(reportFile(home), r); err != nil {
		return fmt.Errorf("keep the report of the checks: %w", err)
	}
	return nil
}

// Last is the report of the last run on all targets that was not cancelled, by whichever face; the zero Report where there is
// none yet.
func Last(home string) (Report, error) {
	r, err := jsonfile.Read[Report](reportFile(home))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Report{}, fmt.Errorf("read the report of the last checks: %w", err)
	}
	return r, nil
}

// about are the checks of a report with certain names.
func (r Report) about(named func(string) bool) []Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return !named(c.Name) })
}

// many is from how many targets on the ok ones are shown together.
const many = 6

// Short is the checks for people: with many targets, one line of each kind stands for those that are ok, so that the others can
// be seen beside it.
func (r Report) Short() []Check {
	targets, fine := map[string]int{}, map[string]int{}
	for _, c := range r.Checks {
		if ofTarget(c.Name) {
			k, _, _ := strings.Cut(c.Name, " of ")
			targets[k]++
			if c.Status == OK {
				fine[k]++
			}
		}
	}
	if targets[string(ofHook)] < many {
		return r.Checks
	}
	short := slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c.Status == OK && ofTarget(c.Name) })
	for _, k := range kinds() {
		if n := fine[string(k)]; n > 0 {
			short = append(short, ok("ok on %d of %d repositories; --json shows each", n, targets[string(k)]).named(string(k)))
		}
	}
	return short
}
