package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// What cannot be looked up in the log counts as recorded, so that nothing is recorded twice. The receiver's cursor must not
// go past it, or it is never looked for again.
func TestTheCursorStaysWhereTheLogCannotBeAsked(t *testing.T) {
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var ago atomic.Int64
	github := githubtest.New(githubtest.Options{
		Now:     func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) },
		Resolve: func(string) string { return "" },
	})
	t.Cleanup(github.Close)
	github.AddRepository("o/r", githubtest.Repository{})
	github.AddHook("o/r", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://hooks.example.com/webhook"}})
	if err := github.Start(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	if err := github.WriteGHConfig(dir); err != nil {
		t.Fatal(err)
	}
	for _, pair := range github.Environ(dir) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	for _, before := range []time.Duration{time.Hour, 0} { // far enough apart for the cursor to move
		ago.Store(int64(before))
		if _, err := github.Deliver(t.Context(), "o/r", "push", githubtest.SampleFor("push.main", "o/r")); err != nil {
			t.Fatal(err)
		}
	}

	r, _ := newReceiver(t, func(string) {})
	r.settings.Setup.Repositories, r.settings.Receiver.PublicURL = []string{"o/r"}, "https://hooks.example.com"
	cursor := filepath.Join(r.settings.runDir(), "catchup.json")
	if err := r.log.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.catchUpOnce(t.Context(), r.settings, nil); err == nil || !strings.Contains(err.Error(), "look a delivery up") {
		t.Errorf("error %v", err)
	}
	if moved := readCursor(cursor); len(moved) > 0 {
		t.Errorf("the cursor went to %v", moved)
	}
}
