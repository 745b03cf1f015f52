package tui

import (
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
)

// The renderer looks for frames at the full rate for a moment after each change, and once a second while nothing changes.
func TestTheRendererRests(t *testing.T) {
	s := startTerminal(t, testConfig(t), 80, 24)
	s.await(true, "1 Home") // so that a frame was drawn
	if tickerOf(s.program) == nil {
		t.Error("this version of Bubble Tea has no ticker that can be found")
	}
	synctest.Test(t, func(t *testing.T) {
		p := &pace{ticker: time.NewTicker(frameEvery)}
		defer p.ticker.Stop()
		ticks := func(d time.Duration) (n int) {
			for end := time.After(d); ; {
				select {
				case <-p.ticker.C:
					n++
				case <-end:
					return n
				}
			}
		}
		few := func(what string, n, low, high int) {
			t.Helper()
			if n < low || n > high {
				t.Errorf("%s: the renderer looked %d times", what, n)
			}
		}
		p.frame(tea.NewView("a"))
		few("after the first frame", ticks(awake), 5, 7)
		few("ten seconds of rest", ticks(10*time.Second), 9, 11)
		p.frame(tea.NewView("a"))
		few("the same frame again", ticks(10*time.Second), 9, 11)
		p.frame(tea.NewView("b"))
		few("another frame", ticks(awake), 5, 7)
		for range 50 { // a change every 20 ms goes on being shown
			p.frame(tea.NewView(time.Now().String()))
			few("one of many frames", ticks(20*time.Millisecond), 1, 2)
		}
		cursor := tea.NewView("c")
		p.frame(cursor)
		ticks(time.Second)
		cursor.Cursor = tea.NewCursor(3, 0)
		p.frame(cursor)
		few("the cursor alone", ticks(awake), 5, 7)
		ticks(time.Second)
	})
}
