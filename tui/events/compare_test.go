package events

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// Statistics count what is listed, in two columns where there is room, and a line of them becomes the filter.
func TestStatisticsChooseEvents(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {80, 24}, {120, 40}, {200, 60}} {
		s := eventful(t, size[0], size[1])
		s.Press("2", "#")
		s.Shows("Statistics", "all events", "8 events", "by event", "▌ ")
		for _, l := range strings.Split(s.Text(), "\n") {
			if ansi.StringWidth(l) > size[0] {
				t.Errorf("%v: too wide: %s", size, l)
			}
		}
		both := strings.Contains(lineWith(s.Text(), "by event"), "by sender")
		if both != (size[0] >= 120) {
			t.Errorf("%v: two columns: %v", size, both)
		}
		s.Press("G", "g", "enter")
		s.Shows("filter event:")
		s.Press("#")
		s.Shows("filter event:")
		s.Press("esc")
		s.Lacks("Statistics")
	}
	s := eventful(t, 120, 40)
	s.Press("2", "#", "right", "enter")
	s.Shows("filter sender:")
	s.Press("esc", "#", "right", "G", "enter")
	s.Shows("to choose an hour, filter a single day first")
	s.Press("esc", "/")
	s.Typed("since:24h")
	s.Press("enter", "#", "right", "G", "enter")
	s.Shows("filter since:24h since:2026", "until:2026")
	s.Press("/")
	s.Typed("event:release")
	s.Press("enter", "#")
	s.Lacks("Statistics")
}

func lineWith(screen, words string) string {
	for l := range strings.Lines(screen) {
		if strings.Contains(l, words) {
			return l
		}
	}
	return ""
}

// The marked event is compared with the one under the cursor, the older one first.
func TestTwoEventsAreCompared(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "%")
	s.Shows("mark an event with x")
	s.Press("x", "k", "%")
	s.Shows("go to the event to compare")
	s.Press("j", "%")
	s.Shows("- 11:49:00  workflow_run", "+ 11:55:00  pull_request opened", "▌.event", `- "workflow_run"`, `+ "pull_request"`, "changes; ids of deliveries")
	s.Press("j", "enter")
	s.Shows("old:", "new:")
	s.Press("esc", "G")
	s.Lacks("▌.event")
	s.Press("y")
	s.Shows("copied .")
	s.Press("%")
	s.Lacks("Compare")
	s.Press("x", "j", "x", "%")
	s.Shows("more are marked")
}
