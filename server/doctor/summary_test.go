package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/tasks"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// A whole run is kept for other faces; one that was narrowed or cancelled leaves the last one alone.
func TestTheLastWholeReportIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if last, err := Last(w.home); err != nil || !last.At.IsZero() {
		t.Errorf("before the first run: %+v, %v", last, err)
	}
	now := time.Now().Truncate(time.Second)
	w.cfg.Now = func() time.Time { return now }
	report, err := Run(t.Context(), w.config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string) {
		t.Helper()
		last, err := Last(w.home)
		if err != nil || !last.At.Equal(report.At) || !slices.Equal(last.Checks, report.Checks) {
			t.Errorf("%s: kept %v with %d checks, %v; want %v with %d", what, last.At, len(last.Checks), err, report.At, len(report.Checks))
		}
	}
	same("after a run")
	if info, err := os.Stat(filepath.Join(w.home, "state", "doctor.json")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	now = now.Add(time.Hour)
	narrowed := w.config()
	narrowed.Targets = []hooks.Target{target()}
	if _, err := Run(t.Context(), narrowed, nil); err != nil {
		t.Fatal(err)
	}
	same("after a run with -R")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, w.config(), nil); err != nil {
		t.Fatal(err)
	}
	same("after a run that was cancelled")

	w.write(filepath.Join(w.home, "state", "doctor.json"), "{")
	if _, err := Last(w.home); err == nil || !strings.Contains(err.Error(), "doctor.json") && !strings.Contains(err.Error(), "last checks") {
		t.Errorf("a damaged report: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(w.home, "state")); err != nil {
		t.Fatal(err)
	}
	w.write(filepath.Join(w.home, "state"), "in the way")
	report, err = Run(t.Context(), w.config(), nil)
	if err == nil || len(report.Checks) < 10 {
		t.Errorf("where nothing can be kept: %d checks, %v", len(report.Checks), err)
	}
}

// row is one row of a summary.
func row(t *testing.T, rows []Row, name string) Row {
	t.Helper()
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
	if at < 0 {
		t.Fatalf("no row %q: %+v", name, rows)
	}
	return rows[at]
}

func (w *world) live() Live {
	st, err := daemon.Dial(w.home).Status(w.t.Context())
	return Live{Status: st, Err: err}
}

func TestSummaryNeverCallsHealthyWhatWasNotChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := Summary(w.config(), w.live(), Report{})
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, []string{"receiver", "hooks", "secret", "notifications", "tunnel"}) {
		t.Errorf("rows %v", names)
	}
	for _, name := range []string{"hooks", "tunnel"} {
		if r := row(t, rows, name); r.Status != Unknown || !r.At.IsZero() || r.Fix != "hookctl doctor" {
			t.Errorf("%+v", r)
		}
	}
	for _, name := range []string{"receiver", "secret", "notifications"} {
		if r := row(t, rows, name); r.Status != OK || r.At.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range Summary(w.config(), Live{}, Report{}) {
		if r.Name != "secret" && r.Status != Unknown { // the secret is on the disk
			t.Errorf("of a face that knows nothing: %+v", r)
		}
	}
}

// What the doctor says of each part, the summary says, too.
func TestSummaryAgreesWithTheDoctor(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(*world)
		row     string
		checks  []string
		status  string
	}{
		"stopped":      {func(w *world) { w.end() }, "receiver", []string{"receiver"}, Fail},
		"hangs":        {func(w *world) { w.end(); lock(w) }, "receiver", []string{"receiver"}, Fail},
		"full disk":    {func(w *world) { w.status.Alarms = []daemon.Alarm{{Text: "the disk is full"}} }, "receiver", []string{"receiver"}, Fail},
		"failing sink": {pending(time.Second, "500"), "notifications", []string{"notifications"}, Fail},
		"waits":        {pending(time.Hour, ""), "notifications", []string{"notifications"}, Warn},
		"old secret":   {func(w *world) { w.later(100 * 24 * time.Hour) }, "secret", []string{"age of the secret"}, Warn},
		"other secret": {func(w *world) { w.status.Secrets = []string{"deadbeef"} }, "secret", []string{"secret"}, Fail},
		"tunnel trouble": {func(w *world) {
			w.status.Alarms = []daemon.Alarm{{Key: "tunnel", Text: "tunnel: ngrok is not installed"}}
		}, "tunnel", []string{"tunnel"}, Fail},
		"lost hook": {func(w *world) { w.changeHook(func(h *githubtest.Hook) { h.URL = "https://other.example.com" }) }, "hooks", []string{"hook of " + repo}, Fail},
		"re-keyed":  {func(w *world) { w.gh.SetSecret(repo, w.hookID, "other"); w.deliver() }, "hooks", []string{"secret of " + repo, "deliveries of " + repo}, Fail},
		"delivers":  {func(w *world) { w.deliver() }, "hooks", []string{"hook of " + repo, "secret of " + repo, "deliveries of " + repo}, OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.arrange(w)
			report, err := Run(t.Context(), w.config(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := row(t, Summary(w.config(), w.live(), report), tt.row)
			if got.Status != tt.status {
				t.Errorf("%+v, want %s", got, tt.status)
			}
			for _, c := range report.Checks {
				if slices.Contains(tt.checks, c.Name) && (c.Status != tt.status || tt.status != OK && (!strings.Contains(got.Detail, c.Detail) || !strings.Contains(got.Fix, c.Fix))) {
					t.Errorf("the doctor: %+v\nthe summary: %+v", c, got)
				}
			}
		})
	}
}

// What is newer than the report replaces it; what else the report found wrong is shown with its age.
func TestSummaryTakesTheNewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deliver()
	at := time.Now().Add(-time.Hour)
	last := Report{At: at, Checks: []Check{
		{Name: "receiver", Status: Fail, Detail: "not running"},
		{Name: "disk space", Status: Fail, Detail: "50 MB free", Fix: "hookctl events prune"},
		{Name: "clock", Status: OK, Detail: "it agrees"},
		{Name: "public URL", Status: OK, Detail: "leads to this receiver"},
		{Name: "tunnel", Status: OK, Detail: "no tunnel program runs on this machine"},
		{Name: "hook of " + repo, Status: Fail, Detail: "hook 7 is gone", Fix: "hookctl setup -R " + repo},
	}}
	live := w.live()
	rows := Summary(w.config(), live, last)
	if r := row(t, rows, "receiver"); r.Status != OK || r.At.Equal(at) {
		t.Errorf("%+v", r)
	}
	if r := row(t, rows, "disk space"); r.Status != Fail || !r.At.Equal(at) || len(rows) != 6 {
		t.Errorf("%+v of %d rows", r, len(rows))
	}
	if r := row(t, rows, "tunnel"); r.Status != OK || r.Detail != "leads to this receiver" || !r.At.Equal(at) {
		t.Errorf("%+v", r)
	}
	if r := row(t, rows, "hooks"); r.Status != Fail || !r.At.Equal(at) {
		t.Errorf("%+v", r)
	}
	list, err := w.config().Fleet.List(t.Context(), fleet.ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	live.Hooks, live.HooksAt = &list, time.Now()
	if r := row(t, Summary(w.config(), live, last), "hooks"); r.Status != OK || r.Detail != "1 repository delivers" || !r.At.Equal(live.HooksAt) {
		t.Errorf("with a newer list: %+v", r)
	}
	live.Status, live.Err = daemon.Status{}, errors.New("permission denied")
	if r := row(t, Summary(w.config(), live, last), "receiver"); r.Status != Fail || r.Fix != "hookctl restart" {
		t.Errorf("%+v", r)
	}
}

func TestManyTargetsThatAreOKAreOneLineEach(t *testing.T) {
	checks := []Check{{Name: "age of the secret", Status: OK, Detail: "it is 2 days old"}}
	for i := range 100 {
		target := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("r", i)}
		hook := Check{Name: ofHook.of(target), Status: OK, Detail: "it is active"}
		if i == 42 {
			hook.Status, hook.Detail, hook.Fix = Fail, "it is gone", "hookctl setup -R octo-org/r42"
		}
		checks = append(checks, hook, Check{Name: ofSecret.of(target), Status: OK, Detail: "the current one"})
	}
	if few := (Report{Checks: checks[:11]}).Short(); len(few) != 11 {
		t.Errorf("of 5 repositories: %+v", few)
	}
	want := []Check{checks[0], checks[1+2*42],
		{Name: "hook", Status: OK, Detail: "ok on 99 of 100 repositories; --json shows each"},
		{Name: "secret", Status: OK, Detail: "ok on 100 of 100 repositories; --json shows each"}}
	if short := (Report{Checks: checks}).Short(); !slices.Equal(short, want) {
		t.Errorf("of 100: %+v", short)
	}
}

// A task that waits for a decision stands on Home until it is decided.
func TestBlockedTasksNeedAttention(t *testing.T) {
	t.Parallel()
	home, now := t.TempDir(), time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	w := newWorld(t)
	cfg := Config{Home: home, Store: w.store, Fleet: w.config().Fleet, Now: func() time.Time { return now }, Sync: tasks.New(tasks.Config{Home: home, Now: func() time.Time { return now }})}
	row := func(entries string) Row {
		if err := errors.Join(os.MkdirAll(filepath.Join(home, "state"), 0o700), os.WriteFile(filepath.Join(home, "state", "sync.json"), []byte(`{"entries":{`+entries+`}}`), 0o600)); err != nil {
			t.Fatal(err)
		}
		rows := Summary(cfg, Live{}, Report{})
		return rows[slices.IndexFunc(rows, func(r Row) bool { return r.Name == "sync" })]
	}
	blocked := func(number int, since, state string) string {
		return fmt.Sprintf(`"%d":{"key":"%d","kind":"blocked","repository":"o/r","issue":%d,"title":"Gears","state":%q,"since":%q,"last":%q}`, number, number, number, state, since, since)
	}
	two := blocked(7, "2026-11-28T09:00:00Z", "open") + "," + blocked(8, "2026-11-25T12:00:00Z", "open")
	if got := row(two); got.Status != Warn || got.Detail != "2 tasks are blocked; the longest: o/r#8 is blocked for 3 days: Gears" {
		t.Errorf("%+v", got)
	}
	if got := row(blocked(7, "2026-11-28T09:00:00Z", "open")); got.Status != Warn || got.Detail != "o/r#7 is blocked for 3 h: Gears" {
		t.Errorf("%+v", got)
	}
	if got := row(blocked(7, "2026-11-28T09:00:00Z", "closed")); got.Status != OK {
		t.Errorf("%+v", got)
	}
}
