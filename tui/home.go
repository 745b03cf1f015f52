package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// oldSecret is the age from which Home suggests a rotation.
const oldSecret = 90 * 24 * time.Hour

// homePage answers one question: is all well, and if not, what to press.
type homePage struct {
	a      *app
	facts  homeFacts
	loaded bool
	busy   bool // a load is under way
	stale  bool // and its answer is out of date already
	// mattered says that a record with a notification came in or changed.
	mattered bool
	newest   time.Time // when the newest record that was counted came in
	cursor
	rows  []homeRow // of the last view
	lines []int     // and on which line of the page each of them is
	next  int       // when everything is asked for again, in polls
}

// homeEvery is how many polls of the receiver pass until everything is asked
// for again.
const homeEvery = 30

// homeFacts is what Home asks the disk for.
type homeFacts struct {
	rates       []logs.Rate
	hour, total int
	failed      int
	recent      []logs.Entry
	secret      string
	origin      secret.Origin
	changed     time.Time
	rotation    *secret.Rotation

	askTotal, askRecent bool // what is asked for this time
	err                 error
}

// homeRow is a line that the cursor can stand on.
type homeRow struct {
	text string
	hint string
	run  func() tea.Cmd
}

func newHome(a *app) *homePage { return &homePage{a: a} }

func (p *homePage) name() string  { return "Home" }
func (p *homePage) title() string { return "Home" }

func (p *homePage) open() tea.Cmd { return p.load() }

// load asks the disk; one question at a time.
func (p *homePage) load() tea.Cmd {
	if p.busy || p.a.log == nil {
		p.stale = true
		return nil
	}
	p.busy, p.stale = true, false
	ctx, l, store, now, last := p.a.ctx, p.a.log, p.a.cfg.Store, p.a.cfg.Now(), p.facts
	// The two questions that a large log takes long over are asked when there
	// is a reason.
	last.askTotal = !p.loaded || p.next <= 0
	last.askRecent = last.askTotal || p.mattered
	p.mattered = false
	if last.askTotal {
		p.next = homeEvery
	}
	return func() tea.Msg { return askHome(ctx, l, store, now, last) }
}

// askHome asks the disk; what is not asked for stays as it was in last.
func askHome(ctx context.Context, l *logs.Log, store *secret.Store, now time.Time, last homeFacts) homeFacts {
	f := last
	f.hour = 0
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	var err error
	f.rates, err = l.Rates(ctx, now.Add(-time.Hour), time.Hour/30)
	note(err)
	for _, r := range f.rates {
		f.hour += r.Total
	}
	if f.askTotal {
		f.total, err = l.Count(ctx, logs.Filter{})
		note(err)
	}
	failed, err := logs.ParseFilter("status:failed", now)
	note(err)
	f.failed, err = l.Count(ctx, failed)
	note(err)
	if f.askRecent {
		matters, err := logs.ParseFilter("priority:medium,high,urgent since:7d", now)
		note(err)
		page, err := l.Page(ctx, logs.Query{Filter: matters, Limit: 5})
		note(err)
		f.recent = tidyAll(page.Entries)
	}
	if store != nil {
		value, origin, err := store.Current()
		note(err)
		f.secret, f.origin = secret.Fingerprint(value), origin
		if value != "" {
			f.changed, err = store.ChangedAt()
			note(err)
		}
		f.rotation, err = store.Rotation()
		note(err)
	}
	f.err = errors.Join(errs...)
	return f
}

func (p *homePage) inFront() bool { return p.a.pages[p.a.at] == page(p) }

func (p *homePage) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case opened, logReady:
		p.stale, p.next = true, 0
		if p.inFront() {
			return p.load()
		}
	case homeFacts:
		if !msg.askTotal {
			msg.total = p.facts.total // what came in meanwhile was counted
		}
		p.facts, p.loaded, p.busy = msg, true, false
	case arrived:
		p.stale = true
		for _, e := range msg.entries {
			if p.newest.Before(e.ReceivedAt) {
				p.newest = e.ReceivedAt
				p.facts.total++
			}
			p.mattered = p.mattered || e.Notification != nil
		}
	case statusMsg:
		// Asked with the receiver, so that idle costs one question in two
		// seconds and a flood of events does not cost more.
		if p.next--; p.inFront() && (p.stale || p.next <= 0) {
			return p.load()
		}
	case wheel:
		p.to(p.at+msg.lines/3, len(p.rows))
	case click:
		if i := slices.Index(p.lines, msg.y); i >= 0 && i < len(p.rows) {
			p.to(i, len(p.rows))
			if msg.double {
				return p.do()
			}
		}
	}
	return nil
}

// fresh reports whether nothing is set up yet.
func (p *homePage) fresh() bool {
	return p.loaded && p.facts.total == 0 && p.facts.secret == "" && !p.a.running()
}

func (p *homePage) view(w, h int) string {
	t := p.a.theme
	if p.a.logErr != nil {
		return fit("\n "+t.bad.Render("the log cannot be read")+"\n "+strings.Join(wrap(text.Clean(p.a.logErr.Error()), w-2), "\n "), w, h)
	}
	if !p.loaded {
		return fit("\n "+t.faint.Render("looking around"), w, h)
	}
	if p.fresh() {
		return p.welcome(w, h)
	}
	health := p.health()
	checks := len(health)
	p.rows = append(health, p.recentRows(w)...)
	p.to(p.at, len(p.rows))
	bad := 0
	for _, r := range p.rows[:checks] {
		if r.run != nil && r.hint != "" {
			bad++
		}
	}
	head := t.good.Render(t.sym.ok + " All is well.")
	switch {
	case bad == 1:
		head = t.warn.Render(t.sym.warn + " One thing needs you.")
	case bad > 1:
		head = t.warn.Render(fmt.Sprintf("%s %d things need you.", t.sym.warn, bad))
	}
	lines := []string{" " + head}
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
			lines = append(lines, " "+t.title.Render("Last events that mattered"))
		}
		p.lines = append(p.lines, len(lines))
		text, hint := r.text, r.hint
		if hint != "" {
			hint = "  " + hint
		}
		if i == p.at {
			lines = append(lines, t.selected.Render(fitLine(t.sym.cursor+t.cut(stripped(text+hint), w-2), w)))
		} else {
			lines = append(lines, " "+t.cut(text+t.accent.Render(hint), w-1))
		}
	}
	if len(p.rows) == checks {
		if h >= 14 {
			lines = append(lines, "", p.rate(w))
		}
		lines = append(lines, "", " "+t.faint.Render("No event that mattered yet."))
	}
	return fit(strings.Join(lines, "\n"), w, h)
}

// welcome is the door to the wizard.
func (p *homePage) welcome(w, h int) string {
	t := p.a.theme
	text := []string{"", t.title.Render("Welcome to hookctl"), ""}
	text = append(text, folded("hookctl receives GitHub's webhooks, keeps every one of them as a file, and tells your agents what matters.", max(1, min(w-2, 72)))...)
	text = append(text,
		"",
		"Nothing is set up yet. It takes about a minute:",
		"",
		"  "+t.key.Render("enter")+"  set up webhooks, step by step",
		"  "+t.key.Render("5")+"      see what is there and what is missing",
		"  "+t.key.Render("?")+"      every key of this page",
		"",
		t.faint.Render("No account at hand? Leave with q and run: hookctl demo"),
	)
	if p.a.cfg.Temporary {
		text[len(text)-1] = t.faint.Render("This is the demo: GitHub is simulated, nothing of yours is used.")
	}
	if h < len(text) {
		text = []string{t.title.Render("Welcome to hookctl"), "", "Nothing is set up yet.", t.key.Render("enter") + " sets up webhooks, step by step."}
	}
	for i, l := range text {
		text[i] = " " + t.cut(l, w-2)
	}
	p.rows, p.lines = nil, nil
	return fit(strings.Join(text, "\n"), w, h)
}

// health are the lines that say whether all is well. A line with a hint is one
// that is not, and enter mends it.
func (p *homePage) health() []homeRow {
	t, a, f := p.a.theme, p.a, p.facts
	line := func(level int, label, words string) string {
		style, mark := t.good, t.sym.ok
		switch level {
		case levelWarn:
			style, mark = t.warn, t.sym.warn
		case levelError:
			style, mark = t.bad, t.sym.bad
		}
		return style.Render(mark) + " " + fitLine(label, 14) + text.Clean(words)
	}
	toPage := func(i int) func() tea.Cmd { return func() tea.Cmd { return a.turn(i) } }
	recv := a.receiver()
	var rows []homeRow
	switch {
	case !a.asked:
		rows = append(rows, homeRow{text: t.faint.Render(t.sym.pending) + " " + fitLine("receiver", 14) + "asking"})
	case a.running() && a.status.Alarm != "":
		rows = append(rows, homeRow{line(levelError, "receiver", a.status.Alarm), "enter: look", toPage(3)})
	case a.running():
		words := "running on " + a.status.Address
		if !a.status.Since.IsZero() {
			words += " since " + clock(a.status.Since, a.cfg.Now())
		}
		rows = append(rows, homeRow{text: line(levelInfo, "receiver", words), run: toPage(3)})
	case errors.Is(a.statusErr, daemon.ErrNotRunning):
		rows = append(rows, homeRow{line(levelError, "receiver", "not running: deliveries are refused"), "enter: start it", recv.start})
	default:
		rows = append(rows, homeRow{line(levelError, "receiver", "does not answer"), "enter: look", toPage(3)})
	}
	url := a.status.PublicURL
	if url == "" {
		url = a.cfg.Setup.URL
	}
	if url != "" {
		rows = append(rows, homeRow{text: line(levelInfo, "public URL", url), run: toPage(4)})
	} else {
		rows = append(rows, homeRow{line(levelWarn, "public URL", "none is known"), "enter: set up", a.openWizard})
	}
	rows = append(rows, p.hookRow(line, toPage(2)), p.secretRow(line, toPage(2)))
	waiting, given := a.status.PendingNotifications, max(a.status.FailedNotifications, int64(f.failed))
	words := fmt.Sprintf("%d waiting, %d given up", waiting, given)
	if given > 0 {
		rows = append(rows, homeRow{line(levelWarn, "notifications", words), "enter: see them", func() tea.Cmd { return p.events("status:failed") }})
	} else {
		rows = append(rows, homeRow{text: line(levelInfo, "notifications", words), run: toPage(1)})
	}
	if a.running() && a.status.Rejected > 0 {
		rows = append(rows, homeRow{line(levelWarn, "rejected", text.Count(int(a.status.Rejected), "request")+" refused"), "enter: see why", func() tea.Cmd {
			recv.see, recv.at = viewRejected, 0
			return a.turn(3)
		}})
	}
	if f.err != nil {
		rows = append(rows, homeRow{line(levelWarn, "log", f.err.Error()), "enter: look", toPage(4)})
	}
	return rows
}

func (p *homePage) hookRow(line func(int, string, string) string, look func() tea.Cmd) homeRow {
	s := p.a.hooks().summary()
	unwell := func() tea.Cmd { p.a.hooks().look(); return look() }
	switch {
	case s.err != nil && s.ours == 0:
		return homeRow{line(levelWarn, "hooks", "GitHub could not be asked"), "enter: see why", look}
	case !s.known:
		return homeRow{text: p.a.theme.faint.Render(p.a.theme.sym.pending) + " " + fitLine("hooks", 14) + "asking GitHub", run: look}
	case s.ours == 0:
		return homeRow{line(levelWarn, "hooks", "none delivers here"), "enter: set up", p.a.openWizard}
	case s.bad > 0:
		return homeRow{line(levelError, "hooks", fmt.Sprintf("%d of %d failed the last time", s.bad, s.ours)), "enter: look", unwell}
	case s.paused > 0:
		return homeRow{line(levelWarn, "hooks", fmt.Sprintf("%d of %d paused", s.paused, s.ours)), "enter: look", unwell}
	}
	return homeRow{text: line(levelInfo, "hooks", fmt.Sprintf("%d, all well", s.ours)), run: look}
}

func (p *homePage) secretRow(line func(int, string, string) string, look func() tea.Cmd) homeRow {
	f := p.facts
	switch {
	case f.secret == "":
		return homeRow{line(levelError, "secret", "none: the receiver does not start without one"), "enter: set up", p.a.openWizard}
	case f.rotation != nil && f.rotation.Promoted.IsZero():
		return homeRow{line(levelWarn, "secret", "a rotation is not finished"), "enter: go on", look}
	}
	words := f.secret
	if !f.changed.IsZero() {
		days := int(p.a.cfg.Now().Sub(f.changed).Hours() / 24)
		if days < 1 { // less than nothing where the clock of the machine was set back
			words += ", made today"
		} else {
			words += ", " + text.Count(days, "day") + " old"
		}
		if p.a.cfg.Now().Sub(f.changed) > oldSecret {
			return homeRow{line(levelWarn, "secret", words), "enter: to Hooks, r rotates it", look}
		}
	}
	return homeRow{text: line(levelInfo, "secret", words), run: look}
}

// rate is the last hour as a chart.
func (p *homePage) rate(w int) string {
	values := make([]int, 0, len(p.facts.rates))
	for _, r := range p.facts.rates {
		values = append(values, r.Total)
	}
	t := p.a.theme
	return " " + t.cut(t.title.Render("Last hour")+"  "+t.accent.Render(t.chart(values))+"  "+
		fmt.Sprintf("%s events, %s kept in all", text.Thousands(p.facts.hour), text.Thousands(p.facts.total)), w-2)
}

func (p *homePage) recentRows(w int) []homeRow {
	ev := p.a.events()
	var rows []homeRow
	cols := spread(eventColumns(w), w-2)
	for _, e := range p.facts.recent {
		text := strings.TrimRight(ev.row(e, cols, w, false, p.a.cfg.Now()), " ")
		rows = append(rows, homeRow{text: strings.TrimPrefix(text, " "), run: func() tea.Cmd {
			ev.feed.filter, ev.feed.total, ev.inside = logs.Filter{}, -1, false
			p.a.at = 1
			return ev.feed.load(p.a.ctx, &e)
		}})
	}
	return rows
}

// events shows the Events page with a filter.
func (p *homePage) events(filter string) tea.Cmd {
	f, err := logs.ParseFilter(filter, p.a.cfg.Now())
	if err != nil {
		return p.a.fail(err)
	}
	ev := p.a.events()
	p.a.at, ev.inside, ev.feed.paused = 1, false, false
	return ev.setFilter(f)
}

// do is what the line under the cursor is for.
func (p *homePage) do() tea.Cmd {
	if p.at < len(p.rows) && p.rows[p.at].run != nil {
		return p.rows[p.at].run()
	}
	return nil
}

func (p *homePage) actions() []action {
	if p.fresh() {
		return []action{{id: "open", keys: []string{"enter"}, label: "set up", text: "Set up webhooks, step by step.", command: "hookctl setup", run: p.a.openWizard}}
	}
	step := func(by int) tea.Cmd {
		p.to(p.at+by, len(p.rows))
		return nil
	}
	acts := []action{
		{id: "open", keys: []string{"enter"}, label: "open", text: "Do what the marked line says, or show more about it.", command: "hookctl doctor", run: p.do},
	}
	return append(append(acts, moves(len(p.rows), "", step)...), ends("", step)...)
}
