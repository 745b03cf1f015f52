package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/tui/events"
	"hookctl/tui/kit"
)

// alarm notifies the desktop of a failure or an escalation while nobody looks at
// the terminal, where the settings ask for it. The text is ours: what comes from
// outside is never written to the terminal past the renderer.
func (a *app) alarm(batch []logs.Entry) tea.Cmd {
	var cmds []tea.Cmd
	if slices.ContainsFunc(batch, func(e logs.Entry) bool { return e.Event == "issues" }) {
		cmds = append(cmds, a.escalations())
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

// escalations looks when project sync last escalated a task, or reminded of one, and notifies of one that is newer than what
// was there at the start. An error is one of the list, which says so itself.
func (a *app) escalations() tea.Cmd {
	list := a.cfg.Tasks.List
	if list == nil || !a.cfg.Notify {
		return nil
	}
	return kit.Ask(a.Shell, func(context.Context) ([]tasks.Item, error) { return list() }, func(items []tasks.Item, err error) (cmd tea.Cmd) {
		if err != nil {
			return nil
		}
		var last time.Time // zero for never
		for _, i := range items {
			if i.Blocked() && i.Last.After(last) {
				last = i.Last
			}
		}
		if a.alarmed != nil && last.After(*a.alarmed) {
			cmd = a.notify("a task is blocked")
		}
		if a.alarmed == nil || last.After(*a.alarmed) {
			a.alarmed = &last
		}
		return cmd
	})
}
