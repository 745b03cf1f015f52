package events

import (
	"context"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/tui/kit"
)

// setFilter asks a new question and keeps the place where it can.
func (p *Page) setFilter(f logs.Filter) tea.Cmd {
	var anchor *logs.Entry
	if e, ok := p.feed.current(); ok && (p.feed.paused || p.kept == e.File) {
		anchor, p.kept = &e, e.File
	}
	p.feed.filter, p.feed.total = f, -1
	return p.feed.load(anchor)
}

// openFilter lets a filter be typed; the list answers as it changes.
func (p *Page) openFilter() tea.Cmd {
	before, gen, value := p.feed.filter, p.feed.gen, p.feed.filter.String()
	var anchor *logs.Entry // where the list goes back to
	if e, ok := p.feed.current(); ok && p.feed.paused {
		anchor = &e
	}
	pr := kit.NewPrompt(p.shell, "filter", value+kit.When(value != "", " "))
	pr.Hint = "tab: fields and values   " + kit.KeyName("up", p.shell.Theme.Ascii) + `: recent filters   conclusion:failure repo:o/* !sender:*[bot] since:1h "text"`
	pr.Complete = func(before string) tea.Cmd {
		l, known := p.feed.log, p.cfg.Events
		return kit.Get(p.shell, func(ctx context.Context) ([]kit.Suggestion, error) {
			var list []kit.Suggestion
			for _, c := range logs.CompleteFilter(ctx, l, before, known) {
				list = append(list, kit.Suggestion{Text: c.Text, About: c.About})
			}
			return list, nil
		}, func(list []kit.Suggestion) tea.Cmd { return pr.Offer(before, list) })
	}
	pr.History, pr.At = p.state.History, len(p.state.History)
	pr.Live = func(text string) tea.Cmd {
		f, err := logs.ParseFilter(text, p.shell.Now())
		if err != nil {
			text, at := faultOf(err, text)
			pr.Fault(text, at)
			return nil
		}
		return p.setFilter(f)
	}
	// What is typed can be saved without leaving the line first.
	save := p.saveAction()
	save.Off = p.cannotChange()
	save.Label, save.Run = "", func() tea.Cmd {
		if _, err := logs.ParseFilter(pr.Input.Value(), p.shell.Now()); err != nil {
			return nil // the line says what is wrong
		}
		p.shell.Shut(pr)
		cmd := pr.Accept(pr.Input.Value())
		if why := p.cannotSave(); why != "" {
			return tea.Batch(cmd, p.shell.Warn(why))
		}
		return tea.Batch(cmd, p.openSave())
	}
	pr.Keys = append(pr.Keys, save)
	pr.Accept = func(text string) tea.Cmd {
		f, err := logs.ParseFilter(text, p.shell.Now())
		if err != nil {
			return p.shell.Show(pr)
		}
		p.remember(f.String())
		if f.String() == p.feed.filter.String() {
			return nil
		}
		return p.setFilter(f)
	}
	pr.Cancel = func() tea.Cmd {
		if p.feed.gen == gen {
			return nil // nothing was asked
		}
		p.feed.filter, p.feed.total = before, -1
		return p.feed.load(anchor)
	}
	return p.shell.Show(pr)
}

// remember keeps a filter in the history, newest last, once.
func (p *Page) remember(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(p.state.History), func(h string) bool { return h == text })
	p.state.History = append(kept[max(0, len(kept)-49):], text)
}

// addFilter narrows the list by one more word.
func (p *Page) addFilter(word string) tea.Cmd {
	f, err := logs.ParseFilter(strings.TrimSpace(p.feed.filter.String()+" "+word), p.shell.Now())
	if err != nil {
		return p.shell.Fail(err)
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
func (p *Page) openBy() tea.Cmd {
	e, _ := p.feed.current()
	var notified logs.EntryNotification
	if e.Notification != nil {
		notified = *e.Notification
	}
	number := ""
	if e.Number != nil {
		number = strconv.FormatInt(*e.Number, 10)
	}
	var choices []kit.Choice
	for _, v := range [][2]string{{"event", e.Event}, {"action", e.Action}, {"repo", e.Repository}, {"sender", e.Sender}, {"branch", e.Branch},
		{"conclusion", e.Conclusion}, {"number", number}, {"type", notified.Type}, {"priority", notified.Priority}, {"source", e.Source}, {"title", e.Title}} {
		if v[1] == "" {
			continue
		}
		word := v[0] + ":" + logs.QuoteFilter(v[1])
		choices = append(choices, kit.Choice{Text: word, Right: "only these", Run: func() tea.Cmd { return p.addFilter(word) }},
			kit.Choice{Text: "!" + word, Right: "leave out", Run: func() tea.Cmd { return p.addFilter("!" + word) }})
	}
	return p.shell.Show(kit.NewMenu(p.shell, "Filter by value", choices))
}

func (p *Page) clear() tea.Cmd {
	if len(p.marks) > 0 {
		clear(p.marks)
		return nil
	}
	return p.setFilter(logs.Filter{})
}
