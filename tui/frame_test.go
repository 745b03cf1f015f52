package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"hookctl/server/daemon"
)

// states are screens with every page and overlay of the frame, by name.
func states() map[string]func(*screen) {
	keys := func(names ...string) func(*screen) {
		return func(s *screen) { s.press(names...) }
	}
	return map[string]func(*screen){
		"home":              keys("1"),
		"events":            keys("2"),
		"events-marked":     keys("2", "x", "x"),
		"events-open":       keys("2", "enter"),
		"events-search":     func(s *screen) { s.press("2", "enter", "/"); s.typed("mona") },
		"events-filter":     func(s *screen) { s.press("2", "/"); s.typed("conclusion:failure") },
		"events-filter-bad": func(s *screen) { s.press("2", "/"); s.typed("event:push colour:red") },
		"events-none":       func(s *screen) { s.press("2", "/"); s.typed("event:release"); s.press("enter") },
		"events-by":         keys("2", "="),
		"events-saving": func(s *screen) {
			shelved(s)
			s.press("2", "/")
			s.typed("event:push")
			s.press("ctrl+s")
			s.typed("pushes")
		},
		"events-save-bad": func(s *screen) {
			shelved(s)
			s.press("2", "/")
			s.typed("event:push")
			s.press("ctrl+s")
			s.typed("a/b")
		},
		"events-save-again": func(s *screen) {
			shelved(s)
			s.press("2", "/")
			s.typed("sender:hubot")
			s.press("ctrl+s")
			s.typed("mona")
			s.press("enter")
		},
		"events-saved":   func(s *screen) { shelved(s); s.press("2", "F", "down", "enter") },
		"events-filters": func(s *screen) { shelved(s); s.press("2", "/"); s.typed("event:push"); s.press("enter", "F") },
		"events-forget":  func(s *screen) { shelved(s); s.press("2", "F", "ctrl+k") },
		"events-copy":    keys("2", "y"),
		"receiver":       keys("4"),
		"receiver-rejected": func(s *screen) {
			s.press("4", "v")
			s.send(rejectedMsg{list: []daemon.Rejected{
				{Time: noon.Add(-time.Hour), Address: "192.0.2.7:55555", Reason: "no signature"},
				{Time: noon.Add(-2 * time.Minute), Address: "140.82.112.3:40000", Reason: "the signature does not match", Event: "push", Fingerprints: []string{"a1b2c3d4"}, Former: "0f1e2d3c"},
				{Time: noon.Add(-time.Minute), Address: "140.82.112.3:40001", Reason: "wrong signature", Event: "push", DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Fingerprints: []string{"a1b2c3d4"}},
			}})
		},
		"receiver-down":     func(s *screen) { s.press("4"); s.send(statusMsg{err: daemon.ErrNotRunning}) },
		"home-down":         func(s *screen) { s.press("1"); s.send(statusMsg{err: daemon.ErrNotRunning}) },
		"receiver-full":     func(s *screen) { s.press("4"); s.View(); s.press("enter") },
		"receiver-settings": keys("4", "v", "v"),
		"receiver-stop":     keys("4", "t"),
		"doctor":            keys("5"),
		"doctor-many":       examined,
		"doctor-find":       func(s *screen) { examined(s); s.press("/"); s.typed("west-03 deliv") },
		"help":              keys("2", "?"),
		"palette":           keys("2", ":"),
		"palette-search":    func(s *screen) { s.press("2", ":"); s.typed("fil") },
		"commands":          keys("2", "Y"),
		"failure": func(s *screen) {
			s.press("2")
			s.settle(s.fail(errorWithHint{"reach https://x.example.com/webhook: 502 Bad Gateway", "the tunnel is up but nothing listens on 127.0.0.1:9000; run: hookctl start"}))
		},
	}
}

type errorWithHint struct{ text, hint string }

func (e errorWithHint) Error() string { return e.text }
func (e errorWithHint) Hint() string  { return e.hint }

// Every binding is unique on its page, every action says what it does.
func TestActionsAreWhole(t *testing.T) {
	check := func(t *testing.T, s *screen) {
		t.Helper()
		ids, keys := map[string]bool{}, map[string]string{}
		for _, a := range s.actions() {
			switch {
			case a.id == "" || ids[a.id]:
				t.Errorf("id %q is empty or there twice", a.id)
			case a.run == nil:
				t.Errorf("%s has no function", a.id)
			case len(a.keys) == 0:
				t.Errorf("%s has no key", a.id)
			case !strings.HasSuffix(a.text, ".") || len(a.text) < 6:
				t.Errorf("%s has no sentence: %q", a.id, a.text)
			case a.command != "" && !strings.HasPrefix(a.command, "hookctl "):
				t.Errorf("%s: %q is no command line of hookctl", a.id, a.command)
			case strings.HasSuffix(a.off, "."):
				t.Errorf("%s: the reason %q is a toast, without a full stop", a.id, a.off)
			}
			ids[a.id] = true
			for _, k := range a.keys {
				if other, ok := keys[k]; ok {
					t.Errorf("key %q means %s and %s", k, other, a.id)
				}
				keys[k] = a.id
			}
		}
	}
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			s := full(t, 120, 40)
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
			s := full(t, 80, 24)
			enter(s)
			sizes := few
			if name == "events-open" || name == "home" {
				sizes = many
			}
			for _, sz := range sizes {
				s.send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
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

// The screens as people see them: three sizes, ASCII, and a first run.
func TestGoldenScreens(t *testing.T) {
	sizes := [][2]int{{80, 24}, {120, 40}, {40, 12}}
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, sz := range sizes {
				s := full(t, sz[0], sz[1])
				enter(s)
				fmt.Fprintf(&b, "== %dx%d\n%s", sz[0], sz[1], s.text())
			}
			s := full(t, 80, 24, func(c *Config) { c.ASCII = true })
			enter(s)
			fmt.Fprintf(&b, "== 80x24 in ASCII\n%s", s.text())
			golden.RequireEqual(t, []byte(b.String()))
		})
	}
	t.Run("welcome", func(t *testing.T) {
		var b strings.Builder
		for _, sz := range append(sizes, [2]int{60, 20}, [2]int{200, 60}) {
			cfg := testConfig(t)
			s := newScreen(t, cfg, sz[0], sz[1])
			s.send(statusMsg{err: daemon.ErrNotRunning})
			for page := range s.pages {
				s.press(string(rune('1' + page)))
				fmt.Fprintf(&b, "== %dx%d\n%s", sz[0], sz[1], s.text())
			}
			s.cfg.Temporary = true
			s.press("1")
			fmt.Fprintf(&b, "== %dx%d in the demo\n%s", sz[0], sz[1], s.text())
		}
		golden.RequireEqual(t, []byte(b.String()))
	})
}

// The styles of a light and of a dark terminal.
func TestGoldenStyles(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, name := range []string{"home", "events", "events-open", "receiver", "palette-search", "failure"} {
			t.Run(theme+"/"+name, func(t *testing.T) {
				s := full(t, 80, 24, func(c *Config) { c.Theme = theme })
				states()[name](s)
				golden.RequireEqual(t, []byte(strings.ReplaceAll(s.View().Content, "\x1b", "␛")))
			})
		}
	}
}
