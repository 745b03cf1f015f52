package webhooks

import (
	"fmt"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// columns are those of a table of w columns. The repository takes what it needs, up to a share of the room; where one has
// several hooks, their numbers distinguish them at every width.
func (p *Page) columns(w int) []kit.Column {
	repository, number, several := 10, 4, false
	seen := map[hooks.Target]bool{}
	for _, h := range p.shown {
		several = several || seen[h.Target]
		seen[h.Target] = true
		repository, number = max(repository, kit.Width(h.Target.String())), max(number, len(fmt.Sprint(h.ID)))
	}
	from, share := 100, w/2
	if several {
		from, share = 36, w*2/5
	}
	return []kit.Column{
		{Title: "", Width: 1},
		{Title: "repository", Width: min(repository, share)},
		{Title: "hook", Width: number, Needs: from},
		{Title: "health", Width: 8, Weight: 2},
		{Title: "events", Width: 6, Needs: 110},
		{Title: "secret", Width: 8, Needs: 48},
		{Title: "URL", Width: 14, Weight: 3, Needs: 150},
	}
}

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	if len(p.rows) == 0 {
		return kit.Fit(p.statusLine(w)+"\n"+p.empty(w), w, h)
	}
	t := p.shell.Theme
	table := t.Table(w, w-2, p.columns(w))
	out := []string{p.statusLine(w), table.Head()}
	below := p.below(w, h)
	p.high = max(1, h-2-len(below))
	from, to := p.Window(len(p.shown), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(p.shown[i], table, i == p.At))
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
	switch n := len(p.aside); {
	case n > 1 || n == 1 && len(p.shown) > h-2-room:
		text := fmt.Sprintf("%s could not be listed; %s shows why", text.Count(n, "repository", "repositories"), t.Key.Render("!"))
		problems = []string{t.Cut(" "+t.Bad.Render(t.Sym.Bad)+" "+text, w)}
	case n == 1:
		problems = p.problems(w, 1)
	}
	if len(p.shown) > h-2-room {
		room = max(2, (h-2)*2/5)
	}
	out := []string{t.Border.Render(strings.Repeat(t.Sym.Rule, w))}
	if h, ok := p.current(); ok {
		out = append(out, p.details(h, w)...)
	}
	return append(out[:min(len(out), max(2, room-len(problems)))], kit.First(problems, room-2)...)
}

// details are everything about a hook in a few lines, what is wrong first.
func (p *Page) details(h fleet.Hook, w int) []string {
	t := p.shell.Theme
	var out []string
	line := func(label, text string) {
		out = append(out, t.Cut(" "+t.Faint.Render(t.Cell(label, 13))+text, w))
	}
	name := title(h)
	name += kit.When(h.State != "delivers" && kit.Width(name)+kit.Width(h.State)+4 <= w, ": "+h.State)
	out = append(out, " "+t.Bold.Render(t.Middle(name, w-2)))
	if v, ok := p.said[keyOf(h)]; ok {
		style, mark := t.Good, t.Sym.OK
		if v.bad {
			style, mark = t.Bad, t.Sym.Bad
		}
		out = append(out, kit.First(kit.Flagged(style, mark, v.text, w), 2)...)
	}
	for _, warning := range h.Warnings {
		out = append(out, p.warning(h, warning, w)...)
	}
	line("delivers to", h.URL)
	line("last answer", kit.Clean(h.LastAnswer()))
	line("events", strings.Join(h.Events, " "))
	switch {
	case !h.Ours && !h.Moved:
		return out
	case h.Seen.IsZero():
		line("last seen", "never here; "+t.Key.Render("P")+" pings it")
	default:
		line("last seen", kit.Ago(p.shell.Now().Sub(h.Seen))+", signed with "+h.Secret+p.secretWords(h))
	}
	line("created", h.CreatedAt.Local().Format("2006-01-02 15:04")+", changed "+h.UpdatedAt.Local().Format("2006-01-02 15:04"))
	return out
}

// secretWords says which secret the last delivery of a hook was signed with.
func (p *Page) secretWords(h fleet.Hook) string {
	return map[string]string{
		fleet.SecretCurrent: ", the current secret", fleet.SecretAccepted: ", a former secret that is still accepted",
		fleet.SecretRefused: ", which is refused now", fleet.SecretUnproved: ", before its last change at GitHub",
	}[h.SecretState]
}

// warning is what is wrong with a hook, with the key of this page that leads
// out of it, or else the command.
func (p *Page) warning(h fleet.Hook, warning hooks.Warning, w int) []string {
	t := p.shell.Theme
	words := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(warning.Text, fmt.Sprintf("hook %d", h.ID)), ":"))
	for _, a := range p.Actions() {
		same := a.Command == warning.Cure || strings.HasPrefix(a.Command, "hookctl rotate --all") && strings.HasPrefix(warning.Cure, "hookctl rotate ")
		if same && a.Off == "" && a.Label != "" {
			return []string{t.Cut(" "+t.Warn.Render(t.Sym.Warn+" "+words+"; ")+t.Key.Render(a.Keys[0])+" "+a.Label, w)}
		}
	}
	out := []string{t.Cut(" "+t.Warn.Render(t.Sym.Warn+" "+words), w)}
	if warning.Cure != "" {
		out = append(out, t.Cut("   hint: "+warning.Cure, w))
	}
	return out
}

// statusLine says how many hooks there are, the secret and its age, and what
// is under way.
func (p *Page) statusLine(w int) string {
	t := p.shell.Theme
	left := p.headCount()
	if line := p.rot.line(t); line != "" {
		left += "  " + line
	} else if print := kit.Clean(p.cfg.Receiver.Value.Secret); print != "" {
		left += "  secret " + print + p.secretAge(print)
	}
	right := ""
	switch b := p.batch; {
	case b.total > 0:
		right = t.Warn.Render(fmt.Sprintf("%s %d/%d%s ", b.what, b.done, b.total, kit.When(b.failed > 0, fmt.Sprintf(", %d failed", b.failed))))
	case p.loading():
		right = t.Faint.Render("asking GitHub" + kit.When(p.total > 1, fmt.Sprintf(" %d/%d", p.answered, p.total)) + " ")
	}
	room := max(0, w-kit.Width(right))
	return kit.FitLine(t.Cut(left, room), room) + right
}

// secretAge is how old the receiver's secret is, where a hook has it.
func (p *Page) secretAge(print string) string {
	for _, h := range p.rows {
		if h.SecretState == fleet.SecretCurrent && h.Secret == print && !h.SecretSince.IsZero() {
			return ", " + kit.Age(p.shell.Now().Sub(h.SecretSince)) + " old"
		}
	}
	return ""
}

// empty says why there is no hook, and what to press.
func (p *Page) empty(w int) string {
	t := p.shell.Theme
	var b strings.Builder
	switch {
	case p.cfg.Fleet == nil:
		return "\n GitHub is not connected."
	case p.problem != nil:
		b.WriteString("\n" + strings.Join(p.shell.Trouble(p.problem, w), "\n") + "\n")
	case len(p.aside) > 0:
		b.WriteString("\n" + strings.Join(p.problems(w, 3), "\n") + "\n")
	case p.loading() || !p.loaded:
		return "\n " + t.Faint.Render("asking GitHub")
	default:
		b.WriteString("\n No hook yet.\n")
	}
	b.WriteString("\n " + t.Key.Render("w") + " sets up a webhook, step by step.\n " + t.Key.Render("a") + " looks for hooks in all repositories that you administer.")
	return b.String()
}

// problems are the targets that could not be listed, at most n of them.
func (p *Page) problems(w, n int) (out []string) {
	t := p.shell.Theme
	for _, a := range p.aside[:min(n, len(p.aside))] {
		out = append(append(out, kit.Flagged(t.Bad, t.Sym.Bad, kit.Clean(a.Err.Error()), w)...), kit.CureLines(a.Cure(), w)...)
	}
	if more := len(p.aside) - n; more > 0 {
		out = append(out, t.Faint.Render("   and "+text.Count(more, "repository", "repositories")+" more that could not be listed"))
	}
	return out
}

func (p *Page) row(h fleet.Hook, table kit.Table, on bool) string {
	t := p.shell.Theme
	symbol, style := t.Sym.Off, kit.Painter(t.Faint)
	switch h.Health {
	case fleet.Healthy:
		symbol, style = t.Sym.OK, t.Good
	case fleet.Unknown:
		symbol = t.Sym.Pending
	case fleet.Warning:
		symbol, style = t.Sym.Warn, t.Warn
	case fleet.Failing:
		symbol, style = t.Sym.Bad, t.Bad
	}
	if h.Moved {
		symbol, style = t.Sym.Warn, t.Warn
	}
	health := h.State
	if h.Health == fleet.Warning && health == "delivers" {
		health = "delivers, see below"
	}
	if v := p.said[keyOf(h)]; v.bad {
		symbol, health, style = t.Sym.Bad, whyFailed(v.text), t.Bad
	}
	if text := p.busy[keyOf(h)]; text != "" {
		symbol, health, style = t.Sym.Pending, text, t.Warn
	}
	if step, ok := p.rot.step(keyOf(h)); ok {
		symbol, health, style = step.draw(t)
	}
	signed := h.SecretState
	switch {
	case signed == fleet.SecretAccepted:
		signed = "former"
	case signed == fleet.SecretCurrent && !h.SecretSince.IsZero():
		signed = kit.Age(p.shell.Now().Sub(h.SecretSince))
	}
	repository, text, faint := h.Target.String(), kit.Painter(t.Text), kit.Painter(t.Faint)
	if wide := table.Width(1); wide > 0 {
		repository = t.Middle(repository, wide)
	}
	if !h.Ours && !h.Moved {
		style, text = faint, faint
	}
	return table.Row(on, p.marks[keyOf(h)], kit.Cell{Text: symbol, Style: style}, kit.Cell{Text: repository, Style: text},
		kit.Cell{Text: fmt.Sprint(h.ID), Style: faint}, kit.Cell{Text: health, Style: style}, kit.Cell{Text: fmt.Sprint(len(h.Events)), Style: faint},
		kit.Cell{Text: signed, Style: text}, kit.Cell{Text: h.URL, Style: faint})
}
