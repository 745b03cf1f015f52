package webhooks

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// The orders of the table; hooks of other services are always last.
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
	p.shown = make([]fleet.Hook, 0, len(p.rows))
	for _, h := range p.rows {
		if says(h, p.find) {
			p.shown = append(p.shown, h)
		}
	}
	slices.SortStableFunc(p.shown, func(a, b fleet.Hook) int {
		switch {
		case a.Ours != b.Ours, p.order == byName:
			return 0 // as they come
		case p.order == byHealth:
			return rank(b) - rank(a)
		}
		return b.Seen.Compare(a.Seen)
	})
	if ok && p.moved {
		if i := slices.IndexFunc(p.shown, func(h fleet.Hook) bool { return keyOf(h) == keyOf(under) }); i >= 0 {
			p.At = i
		}
	}
	p.To(p.At, len(p.shown))
}

// rank orders the healths, the worst last.
func rank(h fleet.Hook) int {
	return slices.Index([]fleet.Health{"", fleet.Unknown, fleet.Healthy, fleet.Warning, fleet.Failing}, h.Health)
}

// needsWork reports whether a hook has a problem.
func needsWork(h fleet.Hook) bool { return h.Health == fleet.Warning || h.Health == fleet.Failing }

// says reports whether a hook has all the words somewhere: in its repository,
// id, URL, state or events.
func says(h fleet.Hook, words string) bool {
	return kit.HasWords(strings.Join(append([]string{h.Target.String(), fmt.Sprint(h.ID), h.URL, h.State}, h.Events...), " "), words)
}

// openFind lets words be typed; the table answers as they are.
func (p *Page) openFind() tea.Cmd {
	before, at := p.find, p.At
	return p.shell.Find(before, "words of a repository, id, URL, event or state: api staging, 401, paused", "no hook has all of these words", func(words string) int {
		p.find, p.At = words, 0
		if p.choose(); words == before {
			p.To(at, len(p.shown))
		}
		return len(p.shown)
	})
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

// nextProblem goes to the next hook that has one.
func (p *Page) nextProblem(by int) tea.Cmd {
	for n, i := 0, p.At; n < len(p.shown); n++ {
		i = (i + by + len(p.shown)) % len(p.shown)
		if h := p.shown[i]; needsWork(h) || h.Moved || p.said[keyOf(h)].bad {
			p.move(i - p.At)
			return nil
		}
	}
	return p.shell.Say("no listed hook has a problem")
}

// worst shows the first hook that fails, or else that has a warning, whatever
// was looked for before.
func (p *Page) worst() {
	p.find, p.order = "", byName
	p.choose()
	for _, health := range []fleet.Health{fleet.Failing, fleet.Warning} {
		if i := slices.IndexFunc(p.shown, func(h fleet.Hook) bool { return h.Health == health }); i >= 0 {
			p.move(i - p.At)
			return
		}
	}
}

// markShown marks every hook of ours that is on the list; those that are
// marked already lose the mark where invert is set.
func (p *Page) markShown(invert bool) {
	for _, h := range p.shown {
		if h.Ours && (invert || !p.marks[keyOf(h)]) {
			p.mark(h)
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

// showProblems shows every target that could not be listed, with the cure.
func (p *Page) showProblems() tea.Cmd {
	var lines []string
	for _, a := range p.aside {
		lines = append(lines, a.Err.Error())
		if cure := a.Cure(); cure != "" {
			lines = append(lines, "  hint: "+cure)
		}
	}
	return p.shell.Show(&kit.Message{Shell: p.shell, Head: text.Count(len(p.aside), "repository", "repositories") + " could not be listed", Lines: lines})
}

// findActions are the keys that look for hooks among many.
func (p *Page) findActions(none string) []kit.Action {
	list := kit.When(len(p.rows) == 0, "no hook is listed")
	nothing := kit.When(len(p.marks) == 0 && p.find == "", "nothing is marked or filtered")
	many := len(p.rows) > kit.Many // the footer offers what a long list needs, and only then
	_, bad, _ := p.summary()
	return []kit.Action{
		{ID: "find", Keys: []string{"/"}, Label: kit.When(many, "find"), Text: "Find hooks by words of their repository, URL, event or state; the table updates while you type.", Off: list, Run: p.openFind},
		{ID: "failure.next", Keys: []string{"e"}, Label: kit.When(many && bad > 0, "next problem"), Text: "Go to the next hook that has a problem.", Off: none, Run: func() tea.Cmd { return p.nextProblem(1) }},
		{ID: "failure.previous", Keys: []string{"E"}, Text: "Go to the previous hook that has a problem.", Off: none, Run: func() tea.Cmd { return p.nextProblem(-1) }},
		{ID: "hooks.sort", Keys: []string{"O"}, Label: kit.When(many, "order"), Text: "Sort by name, the worst first, or by the latest delivery.", Off: list, Run: p.sort},
		{ID: "mark.all", Keys: []string{"X"}, Text: "Mark every hook of this receiver that is listed.", Off: none, Run: func() tea.Cmd { p.markShown(false); return nil }},
		{ID: "mark.invert", Keys: []string{"I"}, Text: "Mark the listed hooks that are not marked, and unmark the others.", Off: none, Run: func() tea.Cmd { p.markShown(true); return nil }},
		{ID: "hooks.problems", Keys: []string{"!"}, Label: kit.When(len(p.aside) > 1, "problems"), Text: "Show which repositories could not be listed, and why.", Command: "hookctl hooks list",
			Off: kit.When(len(p.aside) == 0, "every repository was listed"), Run: p.showProblems},
		{ID: "back", Keys: []string{"esc"}, Text: "Clear the marks, then the words that are looked for.", Off: nothing, Run: p.takeAway},
	}
}

// headCount says how many hooks there are, how they are, and how many are on
// the list.
func (p *Page) headCount() string {
	t := p.shell.Theme
	if len(p.rows) == 0 {
		return ""
	}
	if p.find != "" {
		return " " + t.Faint.Render("find ") + t.Accent.Render(kit.Clean(p.find)) + fmt.Sprintf(": %d of %s", len(p.shown), text.Count(len(p.rows), "hook")) + p.markCount()
	}
	ours, bad, paused := p.summary()
	out := " " + text.Count(ours, "hook") + kit.When(bad > 0, ", "+t.Bad.Render(fmt.Sprintf("%d failing", bad))) +
		kit.When(paused > 0, ", "+t.Warn.Render(fmt.Sprintf("%d paused", paused)))
	if other := len(p.rows) - ours; other > 0 && p.rot.line(t) == "" {
		out += fmt.Sprintf("; %d of other services", other)
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
	for _, h := range p.shown {
		if p.marks[keyOf(h)] {
			hidden--
		}
	}
	t := p.shell.Theme
	return t.Warn.Render(fmt.Sprintf("  %s %d marked", t.Sym.Mark, n) + kit.When(hidden > 0, fmt.Sprintf(" (%d not listed)", hidden)))
}
