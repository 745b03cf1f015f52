// Package home is the first page: whether everything works, what needs
// attention, and the last events that mattered.
package home

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
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
	newest   time.Time // when the newest record that was counted came in
	kit.Cursor
	rows  []row // of the last view
	lines []int // and on which line of the page each of them is
	next  int   // when everything is asked for again, in polls
}

// homeEvery is how many polls of the receiver pass until everything is asked
// for again.
const homeEvery = 30

// judgeEvery is how many polls pass until everything is judged again, because
// ages grow and other programs change what is on the disk.
const judgeEvery = 15

// row is a line that the cursor can stand on.
type row struct {
	status string // the doctor's; "" for an event
	text   string
	hint   string
	run    func() tea.Cmd
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
	last.askRecent = last.askTotal || p.mattered
	p.mattered = false
	if last.askTotal {
		p.next = homeEvery
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
			msg.total = p.facts.total // what came in since was counted
		}
		p.facts, p.loaded, p.busy = msg, true, false
		return p.judge()
	case judged:
		p.judged, p.known, p.judging = msg, true, false
	case kit.News[logs.Entry]:
		p.stale = true
		for _, e := range msg {
			if p.newest.Before(e.ReceivedAt) {
				p.newest = e.ReceivedAt
				p.facts.total++
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
		p.To(p.At+msg.Lines/3, len(p.rows))
	case kit.Click:
		if i := slices.Index(p.lines, msg.Y); i >= 0 && i < len(p.rows) {
			p.To(i, len(p.rows))
			if msg.Double {
				return p.do()
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
		return kit.Fit("\n "+t.Bad.Render("the log cannot be read")+"\n "+strings.Join(kit.Wrap(text.Clean(err.Error()), w-2), "\n "), w, h)
	}
	if !p.loaded || !p.known {
		return kit.Fit("\n "+t.Faint.Render("looking around"), w, h)
	}
	if p.Fresh() {
		return p.welcome(w, h)
	}
	health := p.health(w)
	checks := len(health)
	p.rows = append(health, p.recentRows(w)...)
	p.To(p.At, len(p.rows))
	lines := []string{" " + t.Cut(p.heading(health), w-1)}
	if h >= 18 {
		lines = append(lines, "")
	}
	p.lines = p.lines[:0]
	for i, r := range p.rows {
		if i == checks {
			if h >= 14 {
				lines = append(lines, "", p.rate(w))
			}
			if h >= 18 {
				lines = append(lines, "")
			}
			lines = append(lines, " "+t.Title.Render("Last events that mattered"))
		}
		p.lines = append(p.lines, len(lines))
		text, hint := r.text, r.hint
		if hint != "" {
			hint = "  " + hint
		}
		if i == p.At {
			lines = append(lines, t.Selected.Render(kit.FitLine(t.Sym.Cursor+t.Cut(kit.Stripped(text+hint), w-2), w)))
		} else {
			lines = append(lines, " "+t.Cut(text+t.Accent.Render(hint), w-1))
		}
	}
	if len(p.rows) == checks {
		if h >= 14 {
			lines = append(lines, "", p.rate(w))
		}
		lines = append(lines, "", " "+t.Faint.Render("No event that mattered yet."))
	}
	return kit.Fit(strings.Join(lines, "\n"), w, h)
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
	p.rows, p.lines = nil, nil
	return kit.Fit(strings.Join(text, "\n"), w, h)
}

// rate is the last hour as a chart.
func (p *Page) rate(w int) string {
	values := make([]int, 0, len(p.facts.rates))
	for _, r := range p.facts.rates {
		values = append(values, r.Total)
	}
	t := p.shell.Theme
	return " " + t.Cut(t.Title.Render("Last hour")+"  "+t.Accent.Render(t.Chart(values))+"  "+
		fmt.Sprintf("%s events, %s stored in all", text.Thousands(p.facts.hour), text.Thousands(p.facts.total)), w-2)
}

func (p *Page) recentRows(w int) []row {
	var rows []row
	for _, e := range p.facts.recent {
		text := strings.TrimRight(p.cfg.Row(e, w), " ")
		rows = append(rows, row{text: strings.TrimPrefix(text, " "), run: func() tea.Cmd { return p.shell.GoTo(kit.PageEvents, e) }})
	}
	return rows
}

// do is what the line under the cursor is for.
func (p *Page) do() tea.Cmd {
	if p.At < len(p.rows) && p.rows[p.At].run != nil {
		return p.rows[p.At].run()
	}
	return nil
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	if p.Fresh() {
		return []kit.Action{{ID: "open", Keys: []string{"enter"}, Label: "set up", Text: "Set up webhooks, step by step.", Command: "hookctl setup", Run: p.shell.SetUp}}
	}
	step := func(by int) tea.Cmd {
		p.To(p.At+by, len(p.rows))
		return nil
	}
	acts := []kit.Action{
		{ID: "open", Keys: []string{"enter"}, Label: "open", Text: "Do what the marked line says, or show more about it.", Command: "hookctl doctor", Run: p.do},
	}
	return append(append(acts, kit.Moves(len(p.rows), "", step)...), kit.Ends("", step)...)
}
