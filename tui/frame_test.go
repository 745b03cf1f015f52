package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/tui/events"
	"hookctl/tui/kittest"
)

// states are screens with every page and overlay of the frame, by name.
func states() map[string]func(*appScreen) {
	keys := func(names ...string) func(*appScreen) {
		return func(s *appScreen) { s.Press(names...) }
	}
	all := map[string]func(*appScreen){
		"home":              keys("1"),
		"events":            keys("2"),
		"events-marked":     keys("2", "x", "x"),
		"events-open":       keys("2", "enter"),
		"events-search":     func(s *appScreen) { s.Press("2", "enter", "/"); s.Typed("mona") },
		"events-filter":     func(s *appScreen) { s.Press("2", "/"); s.Typed("conclusion:failure") },
		"events-filter-bad": func(s *appScreen) { s.Press("2", "/"); s.Typed("event:push colour:red") },
		"events-complete":   keys("2", "/", "tab", "down", "down", "down", "enter", "down", "down"),
		"events-stats":      keys("2", "#", "down", "down"),
		"events-diff":       keys("2", "x", "j", "%", "j"),
		"events-none":       func(s *appScreen) { s.Press("2", "/"); s.Typed("event:release"); s.Press("enter") },
		"events-by":         keys("2", "="),
		"events-saving": func(s *appScreen) {
			s.Press("2", "/")
			s.Typed("event:push")
			s.Press("ctrl+s")
			s.Typed("pushes")
		},
		"events-save-bad": func(s *appScreen) {
			s.Press("2", "/")
			s.Typed("event:push")
			s.Press("ctrl+s")
			s.Typed("a/b")
		},
		"events-save-again": func(s *appScreen) {
			s.Press("2", "/")
			s.Typed("sender:hubot")
			s.Press("ctrl+s")
			s.Typed("mona")
			s.Press("enter")
		},
		"events-saved":      func(s *appScreen) { s.Press("2", "F", "down", "enter") },
		"events-filters":    func(s *appScreen) { s.Press("2", "/"); s.Typed("event:push"); s.Press("enter", "F") },
		"events-forget":     func(s *appScreen) { s.Press("2", "F", "ctrl+k") },
		"events-copy":       keys("2", "y"),
		"events-diff-value": keys("2", "x", "j", "%", "enter"),
		"events-export":     keys("2", "x", "W"),
		"events-jq":         func(s *appScreen) { s.Press("2", "enter", "|"); s.Typed(".pull_request.user") },
		"events-jq-bad":     func(s *appScreen) { s.Press("2", "enter", "|"); s.Typed(".[") },
		"events-value":      keys("2", "enter", "j", "enter"),
		"events-tasks":      keys("2", "H"),
		"events-tasks-do":   keys("2", "H", "enter"),
		"events-sync":       keys("2", "enter"),
		"home-tasks":        keys("1"),
		"countdown":         keys("2", "R"),
		"receiver":          keys("4"),
		"receiver-down":     func(s *appScreen) { s.Press("4"); s.Settle(s.heard(daemon.Status{}, daemon.ErrNotRunning)) },
		"home-down":         func(s *appScreen) { s.Press("1"); s.Settle(s.heard(daemon.Status{}, daemon.ErrNotRunning)) },
		"receiver-full":     func(s *appScreen) { s.Press("4"); s.View(); s.Press("enter") },
		"receiver-stop":     keys("4", "t"),
		"doctor":            keys("5"),
		"help":              keys("2", "?"),
		"help-box":          keys("2", "x", "j", "%", "?"),
		"not-now":           func(s *appScreen) { s.Press("6"); s.View(); s.Press("enter") },
		"palette":           keys("2", ":"),
		"palette-search":    func(s *appScreen) { s.Press("2", ":"); s.Typed("fil") },
		"commands":          keys("2", "Y"),
		"failure": func(s *appScreen) {
			s.Press("2")
			s.Settle(s.Fail(errorWithHint{"reach https://x.example.com/webhook: 502 Bad Gateway", "the tunnel is up but nothing listens on 127.0.0.1:9000; run: hookctl start"}))
		},
	}
	maps.Copy(all, settingsStates())
	return all
}

// shown is a screen for one of states; those of saved filters have some.
func shown(t testing.TB, name string, w, h int, change ...func(*Config)) *appScreen {
	if strings.HasPrefix(name, "events-sav") || name == "events-filters" || name == "events-forget" {
		change = append(change, func(c *Config) {
			c.Filters = map[string]string{"broken builds": "conclusion:failure since:7d", "mona": "sender:mona"}
			c.SaveFilter = func(context.Context, string, string) error { return nil }
		})
	}
	if name == "events-sync" || strings.Contains(name, "-tasks") {
		change = append(change, func(c *Config) { followed(t, c) })
	}
	return Full(t, w, h, change...)
}

// followed gives a home tasks that project sync follows, and the log the newest record of one.
func followed(t testing.TB, c *Config) {
	t.Helper()
	at := func(hours int) string {
		return kittest.Noon.Add(-time.Duration(hours) * time.Hour).Format(time.RFC3339)
	}
	web := "https://github.com/octo-org/"
	ledger := map[string]any{"entries": map[string]any{
		"0a1b2c3d4e5f": map[string]any{"key": "0a1b2c3d4e5f", "kind": "ci_failure", "repository": "octo-org/web", "title": "CI: CI Tests fails on main", "state": "suggested", "since": at(3), "last": at(1), "file": "20261124_114900_workflow_run.json"},
		"1a1b2c3d4e5f": map[string]any{"key": "1a1b2c3d4e5f", "kind": "ci_failure", "repository": "octo-org/api", "title": "CI: lint fails on develop", "issue": 42, "url": web + "api/issues/42", "state": "open", "since": at(50), "last": at(2)},
		"2a1b2c3d4e5f": map[string]any{"key": "2a1b2c3d4e5f", "kind": "blocked", "repository": "octo-org/api", "title": "Database is locked", "issue": 17, "url": web + "api/issues/17", "state": "open", "since": at(80), "last": at(8)},
		"3a1b2c3d4e5f": map[string]any{"key": "3a1b2c3d4e5f", "kind": "ci_failure", "repository": "octo-org/docs", "title": "CI: Links fails on main", "state": "suggested", "since": at(5), "last": at(4), "error": "create the issue: the repository is archived", "hint": "unarchive it"},
		"4a1b2c3d4e5f": map[string]any{"key": "4a1b2c3d4e5f", "kind": "merged", "repository": "octo-org/web", "title": "Pull request #1340", "url": web + "web/pull/1340", "state": "closed", "since": at(30), "last": at(30)},
	}}
	if err := os.MkdirAll(filepath.Join(c.Home, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(ledger)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Home, "state", "sync.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Sync = tasks.New(tasks.Config{Settings: tasks.Settings{Mode: tasks.ModeSuggest}, Home: c.Home, Now: c.Now})
	c.Tasks = events.Tasks{List: c.Sync.List, Apply: func(context.Context, string) (string, error) { return "", nil }}
	record := kittest.SampleRecords()[6]
	record.Summary.Branch, record.Result, record.ReceivedAt = "main", "ci_failure: CI Tests failed on main", kittest.Noon.Add(-time.Minute)
	record.Sync = &logs.Sync{Status: logs.SyncDone, Key: "5a1b2c3d4e5f", Text: `created an issue: CI "CI Tests" fails on branch "main"; moved to "Todo" on the board`, Issue: 43, URL: web + "web/issues/43", Attempts: 1}
	record.File = "20261124_115900_workflow_run.json" // beside the samples, whose index is copied in after it
	data, err = record.Encode()
	if err == nil {
		err = errors.Join(os.MkdirAll(c.Logs.Dir, 0o700), os.WriteFile(filepath.Join(c.Logs.Dir, record.File), data, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

type errorWithHint struct{ text, hint string }

func (e errorWithHint) Error() string { return e.text }
func (e errorWithHint) Hint() string  { return e.hint }

// Every binding is unique on its page, every action says what it does.
func TestActionsAreWhole(t *testing.T) {
	check := func(t *testing.T, s *appScreen) {
		t.Helper()
		ids, keys := map[string]bool{}, map[string]string{}
		for _, a := range s.Actions() {
			switch {
			case a.ID == "" || ids[a.ID]:
				t.Errorf("id %q is empty or there twice", a.ID)
			case a.Run == nil:
				t.Errorf("%s has no function", a.ID)
			case len(a.Keys) == 0:
				t.Errorf("%s has no key", a.ID)
			case !strings.HasSuffix(a.Text, ".") || len(a.Text) < 6:
				t.Errorf("%s has no sentence: %q", a.ID, a.Text)
			case a.Command != "" && !strings.HasPrefix(a.Command, "hookctl "):
				t.Errorf("%s: %q is no command line of hookctl", a.ID, a.Command)
			case strings.HasSuffix(a.Off, "."):
				t.Errorf("%s: the reason %q is a toast, without a full stop", a.ID, a.Off)
			}
			ids[a.ID] = true
			for _, k := range a.Keys {
				if other, ok := keys[k]; ok {
					t.Errorf("key %q means %s and %s", k, other, a.ID)
				}
				keys[k] = a.ID
			}
		}
	}
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			s := shown(t, name, 120, 40)
			enter(s)
			check(t, s)
		})
	}
}

// No screen is wider or higher than the window, at any size.
func TestEverySizeFits(t *testing.T) {
	var few, many [][2]int
	for _, w := range []int{0, 1, 2, 3, 7, 20, 39, 40, 60, 80, 99, 100, 200} {
		for _, h := range []int{0, 1, 2, 3, 5, 8, 12, 16, 24, 34, 60} {
			few = append(few, [2]int{w, h})
		}
	}
	for w := 0; w <= 200; w += 1 + w/9 {
		for h := 0; h <= 60; h += 1 + h/5 {
			many = append(many, [2]int{w, h})
		}
	}
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			s := shown(t, name, 80, 24)
			enter(s)
			sizes := few
			if name == "events-open" || name == "home" {
				sizes = many
			}
			for _, sz := range sizes {
				s.Send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
				v := s.View()
				if sz[0] == 0 || sz[1] == 0 {
					continue
				}
				lines := strings.Split(v.Content, "\n")
				if len(lines) != sz[1] {
					t.Fatalf("%dx%d: %d lines", sz[0], sz[1], len(lines))
				}
				for _, l := range lines {
					if n := ansi.StringWidth(l); n != sz[0] {
						t.Fatalf("%dx%d: a line of %d columns: %q", sz[0], sz[1], n, ansi.Strip(l))
					}
				}
				if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0) {
					t.Fatalf("%dx%d: the cursor is at %d,%d", sz[0], sz[1], c.X, c.Y)
				}
			}
		})
	}
}

// The screens as people see them: four sizes, ASCII, and a first run.
func TestGoldenScreens(t *testing.T) {
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			kittest.RequireScreens(t, func(w, h int, ascii bool) *kittest.Screen {
				s := shown(t, name, w, h, func(c *Config) { c.ASCII = ascii })
				enter(s)
				return s.Screen
			})
		})
	}
	t.Run("welcome", func(t *testing.T) {
		var b strings.Builder
		for _, sz := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {60, 20}, {200, 60}} {
			cfg := testConfig(t)
			s := newScreen(t, cfg, sz[0], sz[1])
			s.Settle(s.heard(daemon.Status{}, daemon.ErrNotRunning))
			for page := range s.Pages {
				s.Press(string(rune('1' + page)))
				fmt.Fprintf(&b, "== %dx%d\n%s", sz[0], sz[1], s.Text())
			}
			cfg.Temporary = true
			s = newScreen(t, cfg, sz[0], sz[1])
			s.Settle(s.heard(daemon.Status{}, daemon.ErrNotRunning))
			fmt.Fprintf(&b, "== %dx%d in the demo\n%s", sz[0], sz[1], s.Text())
		}
		golden.RequireEqual(t, []byte(b.String()))
	})
}

// The styles of a light and of a dark terminal.
func TestGoldenStyles(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, name := range []string{"home", "events", "events-open", "receiver", "palette-search", "failure"} {
			t.Run(theme+"/"+name, func(t *testing.T) {
				s := Full(t, 80, 24, func(c *Config) { c.Theme = theme })
				states()[name](s)
				golden.RequireEqual(t, []byte(strings.ReplaceAll(s.View().Content, "\x1b", "␛")))
			})
		}
	}
}
