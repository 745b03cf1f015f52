package kittest

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"hookctl/tui/kit"
)

// sizes are those that golden screens are kept at.
var sizes = [...][2]int{{80, 24}, {120, 40}, {200, 60}, {40, 12}}

// RequireScreens compares what people see with the golden file of the test: in
// four sizes, and in ASCII. show opens the screen.
func RequireScreens(t *testing.T, show func(w, h int, ascii bool) *Screen) {
	t.Helper()
	var b strings.Builder
	for _, sz := range sizes {
		fmt.Fprintf(&b, "== %dx%d\n%s", sz[0], sz[1], show(sz[0], sz[1], false).Text())
	}
	fmt.Fprintf(&b, "== 80x24 in ASCII\n%s", show(80, 24, true).Text())
	golden.RequireEqual(t, []byte(b.String()))
}

// RequireFits fails unless the screen is as wide and high as the window at any
// size, with the cursor inside.
func RequireFits(t *testing.T, s *Screen) {
	t.Helper()
	heights := []int{0, 1, 2, 3, 5, 8, 11, 12, 13, 16, 24, 40, 60}
	n := 0
	for _, w := range []int{0, 1, 2, 5, 10, 19, 20, 30, 39, 40, 47, 56, 60, 79, 80, 90, 99, 110, 120, 160, 200} {
		for range 3 { // each width meets other heights
			n += 5
			h := heights[n%len(heights)]
			s.Send(tea.WindowSizeMsg{Width: w, Height: h})
			v := s.View()
			if w == 0 || h == 0 {
				continue
			}
			lines := strings.Split(v.Content, "\n")
			if len(lines) != h {
				t.Fatalf("%dx%d: %d lines", w, h, len(lines))
			}
			for _, l := range lines {
				if n := ansi.StringWidth(l); n != w {
					t.Fatalf("%dx%d: a line of %d columns: %q", w, h, n, ansi.Strip(l))
				}
			}
			if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0 || w >= 10 && c.X > w || h >= 5 && c.Y >= h) {
				t.Fatalf("%dx%d: the cursor is at %d,%d", w, h, c.X, c.Y)
			}
		}
	}
}

// RequireWhole fails unless every action is whole and no key means two things.
func RequireWhole(t *testing.T, actions []kit.Action) {
	t.Helper()
	keys := map[string]string{}
	for _, a := range actions {
		if a.Run == nil || !strings.HasSuffix(a.Text, ".") || strings.HasSuffix(a.Off, ".") || a.Command != "" && !strings.HasPrefix(a.Command, "hookctl ") {
			t.Errorf("%s is not whole: %+v", a.ID, a)
		}
		for _, k := range a.Keys {
			if other, ok := keys[k]; ok {
				t.Errorf("key %q means %s and %s", k, other, a.ID)
			}
			keys[k] = a.ID
		}
	}
}

// RequireHarmless fails unless the screen of hostile text is that of its
// harmless twin and no byte of it gets out.
func RequireHarmless(t *testing.T, hostile, harmless *Screen) {
	t.Helper()
	if hostile.Text() != harmless.Text() {
		t.Errorf("hostile:\n%s\nharmless:\n%s", hostile.Text(), harmless.Text())
	}
	v := hostile.View()
	if v.WindowTitle != "hookctl" {
		t.Errorf("the window title is %q", v.WindowTitle)
	}
	for _, c := range ansi.Strip(v.Content) {
		if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069) {
			t.Fatalf("the screen has %U", c)
		}
	}
	if strings.Contains(v.Content, "\x1b]52") || strings.Contains(v.Content, "\x1b[2J") {
		t.Error("a sequence of the text reached the screen")
	}
}

// Nasty is text that takes a terminal over where it is not cleaned.
const Nasty = "\x1b[2J\x1b]52;c;aGk=\x07\x1b[31mred\u202e\u2066\x9b31m\r\n\x00\xff"

// Must fails the test that it is given where err is not nil.
func Must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// RequireClickable fails unless a click on the third line of a checklist
// chooses it.
func RequireClickable(t *testing.T, s *Screen, p *kit.Picker) {
	t.Helper()
	want := strings.Split(p.View(80, 4), "\n")[3]
	_, label, _ := strings.Cut(ansi.Strip(want), "] ")
	label = strings.Fields(label)[0]
	before := len(p.Picked())
	for y, line := range strings.Split(s.Text(), "\n") {
		if strings.Contains(line, "] "+label) {
			s.Send(tea.MouseClickMsg{X: 10, Y: y, Button: tea.MouseLeft})
		}
	}
	if it, _ := p.Under(); it.ID != label || len(p.Picked()) == before {
		t.Errorf("the cursor is on %q, not on %q; chosen are %v", it.ID, label, p.Picked())
	}
}
