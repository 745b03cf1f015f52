package events

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// openStats counts the records of the filter, and shows them in a box.
func (p *Page) openStats() tea.Cmd {
	l, of := p.feed.log, p.feed.filter
	if l == nil {
		return p.shell.Warn("the log is being read")
	}
	return kit.Get(p.shell, func(ctx context.Context) (logs.Stats, error) { return l.Stats(ctx, of, time.Local) }, func(s logs.Stats) tea.Cmd {
		if s.Total == 0 {
			return p.shell.Say("there is no event to count")
		}
		b := &statsBox{p: p, stats: s, of: of}
		b.layOut()
		return p.shell.Show(b)
	})
}

// statsRow is a line of the box: a heading, or a tally.
type statsRow struct {
	by    string
	tally logs.Tally // without a name in a heading
	most  int        // records of the largest tally of the group
}

// statsBox shows how many events there are by type, repository, sender and hour, in one column or in two.
type statsBox struct {
	p     *Page
	stats logs.Stats
	of    logs.Filter
	cols  [][]statsRow
	at    []kit.Cursor // of each column
	col   int          // column that has the cursor
	high  int
}

// layOut parts the groups into columns, as many as the window has room for.
func (b *statsBox) layOut() {
	n := 1
	if b.p.shell.W >= besideFrom {
		n = 2
	}
	if len(b.cols) == n {
		return
	}
	b.cols, b.at, b.col = make([][]statsRow, n), make([]kit.Cursor, n), 0
	for i, group := range b.stats.Groups() {
		if len(group.Tallies) == 0 {
			continue
		}
		to := i * n / 4
		if len(b.cols[to]) > 0 {
			b.cols[to] = append(b.cols[to], statsRow{})
		}
		b.cols[to] = append(b.cols[to], statsRow{by: group.By})
		most := slices.MaxFunc(group.Tallies, func(a, b logs.Tally) int { return a.Count - b.Count }).Count
		for _, t := range group.Tallies {
			b.cols[to] = append(b.cols[to], statsRow{group.By, t, most})
		}
	}
	for i := range b.at {
		b.at[i].At = 1
	}
}

// move goes by some rows, over headings.
func (b *statsBox) move(by int) tea.Cmd {
	at, rows := &b.at[b.col], b.cols[b.col]
	for at.To(at.At+by, len(rows)); at.At > 0 && at.At < len(rows) && rows[at.At].tally.Name == ""; at.At += cmp.Compare(by, 0) {
	}
	if at.At == 0 {
		at.At, at.Top = 1, 0 // the first heading is seen
	}
	return nil
}

func (b *statsBox) Title() string { return "Statistics" }

func (b *statsBox) Update(msg tea.Msg) tea.Cmd { return kit.Turn(msg, b.move) }

func (b *statsBox) View(w, h int) string {
	t, s := b.p.shell.Theme, b.stats
	gap := 3
	b.layOut()
	wide := min(60, (w-gap*(len(b.cols)-1))/len(b.cols))
	of := "all events"
	if !b.of.IsZero() {
		of = "filter " + kit.Clean(b.of.String())
	}
	head := []string{" " + t.Accent.Render(t.Cut(of, w-2)),
		t.Cut(fmt.Sprintf(" %s, %s to %s", text.Count(s.Total, "event"), s.First.Local().Format("2006-01-02 15:04"), s.Last.Local().Format("2006-01-02 15:04")), w)}
	if s.Failed > 0 {
		head = append(head, " "+t.Bad.Render(t.Cut(text.Count(s.Failed, "event")+" with a notification that failed", w-2)))
	}
	if h > 12 {
		head = append(head, "")
	}
	b.high = max(1, h-len(head))
	high := 0
	for _, rows := range b.cols {
		high = max(high, min(len(rows), b.high))
	}
	var blocks []string
	for i, rows := range b.cols {
		if i > 0 {
			blocks = append(blocks, strings.Repeat(" ", gap))
		}
		from, to := b.at[i].Window(len(rows), b.high)
		var lines []string
		for j := from; j < to; j++ {
			lines = append(lines, b.row(rows[j], wide, i == b.col && j == b.at[i].At))
		}
		blocks = append(blocks, kit.Fit(strings.Join(lines, "\n"), wide, high))
	}
	return strings.Join(append(head, lipgloss.JoinHorizontal(lipgloss.Top, blocks...)), "\n")
}

// row draws a name, how many records it has, their share, and how many of them have a notification that failed.
func (b *statsBox) row(r statsRow, w int, on bool) string {
	t := b.p.shell.Theme
	failures := b.stats.Failed > 0 && w >= 40
	bars := map[bool]int{true: 10}[w >= 50]
	right := fmt.Sprintf(" %*s %5.1f%%", kit.Width(text.Thousands(b.stats.Total)), text.Thousands(r.tally.Count), b.stats.Share(r.tally.Count))
	room := w - 3 - kit.Width(right) - bars
	failed := ""
	if failures {
		room -= 8
		failed = map[bool]string{true: fmt.Sprintf(" %7s", text.Thousands(r.tally.Failed)), false: strings.Repeat(" ", 8)}[r.tally.Failed > 0]
	}
	switch {
	case r.by == "":
		return strings.Repeat(" ", w)
	case r.tally.Name == "" && failures && r.by != "hour":
		return t.Title.Render(kit.FitLine(kit.FitLine(" by "+r.by, 2+room+kit.Width(right))+"  failed", w))
	case r.tally.Name == "":
		return t.Title.Render(kit.FitLine(" by "+r.by, w))
	}
	name := kit.FitLine(t.Middle(kit.Clean(r.tally.Name), room), room)
	bar := strings.Repeat(t.Sym.Rule, max(min(bars, 1), bars*r.tally.Count/max(1, r.most)))
	if on {
		return t.Selected.Render(kit.FitLine(t.Sym.Cursor+" "+name+right+failed+" "+bar, w))
	}
	return kit.FitLine("  "+name+t.Faint.Render(right)+t.Bad.Render(failed)+" "+t.Accent.Render(bar), w)
}

// choose shows the events that the row under the cursor counts.
func (b *statsBox) choose() tea.Cmd {
	row := b.cols[b.col][b.at[b.col].At]
	word, ok := b.stats.Word(row.by, row.tally, time.Local)
	if !ok {
		return b.p.shell.Warn("to choose an hour, filter a single day first: since:24h")
	}
	b.p.shell.Shut(b)
	return b.p.addFilter(word)
}

func (b *statsBox) Actions() []kit.Action {
	column := func(to int) func() tea.Cmd {
		return func() tea.Cmd { b.col = max(0, min(len(b.cols)-1, to)); return nil }
	}
	single := kit.When(len(b.cols) < 2, "there is one column")
	command := "hookctl events stats" + kit.When(!b.of.IsZero(), " --filter "+text.Shell(b.of.String()))
	acts := []kit.Action{
		{ID: "stats.choose", Keys: []string{"enter"}, Label: "show these events", Text: "Filter the list by the line under the cursor.", Command: command, Run: b.choose},
		{ID: "stats.close", Keys: []string{"esc", "#", "q"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { b.p.shell.Shut(b); return nil }},
		{ID: "stats.left", Keys: []string{"left", "h"}, Text: "Go to the left column.", Off: single, Move: true, Run: column(0)},
		{ID: "stats.right", Keys: []string{"right", "l"}, Text: "Go to the right column.", Off: single, Move: true, Run: column(1)},
		b.p.shell.HelpAction(),
	}
	return append(acts, kit.Walk(b.high, "", b.move)...)
}
