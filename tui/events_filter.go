package tui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
)

// setFilter asks a new question and keeps the place where it can.
func (p *eventsPage) setFilter(f logs.Filter) tea.Cmd {
	var anchor *logs.Entry
	if e, ok := p.feed.current(); ok && (p.feed.paused || p.kept == e.File) {
		anchor, p.kept = &e, e.File
	}
	p.feed.filter, p.feed.total = f, -1
	return p.feed.load(p.a.ctx, anchor)
}

// openFilter lets a filter be typed; the list answers as it changes.
func (p *eventsPage) openFilter() tea.Cmd {
	before := p.feed
	pr := newPrompt(p.a, "filter", "filter", p.feed.filter.String())
	if pr.input.Value() != "" {
		pr.set(pr.input.Value() + " ")
	}
	pr.hint = `event:push repo:o/* !sender:*[bot] conclusion:failure status:failed since:1h "text"`
	pr.history, pr.at = p.history, len(p.history)
	pr.live = func(text string) tea.Cmd {
		f, err := logs.ParseFilter(text, p.a.cfg.Now())
		if err != nil {
			text, at := faultOf(err, text)
			pr.fault(text, at)
			return nil
		}
		pr.fault("", -1)
		return p.setFilter(f)
	}
	// What is typed can be saved without leaving the line first.
	save := p.saveAction()
	save.off = map[bool]string{true: "the settings cannot be changed here"}[p.a.cfg.SaveFilter == nil]
	save.label, save.run = "", func() tea.Cmd {
		if _, err := logs.ParseFilter(pr.input.Value(), p.a.cfg.Now()); err != nil {
			return nil // the line says what is wrong
		}
		p.a.shut(pr)
		cmd := pr.accept(pr.input.Value())
		if why := p.cannotSave(); why != "" {
			return tea.Batch(cmd, p.a.warn(why))
		}
		return tea.Batch(cmd, p.openSave())
	}
	pr.keys = append(pr.keys, save)
	pr.accept = func(text string) tea.Cmd {
		f, err := logs.ParseFilter(text, p.a.cfg.Now())
		if err != nil {
			p.a.show(pr)
			return nil
		}
		p.remember(f.String())
		if f.String() == p.feed.filter.String() {
			return nil
		}
		return p.setFilter(f)
	}
	pr.cancel = func() tea.Cmd {
		if p.feed.gen == before.gen {
			return nil // nothing was asked
		}
		// What was asked meanwhile is stale; the old window still stands, unless
		// something came in since.
		gen, news := p.feed.gen, p.feed.news != before.news
		if p.feed.cancel != nil {
			p.feed.cancel()
		}
		p.feed = before
		p.feed.gen, p.feed.loading, p.feed.fetching = gen+1, false, 0
		if news || before.loading || before.total < 0 {
			return p.setFilter(before.filter)
		}
		return p.after()
	}
	p.a.show(pr)
	return nil
}

// remember keeps a filter in the history, newest last, once.
func (p *eventsPage) remember(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	kept := p.history[:0:0]
	for _, h := range p.history {
		if h != text {
			kept = append(kept, h)
		}
	}
	p.history = append(kept, text)
	if len(p.history) > 50 {
		p.history = p.history[len(p.history)-50:]
	}
}

// addFilter narrows the list by one more word.
func (p *eventsPage) addFilter(word string) tea.Cmd {
	f, err := logs.ParseFilter(strings.TrimSpace(p.feed.filter.String()+" "+word), p.a.cfg.Now())
	if err != nil {
		return p.a.fail(err)
	}
	p.remember(f.String())
	return tea.Batch(p.setFilter(f), p.after())
}

// faultOf gives an error of ParseFilter and the character it points at.
func faultOf(err error, text string) (string, int) {
	if fe, ok := err.(*logs.FilterError); ok {
		return fe.Msg, len([]rune(text[:min(len(text), max(0, fe.Offset))]))
	}
	return err.Error(), -1
}

// openBy offers filters made of the values of the event.
func (p *eventsPage) openBy() tea.Cmd {
	e, ok := p.feed.current()
	if !ok {
		return nil
	}
	kind, priority := "", ""
	if e.Notification != nil {
		kind, priority = e.Notification.Type, e.Notification.Priority
	}
	number := ""
	if e.Number != nil {
		number = strconv.FormatInt(*e.Number, 10)
	}
	var choices []choice
	for _, v := range [][2]string{{"event", e.Event}, {"action", e.Action}, {"repo", e.Repository}, {"sender", e.Sender}, {"branch", e.Branch},
		{"conclusion", e.Conclusion}, {"number", number}, {"type", kind}, {"priority", priority}, {"source", e.Source}, {"title", e.Title}} {
		if v[1] == "" {
			continue
		}
		word := v[0] + ":" + filterQuote(v[1])
		choices = append(choices, choice{text: word, right: "only these", run: func() tea.Cmd { return p.addFilter(word) }},
			choice{text: "!" + word, right: "leave out", run: func() tea.Cmd { return p.addFilter("!" + word) }})
	}
	p.a.show(newMenu(p.a, "Filter by value", choices))
	return nil
}

// filterQuote writes a value as the filter grammar reads it back.
func filterQuote(v string) string {
	if v == "" || strings.ContainsAny(v, " \t\n\r,\"\\") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	return v
}

func (p *eventsPage) nothingToClear() string {
	if len(p.marks) == 0 && p.feed.filter.IsZero() {
		return "there is no mark and no filter to take away"
	}
	return ""
}

func (p *eventsPage) clear() tea.Cmd {
	if len(p.marks) > 0 {
		clear(p.marks)
		return nil
	}
	return p.setFilter(logs.Filter{})
}
