package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

// The orders of the table; hooks of other receivers are always last.
const (
	byName = iota
	byHealth
	bySeen
	orders
)

// manyHooks is how many hooks a person sees at a glance.
const manyHooks = 9

// orderName says how the table is sorted, "" for the usual order.
func orderName(order int) string {
	return []string{"", "worst first", "latest delivery first"}[order]
}

// choose puts on screen what is looked for, in the order that is asked for,
// and keeps the cursor on its hook.
func (p *hooksPage) choose() {
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
			p.at = i
		}
	}
	p.to(p.at, len(p.shown))
}

// says reports whether a hook has all the words somewhere: in its repository,
// id, URL, state or events.
func (r hookRow) says(words []string) bool {
	text := strings.ToLower(strings.Join(append([]string{r.Target.String(), fmt.Sprint(r.ID), r.URL, r.health}, r.Events...), " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// openFind lets words be typed; the table answers as they are.
func (p *hooksPage) openFind() tea.Cmd {
	before, at := p.find, p.at
	pr := newPrompt(p.a, "find", "find", p.find)
	pr.hint = "words of a repository, id, URL, event or state: api staging, 401, paused"
	pr.live = func(text string) tea.Cmd {
		p.find, p.at = text, 0
		p.choose()
		pr.fault("", -1)
		if len(p.shown) == 0 {
			pr.fault("no hook has all of these words", -1)
		}
		return nil
	}
	pr.accept = func(text string) tea.Cmd { p.find = strings.TrimSpace(text); p.choose(); return nil }
	pr.cancel = func() tea.Cmd { p.find = before; p.choose(); p.to(at, len(p.shown)); return nil }
	p.a.show(pr)
	return nil
}

// sort goes on to the next order, from its top.
func (p *hooksPage) sort() tea.Cmd {
	p.order = (p.order + 1) % orders
	p.moved, p.at = false, 0
	p.choose()
	if name := orderName(p.order); name != "" {
		return p.a.say("sorted: " + name)
	}
	return p.a.say("sorted by name")
}

// unwell goes to the next hook of this receiver that is not well.
func (p *hooksPage) unwell(by int) tea.Cmd {
	for n, i := 0, p.at; n < len(p.shown); n++ {
		i = (i + by + len(p.shown)) % len(p.shown)
		if r := p.shown[i]; r.mine && r.level >= healthWarn || p.told[r.key()].bad {
			p.move(i - p.at)
			return nil
		}
	}
	return p.a.say("every hook that is listed is well")
}

// look shows the first hook that failed, or else that is not well, whatever
// was looked for before.
func (p *hooksPage) look() {
	p.find, p.order = "", byName
	p.choose()
	for level := healthBad; level >= healthWarn; level-- {
		if i := slices.IndexFunc(p.shown, func(r hookRow) bool { return r.mine && r.level == level }); i >= 0 {
			p.move(i - p.at)
			return
		}
	}
}

// markShown marks every hook of this receiver that is on the list; those that
// are marked already lose the mark where invert is set.
func (p *hooksPage) markShown(invert bool) {
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
func (p *hooksPage) takeAway() tea.Cmd {
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
func (p *hooksPage) showProblems() tea.Cmd {
	var lines []string
	for _, t := range p.targetsBroken() {
		err := p.broken[t]
		lines = append(lines, err.Error())
		if cure := cureFor(err); cure != "" {
			lines = append(lines, "  "+cure)
		}
	}
	p.a.show(&message{a: p.a, head: repositories(len(p.broken)) + " could not be listed", lines: lines})
	return nil
}

// findActions are the keys that look for hooks among many.
func (p *hooksPage) findActions(none string) []action {
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
	problems := action{id: "hooks.problems", keys: []string{"!"}, text: "Show which repositories could not be listed, and why.", off: well, run: p.showProblems}
	if len(p.broken) > 1 {
		problems.label = "problems"
	}
	// The footer offers what a long list needs, and only then.
	find, next, order := "", "", ""
	if len(p.rows) > manyHooks {
		find, order = "find", "order"
	}
	if s := p.summary(); s.bad > 0 && len(p.rows) > manyHooks {
		next = "next unwell"
	}
	return []action{
		{id: "find", keys: []string{"/"}, label: find, text: "Find hooks by words of their repository, URL, event or state; the table answers while you type.", off: list, run: p.openFind},
		{id: "failure.next", keys: []string{"e"}, label: next, text: "Go to the next hook that is not well.", off: none, run: func() tea.Cmd { return p.unwell(1) }},
		{id: "failure.previous", keys: []string{"E"}, text: "Go to the previous hook that is not well.", off: none, run: func() tea.Cmd { return p.unwell(-1) }},
		{id: "hooks.sort", keys: []string{"O"}, label: order, text: "Sort by name, the worst first, or by the latest delivery.", off: list, run: p.sort},
		{id: "mark.all", keys: []string{"X"}, text: "Mark every hook of this receiver that is listed.", off: none, run: func() tea.Cmd { p.markShown(false); return nil }},
		{id: "mark.invert", keys: []string{"I"}, text: "Mark the listed hooks that are not marked, and take the mark from the others.", off: none, run: func() tea.Cmd { p.markShown(true); return nil }},
		problems,
		{id: "back", keys: []string{"esc"}, text: "Take away the marks, then what is looked for.", off: nothing, run: p.takeAway},
	}
}

// headCount says how many hooks there are, how they are, and how many are on
// the list.
func (p *hooksPage) headCount() string {
	t := p.a.theme
	if len(p.rows) == 0 {
		return ""
	}
	s := p.summary()
	out := " " + text.Count(s.ours, "hook")
	if p.find != "" {
		return " " + t.faint.Render("find ") + t.accent.Render(text.Clean(p.find)) + fmt.Sprintf(": %d of %s", len(p.shown), text.Count(len(p.rows), "hook")) + p.markCount()
	}
	if other := len(p.rows) - s.ours; other > 0 {
		out = fmt.Sprintf(" %d here, %d elsewhere", s.ours, other)
	}
	if s.bad > 0 {
		out += ", " + t.bad.Render(fmt.Sprintf("%d failing", s.bad))
	}
	if s.paused > 0 {
		out += ", " + t.warn.Render(fmt.Sprintf("%d paused", s.paused))
	}
	out += p.markCount()
	if name := orderName(p.order); name != "" {
		out += "  " + t.faint.Render(name)
	}
	return out
}

// markCount says how many hooks are marked, and how many of them are not on
// the list, since keys act on those too.
func (p *hooksPage) markCount() string {
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
	text := fmt.Sprintf("  %s %d marked", p.a.theme.sym.mark, n)
	if hidden > 0 {
		text += fmt.Sprintf(" (%d not listed)", hidden)
	}
	return p.a.theme.warn.Render(text)
}
