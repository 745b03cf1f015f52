package home

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
	"hookctl/server/doctor"
	"hookctl/tui/kit"
)

// The board has four parts: what fails, what needs attention, how much came in, and the last important events. They stand
// below each other, or in two columns where the window is wide; the events take what room is left.

// column is one of the board's, with its lines.
type column struct {
	w    int
	rows []row
}

const (
	wideFrom = 130 // columns from which there are two
	tallFrom = 18  // lines from which there are blank ones between the parts
)

func (p *Page) board(w, h int) string {
	t := p.shell.Theme
	gap, wide, left, most := h >= tallFrom, w >= wideFrom && h >= tallFrom, w, max(2, h/5)
	if wide {
		left, most = max(62, min(88, w*2/5)), 12
	}
	health := p.health(left)
	list := []row{{text: p.heading(health)}}
	add := func(part ...row) {
		if gap && len(part) > 0 {
			list = append(list, row{})
		}
		list = append(list, part...)
	}
	add(p.failing(left, most, gap)...)
	add(p.checks(health, h)...)
	if wide {
		add(p.activity(left, max(1, min(8, h-len(list)-5)))...)
		if kinds := p.byEvent(left, h-len(list)-3); len(kinds) > 0 {
			add(append([]row{{text: t.Title.Render("By event") + "  " + t.Faint.Render("of the last 24 hours")}}, kinds...)...)
		}
		right := []row{{text: t.Title.Render("Important events") + "  " + t.Faint.Render("of the last 7 days")}, {}}
		return p.draw(h, column{left, list}, column{w - left - 1, append(right, p.events(w-left-1, h-2)...)})
	}
	switch {
	case h >= 30:
		add(p.activity(w, 3)...)
	case h >= 14:
		add(p.activity(w, 1)...)
	}
	if add(row{text: t.Title.Render("Important events")}); len(list) >= h {
		list[len(list)-1] = row{} // no heading without an event below it
	}
	return p.draw(h, column{w, append(list, p.events(w, h-len(list))...)})
}

// checks are what the doctor says: in a low window one line for all that works.
func (p *Page) checks(health []row, h int) (list []row) {
	t, works := p.shell.Theme, 0
	if h >= tallFrom {
		list = append(list, row{text: t.Title.Render("Checks")})
	}
	for _, r := range health {
		if r.status == doctor.OK && h < 16 {
			works++
			continue
		}
		list = append(list, r)
	}
	if works > 0 && works == len(health) {
		list = append(list, row{text: t.Good.Render(t.Sym.OK) + " " + text.Count(works, "check") + " passed", run: func() tea.Cmd { return p.shell.GoTo(kit.PageDoctor, nil) }})
	}
	return list
}

// failing are the workflows that fail, in at most that many lines, or a line that says that none does.
func (p *Page) failing(w, most int, gap bool) []row {
	t, c := p.shell.Theme, p.facts.ci
	total := c.Failing + c.Running + c.Passing + c.Unknown
	sum := text.Count(total, "workflow")
	if c.Failing > 0 {
		sum = fmt.Sprintf("%s of %s", text.Thousands(c.Failing), sum)
	}
	if c.Running > 0 {
		sum += fmt.Sprintf(", %s running", text.Thousands(c.Running))
	}
	switch {
	case total == 0 && gap:
		return []row{{text: t.Faint.Render(t.Sym.Pending + " No branch with CI runs in the log.")}}
	case total == 0:
		return nil
	case c.Failing == 0:
		mark := t.Good.Render(t.Sym.OK + " CI passes.")
		if c.Passing == 0 {
			mark = t.Faint.Render(t.Sym.Pending + " No CI run has ended yet.")
		}
		return []row{{text: mark + "  " + t.Faint.Render(sum)}}
	}
	list := []row{{text: t.Title.Render("Failing now") + "  " + t.Faint.Render(sum)}}
	reds := p.facts.red
	if len(reds) > most {
		reds = reds[:most-1]
	}
	list = append(list, p.redRows(reds, w)...)
	if more := c.Failing - len(reds); more > 0 && len(reds) > 0 {
		list = append(list, row{text: t.Faint.Render(fmt.Sprintf("  and %s more: %s", text.Thousands(more), p.shell.Here("hookctl ci --red")))})
	}
	return list
}

// redRows are a table: since when, repository, branch, workflow.
func (p *Page) redRows(reds []red, w int) []row {
	t, now := p.shell.Theme, p.shell.Now()
	owners := kit.Owners{}
	for _, r := range reds {
		owners.Add(r.Repository)
	}
	cells := make([][3]string, len(reds))
	var wide [3]int
	for i, r := range reds {
		cells[i] = [3]string{kit.Clean(r.Repository), kit.Clean(r.Branch), kit.Clean(r.Workflow)}
		for k, c := range cells[i] {
			wide[k] = max(wide[k], kit.Width(c))
		}
	}
	const since = 9
	room := w - 4 - since
	if wide[0]+wide[1]+wide[2]+4 > room {
		wide[0] = 0
		for i := range reds {
			cells[i][0] = kit.Clean(owners.Short(reds[i].Repository))
			wide[0] = max(wide[0], kit.Width(cells[i][0]))
		}
	}
	for k, share := range []int{35, 50} { // what is left is the workflow's
		wide[k] = min(wide[k], max(6, room*share/100))
	}
	rows := make([]row, len(reds))
	for i, r := range reds {
		words := t.Bad.Render(t.Sym.Bad) + " " + t.Faint.Render(kit.FitLine(text.Span(now.Sub(r.Since)), since)) +
			kit.FitLine(t.Middle(cells[i][0], wide[0]), wide[0]+2) + kit.FitLine(t.Middle(cells[i][1], wide[1]), wide[1]+2) + cells[i][2]
		rows[i] = row{status: doctor.Fail, text: words, url: r.URL, run: func() tea.Cmd { return p.shell.GoTo(kit.PageEvents, r.entry) }}
	}
	return rows
}

// activity is a chart of the last day with its axis, h lines high.
func (p *Page) activity(w, h int) []row {
	t := p.shell.Theme
	spans := p.facts.rates
	total, most, columns := 0, 0, 24
	for _, k := range []int{36, 48, 72, 144} {
		if k <= w-4 {
			columns = k
		}
	}
	each := max(1, int(day/span)/columns)
	values := make([]int, 0, columns)
	for i := 0; i < len(spans); i += each {
		n := 0
		for _, r := range spans[i:min(i+each, len(spans))] {
			n += r.Total
		}
		values = append(values, n)
		total, most = total+n, max(most, n)
	}
	head := t.Title.Render("Last 24 hours") + "  " + fmt.Sprintf("%s, ", text.Count(total, "event"))
	if total > 0 {
		head += fmt.Sprintf("at most %s in %s, ", text.Thousands(most), text.Span(time.Duration(each)*span))
	}
	list := []row{{text: head + text.Thousands(p.facts.total) + " stored"}}
	for _, line := range t.Chart(values, h) {
		list = append(list, row{text: t.Accent.Render(line)})
	}
	if len(spans) > 0 {
		list = append(list, row{text: t.Faint.Render(axis(spans[0].Start, time.Duration(each)*span, len(values)))})
	}
	return list
}

// byEvent counts the last day by event, the most frequent first, in at most h lines.
func (p *Page) byEvent(w, h int) []row {
	t := p.shell.Theme
	counts := map[string]int{}
	for _, r := range p.facts.rates {
		for event, n := range r.Events {
			counts[event] += n
		}
	}
	events := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	name, number := 0, 0
	for _, e := range events {
		name, number = max(name, kit.Width(e)), max(number, len(text.Thousands(counts[e])))
	}
	var list []row
	for _, e := range events[:max(0, min(h, len(events)))] {
		bar := (w - name - number - 6) * counts[e] / counts[events[0]]
		list = append(list, row{text: fmt.Sprintf("%s %*s  %s", kit.FitLine(kit.Clean(e), name), number, text.Thousands(counts[e]), t.Accent.Render(strings.Repeat(t.Sym.Rule, max(1, bar))))})
	}
	return list
}

// axis names the hours below a chart of n columns.
func axis(start time.Time, each time.Duration, n int) string {
	line := []rune(strings.Repeat(" ", n))
	free := 0
	for i := range line {
		at := start.Add(time.Duration(i) * each).Local()
		if at.Hour()%6 != 0 || at.Minute() >= int(each/time.Minute) && each < time.Hour || i < free || i+5 > n-4 {
			continue
		}
		copy(line[i:], []rune(at.Format("15")+":00"))
		free = i + 7
	}
	copy(line[max(0, n-3):], []rune("now"))
	return string(line)
}

// events are the last important events, in at most h lines.
func (p *Page) events(w, h int) []row {
	if len(p.facts.recent) == 0 {
		return []row{{text: p.shell.Theme.Faint.Render("No important event yet.")}}
	}
	var list []row
	for _, e := range p.facts.recent[:min(max(0, h), len(p.facts.recent))] {
		list = append(list, row{text: strings.TrimPrefix(strings.TrimRight(p.cfg.Row(e, w), " "), " "), url: e.URL, run: func() tea.Cmd { return p.shell.GoTo(kit.PageEvents, e) }})
	}
	return list
}

// draw draws columns of h lines beside each other, and notes the rows that the cursor can stand on.
func (p *Page) draw(h int, columns ...column) string {
	p.rows = p.rows[:0]
	x := 0
	for _, c := range columns {
		for y, r := range c.rows[:min(h, len(c.rows))] {
			if r.run != nil {
				r.y, r.from, r.to = y, x, x+c.w
				p.rows = append(p.rows, r)
			}
		}
		x += c.w + 1
	}
	p.To(p.At, len(p.rows))
	drawn, at := make([]string, len(columns)), 0
	for i, c := range columns {
		drawn[i], at = p.lines(c, at, h)
	}
	if len(drawn) == 1 {
		return drawn[0]
	}
	return p.shell.Theme.Beside(drawn[0], drawn[1], h)
}

// lines draws a column whose first row that the cursor can stand on is number at of all, and gives the number of the next one.
func (p *Page) lines(c column, at, h int) (string, int) {
	t := p.shell.Theme
	var out []string
	for _, r := range c.rows[:min(h, len(c.rows))] {
		if r.run == nil {
			out = append(out, " "+t.Cut(r.text, c.w-1))
			continue
		}
		hint := "  " + r.hint
		if kit.Width(r.text+hint) > c.w-2 {
			hint = ""
		}
		if at == p.At {
			out = append(out, t.Selected.Render(kit.FitLine(t.Sym.Cursor+t.Cut(ansi.Strip(r.text+hint), c.w-2), c.w)))
		} else {
			out = append(out, " "+t.Cut(r.text+t.Accent.Render(hint), c.w-1))
		}
		at++
	}
	return kit.Fit(strings.Join(out, "\n"), c.w, h), at
}
