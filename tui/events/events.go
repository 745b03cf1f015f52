// Package events is the page of the log: a list that follows, filters that
// answer while they are typed, and the record under the cursor as a document.
//
// The list is a window on the log, so a million records cost what some
// hundreds do. Whatever reads or writes runs in a command and says what it was
// asked for; late answers are dropped.
package events

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

const (
	besideFrom = 100     // window width from which the preview stands beside the list
	belowFrom  = 34      // window height from which it stands below
	previewMax = 2 << 20 // records above this size are only read when opened
)

// Config is what the page is given.
type Config struct {
	// Replay and Resend are what the running receiver is asked to do with
	// records.
	Replay, Resend Again
	Tasks          Tasks             // what project sync follows
	Filters        map[string]string // saved filters by name
	Events         []logs.Completion // the events that GitHub has, for completion
	SaveFilter     func(ctx context.Context, name, text string) error
	Log            *kit.Answer[*logs.Log]
	Receiver       *kit.Answer[daemon.Status]
	Address        func() string // where the receiver listens, or will
}

// State is what the page remembers from one run to the next.
type State struct {
	Filter  string   `json:"filter,omitempty"`
	History []string `json:"history,omitempty"` // of filters, the newest last
	Share   int      `json:"share,omitempty"`   // percent of the width that the list has
	Hidden  bool     `json:"hidden,omitempty"`  // no preview
}

// Page is the log: a list that follows, and the record under the cursor
// as a document, beside it, below it or in its place.
type Page struct {
	shell     *kit.Shell
	cfg       Config
	feed      feed
	doc       *detail
	reading   string // file being read, "" for none
	inside    bool   // the keys go to the document
	state     State  // but for the filter
	marks     map[string]logs.Entry
	rows      int // rows of the list in the last view
	wide      int // columns of the list in the last view
	jqHistory []string
	export    *kit.Job // the last one, which has written so many records
	wrote     int
	writes    int       // and has to write so many, -1 while unknown
	kept      string    // file that the cursor was kept on when the filter changed
	find      string    // what is searched for in documents
	seeking   *kit.Job  // the next failure
	filters   *kit.Menu // the list of filters, the last time it was opened
	natural   *natural  // widths of the list's content; measure takes them again for others
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page {
	p := &Page{shell: shell, cfg: cfg, state: State{Share: 50}, marks: map[string]logs.Entry{}}
	p.feed = feed{shell: shell, after: p.after, total: -1}
	return p
}

// Restore puts filter and history back, before the page is first opened.
func (p *Page) Restore(s State) {
	if f, err := logs.ParseFilter(s.Filter, p.shell.Now()); err == nil {
		p.feed.filter = f
	}
	if s.Share < 20 || s.Share > 80 {
		s.Share = p.state.Share
	}
	p.state = s
}

// State is what restore takes.
func (p *Page) State() State {
	s := p.state
	s.Filter = p.feed.filter.String()
	return s
}

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageEvents }

// Open shows the newest events, a filter, or one event among all others.
func (p *Page) Open(request any) tea.Cmd {
	switch r := request.(type) {
	case kit.Filtered:
		f, err := logs.ParseFilter(string(r), p.shell.Now())
		if err != nil {
			return p.shell.Fail(err)
		}
		p.inside, p.feed.paused = false, false
		return p.setFilter(f)
	case logs.Entry:
		p.feed.filter, p.feed.total, p.inside = logs.Filter{}, -1, false
		return p.feed.load(&r)
	}
	if p.feed.paused {
		return nil
	}
	return p.feed.load(nil)
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case kit.Answer[*logs.Log]:
		if msg.Value != nil {
			p.feed.log = msg.Value
			cmd = p.feed.load(nil)
		}
	case kit.News[logs.Entry]:
		cmd = p.feed.arrive(msg)
		for _, e := range msg {
			if p.doc != nil && e.File == p.doc.file {
				p.doc.stale = true // its notifications changed
			}
		}
	case kit.Indexed, feedAgain:
		// A list that was asked for before the index was complete may lack
		// something.
		if p.feed.building {
			cmd = p.reload()
		}
	case kit.Wheel:
		if p.overDoc(msg.X, msg.Y) {
			p.doc.move(msg.Lines)
		} else {
			p.feed.goTo(p.feed.At + msg.Lines)
		}
	case kit.Click:
		p.clicked(msg)
	}
	return tea.Batch(cmd, p.after())
}

// reload asks the same question again, where the cursor is.
func (p *Page) reload() tea.Cmd {
	p.feed.total = -1
	if e, ok := p.feed.current(); ok && p.feed.paused {
		return p.feed.load(&e)
	}
	return p.feed.load(nil)
}

// after asks for what the new place of the cursor needs.
func (p *Page) after() tea.Cmd { return tea.Batch(p.feed.prefetch(), p.want()) }

// then makes an action of a change that may move the cursor.
func (p *Page) then(f func()) func() tea.Cmd {
	return func() tea.Cmd { f(); return p.after() }
}

// previews reports whether a document is on screen beside or below the list.
func (p *Page) previews() bool {
	return !p.state.Hidden && p.tooSmall() == ""
}

// tooSmall says why no document fits beside or below the list, "" where one does.
func (p *Page) tooSmall() string {
	if p.shell.W >= besideFrom || p.shell.H >= belowFrom && p.shell.W >= 40 {
		return ""
	}
	return "the window is too small for a preview; enter opens the event"
}

// want reads the record under the cursor, when a document is on screen and
// shows another one. One is read at a time.
func (p *Page) want() tea.Cmd {
	e, ok := p.feed.current()
	if !ok || p.reading != "" || p.feed.log == nil || !p.inside && (!p.previews() || e.Size > previewMax) {
		return nil
	}
	if d := p.shown(); d != nil && !d.stale {
		return nil
	}
	p.reading = e.File
	l, th, now := p.feed.log, p.shell.Theme, p.shell.Now
	return kit.Ask(p.shell, func(ctx context.Context) (*detail, error) {
		rec, err := l.Read(ctx, e.File)
		if err != nil {
			return nil, err
		}
		return newDetail(th, e.File, rec, now()), nil
	}, func(doc *detail, err error) tea.Cmd {
		p.took(e.File, doc, err)
		return p.after()
	})
}

// took puts a record that was read on screen, unless the cursor has moved on.
func (p *Page) took(file string, doc *detail, err error) {
	p.reading = ""
	e, ok := p.feed.current()
	if !ok || e.File != file {
		return
	}
	if err != nil {
		doc = &detail{th: p.shell.Theme, file: file, rec: &logs.Record{}, note: err.Error()}
		doc.build()
	} else if old := p.shown(); old != nil && old.full != nil {
		// It stays the same document, folded as it was: a search or an
		// expression that is being typed goes on in it.
		old.rec, old.facts, old.stale = doc.rec, doc.facts, false
		old.rebuild()
		return
	}
	doc.find = p.find
	p.doc = doc
}

// shown is the document of the entry under the cursor, or nil while it is
// being read.
func (p *Page) shown() *detail {
	e, ok := p.feed.current()
	if !ok || p.doc == nil || p.doc.file != e.File {
		return nil
	}
	return p.doc
}

func (p *Page) clicked(m kit.Click) {
	if p.overDoc(m.X, m.Y) {
		p.enter()
		p.doc.To(p.doc.Top+m.Y-1, len(p.doc.lines))
		if m.Double {
			p.doc.toggle()
		}
		return
	}
	if p.inside && !p.previews() || m.Y < 1 || m.Y > p.rows {
		return
	}
	p.leave()
	if i := p.feed.Top + m.Y - 1; i < len(p.feed.entries) {
		p.feed.goTo(i)
		if m.Double {
			p.enter()
		}
	}
}

// overDoc reports whether a place inside the page shows the document.
func (p *Page) overDoc(x, y int) bool {
	switch {
	case p.shown() == nil:
		return false
	case !p.previews():
		return p.inside
	case p.shell.W >= besideFrom:
		return x > p.wide
	}
	return y > p.rows
}

// status is the first line of the page: filter, place, following or paused.
func (p *Page) status(w int) string {
	t, f := p.shell.Theme, &p.feed
	left := " " + t.Faint.Render("all events") + " "
	if s, name := f.filter.String(), p.savedAs(f.filter); s != "" {
		left = " " + t.Faint.Render("filter "+kit.When(name != "", kit.Clean(name)+": ")) + t.Accent.Render(kit.Clean(s)) + " "
	}
	if n := len(p.marks); n > 0 {
		left += t.Warn.Render(fmt.Sprintf(" %s %d marked", t.Sym.Mark, n))
	}
	var right string
	switch {
	case p.export.Busy():
		right = t.Warn.Render(fmt.Sprintf("writing %s of %s (W cancels)", text.Thousands(p.wrote), text.Thousands(max(p.writes, p.wrote))))
	case f.err != nil:
		right = t.Bad.Render(t.Cut(kit.Clean(f.err.Error()), w/2))
	case f.loading:
		right = t.Faint.Render("reading " + t.Sym.More)
	case f.building:
		right = t.Warn.Render(fmt.Sprintf("reading the log %d%%", 100*f.progress.Done/max(1, f.progress.Total)))
	case f.paused && f.fresh > 0:
		right = t.Warn.Render(fmt.Sprintf("paused, %s new (f)", text.Thousands(f.fresh)))
	case f.paused:
		right = t.Faint.Render("paused")
	case len(f.entries) > 0:
		right = t.Good.Render("following")
	}
	right += "  " + f.where() + " "
	room := max(0, w-kit.Width(right))
	return kit.FitLine(t.Cut(left, room-1), room) + right
}
