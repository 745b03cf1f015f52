package line

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/logs/text"
)

// page is how many rows of a table are printed before it stops.
const page = 20

// list is a table that was printed: its rows can be named by their numbers.
type list struct {
	kind  string // what the rows are: FILE, HOOK or DELIVERY; "" where nothing can be done with them
	words []string
	head  []string
	rows  [][]string
	from  int // the first row of the page that was printed last
	to    int // the row behind it
	heard int // how many rows were printed: only those have numbers
}

// column is where a row has what names a kind, less than 0 for nowhere.
func (l *list) column(kind string) int {
	return slices.IndexFunc(l.head, func(name string) bool { return name == kind || name == "ID" && kind == "HOOK" })
}

// cell is the value of a row in the column that names a kind, "" where it has none.
func (l *list) cell(row []string, kind string) string {
	if at := l.column(kind); at >= 0 && row[at] != "0" {
		return row[at]
	}
	return ""
}

// table prints a table and remembers it. One whose rows no command takes is printed whole.
func (m *mode) table(head []string, rows [][]string) {
	m.out.breakLine()
	l := &list{words: m.out.words, head: head, rows: rows}
	for _, kind := range []string{"HOOK", "FILE", "DELIVERY"} { // the most special one is the last
		if l.column(kind) >= 0 {
			l.kind = kind
		}
	}
	switch {
	case l.kind == "":
		m.print(l, 0, len(rows))
		return
	case m.longer != nil && m.longer.kind == l.kind:
		m.longer.extend(l)
		return
	}
	m.lists[l.kind], m.last = l, l
	m.print(l, 0, page)
	m.end(l)
}

// extend adds the rows of a longer list to the same list as it was: those behind its last row, so that no number changes
// when new rows have come in at the top.
func (l *list) extend(longer *list) {
	last := l.cell(l.rows[len(l.rows)-1], l.kind)
	at := slices.IndexFunc(longer.rows, func(row []string) bool { return longer.cell(row, l.kind) == last })
	l.rows = append(l.rows, longer.rows[at+1:]...)
	l.words = longer.words
}

// limitOf is the value of --limit of a command line, 0 where the command has no such flag.
func limitOf(tree *cobra.Command, words []string) int {
	cmd, rest, err := tree.Find(words)
	if err != nil || cmd.ParseFlags(rest) != nil {
		return 0
	}
	limit, err := cmd.Flags().GetInt("limit")
	if err != nil {
		return 0
	}
	return limit
}

// more prints the next page of the last list. Where all of it has been printed it asks the command for a longer one.
func (m *mode) more(ctx context.Context) error {
	l := m.last
	if l == nil {
		return m.fail("no list was printed yet", "events list prints one")
	}
	if limit := limitOf(m.Tree(), l.words); l.to == len(l.rows) && limit > 0 && len(l.rows) >= limit {
		m.longer = l
		err := m.execute(ctx, append(slices.Clone(l.words), "--limit", strconv.Itoa(len(l.rows)+5*page)))
		m.longer = nil
		if err != nil {
			return err
		}
	}
	if l.to < len(l.rows) {
		m.print(l, l.to, l.to+page)
	}
	m.end(l)
	return nil
}

// back prints the page before.
func (m *mode) back() error {
	if m.last == nil || m.last.from == 0 {
		return m.fail("this is the first page", "")
	}
	m.print(m.last, m.last.from-page, m.last.from)
	m.end(m.last)
	return nil
}

// end says how a page ends: more rows are known, or the list is as long as its --limit. Of a list that has no limit and fits
// on a page it says nothing.
func (m *mode) end(l *list) {
	switch limit := limitOf(m.Tree(), l.words); {
	case l.to < len(l.rows), limit > 0 && len(l.rows) >= limit:
		m.say("Type more for the next page.")
	case limit > 0, len(l.rows) > page:
		m.say("End of the list.")
	}
}

// print prints rows of a list, one per line: what is empty is left out where the row has a number, and what does not
// speak for itself is named.
func (m *mode) print(l *list, from, to int) {
	l.from, l.to = from, min(to, len(l.rows))
	l.heard = max(l.heard, l.to)
	for i := l.from; i < l.to; i++ {
		var parts []string
		for column, cell := range l.rows[i] {
			if cell = text.Clean(cell); cell == "" || cell == "-" {
				if l.kind != "" {
					continue
				}
				cell = "empty"
			}
			name := l.head[column]
			if _, err := strconv.Atoi(cell); err == nil || name == "NOTIFIED" || name == "SENDER" {
				cell = strings.ToLower(name) + " " + cell
			}
			parts = append(parts, cell)
		}
		line := strings.Join(parts, ", ")
		if l.kind != "" {
			line = fmt.Sprintf("%d. %s", i+1, line)
		}
		m.say(line)
	}
}
