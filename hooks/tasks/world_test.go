package tasks

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

const repo = "octo-org/widgets"

// world is a simulated GitHub and a client of it.
type world struct {
	*githubtest.Server
	t      *testing.T
	client *hooks.Client
	home   string
	now    time.Time
}

func newWorld(t *testing.T, options githubtest.Options) *world {
	t.Helper()
	// The path of a socket is short, and t.TempDir's is not on every system.
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{t: t, home: dir, now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	options.Now = func() time.Time { return w.now }
	w.Server = githubtest.New(options)
	t.Cleanup(w.Close)
	w.RateLimit(githubtest.RateLimit{Limit: 1 << 30, Remaining: 1 << 30, WritesPerMinute: 1 << 30, WritesPerHour: 1 << 30})
	if err := w.Start(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	w.AddRepository(repo, githubtest.Repository{Private: true})
	w.client = w.newClient(githubtest.DefaultToken)
	return w
}

func (w *world) newClient(token string) *hooks.Client {
	w.t.Helper()
	client, err := hooks.New(hooks.Config{Host: "github.com", Token: token, Socket: filepath.Join(w.home, "s"),
		Limits: hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, Concurrent: 8, MaxWait: 3 * time.Second, Tries: 3, Pause: time.Millisecond}})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// settings are those of most tests: act, with excerpts.
func settings() Settings {
	return Settings{Mode: ModeAct,
		CI:      CISettings{Branches: []string{"watched"}, Labels: []string{"ci-failure"}, ReopenWithin: 14 * 24 * time.Hour},
		Merged:  MergedSettings{Close: []string{"develop"}, Comment: true},
		Blocked: BlockedSettings{Label: "blocked", Remind: 72 * time.Hour}}
}

// sync is a Sync of the world with changes to the usual settings.
func (w *world) sync(change ...func(*Config)) *Sync {
	w.t.Helper()
	cfg := Config{Settings: settings(), Home: w.home, GitHub: func() (*hooks.Client, error) { return w.client, nil }, Watched: []string{"main", "develop"},
		Now: func() time.Time { return w.now }}
	for _, c := range change {
		c(&cfg)
	}
	return New(cfg)
}

// run hands a finished run to sync.
func (w *world) run(s *Sync, r githubtest.Run) Outcome {
	w.t.Helper()
	out, err := s.Handle(w.t.Context(), w.delivery("workflow_run", w.RunPayload(repo, r)))
	if err != nil {
		w.t.Fatalf("run %d: %v", r.Number, err)
	}
	return out
}

func (w *world) delivery(event string, payload []byte) Delivery {
	return Delivery{File: "20261128_090000_" + event + ".json", Event: event, Source: "delivery", ReceivedAt: w.now, Payload: payload}
}

// only is the one issue that there must be.
func (w *world) only() githubtest.Issue {
	w.t.Helper()
	list := w.Issues(repo)
	if len(list) != 1 {
		w.t.Fatalf("there are %d issues: %+v", len(list), list)
	}
	return list[0]
}

// failing gives a run a failed job with a log.
func (w *world) failing(run int64, log string, names ...string) {
	if len(names) == 0 {
		names = []string{"unit"}
	}
	for attempt := range int64(3) {
		jobs := []githubtest.Job{{Name: "lint", Conclusion: "success"}}
		for _, n := range names {
			jobs = append(jobs, githubtest.Job{Name: n, Conclusion: "failure", Steps: []githubtest.Step{{Name: "Test", Conclusion: "failure"}}, Log: []byte(log)})
		}
		w.SetJobs(repo, 9000000000000000+run, attempt+1, jobs...)
	}
}

// writes counts the calls that changed something at GitHub.
func (w *world) writes() (n int) {
	for _, r := range w.Requests() {
		if r.Method != "GET" {
			n++
		}
	}
	return n
}
