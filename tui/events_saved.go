package tui

import (
	"fmt"
	"maps"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
)

// nameMost is how many columns the name of a saved filter may have.
const nameMost = 40

// filterSaved is the end of saving a filter, or of forgetting it where text is
// empty.
type filterSaved struct {
	name, text string
	err        error
}

// badName says why a filter cannot have a name, "" where it can, and the
// character that is at fault, -1 for none.
func badName(name string) (why string, at int) {
	if strings.TrimSpace(name) == "" {
		return "a saved filter needs a name", -1
	}
	for i, r := range []rune(name) {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		switch {
		case i == 0 && !letter:
			return "a name begins with a letter or a digit", 0
		case !letter && !unicode.IsMark(r) && !strings.ContainsRune(" -_.", r):
			return "a name has letters, digits, blanks and - _ . only", i
		}
	}
	if width(name) > nameMost {
		return fmt.Sprintf("a name has at most %d characters", nameMost), nameMost
	}
	return "", -1
}

// savedAs is the name under which a filter is saved, "" where it is not.
func (p *eventsPage) savedAs(f logs.Filter) string {
	if f.IsZero() {
		return ""
	}
	for _, name := range sortedKeys(p.a.cfg.Filters) {
		if saved, err := logs.ParseFilter(p.a.cfg.Filters[name], p.a.cfg.Now()); err == nil && saved.String() == f.String() {
			return name
		}
	}
	return ""
}

// cannotSave says why the filter in force cannot be saved.
func (p *eventsPage) cannotSave() string {
	switch {
	case p.a.cfg.SaveFilter == nil:
		return "the settings cannot be changed here"
	case p.feed.filter.IsZero():
		return "there is no filter to save; / makes one"
	}
	return ""
}

// saveAction saves the filter in force, wherever its key is pressed.
func (p *eventsPage) saveAction() action {
	act := action{id: "filter.save", keys: []string{"ctrl+s"}, text: "Save the filter under a name, in hookctl.yaml.", off: p.cannotSave(), run: p.openSave}
	if act.off == "" && p.savedAs(p.feed.filter) == "" {
		act.label = "save filter"
	}
	return act
}

// openSave asks for the name of the filter in force.
func (p *eventsPage) openSave() tea.Cmd {
	text := p.feed.filter.String()
	pr := newPrompt(p.a, "save", "save filter as", p.savedAs(p.feed.filter))
	fresh := "a name for " + text + "; it goes into hookctl.yaml"
	pr.hint, pr.history = fresh, sortedKeys(p.a.cfg.Filters)
	pr.at = len(pr.history)
	pr.live = func(name string) tea.Cmd {
		pr.fault("", -1)
		if why, at := badName(name); why != "" && name != "" {
			pr.fault(why, at)
		}
		pr.hint = fresh
		if old, ok := p.a.cfg.Filters[strings.TrimSpace(name)]; ok {
			pr.hint = "there is one of this name already: " + old
		}
		return nil
	}
	pr.accept = func(name string) tea.Cmd {
		if why, at := badName(name); why != "" {
			pr.fault(why, at)
			p.a.show(pr)
			return nil
		}
		return p.saveUnder(strings.TrimSpace(name), text)
	}
	p.a.show(pr)
	return nil
}

// saveUnder saves a filter, and asks first where another one has the name.
func (p *eventsPage) saveUnder(name, text string) tea.Cmd {
	old, taken := p.a.cfg.Filters[name]
	switch {
	case taken && old == text:
		return p.a.say(name + " is saved already")
	case taken:
		p.a.show(&confirm{a: p.a, head: "Replace a saved filter", yes: "y", verb: "replace it", lines: []string{
			"Replace " + name + "?", "", "It is now  " + old, "it becomes " + text,
		}, run: func() tea.Cmd { return p.keep(name, text) }})
		return nil
	}
	return p.keep(name, text)
}

// keep has main write a saved filter to the settings; no text takes it out.
func (p *eventsPage) keep(name, text string) tea.Cmd {
	ctx, save := p.a.ctx, p.a.cfg.SaveFilter
	return func() tea.Msg { return filterSaved{name, text, save(ctx, name, text)} }
}

// filterKept tells what came of saving, and knows the filter from now on.
func (p *eventsPage) filterKept(m filterSaved) tea.Cmd {
	if m.err != nil {
		return p.a.fail(m.err)
	}
	kept := maps.Clone(p.a.cfg.Filters)
	if kept == nil {
		kept = map[string]string{}
	}
	verdict := m.name + " is saved; F lists the saved filters"
	if kept[m.name] = m.text; m.text == "" {
		delete(kept, m.name)
		verdict = m.name + " is no longer saved"
	}
	p.a.cfg.Filters = kept
	for _, o := range p.a.overlays {
		if list, ok := o.(*menu); ok && list == p.filters {
			list.replace(p.filterChoices())
		}
	}
	return p.a.say(verdict)
}

// filterChoices are the saved filters, and those used before.
func (p *eventsPage) filterChoices() []choice {
	use := func(words string) func() tea.Cmd {
		return func() tea.Cmd {
			f, err := logs.ParseFilter(words, p.a.cfg.Now())
			if err != nil {
				return p.a.fail(fmt.Errorf("%s: %w", words, err))
			}
			return p.setFilter(f)
		}
	}
	var choices []choice
	for _, name := range sortedKeys(p.a.cfg.Filters) {
		words := p.a.cfg.Filters[name]
		choices = append(choices, choice{id: name, text: text.Clean(name + ": " + words), right: "saved",
			detail: "hookctl events list --filter " + text.Shell(text.Clean(words)), run: use(words)})
	}
	for i := len(p.history) - 1; i >= 0; i-- {
		choices = append(choices, choice{text: text.Clean(p.history[i]), right: "used before",
			detail: "hookctl events list --filter " + text.Shell(text.Clean(p.history[i])), run: use(p.history[i])})
	}
	return choices
}

// openFilters offers them, and lets the saved ones be forgotten.
func (p *eventsPage) openFilters() tea.Cmd {
	choices := p.filterChoices()
	if len(choices) == 0 {
		return p.a.warn("no filter was used yet; / filters the list")
	}
	m := newMenu(p.a, "Filters", choices)
	m.more = func(c choice) []action {
		forget := action{id: "filter.forget", keys: []string{"ctrl+k", "delete"}, label: "forget", text: "Take the saved filter out of hookctl.yaml; asks first."}
		switch {
		case c.id == "":
			forget.off, forget.label = "only saved filters can be forgotten", ""
		case p.a.cfg.SaveFilter == nil:
			forget.off, forget.label = "the settings cannot be changed here", ""
		}
		forget.run = func() tea.Cmd { return p.askForget(c.id) }
		save := p.saveAction()
		save.run = func() tea.Cmd { p.a.shut(m); return p.openSave() }
		return []action{forget, save}
	}
	p.filters = m
	p.a.show(m)
	return nil
}

// askForget asks before a saved filter is gone, and names it.
func (p *eventsPage) askForget(name string) tea.Cmd {
	p.a.show(&confirm{a: p.a, head: "Forget a saved filter", yes: "y", verb: "forget it", lines: []string{
		"Forget " + name + "?", "", "It is " + p.a.cfg.Filters[name],
	}, run: func() tea.Cmd { return p.keep(name, "") }})
	return nil
}
