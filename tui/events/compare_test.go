package events

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// Statistics count what is listed, and a line of them becomes the filter.
func TestStatisticsChooseEvents(t *testing.T) {
	for _, size := range [][2]int{{40, 12}, {80, 24}, {120, 40}, {200, 60}} {
		s := eventful(t, size[0], size[1])
		s.Press("2", "#")
		s.Shows("Statistics of 8 events", "by event", "▌ workflow_run", "2  25.0%", "2026-11-22 10:00 to")
		for _, l := range strings.Split(s.Text(), "\n") {
			if ansi.StringWidth(l) > size[0] {
				t.Errorf("%v: too wide: %s", size, l)
			}
		}
		s.Typed("issu")
		s.Shows("issues  ", "1  12.5%")
		if size[0] >= 60 {
			s.Shows("1 failed 1  12.5%")
		}
		s.Press("enter")
		s.Shows("filter event:issues")
		s.Press("#")
		s.Shows("Statistics of 1 event")
		s.Press("esc")
		s.Lacks("Statistics")
	}
	s := eventful(t, 120, 40)
	s.Press("2", "#")
	s.Typed("11:00")
	s.Press("enter")
	s.Shows("to choose an hour, filter a single day first")
	s.Press("esc", "/")
	s.Typed("since:24h")
	s.Press("enter", "#")
	s.Typed("11:00")
	s.Press("enter")
	s.Shows("filter since:24h since:2026", "until:2026")
	s.Press("/")
	s.Typed("event:release")
	s.Press("enter", "#")
	s.Lacks("Statistics")
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
