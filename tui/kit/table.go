package kit

import "strings"

// Column is one column of a table.
type Column struct {
	Title  string
	Width  int // fixed when weight is 0, else the least that is useful
	Weight int
	Needs  int // the table must be at least this wide for the column to show
}

// Table is columns in the widths that they have on screen.
type Table struct {
	Cursor *Style // of the row that has the cursor
	t      *Theme
	wide   int
	cols   []Column
}

// Cell is a text of a row in its style.
type Cell struct {
	Text  string
	Style Painter
}

// Table spreads columns over room of w columns of the screen, one blank between: fixed columns keep their size, the rest is
// shared by weight, and the width of one that does not fit is 0.
func (t *Theme) Table(w, room int, cols []Column) Table {
	left, weights := room+1, 0
	for i, c := range cols {
		if room < c.Needs {
			cols[i].Width = 0
			continue
		}
		left -= c.Width + 1
		weights += c.Weight
	}
	for i, c := range cols {
		if c.Width > 0 && c.Weight > 0 {
			cols[i].Width += max(0, left) * c.Weight / weights
		}
	}
	return Table{&t.Selected, t, w, cols}
}

// Width is how wide column i is, 0 where it is left out.
func (b Table) Width(i int) int { return b.cols[i].Width }

// Head has the titles of the columns.
func (b Table) Head() string {
	titles := make([]Cell, len(b.cols))
	for i, c := range b.cols {
		titles[i].Text = c.Title
	}
	return b.t.Faint.Render(FitLine("  "+b.cells(titles, true), b.wide))
}

// Row draws cells, each in its style; on reports whether the row has the cursor.
func (b Table) Row(on, marked bool, cells ...Cell) string {
	mark := " "
	if marked {
		mark = b.t.Sym.Mark
	}
	if on {
		return b.Cursor.Render(FitLine(b.t.Sym.Cursor+mark+b.cells(cells, true), b.wide))
	}
	return FitLine(" "+b.t.Warn.Render(mark)+b.cells(cells, false), b.wide)
}

func (b Table) cells(cells []Cell, plain bool) string {
	var out strings.Builder
	for i, c := range cells {
		width := b.cols[i].Width
		if width == 0 {
			continue
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		words := b.t.Cell(c.Text, width)
		if !plain {
			words = c.Style.Render(words)
		}
		out.WriteString(words)
	}
	return out.String()
}
