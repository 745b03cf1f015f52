package tui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
)

// Check is one finding of the doctor: what was looked at, how it is ("ok",
// "warn" or "fail"), and the command or sentence that mends it.
type Check struct{ Name, Status, Detail, Fix string }

// doctorPage runs the checks of the whole chain and shows each as it comes.
// Where hookctl itself can do what mends a finding, enter does it.
type doctorPage struct {
	a      *app
	checks []Check
	busy   bool
	ran    bool
	gen    int
	cursor
	high int
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

// put shows a finding; one of the same name is replaced.
func (p *doctorPage) put(c Check) {
	for i, have := range p.checks {
		if have.Name == c.Name {
			p.checks[i] = c
			return
		}
	}
	p.checks = append(p.checks, c)
}

// lines of a check: a second one where it says how to mend.
func (p *doctorPage) lines(i int) int {
	if p.checks[i].Fix != "" && p.checks[i].Status != "ok" {
		return 2
	}
	return 1
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
		case "fail":
			bad++
		case "warn":
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
	p.high = max(0, h-2)
	p.to(p.at, len(p.checks))
	p.top = min(p.top, p.at)
	for p.top < p.at && p.line(p.at)+p.lines(p.at)-p.line(p.top) > p.high {
		p.top++
	}
	wide := 0
	for _, c := range p.checks {
		wide = max(wide, width(logs.Clean(c.Name)))
	}
	wide = min(wide, max(8, w/3))
	for i := p.top; i < len(p.checks); i++ {
		out = append(out, p.row(i, wide, w)...)
	}
	return fit(strings.Join(out, "\n"), w, h)
}

func (p *doctorPage) row(i, wide, w int) []string {
	t, c := p.a.theme, p.checks[i]
	mark, style := t.sym.ok, t.good
	switch c.Status {
	case "warn":
		mark, style = t.sym.warn, t.warn
	case "fail":
		mark, style = t.sym.bad, t.bad
	}
	name, detail := t.cell(logs.Clean(c.Name), wide), logs.Clean(c.Detail)
	var out []string
	if i == p.at {
		out = append(out, t.selected.Render(fitLine(t.cut(t.sym.cursor+mark+" "+name+"  "+detail, w), w)))
	} else {
		out = append(out, t.cut(" "+style.Render(mark)+" "+name+"  "+detail, w))
	}
	if p.lines(i) == 2 {
		fix := "   " + strings.Repeat(" ", wide) + "  " + logs.Clean(c.Fix)
		if _, what := p.cure(c); what != "" && i == p.at {
			fix += "  (enter: " + what + ")"
		}
		out = append(out, t.accent.Render(t.cut(fix, w)))
	}
	return out
}

// cure is what hookctl can do itself about a finding, and in a few words what
// that is.
func (p *doctorPage) cure(c Check) (run func() tea.Cmd, what string) {
	if c.Status == "ok" || c.Fix == "" {
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
