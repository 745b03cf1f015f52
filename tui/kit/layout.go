package kit

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// Fit cuts and pads s to exactly w columns and h lines.
func Fit(s string, w, h int) string {
	w, h = max(0, w), max(0, h)
	if h == 0 {
		return ""
	}
	lines := strings.Split(s, "\n")
	out := make([]string, h)
	for i := range out {
		if i < len(lines) {
			out[i] = FitLine(lines[i], w)
		} else {
			out[i] = strings.Repeat(" ", w)
		}
	}
	return strings.Join(out, "\n")
}

// FitLine cuts and pads one line to exactly w columns.
func FitLine(s string, w int) string { return fitLine(s, w, "") }

// fitLine is FitLine; what is cut off leaves more at the end.
func fitLine(s string, w int, more string) string {
	if w <= 0 {
		return ""
	}
	n := Width(s)
	if n > w {
		s = truncate(s, w, more)
		n = Width(s)
	}
	return s + strings.Repeat(" ", max(0, w-n))
}

// Cut shortens s to w columns and ends it with the theme's ellipsis.
func (t *Theme) Cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if Width(s) <= w {
		return s
	}
	return truncate(s, w, t.Sym.More)
}

// Middle shortens s to w columns in its middle: names of one kind
// often differ at their end. s has no styles.
func (t *Theme) Middle(s string, w int) string {
	n := Width(s)
	if n <= w || w < 8 {
		return t.Cut(s, w)
	}
	head := (w - 1) * 2 / 5
	return truncate(s, head, "") + Steady(t.Sym.More+ansi.TruncateLeft(s, n-(w-1-head), "")) // a mark at the cut combines with nothing
}

// Cell cuts and pads s to w columns.
func (t *Theme) Cell(s string, w int) string { return fitLine(s, w, t.Sym.More) }

// Beside puts two blocks of h lines next to each other, with a rule between
// them.
func (t *Theme) Beside(left, right string, h int) string {
	rule := t.Border.Render(t.Sym.column)
	a, b := strings.Split(left, "\n"), strings.Split(right, "\n")
	lines := make([]string, max(0, h))
	for i := range lines {
		lines[i] = a[i] + rule + b[i]
	}
	return strings.Join(lines, "\n")
}

// boxed frames body with a title in its upper edge; w and h are the sizes inside.
func (t *Theme) boxed(title, body string, w, h int) string {
	b := t.Sym.box
	head := t.Middle(title, max(0, w-4))
	fill := max(0, w-Width(head)-3)
	top := t.Border.Render(b.TopLeft+b.Top) + " " + t.Title.Render(head) + " " + t.Border.Render(strings.Repeat(b.Top, fill)+b.TopRight)
	var out strings.Builder
	out.WriteString(top)
	for line := range strings.SplitSeq(Fit(body, w, h), "\n") {
		out.WriteString("\n" + t.Border.Render(b.Left) + line + t.Border.Render(b.Right))
	}
	out.WriteString("\n" + t.Border.Render(b.BottomLeft+strings.Repeat(b.Bottom, max(0, w))+b.BottomRight))
	return out.String()
}

// Cursor is a place in a list of n rows of which h are on screen.
type Cursor struct {
	At, Top int
}

// To puts the cursor on row i of n.
func (c *Cursor) To(i, n int) { c.At = max(0, min(n-1, i)) }

// Window scrolls as little as needed to have the cursor on screen, and gives
// the rows to draw: from, up to and without to.
func (c *Cursor) Window(n, h int) (from, to int) {
	c.To(c.At, n)
	if c.At < c.Top {
		c.Top = c.At
	} else if c.At >= c.Top+h {
		c.Top = c.At - h + 1
	}
	c.Top = max(0, min(c.Top, n-h))
	return c.Top, min(n, c.Top+max(0, h))
}

// Hit puts the cursor on the row of n that a click is on, and reports whether it is on one: h rows from line y on are on screen.
func (c *Cursor) Hit(m Click, y, n, h int) bool {
	i := c.Top + m.Y - y
	if m.Y < y || m.Y >= y+h || i >= n {
		return false
	}
	c.At = i
	return true
}

// Under is what a cursor is on in a list.
func Under[T any](c Cursor, list []T) (under T, ok bool) {
	if c.At < len(list) {
		return list[c.At], true
	}
	return under, false
}

// Scroll is a place in a text of which a window is on screen.
type Scroll struct {
	At   int // the first line of the window
	Most int // how far it goes, as of the last window
}

// By goes by some lines.
func (s *Scroll) By(lines int) tea.Cmd {
	s.At = max(0, min(s.Most, s.At+lines))
	return nil
}

// Turn follows the wheel.
func (s *Scroll) Turn(msg tea.Msg) tea.Cmd { return Turn(msg, s.By) }

// Turn has step follow the wheel.
func Turn(msg tea.Msg, step func(by int) tea.Cmd) tea.Cmd {
	if w, ok := msg.(Wheel); ok {
		return step(w.Lines)
	}
	return nil
}

// Window are the lines to draw where there is room for h.
func (s *Scroll) Window(lines []string, h int) []string {
	s.Most = max(0, len(lines)-h)
	s.By(0)
	return lines[s.At:min(len(lines), s.At+h)]
}
