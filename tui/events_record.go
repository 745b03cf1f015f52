package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
)

func (p *eventsPage) docActions() []action {
	d := p.shown()
	reading := ""
	if d == nil {
		d = &detail{th: p.a.theme, rec: &logs.Record{}}
		reading = "the record is being read"
	}
	step := func(by int) tea.Cmd {
		d.move(by)
		return nil
	}
	nothing := ""
	if d.find == "" {
		nothing = "nothing is searched for; / searches"
	}
	match := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			if !d.search(by) {
				return p.a.warn("no match for " + d.find)
			}
			return nil
		}
	}
	next := func(by int) func() tea.Cmd {
		return p.then(func() { p.feed.goTo(p.feed.at + by) })
	}
	acts := []action{
		{id: "back", keys: []string{"esc"}, label: "back", text: "Go back to the list.", run: p.then(p.leave)},
		{id: "open", keys: []string{"enter"}, label: "open", text: "Fold or open the line; a value is shown in full.", command: p.viewCommand(), off: reading, run: func() tea.Cmd {
			if !d.toggle() {
				head, lines := d.whole()
				p.a.show(&message{a: p.a, head: head, lines: lines})
			}
			return nil
		}},
		{id: "find", keys: []string{"/"}, label: "search", text: "Search the record; folded lines open where it is found.", off: reading, run: p.openSearch},
		{id: "match.next", keys: []string{"n"}, text: "Go to the next match.", off: nothing, run: match(1)},
		{id: "match.previous", keys: []string{"N"}, text: "Go to the previous match.", off: nothing, run: match(-1)},
		{id: "jq", keys: []string{"|"}, label: "jq", text: "Ask the payload with a jq expression.", command: p.jqCommand(), off: reading, run: p.openJQ},
		{id: "events.by", keys: []string{"="}, label: "by value", text: "Filter by a value of the event under the cursor, or leave it out.", run: p.openBy},
		{id: "fold.all", keys: []string{"z"}, text: "Open everything, or fold everything.", off: reading, run: func() tea.Cmd { d.toggleAll(); return nil }},
		{id: "fold", keys: []string{"h", "left"}, text: "Fold the line, or go to the one around it.", run: func() tea.Cmd { d.fold(); return nil }},
		{id: "unfold", keys: []string{"l", "right"}, text: "Open the line.", run: func() tea.Cmd { d.unfold(); return nil }},
		{id: "event.next", keys: []string{"J", "ctrl+n"}, text: "Show the next older event.", run: next(1)},
		{id: "event.previous", keys: []string{"K"}, text: "Show the next newer event.", run: next(-1)},
	}
	return append(append(acts, moves(d.rows, "", step)...), ends("", step)...)
}

// openSearch lets a text be searched for in the record.
func (p *eventsPage) openSearch() tea.Cmd {
	d := p.shown()
	if d == nil {
		return nil
	}
	at, top, find := d.at, d.top, d.find
	pr := newPrompt(p.a, "search", "search", "")
	pr.hint = "text in any key or value; n and N go on"
	pr.live = func(text string) tea.Cmd {
		d.at, d.top, d.find = at, top, strings.ToLower(text)
		pr.fault("", -1)
		if text != "" && !d.search(1) {
			pr.fault("not found", -1)
		}
		return nil
	}
	pr.accept = func(text string) tea.Cmd { p.find = strings.ToLower(text); return nil }
	pr.cancel = func() tea.Cmd { d.at, d.top, d.find = at, top, find; return nil }
	p.a.show(pr)
	return nil
}

// viewCommand prints the record on the command line.
func (p *eventsPage) viewCommand() string {
	if e, ok := p.feed.current(); ok {
		return "hookctl events view " + text.Shell(e.File)
	}
	return "hookctl events view"
}

// jqCommand asks the same on the command line.
func (p *eventsPage) jqCommand() string {
	d := p.shown()
	if d == nil {
		return "hookctl events view"
	}
	expr := ".payload"
	if d.query != "" {
		expr += " | " + d.query
	}
	return "hookctl events view " + text.Shell(strings.TrimRight(d.file, "\x00")) + " --jq " + text.Shell(expr)
}
