package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

// actions of the list, or of the document when the keys go there.
func (p *eventsPage) actions() []action {
	if p.inside {
		return append(p.docActions(), p.recordActions()...)
	}
	return append(p.listActions(), p.recordActions()...)
}

func (p *eventsPage) listActions() []action {
	f := &p.feed
	none := ""
	if len(f.entries) == 0 {
		none = "no event is listed"
	}
	step := func(by int) tea.Cmd {
		f.goTo(f.at + by)
		return p.after()
	}
	list := "hookctl events list"
	if !f.filter.IsZero() {
		list += " --filter " + text.Shell(f.filter.String())
	}
	export := list + " --limit 0 --jq '.[].file' | xargs -n1 hookctl events view --jq ."
	view := p.viewCommand()
	noExport := none
	if p.export != nil || len(p.marks) > 0 {
		noExport = "" // one is under way, or the marked ones are written
	}
	saved := map[bool]string{true: "filters"}[len(p.a.cfg.Filters) > 0]
	return append([]action{
		{id: "open", keys: []string{"enter"}, label: "open", text: "Open the record.", command: view, off: none, run: p.then(p.enter)},
		{id: "find", keys: []string{"/"}, label: "filter", text: "Filter the list; it answers while you type.", command: list, run: p.openFilter},
		p.saveAction(),
		{id: "events.by", keys: []string{"="}, label: "by value", text: "Filter by a value of the event under the cursor, or leave it out.", off: none, run: p.openBy},
		{id: "failure.next", keys: []string{"e"}, label: "next failure", text: "Go to the next older failure.", command: "hookctl events list --filter " + failedRuns, off: none, run: func() tea.Cmd { return p.nextFailure(true) }},
		{id: "failure.previous", keys: []string{"E"}, text: "Go to the next newer failure.", off: none, run: func() tea.Cmd { return p.nextFailure(false) }},
		{id: "follow", keys: []string{"f"}, label: "follow", text: "Go to the newest event and follow.", command: "hookctl events follow", run: p.follow},
		{id: "mark", keys: []string{"x"}, text: "Mark the event for replay, resend and export, or take the mark away.", off: none, run: p.then(p.mark)},
		{id: "back", keys: []string{"esc"}, text: "Take away the marks, then the filter.", off: p.nothingToClear(), run: p.clear},
		{id: "export", keys: []string{"W"}, text: "Write the filtered or the marked events to a file, one JSON record a line; once more cancels.", command: export, off: noExport, run: p.openExport},
		{id: "filters", keys: []string{"F"}, label: saved, text: "Choose a saved filter, or one used before; saved ones can be forgotten there.", run: p.openFilters},
		{id: "preview", keys: []string{"p"}, text: "Show or hide the preview.", run: p.then(func() { p.hidden = !p.hidden })},
		{id: "narrower", keys: []string{"<"}, text: "Give the list less room.", run: func() tea.Cmd { p.share = max(20, p.share-5); return nil }},
		{id: "wider", keys: []string{">"}, text: "Give the list more room.", run: func() tea.Cmd { p.share = min(80, p.share+5); return nil }},
		{id: "top", keys: []string{"g", "home"}, text: "Go to the newest event.", run: p.follow},
		{id: "end", keys: []string{"G", "end"}, text: "Go to the oldest event.", off: none, run: func() tea.Cmd { return tea.Batch(f.end(p.a.ctx), p.after()) }},
	}, moves(p.rows, none, step)...)
}

// recordActions act on the marked records, or on the one under the cursor.
func (p *eventsPage) recordActions() []action {
	e, ok := p.feed.current()
	none, noURL, down := "", "", ""
	if !ok {
		none = "no event is listed"
	}
	noURL = none
	if ok && !webAddress(e.URL) {
		noURL = "this event has no page on the web"
	}
	down = none
	if ok && !p.a.running() {
		down = "the receiver is not running; start it on the Receiver page"
	}
	silent := down
	if silent == "" && e.Notification == nil && len(p.marks) == 0 {
		silent = "this event notified nobody"
	}
	files := strings.Join(quoted(p.chosen()), " ")
	return []action{
		{id: "copy", keys: []string{"y"}, label: "copy", text: "Copy id, URL, JSON, curl line, or the value under the cursor.", off: none, run: p.openCopy},
		{id: "browse", keys: []string{"o"}, label: "web", text: "Open the event's page in the browser.", off: noURL, run: func() tea.Cmd { return p.a.browse(e.URL) }},
		{id: "replay", keys: []string{"R"}, label: "replay", text: "Send the record through the receiver again, as a new one.", command: strings.TrimSpace("hookctl events replay " + files), off: down,
			run: func() tea.Cmd { return p.again("replay") }},
		{id: "resend", keys: []string{"S"}, text: "Send the record's notifications again.", command: strings.TrimSpace("hookctl events resend " + files), off: silent,
			run: func() tea.Cmd { return p.again("resend") }},
	}
}

func quoted(files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = text.Shell(f)
	}
	return out
}

// chosen are the files of the marked events, the oldest first, or of the one
// under the cursor.
func (p *eventsPage) chosen() []string {
	out := sortedKeys(p.marks)
	if e, ok := p.feed.current(); ok && len(out) == 0 {
		out = append(out, e.File)
	}
	return out
}

func (p *eventsPage) follow() tea.Cmd {
	f := &p.feed
	if f.newer || f.fresh > 0 {
		f.paused, f.fresh = false, 0
		return f.load(p.a.ctx, nil)
	}
	f.goTo(0)
	return p.after()
}

func (p *eventsPage) mark() {
	e, ok := p.feed.current()
	if !ok {
		return
	}
	if _, on := p.marks[e.File]; on {
		delete(p.marks, e.File)
	} else {
		p.marks[e.File] = e
	}
	p.feed.goTo(p.feed.at + 1)
}

// enter gives the keys to the record. What comes in meanwhile does not take it
// off the screen.
func (p *eventsPage) enter() { p.inside, p.feed.paused = true, true }

// leave gives the keys back to the list, which follows again where it did.
func (p *eventsPage) leave() {
	p.inside = false
	p.feed.goTo(p.feed.at)
}
