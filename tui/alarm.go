package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs"
	"hookctl/tui/events"
)

// alarm notifies the desktop of a failure or an escalation while nobody looks at
// the terminal, where the settings ask for it. The text is ours: what comes from
// outside is never written to the terminal past the renderer.
func (a *app) alarm(batch []logs.Entry) tea.Cmd {
	var cmds []tea.Cmd
	if slices.ContainsFunc(batch, func(e logs.Entry) bool { return e.Event == "issues" }) {
		cmds = append(cmds, a.escalations)
	}
	if slices.ContainsFunc(batch, events.Failed) {
		cmds = append(cmds, a.notify("a failure arrived"))
	}
	return tea.Batch(cmds...)
}

// notify shows words of ours on the desktop while the terminal has no focus.
func (a *app) notify(words string) tea.Cmd {
	if !a.cfg.Notify || a.Focused {
		return nil
	}
	return tea.Raw(ansi.Notify("hookctl: " + words))
}

// escalated is when project sync last escalated a task, or reminded of one; zero for never.
type escalated time.Time

// escalations looks when that was. An error is one of the list, which says so itself.
func (a *app) escalations() tea.Msg {
	if a.cfg.Tasks.List == nil || !a.cfg.Notify {
		return nil
	}
	list, err := a.cfg.Tasks.List()
	if err != nil {
		return nil
	}
	var last time.Time
	for _, i := range list {
		if i.Blocked() && i.Last.After(last) {
			last = i.Last
		}
	}
	return escalated(last)
}

// escalated notifies of an escalation that is newer than what was there at the start.
func (a *app) escalated(last time.Time) (cmd tea.Cmd) {
	if a.alarmed != nil && last.After(*a.alarmed) {
		cmd = a.notify("a task is blocked")
	}
	if a.alarmed == nil || last.After(*a.alarmed) {
		a.alarmed = &last
	}
	return cmd
}
