package tui

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
)

func TestQuitLeavesAtOnce(t *testing.T) {
	for _, k := range []string{"q", "ctrl+c"} {
		s := full(t, 80, 24)
		s.press(k)
		if !s.quit {
			t.Errorf("%s does not leave", k)
		}
	}
	s := full(t, 80, 24)
	s.press("2", "/", "q")
	if s.quit {
		t.Error("q leaves while a filter is typed")
	}
	s.press("ctrl+c")
	if !s.quit {
		t.Error("ctrl+c does not leave while a filter is typed")
	}
}

func TestPagesTurn(t *testing.T) {
	s := full(t, 80, 24)
	for _, step := range []struct {
		key  string
		want int
	}{{"tab", 1}, {"tab", 2}, {"shift+tab", 1}, {"5", 4}, {"tab", 0}, {"shift+tab", 4}} {
		s.press(step.key)
		if s.at != step.want {
			t.Fatalf("%s leads to page %d, not %d", step.key, s.at, step.want)
		}
	}
}

func TestPageAndFilterComeBack(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "/")
	s.typed("event:push")
	s.press("enter", ">", "M")
	if err := s.save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.cfg.stateFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 && os.Getenv("OS") != "Windows_NT" {
		t.Errorf("the state has mode %v", info.Mode())
	}
	b := newApp(context.Background(), s.cfg)
	b.restore()
	if b.at != 1 || b.events().feed.filter.String() != "event:push" || b.events().share != s.events().share || b.mouse || len(b.events().history) != 1 {
		t.Errorf("page %d, filter %q, share %d, mouse %v, history %q", b.at, b.events().feed.filter, b.events().share, b.mouse, b.events().history)
	}
	for _, junk := range []string{"", "{", `{"page":7}`, `{"page":"Nowhere","filter":"colour:red","share":4000}`} {
		if err := os.WriteFile(s.cfg.stateFile(), []byte(junk), 0o600); err != nil {
			t.Fatal(err)
		}
		c := newApp(context.Background(), s.cfg)
		c.restore()
		if c.at != 0 || !c.events().feed.filter.IsZero() || c.events().share != 50 {
			t.Errorf("%s: page %d, filter %q, share %d", junk, c.at, c.events().feed.filter, c.events().share)
		}
	}
}

func TestMouse(t *testing.T) {
	s := full(t, 120, 40)
	click := func(x, y int) {
		t.Helper()
		s.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	}
	x := strings.Index(strings.Split(s.text(), "\n")[0], "2 Events")
	click(x+1, 0)
	s.shows("all events")
	click(10, 5)
	if s.events().feed.at != 2 {
		t.Fatalf("a click on the third row leads to %d", s.events().feed.at)
	}
	click(10, 5) // twice opens
	if !s.events().inside {
		t.Fatal("a double click does not open")
	}
	click(10, 4)
	if s.events().inside || s.events().feed.at != 1 {
		t.Fatal("a click on the list does not go back to it")
	}
	s.send(tea.MouseWheelMsg{X: 10, Y: 10, Button: tea.MouseWheelDown})
	if s.events().feed.at != 4 {
		t.Fatalf("the wheel leads to %d", s.events().feed.at)
	}
	if s.View().MouseMode == tea.MouseModeNone {
		t.Fatal("the mouse is off")
	}
	s.press("M")
	if s.View().MouseMode != tea.MouseModeNone {
		t.Fatal("the mouse does not go off")
	}
}

func TestKeysCanBeOverridden(t *testing.T) {
	s := full(t, 80, 24, func(c *Config) { c.Keys = map[string][]string{"quit": {"Q"}, "find": {"ctrl+f"}} })
	s.press("q")
	if s.quit {
		t.Fatal("q still leaves")
	}
	s.press("2", "ctrl+f")
	s.shows("filter")
	s.press("esc", "Q")
	if !s.quit {
		t.Fatal("Q does not leave")
	}
}

func TestPaletteStartsActionsAndSaysWhyNot(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", ":")
	s.typed("pause")
	s.shows("nothing matches")
	s.press("esc", "ctrl+p")
	s.typed("next older failure")
	s.shows("hookctl events list")
	s.press("enter")
	if e, _ := s.events().feed.current(); e.Conclusion != "failure" {
		t.Fatalf("the palette did not go to a failure but to %q", e.Event)
	}
	s.press("g", ":")
	s.typed("take away")
	s.shows("there is no mark and no filter to take away")
}

func TestToastGivesWayToTheNext(t *testing.T) {
	s := full(t, 80, 24)
	s.settle(s.say("first"))
	first := toastOver(s.toast.id)
	s.settle(s.say("second"))
	s.send(first)
	s.shows("second")
	s.send(toastOver(s.toast.id))
	s.lacks("second")
}

func TestWindowTitleIsConstant(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, &logs.Record{EventType: "push", ReceivedAt: noon, DeliveryID: "x", Summary: logs.Summary{Title: "\x1b]0;evil\x07"}})
	s := newScreen(t, cfg, 80, 24)
	for _, k := range []string{"1", "2", "enter", "4"} {
		s.press(k)
		if v := s.View(); v.WindowTitle != "hookctl" {
			t.Fatalf("the title is %q", v.WindowTitle)
		}
	}
}

func TestRunNeedsATerminal(t *testing.T) {
	// Under go test standard output is no terminal.
	if err := Run(context.Background(), testConfig(t)); err != ErrNoTerminal {
		t.Fatalf("got %v", err)
	}
}

func TestUnicodeLocale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, true},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.utf8"}, true},
	} {
		if got := unicodeLocale(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

// Home says how old the secret is, also where the clock was set back since, and
// suggests a rotation when it is old.
func TestHomeShowsTheAgeOfTheSecret(t *testing.T) {
	const day = 24 * time.Hour
	for age, want := range map[time.Duration]string{
		-403 * day: "✓ secret        9f9f5111, made today", 23 * time.Hour: "✓ secret        9f9f5111, made today",
		day: "✓ secret        9f9f5111, 1 day old", 91 * day: "! secret        9f9f5111, 91 days old  enter: to Hooks, r rotates it",
	} {
		s := full(t, 80, 24, func(c *Config) { c.Now = func() time.Time { return noon.Add(age) } })
		s.shows(want)
	}
}

func TestMouseOnHomeAndInBoxes(t *testing.T) {
	s := full(t, 80, 24)
	lines := strings.Split(s.text(), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "notifications") })
	click := tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft}
	s.send(click)
	if s.at != 0 || !strings.Contains(strings.Split(s.text(), "\n")[y], "▌") {
		t.Fatalf("a click does not go to its line:\n%s", s.text())
	}
	s.send(click)
	s.shows("filter status:failed")

	m := &message{a: s.app, head: "Long", lines: strings.Split(strings.Repeat("line\n", 60)+"the last one", "\n")}
	s.show(m)
	s.lacks("the last one")
	for range 20 {
		s.send(tea.MouseWheelMsg{X: 10, Y: 10, Button: tea.MouseWheelDown})
	}
	s.shows("the last one")
}

// Without a hook the command lines name none.
func TestCommandLinesOfNothing(t *testing.T) {
	s := newScreen(t, testConfig(t), 100, 30)
	for _, page := range []string{"2", "3"} {
		s.press(page)
		for _, act := range s.actions() {
			if strings.HasPrefix(act.command, "hookctl hooks") && strings.Contains(act.command, " 0 ") || strings.HasSuffix(act.command, " ") || strings.Contains(act.command, "''") {
				t.Errorf("%s: %q", act.id, act.command)
			}
		}
	}
}
