package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
)

// Check is one finding of the doctor.
type Check = doctor.Check

// doctorPage runs the checks of the whole chain and shows each as it comes.
// Where hookctl itself can do what mends a finding, enter does it.
type doctorPage struct {
	a      *app
	checks []Check
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
	p.checks = nil
	p.at, p.top = 0, 0
	ctx, run, gen := p.a.ctx, p.a.cfg.Checks, p.gen
	found := make(chan Check)
	p.a.jobs.Add(1)
	return tea.Batch(nextCheck(gen, found), func() tea.Msg {
		defer p.a.jobs.Done()
		defer close(found)
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
	at := len(p.checks)
	for i, have := range p.checks {
		if of(c) < of(have) {
			at = i
			break
		}
	}
	p.checks = slices.Insert(p.checks, at, c)
	if p.at > 0 && at <= p.at {
		p.at++
	}
}

// lines of a check: its detail in full under the cursor, and how to mend it.
func (p *doctorPage) lines(i int) int {
	n := 1
	if i == p.at {
		n = len(p.detail(i))
	}
	if p.checks[i].Fix != "" && p.checks[i].Status != doctor.OK {
		n++
	}
	return n
}

// detail is what was seen, wrapped to its column.
func (p *doctorPage) detail(i int) []string {
	return wrap(logs.Clean(p.checks[i].Detail), max(20, p.wide-p.names-6))
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
	for _, c := range p.checks {
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
		head = t.warn.Render(t.sym.pending) + fmt.Sprintf(" looking: %d checks so far", len(p.checks))
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
	out := []string{" " + head, ""}
	p.high, p.wide, p.names = max(0, h-2), w, 0
	for _, c := range p.checks {
		p.names = max(p.names, width(logs.Clean(c.Name)))
	}
	p.names = min(p.names, max(8, w/4))
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
	name := t.cell(logs.Clean(c.Name), p.names)
	lead := strings.Repeat(" ", p.names+5)
	var out []string
	if i == p.at {
		for j, l := range p.detail(i) {
			first := lead
			if j == 0 {
				first = t.sym.cursor + mark + " " + name + "  "
			}
			out = append(out, t.selected.Render(fitLine(t.cut(first+l, w), w)))
		}
	} else {
		out = append(out, t.cut(" "+style.Render(mark)+" "+name+"  "+logs.Clean(c.Detail), w))
	}
	if c.Fix != "" && c.Status != doctor.OK {
		fix := lead + logs.Clean(c.Fix)
		if _, what := p.cure(c); what != "" && i == p.at {
			fix = lead + "enter: " + what + "  " + logs.Clean(c.Fix)
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
	acts := []action{
		{id: "open", keys: []string{"enter"}, label: "mend", text: "Do what mends the finding, or copy it.", command: "hookctl doctor", off: nothing, run: p.mend},
	}
	return append(append(acts, moves(p.high, none, step)...), ends(none, step)...)
}
