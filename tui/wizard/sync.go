package wizard

import (
	tea "charm.land/bubbletea/v2"

	"hookctl/tui/kit"
)

// syncModes are what the step of project sync offers, the proposed one first.
var syncModes = []struct{ mode, label, about string }{
	{"suggest", "suggest", "plan, and do nothing before you agree: t on the Events page"},
	{"act", "act", "do it at once, in your name"},
	{"off", "off", "leave issues alone"},
}

// syncStep switches project sync on, and says what that is. It follows the
// setup: s on the last page opens it.
type syncStep struct {
	w    *Wizard
	at   int
	busy bool
}

type syncSaved struct {
	of   *Wizard
	mode string
	err  error
}

func newSyncStep(w *Wizard) *syncStep {
	s := &syncStep{w: w}
	for i, m := range syncModes {
		if m.mode == w.cfg.Setup.Sync && m.mode != "off" {
			s.at = i
		}
	}
	return s
}

func (s *syncStep) name() string { return "Sync" }

func (s *syncStep) open() tea.Cmd { return nil }

func (s *syncStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Wheel:
		s.move(msg.Lines)
	case syncSaved:
		if msg.of != s.w {
			return nil
		}
		s.busy = false
		if msg.err != nil {
			return s.w.shell.Fail(msg.err)
		}
		s.w.shell.Shut(s.w)
		words := map[string]string{
			"suggest": "project sync suggests: t on the Events page shows what",
			"act":     "project sync acts: t on the Events page shows its issues",
			"off":     "project sync is off",
		}[msg.mode]
		return tea.Batch(s.w.shell.GoTo(kit.PageEvents, nil), s.w.shell.Say(words))
	}
	return nil
}

func (s *syncStep) move(by int) { s.at = max(0, min(len(syncModes)-1, s.at+by)) }

func (s *syncStep) next() (bool, tea.Cmd) {
	if s.busy {
		return false, nil
	}
	s.busy = true
	w, ctx, mode, save := s.w, s.w.shell.Ctx, syncModes[s.at].mode, s.w.cfg.Setup.SaveSync
	return false, func() tea.Msg { return syncSaved{w, mode, save(ctx, mode)} }
}

func (s *syncStep) label() string {
	if s.busy {
		return "wait"
	}
	return "save"
}

func (s *syncStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("What should become of a CI failure on the default or a watched branch? Project sync keeps one issue for it, with the failing lines of the log, and closes it after a green run.",
		"What should become of a CI failure?", w, h)
	for i, m := range syncModes {
		mark := " ( ) "
		if i == s.at {
			mark = t.Key.Render(t.Sym.Cursor) + "(x) "
		}
		words := kit.FitLine(m.label, 9) + t.Faint.Render(m.about)
		if kit.Width(words) > w-6 {
			words = m.label
		}
		out = append(out, mark+t.Cut(words, max(1, w-6)))
	}
	if h < 14 {
		return append(append(out, ""), kit.Paragraph(syncModes[s.at].label+": "+syncModes[s.at].about+".", w)...), nil
	}
	out = append(out, "")
	for _, line := range []string{
		"Pull requests and forks are left alone. What a person writes, assigns or holds stays.",
		"A merge into develop closes the issues that it fixes, and a blocked issue is escalated with a summary.",
		"It uses your GitHub login. hookctl doctor checks the rights; sync: in hookctl config edit has the rest, such as a board.",
	} {
		out = append(out, kit.Paragraph(line, w)...)
	}
	return out, nil
}

func (s *syncStep) actions() []kit.Action {
	return kit.Arrows("wizard", "choose", 1, func(by int) tea.Cmd { s.move(by); return nil })
}
