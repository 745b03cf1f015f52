package kittest

import (
	"testing"

	"hookctl/tui/kit"
)

// States are a page, or a box, in every state that people see it in, by name. T is its screen in the tests of its package.
type States[T any] struct {
	List map[string]func(T) // brings a new screen into the state
	Open func(t testing.TB, w, h int, change ...func(*Settings)) T
	Of   func(T) (*Screen, *kit.Shell)
}

// Golden compares every state with its golden file, at every size.
func (st States[T]) Golden(t *testing.T) {
	for name, enter := range st.List {
		t.Run(name, func(t *testing.T) {
			RequireScreens(t, func(w, h int, ascii bool) *Screen {
				s := st.Open(t, w, h, func(c *Settings) { c.ASCII = ascii })
				enter(s)
				screen, _ := st.Of(s)
				return screen
			})
		})
	}
}

// Fit requires that every state fits any size, and that its actions are whole.
func (st States[T]) Fit(t *testing.T) {
	for name, enter := range st.List {
		t.Run(name, func(t *testing.T) {
			s := st.Open(t, 80, 24)
			enter(s)
			screen, shell := st.Of(s)
			RequireWhole(t, shell.Actions())
			RequireFits(t, screen)
		})
	}
}

// Styles compares the styles of every state with the golden file of the test.
func (st States[T]) Styles(t *testing.T) {
	RequireStyles(t, func(add func(string, *Screen, *kit.Theme)) {
		for name, enter := range st.List {
			s := st.Open(t, 80, 24)
			enter(s)
			screen, shell := st.Of(s)
			add(name, screen, shell.Theme)
		}
	})
}
