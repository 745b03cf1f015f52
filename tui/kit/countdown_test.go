package kit

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// An action that changes something outside begins by itself after three seconds, once, and not after esc.
func TestCountdownBeginsOnceAndCanBeCancelled(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		s := New(t.Context(), Config{Now: func() time.Time { return time.Time{} }})
		s.Waits = func(tea.Cmd) tea.Cmd { return nil }
		ran := 0
		s.perform(Action{Keys: []string{"R"}, Text: "Replay.", Acts: "replay 1 record", Run: func() tea.Cmd { ran++; return nil }})
		c := s.Top().(*Countdown)
		for second := range countFrom + 2 {
			if cancel && second == 1 {
				act, _ := Find(c.Actions(), "esc")
				act.Run()
			}
			if ran > 0 && second < countFrom {
				t.Errorf("it ran after %d s", second)
			}
			for _, o := range s.Overlays {
				o.Update(counted{c})
			}
		}
		if want := map[bool]int{false: 1, true: 0}[cancel]; ran != want || s.Top() != nil {
			t.Errorf("cancelled %v: it ran %d times", cancel, ran)
		}
	}
}
