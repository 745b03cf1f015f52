package events

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"hookctl/logs"
	"hookctl/tui/kit"
)

// View draws list and document in the room that the window gives.
func (p *Page) View(w, h int) string {
	beside := p.previews() && p.shell.W >= besideFrom
	below := p.previews() && !beside
	switch {
	case p.inside && !p.previews():
		return p.viewDoc(w, h, true)
	case beside:
		p.wide = max(44, min(w-44, w*p.state.Share/100))
		p.rows = h - 1
		list := p.viewList(p.wide, h-1)
		return p.status(w) + "\n" + p.shell.Theme.Beside(list, p.viewDoc(w-p.wide-1, h-1, p.inside), h-1)
	case below:
		p.wide = w
		p.rows = max(3, (h-2)*p.state.Share/100)
		rule := p.shell.Theme.Border.Render(strings.Repeat(p.shell.Theme.Sym.Rule, w))
		return p.status(w) + "\n" + p.viewList(w, p.rows) + "\n" + rule + "\n" + p.viewDoc(w, h-2-p.rows, p.inside)
	}
	p.wide, p.rows = w, h-1
	return p.status(w) + "\n" + p.viewList(w, h-1)
}

// viewDoc draws the record under the cursor.
func (p *Page) viewDoc(w, h int, focused bool) string {
	if d := p.shown(); d != nil {
		d.age(p.shell.Now())
		return d.view(w, h, focused)
	}
	e, ok := p.feed.current()
	switch {
	case !ok:
		return kit.Fit("", w, h)
	case e.Size > previewMax && !p.inside:
		return kit.Fit(fmt.Sprintf("\n  a large record (%d MB); enter opens it", e.Size>>20), w, h)
	}
	return kit.Fit("\n  "+p.shell.Theme.Faint.Render("reading "+kit.Clean(e.File)), w, h)
}

// viewList draws the rows on screen.
func (p *Page) viewList(w, h int) string {
	f := &p.feed
	if len(f.entries) == 0 {
		return kit.Fit(p.empty(w), w, h)
	}
	from, to := f.Window(len(f.entries), h)
	now := p.shell.Now()
	n := p.measure(now)
	table := p.shell.Theme.Table(w, w-3, n.columns(w))
	if p.inside {
		table.Cursor = &p.shell.Theme.Here
	}
	out := make([]string, 0, h)
	for i := from; i < to; i++ {
		out = append(out, p.row(f.entries[i], n, table, i == f.At, now))
	}
	return kit.Fit(strings.Join(out, "\n"), w, h)
}

// empty says why the list is empty and what to press.
func (p *Page) empty(w int) string {
	t, f := p.shell.Theme, &p.feed
	key := func(s string) string { return t.Key.Render(s) }
	switch {
	case p.cfg.Log.Err != nil:
		return "\n " + t.Bad.Render("the log cannot be read") + "\n " + t.Cut(kit.Clean(p.cfg.Log.Err.Error()), w-2)
	case f.log == nil || f.loading || f.total < 0 && f.err == nil && f.gen == 0:
		return "\n " + t.Faint.Render("reading the log")
	case f.err != nil:
		return "\n " + t.Cut(t.Bad.Render(kit.Clean(f.err.Error())), w-2)
	case !f.filter.IsZero():
		return "\n No event matches the filter.\n\n " + key("/") + " changes it, " + key("esc") + " shows all events again."
	case p.shell.Fresh():
		return "\n No event yet: nothing is set up.\n\n " + key("w") + " sets up webhooks, step by step."
	case !p.cfg.Receiver.OK():
		return "\n No event yet, and the receiver is not running.\n\n " + key("w") + " sets up a webhook, " + key("4") + " starts the receiver."
	}
	return "\n No event yet. The receiver is running; events appear here as they come.\n\n " + key("w") + " sets up a webhook."
}

// natural are the widths that the list's content asks for.
type natural struct {
	event, repository, sender int
	old                       bool // there are entries of another day, whose time is longer
	owners                    kit.Owners
	of                        [2]int // what they were taken from: the question and how many entries
}

// measure looks at the entries that are here. Widths change when others are asked for, not with every row that comes in.
func (p *Page) measure(now time.Time) *natural {
	size := len(p.feed.entries)
	of := [2]int{p.feed.gen, min(size, 50) + size/50}
	if n := p.natural; n != nil && n.of == of {
		return n
	}
	n := &natural{owners: kit.Owners{}, of: of}
	for _, e := range p.feed.entries {
		n.owners.Add(e.Repository)
		n.event = max(n.event, kit.Width(eventName(e)))
		n.repository = max(n.repository, kit.Width(e.Repository))
		n.sender = max(n.sender, kit.Width(e.Sender))
		n.old = n.old || e.ReceivedAt.Local().YearDay() != now.Local().YearDay()
	}
	if size == 0 { // an event that is shown elsewhere
		n.event, n.repository, n.sender, n.old = 22, 24, 12, true
	}
	p.natural = n
	return n
}

// columns are those of a list of w columns. Event, repository and sender take what their content needs, up to a share of the
// room; a narrow list leaves out the sender, the seconds, the repository, the time, and last what the event is about.
func (n *natural) columns(w int) []kit.Column {
	at := kit.Column{Title: "time", Width: 9, Needs: 30}
	switch {
	case w < 44:
		at.Width = 5
	case !n.old && w >= 56:
		at.Width = 8
	case !n.old:
		at.Width = 5
	}
	return []kit.Column{
		{Title: "outcome", Width: 1},
		at,
		{Title: "event", Width: max(8, min(n.event, w*3/10))},
		{Title: "repository", Width: max(8, min(n.repository, w/4)), Needs: 66},
		{Title: "what happened", Width: 8, Weight: 1, Needs: 36},
		{Title: "sender", Width: max(6, min(n.sender, 16)), Needs: 110},
		{Title: "notification", Width: 1, Needs: 24},
	}
}

// eventName is an event with its action; that a run completed, its outcome says.
func eventName(e logs.Entry) string {
	if e.Action == "" || e.Action == "completed" && e.Conclusion != "" {
		return e.Event
	}
	return e.Event + " " + e.Action
}

// Line draws an entry that is not in the list, in w columns.
func (p *Page) Line(e logs.Entry, w int) string {
	now := p.shell.Now()
	n := p.measure(now)
	return p.row(tidy(e), n, p.shell.Theme.Table(w, w-3, n.columns(w)), false, now)
}

// row draws one entry.
func (p *Page) row(e logs.Entry, n *natural, table kit.Table, on bool, now time.Time) string {
	t := p.shell.Theme
	_, marked := p.marks[e.File]
	outcome := kit.Cell{Text: " ", Style: &t.Text}
	switch {
	case failed(e.Conclusion):
		outcome = kit.Cell{Text: t.Sym.Bad, Style: &t.Bad}
	case e.Conclusion == "success":
		outcome = kit.Cell{Text: t.Sym.OK, Style: &t.Good}
	case e.Conclusion != "":
		outcome = kit.Cell{Text: t.Sym.Dash, Style: &t.Faint}
	}
	notified := kit.Cell{Text: " ", Style: &t.Text}
	if n := e.Notification; n != nil {
		switch n.Status {
		case logs.StatusSent:
			notified = kit.Cell{Text: t.Sym.OK, Style: &t.Faint}
		case logs.StatusPending:
			notified = kit.Cell{Text: t.Sym.Pending, Style: &t.Warn}
		case logs.StatusFailed:
			notified = kit.Cell{Text: t.Sym.Warn, Style: &t.Bad}
		}
	}
	repo, text := e.Repository, what(e)
	if kit.Width(repo) > table.Width(3) {
		repo = n.owners.Short(repo)
	}
	switch wide := table.Width(3); {
	case wide > 0:
		repo = t.Middle(repo, wide)
	case repo != "":
		text = t.Middle(repo, max(12, table.Width(4)*3/5)) + ": " + text
	}
	return table.Row(on, marked, outcome, kit.Cell{Text: kit.TimeIn(e.ReceivedAt, now, table.Width(1)), Style: &t.Faint}, kit.Cell{Text: eventName(e), Style: &t.Text},
		kit.Cell{Text: repo, Style: &t.Faint}, kit.Cell{Text: text, Style: &t.Text}, kit.Cell{Text: e.Sender, Style: &t.Faint}, notified)
}

// what says in a few words what an event is about.
func what(e logs.Entry) string {
	s := cmp.Or(e.Title, e.Branch, e.Result)
	switch {
	case e.Title == "":
	case e.Number != nil:
		s = fmt.Sprintf("#%d %s", *e.Number, e.Title)
	case e.Branch != "":
		s += " (" + e.Branch + ")"
	}
	// The first column says success and failure.
	if e.Conclusion != "" && e.Conclusion != "success" && e.Conclusion != "failure" {
		s = strings.ReplaceAll(e.Conclusion, "_", " ") + ": " + s
	}
	return s
}
