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
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

func TestQuitLeavesAtOnce(t *testing.T) {
	for _, k := range []string{"q", "ctrl+c"} {
		s := Full(t, 80, 24)
		s.Press(k)
		if !s.Quit {
			t.Errorf("%s does not leave", k)
		}
	}
	s := Full(t, 80, 24)
	s.Press("2", "/", "q")
	if s.Quit {
		t.Error("q leaves while a filter is typed")
	}
	s.Press("ctrl+c")
	if !s.Quit {
		t.Error("ctrl+c does not leave while a filter is typed")
	}
}

func TestPagesTurn(t *testing.T) {
	s := Full(t, 80, 24)
	for _, step := range []struct {
		key  string
		want int
	}{{"tab", 1}, {"tab", 2}, {"shift+tab", 1}, {"5", 4}, {"tab", 0}, {"shift+tab", 4}} {
		s.Press(step.key)
		if s.At != step.want {
			t.Fatalf("%s leads to page %d, not %d", step.key, s.At, step.want)
		}
	}
}

func TestPageAndFilterComeBack(t *testing.T) {
	s := Full(t, 80, 24)
	s.Press("2", "/")
	s.Typed("event:push")
	s.Press("enter", ">", "M")
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
	if b.At != 1 || b.events.State().Filter != "event:push" || b.events.State().Share != s.events.State().Share || b.Mouse || len(b.events.State().History) != 1 {
		t.Errorf("page %d, filter %q, share %d, mouse %v, history %q", b.At, b.events.State().Filter, b.events.State().Share, b.Mouse, b.events.State().History)
	}
	for _, junk := range []string{"", "{", `{"page":7}`, `{"page":"Nowhere","filter":"colour:red","share":4000}`} {
		if err := os.WriteFile(s.cfg.stateFile(), []byte(junk), 0o600); err != nil {
			t.Fatal(err)
		}
		c := newApp(context.Background(), s.cfg)
		c.restore()
		if c.At != 0 || c.events.State().Filter != "" || c.events.State().Share != 50 {
			t.Errorf("%s: page %d, filter %q, share %d", junk, c.At, c.events.State().Filter, c.events.State().Share)
		}
	}
}

func TestKeysCanBeOverridden(t *testing.T) {
	s := Full(t, 80, 24, func(c *Config) { c.Keys = map[string][]string{"quit": {"Q"}, "find": {"ctrl+f"}} })
	s.Press("q")
	if s.Quit {
		t.Fatal("q still leaves")
	}
	s.Press("2", "ctrl+f")
	s.Shows("filter")
	s.Press("esc", "Q")
	if !s.Quit {
		t.Fatal("Q does not leave")
	}
}

func TestPaletteStartsActionsAndSaysWhyNot(t *testing.T) {
	s := Full(t, 80, 24)
	s.Press("2", ":")
	s.Typed("pause")
	s.Shows("nothing matches")
	s.Press("esc", "ctrl+p")
	s.Typed("next older failure")
	s.Shows("hookctl events list")
	s.Press("enter")
	s.Shows("paused", "2/8")
	s.Press("g", ":")
	s.Typed("take away")
	s.Shows("there is no mark and no filter to take away")
}

func TestToastGivesWayToTheNext(t *testing.T) {
	s := Full(t, 80, 24)
	s.Settle(s.Say("first"))
	first := kit.ToastOver(s.Toast.ID)
	s.Settle(s.Say("second"))
	s.Send(first)
	s.Shows("second")
	s.Send(kit.ToastOver(s.Toast.ID))
	s.Lacks("second")
}

func TestWindowTitleIsConstant(t *testing.T) {
	cfg := testConfig(t)
	kittest.Write(t, cfg.Logs, &logs.Record{EventType: "push", ReceivedAt: kittest.Noon, DeliveryID: "x", Summary: logs.Summary{Title: "\x1b]0;evil\x07"}})
	s := newScreen(t, cfg, 80, 24)
	for _, k := range []string{"1", "2", "enter", "4"} {
		s.Press(k)
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
		s := Full(t, 80, 24, func(c *Config) { c.Now = func() time.Time { return kittest.Noon.Add(age) } })
		s.Shows(want)
	}
}

func TestMouseOnHomeAndInBoxes(t *testing.T) {
	s := Full(t, 80, 24)
	lines := strings.Split(s.Text(), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "notifications") })
	click := tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft}
	s.Send(click)
	if s.At != 0 || !strings.Contains(strings.Split(s.Text(), "\n")[y], "▌") {
		t.Fatalf("a click does not go to its line:\n%s", s.Text())
	}
	s.Send(click)
	s.Shows("filter status:failed")

	m := &kit.Message{Shell: s.Shell, Head: "Long", Lines: strings.Split(strings.Repeat("line\n", 60)+"the last one", "\n")}
	s.Show(m)
	s.Lacks("the last one")
	for range 20 {
		s.Send(tea.MouseWheelMsg{X: 10, Y: 10, Button: tea.MouseWheelDown})
	}
	s.Shows("the last one")
}

// Without a hook the command lines name none.
func TestCommandLinesOfNothing(t *testing.T) {
	s := newScreen(t, testConfig(t), 100, 30)
	for _, page := range []string{"2", "3"} {
		s.Press(page)
		for _, act := range s.Actions() {
			if strings.HasPrefix(act.Command, "hookctl hooks") && strings.Contains(act.Command, " 0 ") || strings.HasSuffix(act.Command, " ") || strings.Contains(act.Command, "''") {
				t.Errorf("%s: %q", act.ID, act.Command)
			}
		}
	}
}
