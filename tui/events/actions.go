package events

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// Actions of the list, or of the document when the keys go there.
func (p *Page) Actions() []kit.Action {
	if p.inside {
		return append(p.docActions(), p.recordActions()...)
	}
	return append(p.listActions(), p.recordActions()...)
}

func (p *Page) listActions() []kit.Action {
	f := &p.feed
	none := kit.When(len(f.entries) == 0, "no event is listed")
	step := func(by int) tea.Cmd {
		f.goTo(f.At + by)
		return p.after()
	}
	list := "hookctl events list" + kit.When(!f.filter.IsZero(), " --filter "+text.Shell(f.filter.String()))
	export := list + " --limit 0 --jq '.[].file' | xargs -n1 hookctl events view --jq ."
	view := p.viewCommand()
	noExport := kit.When(!p.export.Busy() && len(p.marks) == 0, none)
	return append(append([]kit.Action{
		{ID: "open", Keys: []string{"enter"}, Label: "open", Text: "Open the record.", Command: view, Off: none, Run: p.then(p.enter)},
		{ID: "find", Keys: []string{"/"}, Label: "filter", Text: "Filter the list; it updates while you type.", Command: list, Run: p.openFilter},
		p.saveAction(),
		{ID: "events.by", Keys: []string{"="}, Label: "by value", Text: "Filter by a value of the event under the cursor, or leave it out.", Off: none, Run: p.openBy},
		{ID: "failure.next", Keys: []string{"e"}, Label: "next failure", Text: "Go to the next older failure.", Command: "hookctl events list --filter " + failedRuns, Off: none, Run: func() tea.Cmd { return p.nextFailure(true) }},
		{ID: "failure.previous", Keys: []string{"E"}, Text: "Go to the next newer failure.", Off: none, Run: func() tea.Cmd { return p.nextFailure(false) }},
		{ID: "follow", Keys: []string{"f"}, Label: "follow", Text: "Go to the newest event and follow.", Command: "hookctl events follow", Run: p.follow},
		{ID: "mark", Keys: []string{"x"}, Text: "Mark the event for compare, replay, resend and export, or take the mark away.", Off: none, Run: p.then(p.mark)},
		p.diffAction(),
		{ID: "back", Keys: []string{"esc"}, Text: "Take away the marks, then the filter.", Off: kit.When(len(p.marks) == 0 && f.filter.IsZero(), "there is no mark and no filter to take away"), Run: p.clear},
		{ID: "stats", Keys: []string{"#"}, Label: "statistics", Text: "Show statistics by type, repository, sender and hour.", Command: strings.Replace(list, "events list", "events stats", 1), Off: none, Run: p.openStats},
		{ID: "export", Keys: []string{"W"}, Text: "Write the filtered or the marked events to a file, one JSON record per line; press again to cancel.", Command: export, Off: noExport, Run: p.openExport},
		{ID: "filters", Keys: []string{"F"}, Label: kit.When(len(p.cfg.Filters) > 0, "filters"), Text: "Choose a saved filter, or one used before; saved ones can be forgotten there.", Run: p.openFilters},
		{ID: "preview", Keys: []string{"p"}, Text: "Show or hide the preview.", Off: p.tooSmall(), Run: p.then(func() { p.state.Hidden = !p.state.Hidden })},
		{ID: "narrower", Keys: []string{"<"}, Text: "Give the list less room.", Run: func() tea.Cmd { p.state.Share = max(20, p.state.Share-5); return nil }},
		{ID: "wider", Keys: []string{">"}, Text: "Give the list more room.", Run: func() tea.Cmd { p.state.Share = min(80, p.state.Share+5); return nil }},
		{ID: "top", Keys: []string{"g", "home"}, Text: "Go to the newest event.", Run: p.follow},
		{ID: "end", Keys: []string{"G", "end"}, Text: "Go to the oldest event.", Off: none, Run: f.end},
	}, p.tasksAction()...), kit.Moves(p.rows, none, step)...)
}

// recordActions act on the marked records, or on the one under the cursor.
func (p *Page) recordActions() []kit.Action {
	e, ok := p.feed.current()
	none := kit.When(!ok, "no event is listed")
	noURL := cmp.Or(none, kit.When(!kit.WebAddress(e.URL), "this event has no page on the web"))
	down := cmp.Or(none, kit.When(!p.cfg.Receiver.OK(), "the receiver is not running; start it on the Receiver page"))
	silent := cmp.Or(down, kit.When(e.Notification == nil && len(p.marks) == 0, "this event notified nobody"))
	page, label, opens := e.URL, "web", "Open the event's page in the browser."
	if doc := p.shown(); doc != nil && doc.rec.Sync != nil && kit.WebAddress(doc.rec.Sync.URL) {
		page, label, opens, noURL = doc.rec.Sync.URL, "issue", "Open the issue of the event in the browser.", ""
	}
	var files strings.Builder
	for _, file := range p.chosen() {
		files.WriteString(" " + text.Shell(file))
	}
	records := text.Count(len(p.chosen()), "record")
	return []kit.Action{
		{ID: "copy", Keys: []string{"y"}, Label: "copy", Text: "Copy id, URL, JSON, curl line, or the value under the cursor.", Off: none, Run: p.openCopy},
		{ID: "browse", Keys: []string{"o"}, Label: label, Text: opens, Off: noURL, Run: func() tea.Cmd { return p.shell.Browse(page) }},
		{ID: "replay", Keys: []string{"R"}, Label: "replay", Text: "Send the record through the receiver again, as a new one.", Command: "hookctl events replay" + files.String(), Off: down,
			Acts: "send " + records + " through the receiver again, as new", Run: func() tea.Cmd { return p.again("replay", p.cfg.Replay) }},
		{ID: "resend", Keys: []string{"S"}, Label: kit.When(e.Failed > 0, "send again"), Text: "Send the failed notifications again (all where none failed).", Command: "hookctl events resend" + files.String(), Off: silent,
			Acts: "send the notifications of " + records + " again", Run: func() tea.Cmd { return p.again("resend", p.cfg.Resend) }},
	}
}

// chosen are the files of the marked events, the oldest first, or of the one
// under the cursor.
func (p *Page) chosen() []string {
	out := slices.Sorted(maps.Keys(p.marks))
	if e, ok := p.feed.current(); ok && len(out) == 0 {
		out = append(out, e.File)
	}
	return out
}

func (p *Page) follow() tea.Cmd {
	f := &p.feed
	if f.newer || f.fresh > 0 {
		f.paused, f.fresh = false, 0
		return f.load(nil)
	}
	f.goTo(0)
	return p.after()
}

func (p *Page) mark() {
	e, _ := p.feed.current()
	if _, on := p.marks[e.File]; on {
		delete(p.marks, e.File)
	} else {
		p.marks[e.File] = e
	}
	p.feed.goTo(p.feed.At + 1)
}

// enter gives the keys to the record. What comes in then does not take it
// off the screen.
func (p *Page) enter() { p.inside, p.feed.paused = true, true }

// leave gives the keys back to the list, which follows again where it did.
func (p *Page) leave() {
	p.inside = false
	p.feed.goTo(p.feed.At)
}
