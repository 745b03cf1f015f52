package home

import (
	"cmp"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/doctor"
	"hookctl/tui/kit"
)

// health are the lines that say whether everything works, as the doctor judges
// it. A line with a hint is one where enter does something about it.
func (p *Page) health(w int) []row {
	rows := make([]row, 0, len(p.judged.rows)+2)
	for _, r := range p.judged.rows {
		rows = append(rows, p.healthRow(r, w))
	}
	for name, err := range map[string]error{"log": p.facts.err, "doctor": p.judged.err} {
		if err != nil {
			rows = append(rows, p.healthRow(doctor.Row{Check: doctor.Check{Name: name, Status: doctor.Warn, Detail: err.Error()}}, w))
		}
	}
	return rows
}

// healthRow is one line: green where it was checked and works, grey where it
// was not checked, with the age of what was seen some time ago.
func (p *Page) healthRow(r doctor.Row, w int) row {
	t := p.shell.Theme
	mark, style := t.Sign(r.Status)
	out := row{status: r.Status}
	out.hint, out.run = p.fix(r.Check)
	words := kit.Clean(r.Detail)
	if age := p.shell.Now().Sub(r.At); !r.At.IsZero() && age >= time.Minute {
		words += ", " + text.Span(age) + " ago"
	}
	name := kit.Clean(r.Name)
	if word, ok := map[string]string{"tunnel": "public URL", "sync": "tasks"}[name]; ok {
		name = word // as Doctor and Events call it
	}
	name = kit.FitLine(t.Cut(name, nameWide-1), nameWide)
	room := w - nameWide - 4
	if out.hint != "" {
		room -= 2 + kit.Width(out.hint)
	}
	if room > 30 { // else what is wrong matters more than the key
		words = t.Cut(words, room)
	}
	if r.Status == doctor.Unknown {
		out.text = t.Faint.Render(mark + " " + name + words)
	} else {
		out.text = style.Render(mark) + " " + name + words
	}
	return out
}

// nameWide is the column of the names.
const nameWide = 14

// fix is what enter does on a line: what hookctl itself can do about it, or
// where there is more to see.
func (p *Page) fix(c doctor.Check) (hint string, run func() tea.Cmd) {
	page := cmp.Or(map[string]string{"receiver": kit.PageReceiver, "hooks": kit.PageHooks, "secret": kit.PageHooks, "notifications": kit.PageEvents, "cluster": kit.PageReceiver}[c.Name], kit.PageDoctor)
	to := func(page string) func() tea.Cmd { return func() tea.Cmd { return p.shell.GoTo(page, nil) } }
	if c.Name == "sync" {
		return "enter: list", p.cfg.Tasks
	}
	switch {
	case c.Status == doctor.OK, c.Status == doctor.Unknown && c.Fix == "":
		return "", to(page)
	case c.Status == doctor.Unknown:
		return "enter: check", to(kit.PageDoctor)
	}
	if run, what := p.cfg.Fix(c); run != nil {
		return "enter: " + what, run
	}
	return "enter: look", to(kit.PageDoctor)
}

// heading sums the lines up, and says how old the last check of everything is.
func (p *Page) heading(rows []row) string {
	t := p.shell.Theme
	n := map[string]int{}
	for _, r := range rows {
		n[r.status]++
	}
	head := t.Good.Render(t.Sym.OK + " Everything works.")
	var parts []string
	if failing := p.facts.ci.Failing; failing > 0 {
		parts = append(parts, text.Count(failing, "workflow fails", "workflows fail"))
	}
	if bad := n[doctor.Warn] + n[doctor.Fail]; bad > 0 {
		parts = append(parts, text.Count(bad, "item needs", "items need")+" attention")
	}
	switch {
	case len(parts) > 0:
		head = t.Warn.Render(t.Sym.Warn + " " + strings.Join(parts, ", ") + ".")
	case n[doctor.Unknown] > 0:
		head = t.Faint.Render(t.Sym.Pending + " Not everything was checked yet.")
	}
	checked := "press 5 to check everything"
	if at := p.judged.checked; !at.IsZero() {
		checked = "checked just now"
		if age := p.shell.Now().Sub(at); age >= time.Minute {
			checked = "checked " + text.Span(age) + " ago, press 5 to check again"
		}
	}
	return head + "  " + t.Faint.Render(checked)
}
