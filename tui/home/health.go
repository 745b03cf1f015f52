package home

import (
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// health are the lines that say whether everything works. A line with a hint is one
// that is not, and enter fixes it.
func (p *Page) health() []row {
	t, a, f := p.shell.Theme, p.shell, p.facts
	line := func(level int, label, words string) string {
		style, mark := t.Good, t.Sym.OK
		switch level {
		case kit.LevelWarn:
			style, mark = t.Warn, t.Sym.Warn
		case kit.LevelError:
			style, mark = t.Bad, t.Sym.Bad
		}
		return style.Render(mark) + " " + kit.FitLine(label, 14) + text.Clean(words)
	}
	to := func(name string) func() tea.Cmd { return func() tea.Cmd { return a.GoTo(name, nil) } }
	recv := p.cfg.Receiver.Value
	var rows []row
	switch {
	case !p.cfg.Receiver.Known:
		rows = append(rows, row{text: t.Faint.Render(t.Sym.Pending) + " " + kit.FitLine("receiver", 14) + "asking"})
	case p.cfg.Receiver.OK() && recv.Alarm != "":
		rows = append(rows, row{line(kit.LevelError, "receiver", recv.Alarm), "enter: look", to(kit.PageReceiver)})
	case p.cfg.Receiver.OK():
		words := "running on " + recv.Address
		if !recv.Since.IsZero() {
			words += " since " + kit.Clock(recv.Since, a.Now())
		}
		rows = append(rows, row{text: line(kit.LevelInfo, "receiver", words), run: to(kit.PageReceiver)})
	case errors.Is(p.cfg.Receiver.Err, daemon.ErrNotRunning):
		rows = append(rows, row{line(kit.LevelError, "receiver", "not running: deliveries are refused"), "enter: start it", p.cfg.Start})
	default:
		rows = append(rows, row{line(kit.LevelError, "receiver", "does not answer"), "enter: look", to(kit.PageReceiver)})
	}
	if url := p.cfg.PublicURL(); url != "" {
		rows = append(rows, row{text: line(kit.LevelInfo, "public URL", url), run: to(kit.PageDoctor)})
	} else {
		rows = append(rows, row{line(kit.LevelWarn, "public URL", "none is known"), "enter: set up", a.SetUp})
	}
	rows = append(rows, p.hookRow(line, to(kit.PageHooks)), p.secretRow(line, to(kit.PageHooks)))
	waiting, given := recv.PendingNotifications, max(recv.FailedNotifications, int64(f.failed))
	words := fmt.Sprintf("%d waiting, %d failed", waiting, given)
	if given > 0 {
		rows = append(rows, row{line(kit.LevelWarn, "notifications", words), "enter: see them", func() tea.Cmd { return a.GoTo(kit.PageEvents, kit.Filtered("status:failed")) }})
	} else {
		rows = append(rows, row{text: line(kit.LevelInfo, "notifications", words), run: to(kit.PageEvents)})
	}
	if p.cfg.Receiver.OK() && recv.Rejected > 0 {
		rows = append(rows, row{line(kit.LevelWarn, "rejected", text.Count(int(recv.Rejected), "request")+" refused"), "enter: see why", func() tea.Cmd { return a.GoTo(kit.PageReceiver, kit.Refusals{}) }})
	}
	if f.err != nil {
		rows = append(rows, row{line(kit.LevelWarn, "log", f.err.Error()), "enter: look", to(kit.PageDoctor)})
	}
	return rows
}

func (p *Page) hookRow(line func(int, string, string) string, look func() tea.Cmd) row {
	s := p.cfg.Hooks()
	unwell := func() tea.Cmd { return p.shell.GoTo(kit.PageHooks, kit.Failing{}) }
	switch {
	case s.Err != nil && s.Ours == 0:
		return row{line(kit.LevelWarn, "hooks", "GitHub could not be asked"), "enter: see why", look}
	case !s.Known:
		return row{text: p.shell.Theme.Faint.Render(p.shell.Theme.Sym.Pending) + " " + kit.FitLine("hooks", 14) + "asking GitHub", run: look}
	case s.Ours == 0:
		return row{line(kit.LevelWarn, "hooks", "none delivers here"), "enter: set up", p.shell.SetUp}
	case s.Bad > 0:
		return row{line(kit.LevelError, "hooks", fmt.Sprintf("%d of %d failed the last time", s.Bad, s.Ours)), "enter: look", unwell}
	case s.Paused > 0:
		return row{line(kit.LevelWarn, "hooks", fmt.Sprintf("%d of %d paused", s.Paused, s.Ours)), "enter: look", unwell}
	}
	return row{text: line(kit.LevelInfo, "hooks", fmt.Sprintf("%d, all healthy", s.Ours)), run: look}
}

func (p *Page) secretRow(line func(int, string, string) string, look func() tea.Cmd) row {
	f := p.facts
	switch {
	case f.secret == "":
		return row{line(kit.LevelError, "secret", "none: the receiver does not start without one"), "enter: set up", p.shell.SetUp}
	case f.rotation != nil && f.rotation.Promoted.IsZero():
		return row{line(kit.LevelWarn, "secret", "a rotation is not finished"), "enter: go on", look}
	}
	words := f.secret
	if !f.changed.IsZero() {
		days := int(p.shell.Now().Sub(f.changed).Hours() / 24)
		if days < 1 { // less than nothing where the clock of the machine was set back
			words += ", made today"
		} else {
			words += ", " + text.Count(days, "day") + " old"
		}
		if p.shell.Now().Sub(f.changed) > oldSecret {
			return row{line(kit.LevelWarn, "secret", words), "enter: to Hooks, r rotates it", look}
		}
	}
	return row{text: line(kit.LevelInfo, "secret", words), run: look}
}
