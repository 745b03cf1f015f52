package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs"
	"hookctl/tui/events"
)

// alarm notifies the desktop of a failure while nobody looks at the terminal,
// where the settings ask for it. The text is ours: what comes from outside is
// never written to the terminal past the renderer.
func (a *app) alarm(batch []logs.Entry) tea.Cmd {
	if !a.cfg.Notify || a.Focused {
		return nil
	}
	for _, e := range batch {
		if events.Failed(e) {
			return tea.Raw(ansi.Notify("hookctl: a failure arrived"))
		}
	}
	return nil
}
