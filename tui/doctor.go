package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
)

// Check is one finding of the doctor.
type Check = doctor.Check

// doctorPage runs the checks of the whole chain and shows each as it comes.
// Where hookctl itself can do what mends a finding, enter does it.
type doctorPage struct {
	a      *app
	all    []Check // what is wrong first
	checks []Check // those of them that are looked for
	find   string  // the words that are looked for
	busy   bool
	ran    bool
	gen    int
	cursor
	high  int // lines of the list in the last view
	wide  int // and its columns
	names int // columns of the names
}

type (
	// checked is one finding of a run.
	checked struct {
		gen   int
		check Check
		from  <-chan Check
	}
	// checksOver ends a run.
	checksOver struct{ gen int }
)

func newDoctor(a *app) *doctorPage { return &doctorPage{a: a} }

func (p *doctorPage) name() string  { return "Doctor" }
func (p *doctorPage) title() string { return "Doctor" }

// open runs the checks, unless they are at work.
func (p *doctorPage) open() tea.Cmd {
	if p.busy || p.a.cfg.Checks == nil {
		return nil
	}
	p.busy, p.ran = true, true
	p.gen++
	p.all, p.checks = nil, nil
	p.at, p.top = 0, 0
	ctx, run, gen := p.a.ctx, p.a.cfg.Checks, p.gen
	found := make(chan Check)
	jobs := &p.a.jobs
	return tea.Batch(nextCheck(gen, found), func() tea.Msg {
		defer close(found)
		if !jobs.begin() {
			return nil
		}
		defer jobs.end()
		run(ctx, func(c Check) {
			select {
			case found <- c:
			case <-ctx.Done():
			}
		})
		return nil
	})
}

func nextCheck(gen int, from <-chan Check) tea.Cmd {
	return func() tea.Msg {
		if c, ok := <-from; ok {
			return checked{gen, c, from}
		}
		return checksOver{gen}
	}
}

func (p *doctorPage) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case checked:
		if msg.gen == p.gen {
			p.put(msg.check)
		}
		return nextCheck(msg.gen, msg.from)
	case checksOver:
		if msg.gen == p.gen {
			p.busy = false
		}
	case controlled:
		if msg.err == nil && p.a.pages[p.a.at] == page(p) {
			return p.open() // a finding may be mended
		}
	case wheel:
		p.to(p.at+msg.lines, len(p.checks))
	case click:
		for i := range p.checks {
			if y := p.line(i) - p.line(p.top) + 2; y == msg.y {
				p.to(i, len(p.checks))
				if msg.double {
					return p.mend()
				}
			}
		}
	}
	return nil
}

// put shows a finding: what is wrong first, then in the order they come. The
// cursor stays on its finding once a person has moved it.
func (p *doctorPage) put(c Check) {
	rank := map[string]int{doctor.Fail: 0, doctor.Warn: 1}
	of := func(c Check) int {
		if r, ok := rank[c.Status]; ok {
			return r
		}
		return 2
	}
	insert := func(list []Check) ([]Check, int) {
		at := len(list)
		if i := slices.IndexFunc(list, func(have Check) bool { return of(c) < of(have) }); i >= 0 {
			at = i
		}
		return slices.Insert(list, at, c), at
	}
	p.all, _ = insert(p.all)
	if !p.says(c) {
		return
	}
	var at int
	if p.checks, at = insert(p.checks); p.at > 0 && at <= p.at {
		p.at++
	}
}

// says reports whether a finding has all the words that are looked for.
func (p *doctorPage) says(c Check) bool {
	text := strings.ToLower(c.Name + " " + c.Detail + " " + c.Fix + " " + c.Status)
	return !slices.ContainsFunc(strings.Fields(strings.ToLower(p.find)), func(w string) bool { return !strings.Contains(text, w) })
}

// seek lists what has the words.
func (p *doctorPage) seek(words string) {
	p.find, p.at, p.top = words, 0, 0
	p.checks = slices.DeleteFunc(slices.Clone(p.all), func(c Check) bool { return !p.says(c) })
}

// openFind lets words be typed; the list answers as they are.
func (p *doctorPage) openFind() tea.Cmd {
	before := p.find
	pr := newPrompt(p.a, "find", "find", p.find)
	pr.hint = "words of a check, what it found or what mends it: web deliveries, fail, warn"
	pr.live = func(text string) tea.Cmd {
		p.seek(text)
		pr.fault("", -1)
		if len(p.checks) == 0 {
			pr.fault("no check has all of these words", -1)
		}
		return nil
	}
	pr.accept = func(text string) tea.Cmd { p.seek(strings.TrimSpace(text)); return nil }
	pr.cancel = func() tea.Cmd { p.seek(before); return nil }
	p.a.show(pr)
	return nil
}

// lines of a check: its detail in full under the cursor, and how to mend it.
func (p *doctorPage) lines(i int) int {
	n := 1
	if i == p.at {
		n = len(p.detail(i))
		if p.whole(i) != "" {
			n++
		}
	}
	if p.checks[i].Fix != "" && p.checks[i].Status != doctor.OK {
		n++
	}
	return n
}

// detail is what was seen, wrapped to its column.
func (p *doctorPage) detail(i int) []string {
	if p.whole(i) != "" {
		return wrap(text.Clean(p.checks[i].Detail), max(20, p.wide-5))
	}
	return wrap(text.Clean(p.checks[i].Detail), max(20, p.wide-p.names-6))
}

// whole is the name under the cursor where its column has no room for it.
func (p *doctorPage) whole(i int) string {
	if name := text.Clean(p.checks[i].Name); i == p.at && width(name) > p.names {
		return name
	}
	return ""
}

// line is where a check begins, counted from the first one.
func (p *doctorPage) line(i int) int {
	n := 0
	for j := range min(i, len(p.checks)) {
		n += p.lines(j)
	}
	return n
}

func (p *doctorPage) view(w, h int) string {
	t := p.a.theme
	if p.a.cfg.Checks == nil {
		return fit("\n Run "+t.bold.Render("hookctl doctor")+" in a shell: it checks the whole chain.", w, h)
	}
	bad, warned := 0, 0
	for _, c := range p.all {
		switch c.Status {
		case doctor.Fail:
			bad++
		case doctor.Warn:
			warned++
		}
	}
	head := t.good.Render(t.sym.ok + " Nothing is wrong.")
	switch {
	case p.busy:
		head = t.warn.Render(t.sym.pending) + fmt.Sprintf(" looking: %s so far", text.Count(len(p.all), "check"))
		if bad+warned > 0 {
			head += fmt.Sprintf(", %d wrong, %d to look at", bad, warned)
		}
	case !p.ran:
		head = ""
	case bad > 0:
		head = t.bad.Render(fmt.Sprintf("%s %d wrong", t.sym.bad, bad))
		if warned > 0 {
			head += t.warn.Render(fmt.Sprintf(", %d to look at", warned))
		}
	case warned > 0:
		head = t.warn.Render(fmt.Sprintf("%s %d to look at", t.sym.warn, warned))
	}
	if p.ran && !p.busy && bad+warned > 0 {
		head += t.faint.Render(fmt.Sprintf(", %d well", len(p.all)-bad-warned))
	}
	if p.find != "" {
		head += "  " + t.faint.Render("find ") + t.accent.Render(text.Clean(p.find)) + t.faint.Render(fmt.Sprintf(": %d", len(p.checks)))
	}
	out := []string{" " + head, ""}
	if len(p.all) > 0 && len(p.checks) == 0 {
		out = append(out, " No check has all of these words.", " "+t.key.Render("/")+" changes them, "+t.key.Render("esc")+" shows all checks again.")
	}
	p.high, p.wide, p.names = max(0, h-2), w, 0
	for _, c := range p.checks {
		p.names = max(p.names, width(text.Clean(c.Name)))
	}
	p.names = min(p.names, max(8, w*2/5))
	p.to(p.at, len(p.checks))
	p.top = min(p.top, p.at)
	for p.top < p.at && p.line(p.at)+p.lines(p.at)-p.line(p.top) > p.high {
		p.top++
	}
	for i := p.top; i < len(p.checks); i++ {
		out = append(out, p.row(i)...)
	}
	return fit(strings.Join(out, "\n"), w, h)
}

// row draws a check; the one under the cursor in full.
func (p *doctorPage) row(i int) []string {
	t, c, w := p.a.theme, p.checks[i], p.wide
	mark, style := t.sym.ok, t.good
	switch c.Status {
	case doctor.Warn:
		mark, style = t.sym.warn, t.warn
	case doctor.Fail:
		mark, style = t.sym.bad, t.bad
	}
	name := fitLine(t.middle(text.Clean(c.Name), p.names), p.names)
	lead := strings.Repeat(" ", p.names+5)
	var out []string
	if i == p.at {
		whole := p.whole(i)
		if whole != "" {
			lead = "   "
			out = append(out, t.selected.Render(fitLine(t.middle(t.sym.cursor+mark+" "+whole, w), w)))
		}
		for j, l := range p.detail(i) {
			first := lead
			if j == 0 && whole == "" {
				first = t.sym.cursor + mark + " " + name + "  "
			}
			out = append(out, t.selected.Render(fitLine(t.cut(first+l, w), w)))
		}
	} else {
		out = append(out, t.cut(" "+style.Render(mark)+" "+name+"  "+text.Clean(c.Detail), w))
	}
	if c.Fix != "" && c.Status != doctor.OK {
		fix := lead + text.Clean(c.Fix)
		if _, what := p.cure(c); what != "" && i == p.at {
			fix = lead + "enter: " + what + "  " + text.Clean(c.Fix)
		}
		out = append(out, t.accent.Render(t.cut(fix, w)))
	}
	return out
}

// cure is what hookctl can do itself about a finding, and in a few words what
// that is.
func (p *doctorPage) cure(c Check) (run func() tea.Cmd, what string) {
	if c.Status == doctor.OK || c.Fix == "" {
		return nil, ""
	}
	has := func(s string) bool { return strings.Contains(c.Fix, "hookctl "+s) }
	recv := p.a.receiver()
	switch {
	case has("restart"):
		return func() tea.Cmd {
			return recv.control("restarting the receiver", "the receiver was restarted", func(ctx context.Context, cfg daemon.Config) error {
				_, err := daemon.Restart(ctx, cfg)
				return err
			})
		}, "restart it"
	case has("start"):
		return recv.start, "start it"
	case has("setup"):
		return p.a.openWizard, "set up"
	case has("rotate"), has("hooks"), has("catchup"):
		return func() tea.Cmd { return p.a.turn(2) }, "to Hooks"
	}
	return func() tea.Cmd { return p.a.copy("what mends it", c.Fix) }, "copy it"
}

func (p *doctorPage) mend() tea.Cmd {
	if p.at >= len(p.checks) {
		return nil
	}
	if run, _ := p.cure(p.checks[p.at]); run != nil {
		return run()
	}
	return nil
}

func (p *doctorPage) actions() []action {
	nothing, none := "", ""
	if p.at >= len(p.checks) {
		nothing, none = "no check is listed", "no check is listed"
	} else if run, _ := p.cure(p.checks[p.at]); run == nil {
		nothing = "nothing is wrong here"
	}
	step := func(by int) tea.Cmd {
		p.to(p.at+by, len(p.checks))
		return nil
	}
	list, find, all := "", "", ""
	switch {
	case len(p.all) == 0:
		list = "no check is listed"
	case len(p.all) > p.high/2:
		find = "find"
	}
	if p.find == "" {
		all = "nothing is looked for"
	}
	acts := []action{
		{id: "open", keys: []string{"enter"}, label: "mend", text: "Do what mends the finding, or copy it.", command: "hookctl doctor", off: nothing, run: p.mend},
		{id: "find", keys: []string{"/"}, label: find, text: "Find checks by words of their name or finding; the list answers while you type.", off: list, run: p.openFind},
		{id: "back", keys: []string{"esc"}, text: "Show all checks again.", off: all, run: func() tea.Cmd { p.seek(""); return nil }},
	}
	return append(append(acts, moves(p.high, none, step)...), ends(none, step)...)
}
