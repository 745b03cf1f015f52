package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
)

const (
	besideFrom = 100     // window width from which the preview stands beside the list
	belowFrom  = 34      // window height from which it stands below
	previewMax = 2 << 20 // records above this size are only read when opened
)

// eventsPage is the log: a list that follows, and the record under the cursor
// as a document, beside it, below it or in its place.
type eventsPage struct {
	a         *app
	feed      feed
	doc       *detail
	reading   string // file being read, "" for none
	inside    bool   // the keys go to the document
	hidden    bool   // no preview
	share     int    // percent of the width that the list has
	marks     map[string]logs.Entry
	history   []string
	rows      int // rows of the list in the last view
	wide      int // columns of the list in the last view
	jqHistory []string
	export    *export // under way; its commands own it, wrote is for the screen
	wrote     int
	kept      string // file that the cursor was kept on when the filter changed
	find      string // what is searched for in documents
	jump      int    // number of the last search for a failure
	filters   *menu  // the list of filters, the last time it was opened
}

type (
	// recordRead is a record as a document, or why it cannot be shown.
	recordRead struct {
		file string
		doc  *detail
		err  error
	}
	// failureFound answers the search for the next failure.
	failureFound struct {
		jump  int
		older bool
		entry *logs.Entry
		err   error
	}
)

func newEvents(a *app) *eventsPage {
	return &eventsPage{a: a, share: 50, marks: map[string]logs.Entry{}, feed: feed{total: -1}}
}

func (p *eventsPage) name() string  { return "Events" }
func (p *eventsPage) title() string { return "Events" }

func (p *eventsPage) open() tea.Cmd {
	if p.feed.log == nil || p.feed.paused {
		return nil
	}
	return p.feed.load(p.a.ctx, nil)
}

func (p *eventsPage) update(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case opened:
		if msg.log != nil {
			p.feed.log = msg.log
			cmd = p.feed.load(p.a.ctx, nil)
		}
	case arrived:
		p.feed.arrive(msg.entries)
		for _, e := range msg.entries {
			if p.doc != nil && e.File == p.doc.file {
				p.doc.file += "\x00" // read it again: its notifications changed
			}
		}
	case logReady:
		// A list that was asked for before the index was complete may lack
		// something.
		if p.feed.building {
			cmd = p.reload()
		}
	case feedAgain:
		if p.feed.building {
			cmd = p.reload()
		}
	case feedLoaded:
		p.feed.loaded(msg)
		if msg.gen == p.feed.gen {
			cmd = p.feed.count(p.a.ctx)
		}
		if p.feed.building && msg.gen == p.feed.gen {
			cmd = tea.Batch(cmd, p.a.later(time.Second, feedAgain{}))
		}
	case feedMore:
		p.feed.more(msg)
	case feedCount:
		p.feed.counted(msg)
	case recordRead:
		p.took(msg)
	case failureFound:
		cmd = p.jumped(msg)
	case exported:
		cmd = p.exported(msg)
	case jqDone:
		cmd = p.jqAnswered(msg)
	case replayed:
		cmd = p.replayDone(msg)
	case filterSaved:
		cmd = p.filterKept(msg)
	case wheel:
		if p.overDoc(msg.x, msg.y) {
			p.doc.move(msg.lines)
		} else {
			p.feed.goTo(p.feed.at + msg.lines)
		}
	case click:
		cmd = p.clicked(msg)
	}
	return tea.Batch(cmd, p.after())
}

// reload asks the same question anew, where the cursor is.
func (p *eventsPage) reload() tea.Cmd {
	p.feed.total = -1
	if e, ok := p.feed.current(); ok && p.feed.paused {
		return p.feed.load(p.a.ctx, &e)
	}
	return p.feed.load(p.a.ctx, nil)
}

// after asks for what the new place of the cursor needs.
func (p *eventsPage) after() tea.Cmd { return tea.Batch(p.feed.prefetch(p.a.ctx), p.want()) }

// then makes an action of a change that may move the cursor.
func (p *eventsPage) then(f func()) func() tea.Cmd {
	return func() tea.Cmd { f(); return p.after() }
}

// previews reports whether a document is on screen beside or below the list.
func (p *eventsPage) previews() bool {
	return !p.hidden && (p.a.w >= besideFrom || p.a.h >= belowFrom && p.a.w >= 40)
}

// want reads the record under the cursor, when a document is on screen and
// shows another one. One is read at a time.
func (p *eventsPage) want() tea.Cmd {
	e, ok := p.feed.current()
	if !ok || p.reading != "" || p.feed.log == nil || !p.inside && (!p.previews() || e.Size > previewMax) {
		return nil
	}
	if p.doc != nil && p.doc.file == e.File {
		return nil
	}
	p.reading = e.File
	ctx, l, th, now := p.a.ctx, p.feed.log, p.a.theme, p.a.cfg.Now
	return func() tea.Msg {
		rec, err := l.Read(ctx, e.File)
		if err != nil {
			return recordRead{file: e.File, err: err}
		}
		return recordRead{file: e.File, doc: newDetail(th, e.File, rec, now())}
	}
}

// took puts a record that was read on screen, unless the cursor has moved on.
func (p *eventsPage) took(m recordRead) {
	p.reading = ""
	e, ok := p.feed.current()
	if !ok || e.File != m.file {
		return
	}
	if m.err != nil {
		p.doc = &detail{th: p.a.theme, file: m.file, rec: &logs.Record{}, note: m.err.Error()}
		p.doc.build()
		return
	}
	if old := p.doc; old != nil && old.full != nil && strings.TrimRight(old.file, "\x00") == m.file {
		// It stays the same document, folded as it was: a search or an
		// expression that is being typed goes on in it.
		old.file, old.rec, old.facts = m.file, m.doc.rec, m.doc.facts
		old.rebuild()
		return
	}
	m.doc.find = p.find
	p.doc = m.doc
}

// shown is the document of the entry under the cursor, or nil while it is
// being read.
func (p *eventsPage) shown() *detail {
	e, ok := p.feed.current()
	if !ok || p.doc == nil || strings.TrimRight(p.doc.file, "\x00") != e.File {
		return nil
	}
	return p.doc
}

func (p *eventsPage) clicked(m click) tea.Cmd {
	if p.overDoc(m.x, m.y) {
		p.enter()
		p.doc.at = max(0, min(len(p.doc.lines)-1, p.doc.top+m.y-1))
		if m.double {
			p.doc.toggle()
		}
		return nil
	}
	if p.inside && !p.previews() || m.y < 1 || m.y > p.rows {
		return nil
	}
	p.leave()
	if i := p.feed.top + m.y - 1; i < len(p.feed.entries) {
		p.feed.goTo(i)
		if m.double {
			p.enter()
		}
	}
	return nil
}

// overDoc reports whether a place inside the page shows the document.
func (p *eventsPage) overDoc(x, y int) bool {
	switch {
	case p.shown() == nil:
		return false
	case !p.previews():
		return p.inside
	case p.a.w >= besideFrom:
		return x > p.wide
	}
	return y > p.rows
}

// status is the first line of the page: filter, place, following or paused.
func (p *eventsPage) status(w int) string {
	t, f := p.a.theme, &p.feed
	left := " "
	if s := f.filter.String(); s != "" {
		label := "filter "
		if name := p.savedAs(f.filter); name != "" {
			label += text.Clean(name) + ": "
		}
		left += t.faint.Render(label) + t.accent.Render(text.Clean(s)) + " "
	} else {
		left += t.faint.Render("all events") + " "
	}
	if n := len(p.marks); n > 0 {
		left += t.warn.Render(fmt.Sprintf(" %s %d marked", t.sym.mark, n))
	}
	var right string
	switch {
	case p.export != nil:
		right = t.warn.Render(fmt.Sprintf("writing %s of %s (W cancels)", text.Thousands(p.wrote), text.Thousands(max(p.export.total, p.wrote))))
	case f.err != nil:
		right = t.bad.Render(t.cut(text.Clean(f.err.Error()), w/2))
	case f.loading:
		right = t.faint.Render("reading " + t.sym.more)
	case f.building:
		right = t.warn.Render(fmt.Sprintf("reading the log %d%%", 100*f.progress.Done/max(1, f.progress.Total)))
	case f.paused && f.fresh > 0:
		right = t.warn.Render(fmt.Sprintf("paused, %s new (f)", text.Thousands(f.fresh)))
	case f.paused:
		right = t.faint.Render("paused")
	case len(f.entries) > 0:
		right = t.good.Render("following")
	}
	right += "  " + f.where() + " "
	room := max(0, w-width(right))
	return fitLine(t.cut(left, room), room) + right
}
