// Package home is the first page: whether everything works, what needs
// attention, and the last events that mattered.
package home

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/tui/kit"
)

// Config is what the page is given.
type Config struct {
	Doctor    doctor.Config // what the doctor judges by: the home, its secrets and its fleet
	Log       *kit.Answer[*logs.Log]
	Receiver  *kit.Answer[daemon.Status]
	Row       func(e logs.Entry, w int) string // draws an event as the Events page does
	Temporary bool                             // this is the demo
	Tasks     func() tea.Cmd                   // lists what project sync follows
	// Fix is what hookctl itself can do about a finding, and in a few words
	// what that is; nil for nothing.
	Fix func(doctor.Check) (run func() tea.Cmd, what string)
}

// Page answers one question: does everything work, and if not, what to press.
type Page struct {
	shell  *kit.Shell
	cfg    Config
	facts  found
	loaded bool
	busy   bool // a load is under way
	stale  bool // and its answer is out of date already

	judged   judged
	known    bool                      // it was judged
	judging  bool                      // a judgement is under way
	judgedOf kit.Answer[daemon.Status] // the receiver's answer that it is about
	listed   time.Time                 // when the list of hooks was made that it is about
	judgeIn  int                       // polls until it is judged again

	// mattered says that a record with a notification came in or changed.
	mattered bool
	ran      bool      // and one that CI is judged by
	newest   time.Time // when the newest record that was counted came in
	kit.Cursor
	rows []row // those of the last view that the cursor can stand on
	next int   // when everything is asked for again, in polls
}

// How many polls of the receiver pass until everything is asked for again: a
// minute where something came in, else ten, in which the chart moves on by a
// column and records may have been pruned.
const (
	homeEvery = 30
	homeRest  = 10 * homeEvery
)

// judgeEvery is how many polls pass until everything is judged again, because
// ages grow and other programs change what is on the disk.
const judgeEvery = 15

// row is a line of the page. The cursor can stand on one that does something.
type row struct {
	status string // the doctor's; "" for another one
	text   string
	hint   string
	run    func() tea.Cmd
	url    string // the page at GitHub, "" for none

	y, from, to int // where it stands: its line, and its columns from and up to without to
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page { return &Page{shell: shell, cfg: cfg} }

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageHome }

// Open implements kit.Page.
func (p *Page) Open(any) tea.Cmd { return tea.Batch(p.Load(), p.judge()) }

// Load asks the disk; one question at a time.
func (p *Page) Load() tea.Cmd {
	if p.busy || p.cfg.Log.Value == nil {
		p.stale = true
		return nil
	}
	p.busy, p.stale = true, false
	ctx, l, now, last := p.shell.Ctx, p.cfg.Log.Value, p.shell.Now(), p.facts
	// The two questions that a large log takes long over are asked when there
	// is a reason.
	last.askTotal = !p.loaded || p.next <= 0
	last.askRecent, last.askCI = last.askTotal || p.mattered, last.askTotal || p.ran
	p.mattered, p.ran = false, false
	if last.askTotal {
		p.next = homeRest
	}
	return func() tea.Msg { return ask(ctx, l, now, last) }
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Answer[*logs.Log], kit.Indexed:
		p.stale, p.next = true, 0
		if p.shell.InFront(p) {
			return p.Load()
		}
	case found:
		if !msg.askTotal {
			msg.total, msg.rates = p.facts.total, p.facts.rates // what came in since was counted
		}
		p.facts, p.loaded, p.busy = msg, true, false
		return p.judge()
	case judged:
		p.judged, p.known, p.judging = msg, true, false
	case kit.News[logs.Entry]:
		p.stale, p.next = true, min(p.next, homeEvery)
		for _, e := range msg {
			if p.newest.Before(e.ReceivedAt) {
				p.newest = e.ReceivedAt
				p.facts.total++
				p.facts.arrived(e)
			}
			switch e.Event {
			case "workflow_run", "check_run", "status", "push", "delete":
				p.ran = true
			}
			p.mattered = p.mattered || e.Notification != nil
		}
	case kit.Answer[daemon.Status]:
		// Asked with the receiver, so that idle costs one question in two
		// seconds and a flood of events does not cost more.
		p.next--
		if !p.shell.InFront(p) {
			return nil
		}
		var cmds []tea.Cmd
		if p.stale || p.next <= 0 {
			cmds = append(cmds, p.Load())
		}
		if p.judgeDue(msg.Value, msg.Err) {
			cmds = append(cmds, p.judge())
		}
		return tea.Batch(cmds...)
	case kit.Wheel:
		return p.move(msg.Lines / 3)
	case kit.Click:
		if i := slices.IndexFunc(p.rows, func(r row) bool { return r.y == msg.Y && msg.X >= r.from && msg.X < r.to }); i >= 0 {
			p.To(i, len(p.rows))
			if msg.Double {
				return p.under().run()
			}
		}
	}
	return nil
}

// Fresh reports whether nothing is set up yet.
func (p *Page) Fresh() bool {
	return p.loaded && p.known && p.facts.total == 0 && !p.judged.secret && !p.cfg.Receiver.OK()
}

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	t := p.shell.Theme
	if err := p.cfg.Log.Err; err != nil {
		return p.unreadable(err, w, h)
	}
	if !p.loaded || !p.known {
		return kit.Fit("\n "+t.Faint.Render("looking around"), w, h)
	}
	if p.Fresh() {
		return p.welcome(w, h)
	}
	return p.board(w, h)
}

// unreadable says why there is no log, and what else was found.
func (p *Page) unreadable(err error, w, h int) string {
	t := p.shell.Theme
	list := []row{{text: t.Bad.Render(t.Sym.Bad+" The log cannot be read.") + "  press " + t.Key.Render("5") + " to check everything"}}
	for _, l := range kit.First(p.shell.Trouble(err, w), max(1, h/3)) {
		list = append(list, row{text: strings.TrimPrefix(l, " ")})
	}
	if p.known {
		list = append(append(list, row{}, row{text: t.Title.Render("Checks")}), p.health(w)...)
	}
	return p.draw(h, column{w, list})
}

// welcome is the door to the wizard.
func (p *Page) welcome(w, h int) string {
	t := p.shell.Theme
	text := []string{"", t.Title.Render("Welcome to hookctl"), ""}
	text = append(text, kit.Folded("hookctl receives GitHub's webhooks, stores each of them as a file, and notifies your agents of what matters.", max(1, min(w-2, 72)))...)
	text = append(text,
		"",
		"Nothing is set up yet. It takes about a minute:",
		"",
		"  "+t.Key.Render("enter")+"  set up webhooks, step by step",
		"  "+t.Key.Render("5")+"      see what is there and what is missing",
		"  "+t.Key.Render("?")+"      every key of this page",
		"",
		t.Faint.Render("No account at hand? Leave with q and run: hookctl demo"),
	)
	if p.cfg.Temporary {
		text[len(text)-1] = t.Faint.Render("This is the demo: GitHub is simulated, nothing of yours is used.")
	}
	if h < len(text) {
		text = []string{t.Title.Render("Welcome to hookctl"), "", "Nothing is set up yet.", t.Key.Render("enter") + " sets up webhooks, step by step."}
	}
	for i, l := range text {
		text[i] = " " + t.Cut(l, w-2)
	}
	p.rows = nil
	return kit.Fit(strings.Join(text, "\n"), w, h)
}

func (p *Page) move(by int) tea.Cmd { p.To(p.At+by, len(p.rows)); return nil }

// under is the row of the cursor.
func (p *Page) under() row {
	r, _ := kit.Under(p.Cursor, p.rows)
	return r
}

// right is the first row of the right column, 0 if it is missing.
func (p *Page) right() int {
	return max(0, slices.IndexFunc(p.rows, func(r row) bool { return r.from > 0 }))
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	if p.Fresh() {
		return []kit.Action{{ID: "open", Keys: []string{"enter"}, Label: "set up", Text: "Set up webhooks, step by step.", Command: "hookctl setup", Run: p.shell.SetUp}}
	}
	under := p.under()
	do := func() tea.Cmd {
		if under.run == nil {
			return nil
		}
		return under.run()
	}
	acts := []kit.Action{
		{ID: "open", Keys: []string{"enter"}, Label: "open", Text: "Do what the marked line says, or show more about it.", Command: "hookctl doctor", Run: do},
		{ID: "browse", Keys: []string{"o"}, Label: "web", Text: "Open the run or the event in the browser.", Command: "hookctl ci", Off: kit.When(under.url == "", "this line has no page in the browser"), Run: func() tea.Cmd { return p.shell.Browse(under.url) }},
	}
	if right := p.right(); right > 0 {
		acts = append(acts,
			kit.Action{ID: "left", Keys: []string{"left", "h"}, Text: "Go to the left column.", Move: true, Run: func() tea.Cmd {
				if p.At >= right {
					p.At = 0
				}
				return nil
			}},
			kit.Action{ID: "right", Keys: []string{"right", "l"}, Text: "Go to the right column.", Move: true, Run: func() tea.Cmd {
				p.At = max(p.At, right)
				return nil
			}})
	}
	return append(acts, kit.Walk(len(p.rows), "", p.move)...)
}
