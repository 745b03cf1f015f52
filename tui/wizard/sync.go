package wizard

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// syncStep switches project sync on, and says what that is. It follows the
// setup: s on the last page opens it.
type syncStep struct {
	plain
	modes []fleet.Choice
	at    int
}

func newSyncStep(w *Wizard) *syncStep {
	s := &syncStep{plain: plain{w: w}, modes: fleet.SyncChoices()}
	for i, m := range s.modes {
		if m.Value == w.cfg.Setup.Sync && m.Value != "off" {
			s.at = i
		}
	}
	return s
}

func (s *syncStep) update(msg tea.Msg) tea.Cmd {
	if wheel, ok := msg.(kit.Wheel); ok {
		return s.move(wheel.Lines)
	}
	return nil
}

func (s *syncStep) move(by int) tea.Cmd {
	s.at = max(0, min(len(s.modes)-1, s.at+by))
	return nil
}

func (s *syncStep) next() (bool, tea.Cmd) {
	s.busy = "saving"
	mode, save := s.modes[s.at].Value, s.w.cfg.Setup.SaveSync
	return false, kit.Try(s.w.shell, func(ctx context.Context) error { return save(ctx, mode) }, func(err error) tea.Cmd { return s.saved(mode, err) })
}

func (s *syncStep) saved(mode string, err error) tea.Cmd {
	if s.busy = ""; err != nil {
		return s.w.shell.Fail(err)
	}
	words := map[string]string{
		"suggest": "project sync suggests: the tasks on the Events page show what",
		"act":     "project sync acts: the tasks on the Events page are its issues",
		"off":     "project sync is off",
	}[mode]
	if !s.w.on(stepSync) { // who closed the wizard may be elsewhere by now
		return s.w.shell.Say(words)
	}
	s.w.shell.Shut(s.w)
	return tea.Batch(s.w.shell.GoTo(kit.PageEvents, nil), s.w.shell.Say(words))
}

func (s *syncStep) label() string { return "save" }

func (s *syncStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("What should become of a CI failure on the default or a watched branch? "+fleet.AboutSync,
		"What should become of a CI failure?", w, h)
	for i, m := range s.modes {
		mark := " ( ) "
		if i == s.at {
			mark = t.Key.Render(t.Sym.Cursor) + "(x) "
		}
		words := kit.FitLine(m.Label, 9) + t.Faint.Render(m.About)
		if kit.Width(words) > w-6 {
			words = m.Label
		}
		out = append(out, mark+t.Cut(words, max(1, w-6)))
	}
	if h < 14 {
		return append(append(out, ""), kit.Paragraph(s.modes[s.at].Label+": "+s.modes[s.at].About+".", w)...), nil
	}
	out = append(out, "")
	for _, line := range []string{
		"The tasks on the Events page show what sync plans and does. Pull requests and forks are left alone. What a person writes, assigns or holds stays.",
		"A merge into develop closes the issues that it fixes, and a blocked issue is escalated with a summary.",
		"It uses your GitHub login. hookctl doctor checks the rights; sync: in hookctl config edit has the rest, such as a board.",
	} {
		out = append(out, kit.Paragraph(line, w)...)
	}
	return out, nil
}

func (s *syncStep) actions() []kit.Action {
	return kit.Arrows("wizard", "choose", 1, s.move)
}
