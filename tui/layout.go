package tui

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// fit cuts and pads s to exactly w columns and h lines.
func fit(s string, w, h int) string {
	w, h = max(0, w), max(0, h)
	if h == 0 {
		return ""
	}
	lines := strings.Split(s, "\n")
	out := make([]string, h)
	for i := range out {
		if i < len(lines) {
			out[i] = fitLine(lines[i], w)
		} else {
			out[i] = strings.Repeat(" ", w)
		}
	}
	return strings.Join(out, "\n")
}

// fitLine cuts and pads one line to exactly w columns.
func fitLine(s string, w int) string {
	if w <= 0 {
		return ""
	}
	n := ansi.StringWidth(s)
	if n > w {
		s = ansi.Truncate(s, w, "")
		n = ansi.StringWidth(s)
	}
	return s + strings.Repeat(" ", max(0, w-n))
}

// cut shortens s to w columns and ends it with the theme's ellipsis.
func (t *theme) cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if ansi.StringWidth(s) <= w {
		return s
	}
	return ansi.Truncate(s, w, t.sym.more)
}

// middle shortens s to w columns in its middle: what tells names of one kind
// apart is often their end. s has no styles.
func (t *theme) middle(s string, w int) string {
	n := ansi.StringWidth(s)
	if n <= w || w < 8 {
		return t.cut(s, w)
	}
	head := (w - 1) * 2 / 5
	return ansi.Truncate(s, head, "") + t.sym.more + ansi.TruncateLeft(s, n-(w-1-head), "")
}

// cell cuts and pads s to w columns.
func (t *theme) cell(s string, w int) string { return fitLine(t.cut(s, w), w) }

// wrap breaks s into lines of at most w columns.
func wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	return strings.Split(ansi.Wrap(s, w, " /"), "\n")
}

// beside puts two blocks of the same height next to each other, with a rule
// between them.
func (t *theme) beside(left, right string, h int) string {
	rule := strings.TrimSuffix(strings.Repeat(t.border.Render(t.sym.column)+"\n", max(0, h)), "\n")
	return lipgloss.JoinHorizontal(lipgloss.Top, left, rule, right)
}

// boxed frames body with a title in its upper edge; w and h are the sizes inside.
func (t *theme) boxed(title, body string, w, h int) string {
	b := t.sym.box
	head := t.middle(title, max(0, w-4))
	fill := max(0, w-ansi.StringWidth(head)-3)
	top := t.border.Render(b.TopLeft+b.Top) + " " + t.title.Render(head) + " " + t.border.Render(strings.Repeat(b.Top, fill)+b.TopRight)
	var out strings.Builder
	out.WriteString(top)
	for line := range strings.SplitSeq(fit(body, w, h), "\n") {
		out.WriteString("\n" + t.border.Render(b.Left) + line + t.border.Render(b.Right))
	}
	out.WriteString("\n" + t.border.Render(b.BottomLeft+strings.Repeat(b.Bottom, max(0, w))+b.BottomRight))
	return out.String()
}

// over lays box onto body at column x and line y.
func over(body, box string, x, y int) string {
	top := lipgloss.NewLayer(box).X(max(0, x)).Y(max(0, y)).Z(1)
	return lipgloss.NewCompositor(lipgloss.NewLayer(body), top).Render()
}

// column is one column of a table.
type column struct {
	title  string
	width  int // fixed when weight is 0, else the least that is useful
	weight int
	needs  int // the table must be at least this wide for the column to show
}

// spread returns the width of each column in a table of w, one blank between:
// fixed columns keep their size, the rest is shared by weight, and a column that
// does not fit is 0.
func spread(cols []column, w int) []int {
	out := make([]int, len(cols))
	left, weights := w, 0
	for i, c := range cols {
		if w < c.needs {
			continue
		}
		out[i] = c.width
		left -= c.width + 1
		weights += c.weight
	}
	left++
	for i, c := range cols {
		if out[i] > 0 && c.weight > 0 && weights > 0 && left > 0 {
			out[i] += left * c.weight / weights
		}
	}
	return out
}

// stripped is s without styles.
func stripped(s string) string { return ansi.Strip(s) }
