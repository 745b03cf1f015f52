package events

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// nameMost is how many columns the name of a saved filter may have.
const nameMost = 40

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
	if kit.Width(name) > nameMost {
		return fmt.Sprintf("a name has at most %d characters", nameMost), nameMost
	}
	return "", -1
}

// savedAs is the name under which a filter is saved, "" where it is not.
func (p *Page) savedAs(f logs.Filter) string {
	if f.IsZero() {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Filters)) {
		if saved, err := logs.ParseFilter(p.cfg.Filters[name], p.shell.Now()); err == nil && saved.String() == f.String() {
			return name
		}
	}
	return ""
}

// cannotSave says why the filter in force cannot be saved.
func (p *Page) cannotSave() string {
	return cmp.Or(p.cannotChange(), kit.When(p.feed.filter.IsZero(), "there is no filter to save; / makes one"))
}

func (p *Page) cannotChange() string {
	return kit.When(p.cfg.SaveFilter == nil, "the settings cannot be changed here")
}

// saveAction saves the filter in force, wherever its key is pressed.
func (p *Page) saveAction() kit.Action {
	act := kit.Action{ID: "filter.save", Keys: []string{"ctrl+s"}, Text: "Save the filter under a name, in hookctl.yaml.", Off: p.cannotSave(), Run: p.openSave}
	if act.Off == "" && p.savedAs(p.feed.filter) == "" {
		act.Label = "save filter"
	}
	return act
}

// openSave asks for the name of the filter in force.
func (p *Page) openSave() tea.Cmd {
	text := p.feed.filter.String()
	pr := kit.NewPrompt(p.shell, "save filter as", p.savedAs(p.feed.filter))
	fresh := "a name for " + text + "; it goes into hookctl.yaml"
	pr.Hint, pr.History = fresh, slices.Sorted(maps.Keys(p.cfg.Filters))
	pr.At = len(pr.History)
	pr.Live = func(name string) tea.Cmd {
		if why, at := badName(name); why != "" && name != "" {
			pr.Fault(why, at)
		}
		pr.Hint = fresh
		if old, ok := p.cfg.Filters[strings.TrimSpace(name)]; ok {
			pr.Hint = "there is one of this name already: " + old
		}
		return nil
	}
	pr.Accept = func(name string) tea.Cmd {
		if why, at := badName(name); why != "" {
			pr.Fault(why, at)
			return p.shell.Show(pr)
		}
		return p.saveUnder(strings.TrimSpace(name), text)
	}
	return p.shell.Show(pr)
}

// saveUnder saves a filter, and asks first where another one has the name.
func (p *Page) saveUnder(name, text string) tea.Cmd {
	old, taken := p.cfg.Filters[name]
	switch {
	case taken && old == text:
		return p.shell.Say(name + " is saved already")
	case taken:
		return p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Replace a saved filter", Yes: "y", Verb: "replace it", Lines: []string{
			"Replace " + name + "?", "", "It is now  " + old, "it becomes " + text,
		}, Run: func() tea.Cmd { return p.keep(name, text) }})
	}
	return p.keep(name, text)
}

// keep has main write a saved filter to the settings; no text takes it out.
func (p *Page) keep(name, text string) tea.Cmd {
	save := p.cfg.SaveFilter
	return kit.Get(p.shell, func(ctx context.Context) (struct{}, error) { return struct{}{}, save(ctx, name, text) }, func(struct{}) tea.Cmd {
		kept := maps.Clone(p.cfg.Filters)
		if kept == nil {
			kept = map[string]string{}
		}
		verdict := name + " is saved; F lists the saved filters"
		if kept[name] = text; text == "" {
			delete(kept, name)
			verdict = name + " is no longer saved"
		}
		p.cfg.Filters = kept
		if p.filters != nil && p.shell.Shown(p.filters) {
			p.filters.Replace(p.filterChoices())
		}
		return p.shell.Say(verdict)
	})
}

// filterChoices are the saved filters, and those used before.
func (p *Page) filterChoices() []kit.Choice {
	var choices []kit.Choice
	add := func(name, label, words, right string) {
		choices = append(choices, kit.Choice{ID: name, Text: kit.Clean(label), Right: right, Detail: "hookctl events list --filter " + text.Shell(text.Clean(words)), Run: func() tea.Cmd {
			f, err := logs.ParseFilter(words, p.shell.Now())
			if err != nil {
				return p.shell.Fail(fmt.Errorf("%s: %w", words, err))
			}
			return p.setFilter(f)
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Filters)) {
		add(name, name+": "+p.cfg.Filters[name], p.cfg.Filters[name], "saved")
	}
	for _, words := range slices.Backward(p.state.History) {
		add("", words, words, "used before")
	}
	return choices
}

// openFilters offers them, and lets the saved ones be forgotten.
func (p *Page) openFilters() tea.Cmd {
	choices := p.filterChoices()
	if len(choices) == 0 {
		return p.shell.Warn("no filter was used yet; / filters the list")
	}
	m := kit.NewMenu(p.shell, "Filters", choices)
	m.More = func(c kit.Choice) []kit.Action {
		save := p.saveAction()
		save.Run = func() tea.Cmd { p.shell.Shut(m); return p.openSave() }
		return []kit.Action{
			{ID: "filter.forget", Keys: []string{"ctrl+k", "delete"}, Label: "forget", Text: "Remove the saved filter from hookctl.yaml; asks first.",
				Off: cmp.Or(kit.When(c.ID == "", "only saved filters can be forgotten"), p.cannotChange()), Run: func() tea.Cmd { return p.askForget(c.ID) }},
			save,
		}
	}
	p.filters = m
	return p.shell.Show(m)
}

// askForget asks before a saved filter is gone, and names it.
func (p *Page) askForget(name string) tea.Cmd {
	return p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Forget a saved filter", Yes: "y", Verb: "forget it", Lines: []string{
		"Forget " + name + "?", "", "It is " + p.cfg.Filters[name],
	}, Run: func() tea.Cmd { return p.keep(name, "") }})
}

// Offer is what the palette has of the saved filters.
func (p *Page) Offer() (out []kit.Choice) {
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Filters)) {
		words := p.cfg.Filters[name]
		out = append(out, kit.Choice{Text: kit.Clean("filter " + name + ": " + words), Right: "saved", Detail: "hookctl events list --filter " + text.Clean(text.Shell(words)),
			Run: func() tea.Cmd { return p.shell.GoTo(kit.PageEvents, kit.Filtered(words)) }})
	}
	return out
}
