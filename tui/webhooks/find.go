package webhooks

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// The orders of the table; hooks of other receivers are always last.
const (
	byName = iota
	byHealth
	bySeen
	orders
)

// orderName says how the table is sorted, "" for the usual order.
func orderName(order int) string {
	return []string{"", "worst first", "latest delivery first"}[order]
}

// choose puts on screen what is looked for, in the order that is asked for,
// and keeps the cursor on its hook.
func (p *Page) choose() {
	under, ok := p.current()
	words := strings.Fields(strings.ToLower(p.find))
	p.shown = make([]hookRow, 0, len(p.rows))
	for _, r := range p.rows {
		if r.says(words) {
			p.shown = append(p.shown, r)
		}
	}
	slices.SortStableFunc(p.shown, func(a, b hookRow) int {
		switch {
		case a.mine != b.mine, p.order == byName:
			return 0 // as they come
		case p.order == byHealth:
			return b.level - a.level
		}
		return b.seen.at.Compare(a.seen.at)
	})
	if ok && p.moved {
		if i := slices.IndexFunc(p.shown, func(r hookRow) bool { return r.key() == under.key() }); i >= 0 {
			p.At = i
		}
	}
	p.To(p.At, len(p.shown))
}

// says reports whether a hook has all the words somewhere: in its repository,
// id, URL, state or events.
func (r hookRow) says(words []string) bool {
	text := strings.ToLower(strings.Join(append([]string{r.Target.String(), fmt.Sprint(r.ID), r.URL, r.health}, r.Events...), " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// openFind lets words be typed; the table answers as they are.
func (p *Page) openFind() tea.Cmd {
	before, at := p.find, p.At
	pr := kit.NewPrompt(p.shell, "find", "find", p.find)
	pr.Hint = "words of a repository, id, URL, event or state: api staging, 401, paused"
	pr.Live = func(text string) tea.Cmd {
		p.find, p.At = text, 0
		p.choose()
		pr.Fault("", -1)
		if len(p.shown) == 0 {
			pr.Fault("no hook has all of these words", -1)
		}
		return nil
	}
	pr.Accept = func(text string) tea.Cmd { p.find = strings.TrimSpace(text); p.choose(); return nil }
	pr.Cancel = func() tea.Cmd { p.find = before; p.choose(); p.To(at, len(p.shown)); return nil }
	p.shell.Show(pr)
	return nil
}

// sort goes on to the next order, from its top.
func (p *Page) sort() tea.Cmd {
	p.order = (p.order + 1) % orders
	p.moved, p.At = false, 0
	p.choose()
	if name := orderName(p.order); name != "" {
		return p.shell.Say("sorted: " + name)
	}
	return p.shell.Say("sorted by name")
}

// unwell goes to the next hook of this receiver that is not well.
func (p *Page) unwell(by int) tea.Cmd {
	for n, i := 0, p.At; n < len(p.shown); n++ {
		i = (i + by + len(p.shown)) % len(p.shown)
		if r := p.shown[i]; r.mine && r.level >= healthWarn || p.told[r.key()].bad {
			p.move(i - p.At)
			return nil
		}
	}
	return p.shell.Say("every hook that is listed is well")
}

// look shows the first hook that failed, or else that is not well, whatever
// was looked for before.
func (p *Page) look() {
	p.find, p.order = "", byName
	p.choose()
	for level := healthBad; level >= healthWarn; level-- {
		if i := slices.IndexFunc(p.shown, func(r hookRow) bool { return r.mine && r.level == level }); i >= 0 {
			p.move(i - p.At)
			return
		}
	}
}

// markShown marks every hook of this receiver that is on the list; those that
// are marked already lose the mark where invert is set.
func (p *Page) markShown(invert bool) {
	for _, r := range p.shown {
		switch {
		case !r.mine || r.Name == "cli":
		case invert && p.marks[r.key()]:
			delete(p.marks, r.key())
		default:
			p.marks[r.key()] = true
		}
	}
}

// takeAway is esc: first the marks go, then what is looked for.
func (p *Page) takeAway() tea.Cmd {
	if len(p.marks) > 0 {
		clear(p.marks)
		return nil
	}
	p.find = ""
	p.choose()
	return nil
}

// repositories counts targets in words.
func repositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return text.Thousands(n) + " repositories"
}

// showProblems tells of every target that could not be listed, with the cure.
func (p *Page) showProblems() tea.Cmd {
	var lines []string
	for _, t := range p.targetsBroken() {
		err := p.broken[t]
		lines = append(lines, err.Error())
		if cure := p.shell.Cure(err); cure != "" {
			lines = append(lines, "  "+cure)
		}
	}
	p.shell.Show(&kit.Message{Shell: p.shell, Head: repositories(len(p.broken)) + " could not be listed", Lines: lines})
	return nil
}

// findActions are the keys that look for hooks among many.
func (p *Page) findActions(none string) []kit.Action {
	list := ""
	if len(p.rows) == 0 {
		list = "no hook is listed"
	}
	well := ""
	if len(p.broken) == 0 {
		well = "everything could be listed"
	}
	nothing := ""
	if len(p.marks) == 0 && p.find == "" {
		nothing = "there is no mark and nothing is looked for"
	}
	problems := kit.Action{ID: "hooks.problems", Keys: []string{"!"}, Text: "Show which repositories could not be listed, and why.", Off: well, Run: p.showProblems}
	if len(p.broken) > 1 {
		problems.Label = "problems"
	}
	// The footer offers what a long list needs, and only then.
	find, next, order := "", "", ""
	if len(p.rows) > kit.Many {
		find, order = "find", "order"
	}
	if s := p.Summary(); s.Bad > 0 && len(p.rows) > kit.Many {
		next = "next unwell"
	}
	return []kit.Action{
		{ID: "find", Keys: []string{"/"}, Label: find, Text: "Find hooks by words of their repository, URL, event or state; the table answers while you type.", Off: list, Run: p.openFind},
		{ID: "failure.next", Keys: []string{"e"}, Label: next, Text: "Go to the next hook that is not well.", Off: none, Run: func() tea.Cmd { return p.unwell(1) }},
		{ID: "failure.previous", Keys: []string{"E"}, Text: "Go to the previous hook that is not well.", Off: none, Run: func() tea.Cmd { return p.unwell(-1) }},
		{ID: "hooks.sort", Keys: []string{"O"}, Label: order, Text: "Sort by name, the worst first, or by the latest delivery.", Off: list, Run: p.sort},
		{ID: "mark.all", Keys: []string{"X"}, Text: "Mark every hook of this receiver that is listed.", Off: none, Run: func() tea.Cmd { p.markShown(false); return nil }},
		{ID: "mark.invert", Keys: []string{"I"}, Text: "Mark the listed hooks that are not marked, and take the mark from the others.", Off: none, Run: func() tea.Cmd { p.markShown(true); return nil }},
		problems,
		{ID: "back", Keys: []string{"esc"}, Text: "Take away the marks, then what is looked for.", Off: nothing, Run: p.takeAway},
	}
}

// headCount says how many hooks there are, how they are, and how many are on
// the list.
func (p *Page) headCount() string {
	t := p.shell.Theme
	if len(p.rows) == 0 {
		return ""
	}
	s := p.Summary()
	out := " " + text.Count(s.Ours, "hook")
	if p.find != "" {
		return " " + t.Faint.Render("find ") + t.Accent.Render(text.Clean(p.find)) + fmt.Sprintf(": %d of %s", len(p.shown), text.Count(len(p.rows), "hook")) + p.markCount()
	}
	if other := len(p.rows) - s.Ours; other > 0 {
		out = fmt.Sprintf(" %d here, %d elsewhere", s.Ours, other)
	}
	if s.Bad > 0 {
		out += ", " + t.Bad.Render(fmt.Sprintf("%d failing", s.Bad))
	}
	if s.Paused > 0 {
		out += ", " + t.Warn.Render(fmt.Sprintf("%d paused", s.Paused))
	}
	out += p.markCount()
	if name := orderName(p.order); name != "" {
		out += "  " + t.Faint.Render(name)
	}
	return out
}

// markCount says how many hooks are marked, and how many of them are not on
// the list, since keys act on those too.
func (p *Page) markCount() string {
	n := len(p.marks)
	if n == 0 {
		return ""
	}
	hidden := n
	for _, r := range p.shown {
		if p.marks[r.key()] {
			hidden--
		}
	}
	text := fmt.Sprintf("  %s %d marked", p.shell.Theme.Sym.Mark, n)
	if hidden > 0 {
		text += fmt.Sprintf(" (%d not listed)", hidden)
	}
	return p.shell.Theme.Warn.Render(text)
}
