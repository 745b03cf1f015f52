package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"hookctl/logs"
	"hookctl/logs/text"
)

func width(s string) int { return ansi.StringWidth(s) }

// view draws list and document in the room that the window gives.
func (p *eventsPage) view(w, h int) string {
	if h <= 0 {
		return ""
	}
	beside := p.previews() && p.a.w >= besideFrom
	below := p.previews() && !beside
	switch {
	case p.inside && !p.previews():
		return p.viewDoc(w, h, true)
	case beside:
		p.wide = max(44, min(w-44, w*p.share/100))
		p.rows = h - 1
		list := p.viewList(p.wide, h-1)
		return p.status(w) + "\n" + p.a.theme.beside(list, p.viewDoc(w-p.wide-1, h-1, p.inside), h-1)
	case below:
		p.wide = w
		p.rows = max(3, (h-2)*p.share/100)
		rule := p.a.theme.border.Render(strings.Repeat(p.a.theme.sym.rule, w))
		return p.status(w) + "\n" + p.viewList(w, p.rows) + "\n" + rule + "\n" + p.viewDoc(w, h-2-p.rows, p.inside)
	}
	p.wide, p.rows = w, h-1
	return p.status(w) + "\n" + p.viewList(w, h-1)
}

// viewDoc draws the record under the cursor.
func (p *eventsPage) viewDoc(w, h int, focused bool) string {
	if d := p.shown(); d != nil {
		return d.view(w, h, focused)
	}
	e, ok := p.feed.current()
	switch {
	case !ok:
		return fit("", w, h)
	case e.Size > previewMax && !p.inside:
		return fit(fmt.Sprintf("\n  a large record (%d MB); enter opens it", e.Size>>20), w, h)
	}
	return fit("\n  "+p.a.theme.faint.Render("reading "+text.Clean(e.File)), w, h)
}

// viewList draws the rows on screen.
func (p *eventsPage) viewList(w, h int) string {
	f := &p.feed
	if len(f.entries) == 0 {
		return fit(p.empty(w), w, h)
	}
	from, to := f.window(len(f.entries), h)
	cols := spread(eventColumns(w), w-2)
	now := p.a.cfg.Now()
	out := make([]string, 0, h)
	for i := from; i < to; i++ {
		out = append(out, p.row(f.entries[i], cols, w, i == f.at, now))
	}
	return fit(strings.Join(out, "\n"), w, h)
}

// empty says why the list is empty and what to press.
func (p *eventsPage) empty(w int) string {
	t, f := p.a.theme, &p.feed
	key := func(s string) string { return t.key.Render(s) }
	switch {
	case p.a.logErr != nil:
		return "\n " + t.bad.Render("the log cannot be read") + "\n " + t.cut(text.Clean(p.a.logErr.Error()), w-2)
	case f.log == nil || f.loading || f.total < 0 && f.err == nil && f.gen == 0:
		return "\n " + t.faint.Render("reading the log")
	case f.err != nil:
		return "\n " + t.cut(t.bad.Render(text.Clean(f.err.Error())), w-2)
	case !f.filter.IsZero():
		return "\n No event matches the filter.\n\n " + key("/") + " changes it, " + key("esc") + " shows all events again."
	case p.a.home().fresh():
		return "\n No event yet: nothing is set up.\n\n " + key("w") + " sets up webhooks, step by step."
	case !p.a.running():
		return "\n No event yet, and the receiver is not running.\n\n " + key("w") + " sets up a webhook, " + key("4") + " starts the receiver."
	}
	return "\n No event yet. The receiver is running; events appear here as they come.\n\n " + key("w") + " sets up a webhook."
}

// eventColumns are the columns of a list of w columns; a narrow one leaves out
// the seconds, the repository, and last what the event is about.
func eventColumns(w int) []column {
	at, event, repository := 9, column{title: "event", width: 16, weight: 2}, column{title: "repository", width: 8, weight: 2, needs: 66}
	switch {
	case w < 56:
		at, event = 5, column{title: "event", width: 13, weight: 1}
	case w < 66:
		event.weight = 1
	case w >= 90: // no event is that long, but repositories are
		event.weight, repository.weight = 1, 4
	}
	return []column{
		{title: "outcome", width: 1},
		{title: "time", width: at, needs: 30},
		event,
		repository,
		{title: "what happened", width: 8, weight: 5, needs: 36},
		{title: "sender", width: 12, needs: 110},
		{title: "notification", width: 1, needs: 24},
	}
}

// row draws one entry.
func (p *eventsPage) row(e logs.Entry, cols []int, w int, on bool, now time.Time) string {
	t := p.a.theme
	mark := " "
	if _, ok := p.marks[e.File]; ok {
		mark = t.sym.mark
	}
	outcome, outStyle := " ", t.text
	switch {
	case failed(e.Conclusion):
		outcome, outStyle = t.sym.bad, t.bad
	case e.Conclusion == "success":
		outcome, outStyle = t.sym.ok, t.good
	case e.Conclusion != "":
		outcome, outStyle = t.sym.dash, t.faint
	}
	told, toldStyle := " ", t.text
	if n := e.Notification; n != nil {
		switch n.Status {
		case logs.StatusSent:
			told, toldStyle = t.sym.ok, t.faint
		case logs.StatusPending:
			told, toldStyle = t.sym.pending, t.warn
		case logs.StatusFailed:
			told, toldStyle = t.sym.warn, t.bad
		}
	}
	event := e.Event
	if e.Action != "" && (e.Action != "completed" || e.Conclusion == "") {
		event += " " + e.Action
	}
	repo := e.Repository
	if _, name, ok := strings.Cut(repo, "/"); ok && width(repo) > cols[3] {
		repo = name // the owner says less
	}
	text := what(e)
	switch {
	case cols[3] > 0:
		repo = t.middle(repo, cols[3])
	case repo != "":
		text = t.middle(repo, max(12, cols[4]*3/5)) + ": " + text
	}
	cells := []string{outcome, timeIn(e.ReceivedAt, now, cols[1]), event, repo, text, e.Sender, told}
	styles := []interface{ Render(...string) string }{outStyle, t.faint, t.text, t.faint, t.text, t.faint, toldStyle}
	var b strings.Builder
	for i, c := range cells {
		if cols[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		c = t.cell(c, cols[i])
		if !on {
			c = styles[i].Render(c)
		}
		b.WriteString(c)
	}
	if on {
		style := t.selected
		if p.inside {
			style = t.here
		}
		return style.Render(fitLine(t.sym.cursor+mark+b.String(), w))
	}
	return fitLine(" "+t.warn.Render(mark)+b.String(), w)
}

// shortTime fits nine columns.
func shortTime(at, now time.Time) string { return timeIn(at, now, 9) }

// timeIn fits w columns, nine or five: the time of today, the day before that.
func timeIn(at, now time.Time, w int) string {
	if at.IsZero() || w == 0 {
		return ""
	}
	at, now = at.Local(), now.Local()
	long, short := "06-01-02", "01-02"
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		long, short = "15:04:05", "15:04"
	case now.Sub(at) < 7*24*time.Hour:
		long, short = "Mon 15:04", "Mon"
	case at.Year() == now.Year():
		long = "Jan 02"
	}
	if w < 8 {
		return at.Format(short)
	}
	return at.Format(long)
}

// what says in a few words what an event is about.
func what(e logs.Entry) string {
	title, branch := e.Title, e.Branch
	var s string
	switch {
	case e.Number != nil && title != "":
		s = fmt.Sprintf("#%d %s", *e.Number, title)
	case title != "" && branch != "":
		s = title + " (" + branch + ")"
	case title != "":
		s = title
	case branch != "":
		s = branch
	default:
		s = e.Result
	}
	// The first column says success and failure.
	if e.Conclusion != "" && e.Conclusion != "success" && e.Conclusion != "failure" {
		s = strings.ReplaceAll(e.Conclusion, "_", " ") + ": " + s
	}
	return s
}
