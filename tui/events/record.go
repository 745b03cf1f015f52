package events

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

func (p *Page) docActions() []kit.Action {
	d := p.shown()
	reading := kit.When(d == nil, "the record is being read")
	if d == nil {
		d = &detail{th: p.shell.Theme, rec: &logs.Record{}}
	}
	nothing := kit.When(d.find == "", "nothing is searched for; / searches")
	match := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			if !d.search(by) {
				return p.shell.Warn("no match for " + d.find)
			}
			return nil
		}
	}
	next := func(by int) func() tea.Cmd {
		return p.then(func() { p.feed.goTo(p.feed.At + by) })
	}
	acts := []kit.Action{
		{ID: "back", Keys: []string{"esc"}, Label: "back", Text: "Go back to the list.", Run: p.then(p.leave)},
		{ID: "open", Keys: []string{"enter"}, Label: "open", Text: "Fold or open the line; a value is shown in full.", Command: p.viewCommand(), Off: reading, Run: func() tea.Cmd {
			if !d.toggle() {
				head, lines := d.whole()
				p.shell.Show(&kit.Message{Shell: p.shell, Head: head, Lines: lines})
			}
			return nil
		}},
		{ID: "find", Keys: []string{"/"}, Label: "search", Text: "Search the record; folded lines open where it is found.", Off: reading, Run: p.openSearch},
		{ID: "match.next", Keys: []string{"n"}, Text: "Go to the next match.", Off: nothing, Run: match(1)},
		{ID: "match.previous", Keys: []string{"N"}, Text: "Go to the previous match.", Off: nothing, Run: match(-1)},
		{ID: "jq", Keys: []string{"|"}, Label: "jq", Text: "Query the payload with a jq expression.", Command: p.jqCommand(), Off: reading, Run: p.openJQ},
		{ID: "events.by", Keys: []string{"="}, Label: "by value", Text: "Filter by a value of the event under the cursor, or leave it out.", Run: p.openBy},
		{ID: "fold.all", Keys: []string{"z"}, Text: "Open everything, or fold everything.", Off: reading, Run: func() tea.Cmd { d.toggleAll(); return nil }},
		{ID: "fold", Keys: []string{"h", "left"}, Text: "Fold the line, or go to its parent.", Run: func() tea.Cmd { d.fold(); return nil }},
		{ID: "unfold", Keys: []string{"l", "right"}, Text: "Open the line.", Run: func() tea.Cmd { d.unfold(); return nil }},
		{ID: "event.next", Keys: []string{"J", "ctrl+n"}, Text: "Show the next older event.", Run: next(1)},
		{ID: "event.previous", Keys: []string{"K"}, Text: "Show the next newer event.", Run: next(-1)},
	}
	return append(acts, kit.Walk(d.rows, "", d.move)...)
}

// openSearch lets a text be searched for in the record.
func (p *Page) openSearch() tea.Cmd {
	d := p.shown()
	at, top, find := d.At, d.Top, d.find
	pr := kit.NewPrompt(p.shell, "search", "")
	pr.Hint = "text in any key or value; n and N go on"
	pr.Live = func(text string) tea.Cmd {
		d.At, d.Top, d.find = at, top, strings.ToLower(text)
		if text != "" && !d.search(1) {
			pr.Fault("not found", -1)
		}
		return nil
	}
	pr.Accept = func(text string) tea.Cmd { p.find = strings.ToLower(text); return nil }
	pr.Cancel = func() tea.Cmd { d.At, d.Top, d.find = at, top, find; return nil }
	return p.shell.Show(pr)
}

// viewCommand prints the record on the command line.
func (p *Page) viewCommand() string {
	if e, ok := p.feed.current(); ok {
		return "hookctl events view " + text.Shell(e.File)
	}
	return "hookctl events view"
}

// jqCommand asks the same on the command line.
func (p *Page) jqCommand() string {
	d := p.shown()
	if d == nil {
		return "hookctl events view"
	}
	expr := ".payload"
	if d.query != "" {
		expr += " | " + d.query
	}
	return "hookctl events view " + text.Shell(d.file) + " --jq " + text.Shell(expr)
}
