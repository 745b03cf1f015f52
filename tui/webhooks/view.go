package webhooks

import (
	"fmt"
	"strings"
	"time"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

func hookColumns() []kit.Column {
	return []kit.Column{
		{Title: "", Width: 1},
		{Title: "repository", Width: 14, Weight: 4},
		{Title: "hook", Width: 10, Needs: 100},
		{Title: "health", Width: 12, Weight: 2},
		{Title: "events", Width: 6, Needs: 110},
		{Title: "secret", Width: 8, Needs: 48},
		{Title: "URL", Width: 14, Weight: 2, Needs: 150},
	}
}

// headLines is how many lines stand above the first row.
func (p *Page) headLines() int { return 2 }

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	if h <= 0 || w <= 0 {
		return ""
	}
	if len(p.rows) == 0 {
		return kit.Fit(p.statusLine(w)+"\n"+p.empty(w), w, h)
	}
	t := p.shell.Theme
	cols := kit.Spread(hookColumns(), w-2)
	var head strings.Builder
	for i, c := range hookColumns() {
		if cols[i] > 0 {
			head.WriteString(t.Cell(c.Title, cols[i]) + " ")
		}
	}
	out := []string{p.statusLine(w), t.Faint.Render(kit.FitLine("  "+head.String(), w))}
	below := p.below(w, h)
	p.high = max(1, h-2-len(below))
	from, to := p.Window(len(p.shown), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(p.shown[i], cols, w, i == p.At))
	}
	if len(p.shown) == 0 {
		out = append(out, "", " No hook has all of these words.", " "+t.Key.Render("/")+" changes them, "+t.Key.Render("esc")+" shows all hooks again.")
	}
	for len(out) < p.high+2 {
		out = append(out, "")
	}
	return kit.Fit(strings.Join(append(out, below...), "\n"), w, h)
}

// below is what stands under the table: targets that could not be listed, and
// the hook under the cursor in full, as far as there is room.
func (p *Page) below(w, h int) []string {
	room := (h - 2) / 2
	if h < 8 || room < 2 {
		return nil
	}
	t := p.shell.Theme
	// Where the table does not fit, it gets more of the room, and what could
	// not be listed one line.
	var problems []string
	switch n := len(p.broken); {
	case n > 1 || n == 1 && len(p.shown) > h-2-room:
		text := fmt.Sprintf("%s could not be listed; %s shows why", repositories(n), t.Key.Render("!"))
		problems = []string{t.Cut(" "+t.Bad.Render(t.Sym.Bad)+" "+text, w)}
	case n == 1:
		problems = p.problems(w, 1)[0]
	}
	if len(p.shown) > h-2-room {
		room = max(2, (h-2)*2/5)
	}
	out := []string{t.Border.Render(strings.Repeat(t.Sym.Rule, w))}
	if r, ok := p.current(); ok {
		out = append(out, p.details(r, w)...)
	}
	return append(out[:min(len(out), max(2, room-len(problems)))], kit.First(problems, room-2)...)
}

// details tells everything about a hook in a few lines, what is wrong first.
func (p *Page) details(r hookRow, w int) []string {
	t := p.shell.Theme
	var out []string
	line := func(label, text string) {
		out = append(out, t.Cut(" "+t.Faint.Render(t.Cell(label, 13))+text, w))
	}
	name := r.title()
	if r.health != "delivers" && r.health != "" && kit.Width(name)+kit.Width(r.health)+4 <= w {
		name += ": " + r.health
	}
	out = append(out, " "+t.Bold.Render(t.Middle(name, w-2)))
	if v, ok := p.told[r.key()]; ok {
		style, mark := t.Good, t.Sym.OK
		if v.bad {
			style, mark = t.Bad, t.Sym.Bad
		}
		text := kit.Folded(v.text, max(10, w-4))
		for i, l := range text[:min(2, len(text))] {
			if i == 0 {
				out = append(out, " "+style.Render(mark+" "+l))
			} else {
				out = append(out, "   "+style.Render(l))
			}
		}
	}
	for _, n := range r.notes {
		out = append(out, t.Cut(" "+t.Warn.Render(t.Sym.Warn+" "+n.pressed()), w))
	}
	line("delivers to", r.URL)
	line("last answer", lastAnswer(r.Hook))
	line("events", strings.Join(r.Events, " "))
	switch {
	case r.seen.fingerprint != "" && r.seen.fingerprint == p.secret.fingerprint:
		line("last seen", kit.Ago(p.shell.Now().Sub(r.seen.at))+", signed with "+r.seen.fingerprint+", the current secret")
	case r.seen.fingerprint != "":
		line("last seen", kit.Ago(p.shell.Now().Sub(r.seen.at))+", signed with "+r.seen.fingerprint)
	default:
		line("last seen", "never here; P pings it")
	}
	line("made", r.CreatedAt.Local().Format("2006-01-02 15:04")+", changed "+r.UpdatedAt.Local().Format("2006-01-02 15:04"))
	return out
}

// statusLine tells how many hooks there are, the secret and its age, and what
// is under way.
func (p *Page) statusLine(w int) string {
	t := p.shell.Theme
	left := p.headCount()
	if line := p.rot.line(t, p.shell.Now()); line != "" {
		left += "  " + line
	} else if p.secret.fingerprint != "" {
		left += "  secret " + p.secret.fingerprint
		switch old := p.shell.Now().Sub(p.secret.changed); {
		case p.secret.changed.IsZero():
		case old < time.Minute:
			left += ", made just now"
		default:
			left += ", " + kit.Age(old) + " old"
		}
	}
	right := ""
	switch b := p.batch; {
	case b.total > 0:
		right = fmt.Sprintf("%s %d/%d", b.what, b.done, b.total)
		if b.failed > 0 {
			right += fmt.Sprintf(", %d failed", b.failed)
		}
		right = t.Warn.Render(right + " ")
	case p.waiting > 0:
		right = "asking GitHub"
		if p.total > 1 {
			right += fmt.Sprintf(" %d/%d", p.total-p.waiting, p.total)
		}
		right = t.Faint.Render(right + " ")
	}
	room := max(0, w-kit.Width(right))
	return kit.FitLine(t.Cut(left, room), room) + right
}

// empty says why there is no hook, and what to press.
func (p *Page) empty(w int) string {
	t := p.shell.Theme
	var b strings.Builder
	switch {
	case p.cfg.Dial == nil:
		return "\n GitHub is not connected."
	case p.problem != nil:
		for _, l := range p.shell.Trouble(p.problem, w) {
			b.WriteString("\n" + l)
		}
		b.WriteString("\n")
	case len(p.broken) > 0:
		for _, l := range p.problems(w, 3) {
			b.WriteString("\n" + strings.Join(l, "\n"))
		}
		b.WriteString("\n")
	case p.waiting > 0 || !p.loaded:
		return "\n " + t.Faint.Render("asking GitHub")
	default:
		b.WriteString("\n No hook yet.\n")
	}
	b.WriteString("\n " + t.Key.Render("w") + " sets up a webhook, step by step.\n " + t.Key.Render("a") + " looks for hooks in all repositories that you administer.")
	return b.String()
}

// problems are the targets that could not be listed, at most n of them.
func (p *Page) problems(w, n int) [][]string {
	targets := p.targetsBroken()
	var out [][]string
	for _, t := range targets[:min(n, len(targets))] {
		out = append(out, p.shell.Trouble(p.broken[t], w))
	}
	if more := len(targets) - n; more > 0 {
		out = append(out, []string{p.shell.Theme.Faint.Render(fmt.Sprintf("   and %s more that could not be listed", text.Count(more, "target")))})
	}
	return out
}

func (p *Page) row(r hookRow, cols []int, w int, on bool) string {
	t := p.shell.Theme
	mark := " "
	if p.marks[r.key()] {
		mark = t.Sym.Mark
	}
	symbol := []string{t.Sym.Pending, t.Sym.OK, t.Sym.Warn, t.Sym.Bad}[r.level]
	style := []kit.Painter{t.Faint, t.Good, t.Warn, t.Bad}[r.level]
	health := r.health
	if r.level == healthWarn && r.health == "delivers" && len(r.notes) > 0 {
		health = "delivers, but see below"
	}
	if v := p.told[r.key()]; v.bad {
		symbol, health, style = t.Sym.Bad, whyFailed(v.text), t.Bad
	}
	if text := p.busy[r.key()]; text != "" {
		symbol, health, style = t.Sym.Pending, text, t.Warn
	}
	if step, ok := p.rot.step(r.key()); ok {
		symbol, health, style = p.rot.draw(t, step)
	}
	signed := r.seen.fingerprint
	switch {
	case !r.mine:
		signed, symbol, style = "", t.Sym.Off, t.Faint
		if r.Name != "cli" {
			health = "another receiver's"
		}
	case signed == "":
		signed = t.Sym.Dash
	case signed == p.secret.fingerprint && !p.secret.changed.IsZero():
		signed = kit.Age(p.shell.Now().Sub(p.secret.changed))
	}
	events := fmt.Sprint(len(r.Events))
	repository := r.Target.String()
	if cols[1] > 0 {
		repository = t.Middle(repository, cols[1])
	}
	cells := []string{symbol, repository, fmt.Sprint(r.ID), health, events, signed, r.URL}
	styles := []kit.Painter{style, t.Text, t.Faint, style, t.Faint, t.Text, t.Faint}
	var b strings.Builder
	for i, c := range cells {
		if cols[i] == 0 {
			continue
		}
		c = t.Cell(c, cols[i])
		switch {
		case on:
		case !r.mine:
			c = t.Faint.Render(c)
		default:
			c = styles[i].Render(c)
		}
		b.WriteString(c + " ")
	}
	if on {
		return t.Selected.Render(kit.FitLine(t.Sym.Cursor+mark+b.String(), w))
	}
	return kit.FitLine(" "+t.Warn.Render(mark)+b.String(), w)
}
