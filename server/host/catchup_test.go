package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cli/go-gh/v2/pkg/config"

	"hookctl/hooks/githubtest"
	"hookctl/logs"
	"hookctl/server/fleet"
)

// catchingUp is a receiver that does not listen, and a GitHub with a hook of it; ago is how far its clock is behind.
func catchingUp(t *testing.T) (github *githubtest.Server, r *receiver, ago *atomic.Int64) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ago = new(atomic.Int64)
	github = githubtest.New(githubtest.Options{
		Now:     func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) },
		Resolve: func(string) string { return "" },
	})
	t.Cleanup(github.Close)
	github.AddRepository("o/r", githubtest.Repository{})
	github.AddHook("o/r", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://hooks.example.com/webhook"}})
	if err := github.Start(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	// go-gh reads its settings once in a process.
	read := config.Read
	t.Cleanup(func() { config.Read = read })
	config.Read = func(*config.Config) (*config.Config, error) {
		return config.ReadFromString(fmt.Sprintf("http_unix_socket: %q", filepath.Join(dir, "s"))), nil
	}
	for _, pair := range github.Environ(dir) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	r, _ = newReceiver(t, func() {})
	h := r.settings.Fleet
	h.Repositories = []string{"o/r"}
	r.settings.fleet = fleet.New(h)
	return github, r, ago
}

func miss(t *testing.T, github *githubtest.Server) {
	t.Helper()
	if _, err := github.Deliver(t.Context(), "o/r", "push", githubtest.SampleFor("push.main", "o/r")); err != nil {
		t.Fatal(err)
	}
}

// Every ten minutes a receiver asks once for each hook, and nothing else where nothing is missing.
func TestCatchingUpCostsOneCallForAHook(t *testing.T) {
	github, r, ago := catchingUp(t)
	ago.Store(int64(time.Hour))
	miss(t, github)
	look := func(want int) (calls int) {
		t.Helper()
		before := len(github.Requests())
		if n, err := r.catchUp(t.Context(), r.settings, nil); err != nil || n != want {
			t.Fatalf("fetched %d, %v; want %d", n, err, want)
		}
		return len(github.Requests()) - before
	}
	look(1)
	if calls := look(0); calls != 1 {
		t.Errorf("with nothing missing a look costs %d calls, want 1", calls)
	}
	miss(t, github)
	look(1)
	stats := r.server.Stats()
	if stats.Received != 2 {
		t.Errorf("%d recorded, want 2", stats.Received)
	}
}

// Deliveries that do not arrive raise an alarm and one notification, until one arrives.
func TestSilenceRaisesAnAlarmAndOneNotification(t *testing.T) {
	r, _ := newReceiver(t, func() {})
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failing := []fleet.Silence{{Repository: "o/r", Failed: 3, Since: since, Reason: "502 Bad Gateway"}, {Repository: "o/s", Failed: 2}}
	lost := []fleet.Silence{{Repository: "o/r", Lost: 2, Since: since, Reason: "200 OK"}}
	records := func() (n int) {
		t.Helper()
		if err := r.log.Log().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		filter, err := logs.ParseFilter("event:hookctl source:hookctl", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		page, err := r.log.Log().Page(t.Context(), logs.Query{Filter: filter, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if !strings.HasPrefix(e.Result, "intake_failing: ") || e.Repository != "o/r" {
				t.Errorf("%+v", e)
			}
		}
		return len(page.Entries)
	}
	r.judgeIntake(t.Context(), failing, nil)
	r.judgeIntake(t.Context(), failing, nil)
	st := r.status()
	want := "the newest 3 deliveries of o/r failed, since 2026-01-02 03:04 UTC: 502 Bad Gateway; the same with 1 other hook"
	if len(st.Alarms) != 1 || st.Alarms[0].Key != "intake_failing" || st.Alarm != want || st.Alarms[0].Hint == "" || st.Alarms[0].Warning {
		t.Errorf("%+v", st.Alarms)
	}
	if n := records(); n != 1 {
		t.Errorf("%d notifications, want 1", n)
	}
	r.judgeIntake(t.Context(), nil, errors.New("GitHub cannot be asked"))
	if st := r.status(); st.Alarm != want {
		t.Errorf("when GitHub could not be asked: %+v", st.Alarms)
	}
	r.judgeIntake(t.Context(), nil, nil)
	if st := r.status(); st.Alarms != nil {
		t.Errorf("when deliveries arrive again: %+v", st.Alarms)
	}
	r.judgeIntake(t.Context(), lost, nil)
	if st := r.status(); !strings.Contains(st.Alarm, "GitHub calls the newest 2 deliveries of o/r delivered") || records() != 2 {
		t.Errorf("%+v, %d notifications", st.Alarms, records())
	}
}
