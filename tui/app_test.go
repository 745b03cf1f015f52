package tui

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
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
	}{{"tab", 1}, {"tab", 2}, {"shift+tab", 1}, {"6", 5}, {"tab", 0}, {"shift+tab", 5}} {
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
	s.Typed("frobnicate")
	s.Shows("nothing matches")
	s.Press("esc", "ctrl+p")
	s.Typed("next older failure")
	s.Shows("hookctl events list")
	s.Press("enter")
	s.Shows("paused", "2/8")
	s.Press("g", ":")
	s.Typed("take away the marks")
	s.Shows("there is no mark and no filter to take away")
}

// What other pages can do, the settings and the saved filters are found on every page.
func TestPaletteFindsWhatOtherPagesDo(t *testing.T) {
	for typed, want := range map[string]struct{ shows, leads string }{
		"rotat":      {"▌ Hooks: Rotate", kit.PageHooks},
		"config":     {"Settings (hookctl config)", kit.PageSettings},
		"log.keep":   {"setting log.keep: 30d", kit.PageSettings},
		"filter red": {"filter red: conclusion:failure", kit.PageEvents},
	} {
		s := Full(t, 80, 24, func(c *Config) { c.Filters = map[string]string{"red": "conclusion:failure"} })
		s.Press(":")
		s.Typed(typed)
		s.Shows(want.shows)
		s.Press("enter")
		if at := s.Pages[s.At].Name(); at != want.leads {
			t.Errorf("%q leads to %s, not %s", typed, at, want.leads)
		}
	}
}

// A filter that was saved just now is in the palette too.
func TestPaletteKnowsAFilterSavedJustNow(t *testing.T) {
	cfg := testConfig(t)
	cfg.SaveFilter = func(context.Context, string, string) error { return nil }
	s := newScreen(t, cfg, 80, 24)
	s.Press("2", "/")
	s.Typed("event:push")
	s.Press("enter", "ctrl+s")
	s.Typed("pushes")
	s.Press("enter", ":")
	s.Typed("filter pushes")
	s.Shows("filter pushes: event:push")
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
		-403 * day: "✓ secret        9f9f5111, from .env; it is 0 s old", 23 * time.Hour: "✓ secret        9f9f5111, from .env; it is 23 h old",
		2 * day: "✓ secret        9f9f5111, from .env; it is 2 days old", 91 * day: "! secret        it is 91 days old  enter: to Hooks",
	} {
		s := Full(t, 80, 24, func(c *Config) { c.Now = func() time.Time { return kittest.Noon.Add(age) } })
		s.Shows(want)
	}
}

// Home, status and doctor judge alike, and what was not checked is not green.
// nodes is a cluster of three; c is away.
func nodes() *daemon.Cluster {
	list := []daemon.ClusterMember{{Node: "a", Up: true}, {Node: "b", Up: true}, {Node: "c"}}
	for i := range list {
		list[i].Version = kittest.RunningStatus().Version
	}
	return &daemon.Cluster{Name: "hooks", Node: "a", Quorum: true, Ready: true, Notifier: "b", Members: list}
}

// What is wrong with a cluster is to be done on another machine, so its row leads to where the nodes are shown.
func TestHomeLeadsFromTheClusterToItsNodes(t *testing.T) {
	s := newScreen(t, testConfig(t), 120, 40)
	status := kittest.RunningStatus()
	status.Cluster = nodes()
	s.Settle(s.heard(status, nil))
	for range 20 {
		if strings.Contains(s.Text(), "▌! cluster") {
			s.Press("enter")
			s.Shows("cluster", "c away", "receiver.log")
			return
		}
		s.Press("down")
	}
	t.Errorf("no key leads to the row of the cluster:\n%s", s.Text())
}

func TestHomeSaysWhatTheDoctorSays(t *testing.T) {
	report := func(t *testing.T, cfg Config, at time.Time, checks ...doctor.Check) {
		t.Helper()
		b, err := json.Marshal(doctor.Report{At: at, Checks: checks})
		if err == nil {
			err = os.MkdirAll(daemon.StateDir(cfg.Home), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(daemon.StateDir(cfg.Home), "doctor.json"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fine := []doctor.Check{
		{Name: "public URL", Status: doctor.OK, Detail: "https://hooks.example.com leads to this receiver"},
		{Name: "hook of octo-org/web", Status: doctor.OK, Detail: "hook 1 sends push"},
	}
	for name, c := range map[string]struct {
		checks []doctor.Check
		status func(*daemon.Status)
		shows  []string
		lacks  string
	}{
		"nothing was checked": {shows: []string{"Not everything was checked yet.", "press 5 to check everything", "◌ hooks         not checked yet", "◌ public URL    not checked yet"}, lacks: "Everything works"},
		"everything works":    {checks: fine, shows: []string{"✓ Everything works.  checked 3 h ago", "✓ hooks         1 repository delivers, 3 h ago", "✓ notifications none pending"}},
		"AI Maestro fails": {checks: fine, status: func(s *daemon.Status) {
			s.PendingNotifications, s.PendingSince = 4, kittest.Noon.Add(-5*time.Minute)
			s.FailingSinks = []daemon.FailingSink{{Sink: "aimaestro", Since: kittest.Noon.Add(-time.Minute), Error: "500"}}
		}, shows: []string{"! 1 item needs attention.", "✗ notifications"}, lacks: "Everything works"},
		"one waits for long": {checks: fine, status: func(s *daemon.Status) {
			s.PendingNotifications, s.PendingSince = 1, kittest.Noon.Add(-2*time.Minute)
		}, shows: []string{"! notifications 1 notification is pending, the oldest for 2 min"}, lacks: "Everything works"},
		"a hook failed": {checks: append([]doctor.Check{{Name: "deliveries of octo-org/web", Status: doctor.Fail, Detail: "502", Fix: "hookctl hooks ping 1"}}, fine...), shows: []string{"✗ hooks         502, 3 h ago  enter: to Hooks"}, lacks: "Everything works"},
		"a cluster":     {checks: fine, status: func(s *daemon.Status) { s.Cluster = nodes(); s.Cluster.Members[2].Up = true }, shows: []string{"✓ Everything works.", "✓ cluster       hooks: node a of 3, all up, b notifies"}},
		"a node is away": {checks: fine, status: func(s *daemon.Status) { s.Cluster = nodes() },
			shows: []string{"! 1 item needs attention.", "! cluster       node c is away; one more would stop the cluster  enter: see the nodes"}, lacks: "Everything works"},
		"no quorum": {checks: fine, status: func(s *daemon.Status) { s.Cluster = nodes(); s.Cluster.Quorum = false },
			shows: []string{"✗ cluster       hooks: node a of 3, no quorum; deliveries are stored here and answered with 503  enter: see the nodes"}, lacks: "Everything works"},
		"a cluster that is not joined yet": {checks: fine, status: func(s *daemon.Status) { s.Cluster = nodes(); s.Cluster.Members[2].Up, s.Cluster.Ready = true, false },
			shows: []string{"! cluster       this node waits for the secrets of the others  enter: see the nodes"}, lacks: "Everything works"},
		"something else is wrong": {checks: append([]doctor.Check{{Name: "clock", Status: doctor.Warn, Detail: "5 min off"}}, fine...), shows: []string{"! clock         5 min off, 3 h ago  enter: look"}, lacks: "Everything works"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			kittest.FillHome(t, cfg.Home, cfg.Store)
			if c.checks != nil {
				report(t, cfg, kittest.Noon.Add(-3*time.Hour), c.checks...)
			}
			s := newScreen(t, cfg, 120, 40)
			status := kittest.RunningStatus()
			status.Secret, status.Secrets = "9f9f5111", []string{"9f9f5111"}
			status.PendingNotifications, status.FailedNotifications = 0, 0
			if c.status != nil {
				c.status(&status)
			}
			s.Settle(s.heard(status, nil))
			s.Shows(c.shows...)
			if c.lacks != "" {
				s.Lacks(c.lacks)
			}
		})
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
