package tui

import (
	"fmt"
	"strings"
	"time"

	"hookctl/logs/text"
)

func hookColumns() []column {
	return []column{
		{title: "", width: 1},
		{title: "repository", width: 14, weight: 4},
		{title: "hook", width: 10, needs: 100},
		{title: "health", width: 12, weight: 2},
		{title: "events", width: 6, needs: 110},
		{title: "secret", width: 8, needs: 48},
		{title: "URL", width: 14, weight: 2, needs: 150},
	}
}

// headLines is how many lines stand above the first row.
func (p *hooksPage) headLines() int { return 2 }

func (p *hooksPage) view(w, h int) string {
	if h <= 0 || w <= 0 {
		return ""
	}
	if len(p.rows) == 0 {
		return fit(p.statusLine(w)+"\n"+p.empty(w), w, h)
	}
	t := p.a.theme
	cols := spread(hookColumns(), w-2)
	var head strings.Builder
	for i, c := range hookColumns() {
		if cols[i] > 0 {
			head.WriteString(t.cell(c.title, cols[i]) + " ")
		}
	}
	out := []string{p.statusLine(w), t.faint.Render(fitLine("  "+head.String(), w))}
	below := p.below(w, h)
	p.high = max(1, h-2-len(below))
	from, to := p.window(len(p.shown), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(p.shown[i], cols, w, i == p.at))
	}
	if len(p.shown) == 0 {
		out = append(out, "", " No hook has all of these words.", " "+t.key.Render("/")+" changes them, "+t.key.Render("esc")+" shows all hooks again.")
	}
	for len(out) < p.high+2 {
		out = append(out, "")
	}
	return fit(strings.Join(append(out, below...), "\n"), w, h)
}

// below is what stands under the table: targets that could not be listed, and
// the hook under the cursor in full, as far as there is room.
func (p *hooksPage) below(w, h int) []string {
	room := (h - 2) / 2
	if h < 8 || room < 2 {
		return nil
	}
	t := p.a.theme
	// Where the table does not fit, it gets more of the room, and what could
	// not be listed one line.
	var problems []string
	switch n := len(p.broken); {
	case n > 1 || n == 1 && len(p.shown) > h-2-room:
		text := fmt.Sprintf("%s could not be listed; %s shows why", repositories(n), t.key.Render("!"))
		problems = []string{t.cut(" "+t.bad.Render(t.sym.bad)+" "+text, w)}
	case n == 1:
		problems = p.problems(w, 1)[0]
	}
	if len(p.shown) > h-2-room {
		room = max(2, (h-2)*2/5)
	}
	out := []string{t.border.Render(strings.Repeat(t.sym.rule, w))}
	if r, ok := p.current(); ok {
		out = append(out, p.details(r, w)...)
	}
	return append(out[:min(len(out), max(2, room-len(problems)))], first(problems, room-2)...)
}

// details tells everything about a hook in a few lines, what is wrong first.
func (p *hooksPage) details(r hookRow, w int) []string {
	t := p.a.theme
	var out []string
	line := func(label, text string) {
		out = append(out, t.cut(" "+t.faint.Render(t.cell(label, 13))+text, w))
	}
	name := r.title()
	if r.health != "delivers" && r.health != "" && width(name)+width(r.health)+4 <= w {
		name += ": " + r.health
	}
	out = append(out, " "+t.bold.Render(t.middle(name, w-2)))
	if v, ok := p.told[r.key()]; ok {
		style, mark := t.good, t.sym.ok
		if v.bad {
			style, mark = t.bad, t.sym.bad
		}
		text := folded(v.text, max(10, w-4))
		for i, l := range text[:min(2, len(text))] {
			if i == 0 {
				out = append(out, " "+style.Render(mark+" "+l))
			} else {
				out = append(out, "   "+style.Render(l))
			}
		}
	}
	for _, n := range r.notes {
		out = append(out, t.cut(" "+t.warn.Render(t.sym.warn+" "+n.pressed()), w))
	}
	line("delivers to", r.URL)
	line("last answer", lastAnswer(r.Hook))
	line("events", strings.Join(r.Events, " "))
	switch {
	case r.seen.fingerprint != "" && r.seen.fingerprint == p.secret.fingerprint:
		line("last seen", ago(p.a.cfg.Now().Sub(r.seen.at))+", signed with "+r.seen.fingerprint+", the current secret")
	case r.seen.fingerprint != "":
		line("last seen", ago(p.a.cfg.Now().Sub(r.seen.at))+", signed with "+r.seen.fingerprint)
	default:
		line("last seen", "never here; P pings it")
	}
	line("made", r.CreatedAt.Local().Format("2006-01-02 15:04")+", changed "+r.UpdatedAt.Local().Format("2006-01-02 15:04"))
	return out
}

// statusLine tells how many hooks there are, the secret and its age, and what
// is under way.
func (p *hooksPage) statusLine(w int) string {
	t := p.a.theme
	left := p.headCount()
	if line := p.rot.line(t, p.a.cfg.Now()); line != "" {
		left += "  " + line
	} else if p.secret.fingerprint != "" {
		left += "  secret " + p.secret.fingerprint
		switch old := p.a.cfg.Now().Sub(p.secret.changed); {
		case p.secret.changed.IsZero():
		case old < time.Minute:
			left += ", made just now"
		default:
			left += ", " + age(old) + " old"
		}
	}
	right := ""
	switch b := p.batch; {
	case b.total > 0:
		right = fmt.Sprintf("%s %d/%d", b.what, b.done, b.total)
		if b.failed > 0 {
			right += fmt.Sprintf(", %d failed", b.failed)
		}
		right = t.warn.Render(right + " ")
	case p.waiting > 0:
		right = "asking GitHub"
		if p.total > 1 {
			right += fmt.Sprintf(" %d/%d", p.total-p.waiting, p.total)
		}
		right = t.faint.Render(right + " ")
	}
	room := max(0, w-width(right))
	return fitLine(t.cut(left, room), room) + right
}

// empty says why there is no hook, and what to press.
func (p *hooksPage) empty(w int) string {
	t := p.a.theme
	var b strings.Builder
	switch {
	case p.a.cfg.Hooks == nil:
		return "\n GitHub is not connected."
	case p.problem != nil:
		for _, l := range p.trouble(p.problem, w) {
			b.WriteString("\n" + l)
		}
		b.WriteString("\n")
	case len(p.broken) > 0:
		for _, l := range p.problems(w, 3) {
			b.WriteString("\n" + strings.Join(l, "\n"))
		}
		b.WriteString("\n")
	case p.waiting > 0 || !p.loaded:
		return "\n " + t.faint.Render("asking GitHub")
	default:
		b.WriteString("\n No hook yet.\n")
	}
	b.WriteString("\n " + t.key.Render("w") + " sets up a webhook, step by step.\n " + t.key.Render("a") + " looks for hooks in all repositories that you administer.")
	return b.String()
}

// trouble is an error with its cure, in at most a few lines.
func (p *hooksPage) trouble(err error, w int) []string {
	return p.a.theme.troubleLines(err, w)
}

// problems are the targets that could not be listed, at most n of them.
func (p *hooksPage) problems(w, n int) [][]string {
	targets := p.targetsBroken()
	var out [][]string
	for _, t := range targets[:min(n, len(targets))] {
		out = append(out, p.trouble(p.broken[t], w))
	}
	if more := len(targets) - n; more > 0 {
		out = append(out, []string{p.a.theme.faint.Render(fmt.Sprintf("   and %s more that could not be listed", text.Count(more, "target")))})
	}
	return out
}

func (p *hooksPage) row(r hookRow, cols []int, w int, on bool) string {
	t := p.a.theme
	mark := " "
	if p.marks[r.key()] {
		mark = t.sym.mark
	}
	symbol := []string{t.sym.pending, t.sym.ok, t.sym.warn, t.sym.bad}[r.level]
	style := []painter{t.faint, t.good, t.warn, t.bad}[r.level]
	health := r.health
	if r.level == healthWarn && r.health == "delivers" && len(r.notes) > 0 {
		health = "delivers, but see below"
	}
	if v := p.told[r.key()]; v.bad {
		symbol, health, style = t.sym.bad, whyFailed(v.text), t.bad
	}
	if text := p.busy[r.key()]; text != "" {
		symbol, health, style = t.sym.pending, text, t.warn
	}
	if step, ok := p.rot.step(r.key()); ok {
		symbol, health, style = p.rot.draw(t, step)
	}
	signed := r.seen.fingerprint
	switch {
	case !r.mine:
		signed, symbol, style = "", t.sym.off, t.faint
		if r.Name != "cli" {
			health = "another receiver's"
		}
	case signed == "":
		signed = t.sym.dash
	case signed == p.secret.fingerprint && !p.secret.changed.IsZero():
		signed = age(p.a.cfg.Now().Sub(p.secret.changed))
	}
	events := fmt.Sprint(len(r.Events))
	repository := r.Target.String()
	if cols[1] > 0 {
		repository = t.middle(repository, cols[1])
	}
	cells := []string{symbol, repository, fmt.Sprint(r.ID), health, events, signed, r.URL}
	styles := []painter{style, t.text, t.faint, style, t.faint, t.text, t.faint}
	var b strings.Builder
	for i, c := range cells {
		if cols[i] == 0 {
			continue
		}
		c = t.cell(c, cols[i])
		switch {
		case on:
		case !r.mine:
			c = t.faint.Render(c)
		default:
			c = styles[i].Render(c)
		}
		b.WriteString(c + " ")
	}
	if on {
		return t.selected.Render(fitLine(t.sym.cursor+mark+b.String(), w))
	}
	return fitLine(" "+t.warn.Render(mark)+b.String(), w)
}

// painter is a style.
type painter interface{ Render(...string) string }
