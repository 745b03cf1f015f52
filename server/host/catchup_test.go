package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cli/go-gh/v2/pkg/config"

	"hookctl/hooks/githubtest"
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
