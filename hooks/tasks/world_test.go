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
