package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks/tasks"
	"hookctl/tui/kit"
)

// Esc on a page that another one opened goes back there, past all that was gone through.
func TestEscGoesBackToWhereOneCameFrom(t *testing.T) {
	s := Full(t, 80, 24)
	at := func(want string) {
		t.Helper()
		if got := s.app.Pages[s.At].Name(); got != want {
			t.Fatalf("it is on %s, not on %s", got, want)
		}
	}
	s.Press("1")
	s.Shows("Failing now")
	s.Press("enter") // a workflow that fails
	at(kit.PageEvents)
	s.Shows("esc back")
	s.Press("esc")
	at(kit.PageHome)
	s.Press("esc")
	at(kit.PageHome)
	s.Shows("nothing to close here")

	s.Settle(s.GoTo(kit.PageDoctor, nil))
	s.Settle(s.GoTo(kit.PageEvents, kit.Filtered("status:failed")))
	s.Press("esc") // the filter
	at(kit.PageEvents)
	s.Press("esc")
	at(kit.PageDoctor)
	s.Press("esc")
	at(kit.PageHome)

	s.Press("enter", "3", "esc") // a page that was chosen has no way back
	at(kit.PageHooks)
}

// The list of tasks opens above Home, and esc leads back to it.
func TestTasksOpenAboveHome(t *testing.T) {
	s := Full(t, 120, 40, func(c *Config) {
		c.Tasks.List = func() ([]tasks.Item, error) {
			return []tasks.Item{{Key: "k", Repository: "octo-org/web", Title: "CI fails on main", State: "open"}}, nil
		}
	})
	s.Settle(s.events.OpenTasks())
	s.Shows("Tasks", "CI fails on main")
	s.Press("esc")
	if s.At != 0 || s.Top() != nil {
		t.Errorf("it is on %s", s.app.Pages[s.At].Name())
	}
}

// The keys to the ends work in the list of keys, which says everything in full.
func TestHelpGoesToItsEndsAndCutsNothing(t *testing.T) {
	for _, w := range []int{40, 80} {
		s := Full(t, w, 24)
		s.Press("2", "?")
		top := s.Text()
		s.Press("G")
		s.Shows("more above", "^z")
		if strings.Contains(s.Text(), "…") || strings.Contains(top, "…│") {
			t.Errorf("at %d columns something is cut:\n%s\n%s", w, top, s.Text())
		}
		s.Press("g")
		s.Shows("more below")
		s.Press("end")
		s.Shows("more above")
	}
}

// A heading of Home has something below it, and the checks are on Home at every size.
func TestHomeHasNoHeadingWithoutAnEvent(t *testing.T) {
	s := Full(t, 80, 24)
	for h := 8; h < 40; h++ {
		s.H = h
		lines := strings.Split(s.Text(), "\n")
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "Important events") }); i >= 0 {
			if below := strings.TrimSpace(lines[i+1]); i+1 >= len(lines)-1 || below == "" {
				t.Errorf("with %d lines nothing stands below the heading:\n%s", h, strings.Join(lines, "\n"))
			}
		}
	}
}

// A log that cannot be read does not hide what else is known.
func TestHomeWithoutALogShowsTheChecks(t *testing.T) {
	s := Full(t, 80, 24)
	s.Settle(s.opened(nil, errors.New("make the log directory: permission denied")))
	s.Shows("The log cannot be read.", "press 5 to check everything", "make the log directory: permission denied", "Checks", "receiver", "secret")
	s.Press("enter")
	if s.At == 0 && s.Top() == nil {
		t.Error("the line under the cursor does nothing")
	}
}

// A command line for another terminal names the home, where that is not the one that hookctl takes anyway.
func TestCommandsForAnotherTerminalNameTheHome(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		plain  bool
	}{
		"the default home": {func(*Config) {}, true},
		"another home":     {func(c *Config) { c.HomeName = "~/second" }, false},
		"the demo":         {func(c *Config) { c.Temporary = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := Full(t, 120, 40, c.change)
			here := "HOOKCTL_HOME=" + s.cfg.Home
			for command, want := range map[string]string{
				"hookctl ci --red":            here + " hookctl ci --red",
				"hookctl a | xargs hookctl b": "export " + here + "; hookctl a | xargs hookctl b",
				"jq . latest.json":            "jq . latest.json",
			} {
				if c.plain {
					want = command
				}
				if got := s.Here(command); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

// What has the words in its name comes before what has them in its description.
func TestSettingsFindNamesFirst(t *testing.T) {
	s := Full(t, 80, 24)
	s.Press("6", "/")
	s.Typed("keep")
	s.Press("enter", "enter")
	s.Shows("log.keep", "30d")
	s.Lacks("HOOKCTL_HOME names another home")
	s.Press("esc", "esc")
	s.Shows("9 settings")
}

func TestSettingsSayWhatNeedsARestart(t *testing.T) {
	for _, c := range []struct {
		waiting []string
		want    string
	}{
		{[]string{"receiver.port"}, "receiver.port needs a restart: b"},
		{[]string{"receiver.port", "log.dir"}, "receiver.port, log.dir need a restart: b"},
	} {
		s := Full(t, 80, 24)
		s.status.Value.NeedsRestart = c.waiting
		s.Press("6")
		s.Shows(c.want)
	}
}
