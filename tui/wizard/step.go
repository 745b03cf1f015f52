package wizard

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// step is one question of the wizard. It asks, answers with next, and
// says what goes wrong in its own view, with the fix.
type step interface {
	open() tea.Cmd          // called when it comes to the front
	update(tea.Msg) tea.Cmd // keys that type, clicks and turns of the wheel
	working() string        // what enter has to wait for, "" for nothing
	// next is enter: done leaves for the following step.
	next() (done bool, cmd tea.Cmd)
	label() string // what enter does
	// view draws into the room and says where the terminal's cursor stands.
	view(w, h int) (lines []string, caret *tea.Cursor)
	actions() []kit.Action // besides enter and esc
}

// plain is what a step is that has nothing to type or choose.
type plain struct {
	w    *Wizard
	busy string // what is under way, "" for nothing
	err  error  // why it failed
}

func (s *plain) open() tea.Cmd          { return nil }
func (s *plain) update(tea.Msg) tea.Cmd { return nil }
func (s *plain) working() string        { return s.busy }
func (s *plain) actions() []kit.Action  { return nil }

func (s *plain) label() string {
	if s.err != nil {
		return "try again"
	}
	return "continue"
}

// pickStep is a step that chooses from a list.
type pickStep struct {
	plain
	pick *kit.Picker
	top  int // line of the list in the last view
}

func (s *pickStep) update(msg tea.Msg) tea.Cmd {
	if click, ok := msg.(kit.Click); ok {
		click.Y -= s.top
		msg = click
	}
	return s.pick.Update(msg)
}

// leave is the end of the step. A search without a match ends here: what was typed is not passed over.
func (s *pickStep) leave() (done bool, cmd tea.Cmd) {
	if miss := s.pick.Missed(); miss != "" {
		return false, s.w.shell.Warn("nothing matches " + text.Clean(miss) + ": correct it, or delete it to continue")
	}
	s.pick.Clear()
	return true, nil
}

// list draws the list below some lines, and a line below it.
func (s *pickStep) list(above []string, below string, w, h int) ([]string, *tea.Cursor) {
	s.top = len(above)
	lines := append(above, strings.Split(s.pick.View(w, max(2, h-s.top-1)), "\n")...)
	caret := s.pick.Place()
	if caret != nil {
		caret.Y += s.top
	}
	return append(lines, s.w.shell.Theme.Cut(below, w)), caret
}

func (s *pickStep) actions() []kit.Action { return s.pick.Steps(s.w.shell, "wizard") }

// intro is what a step asks; in a low window the short form, in one line.
func (w *Wizard) intro(long, short string, wide, h int) []string {
	if h >= 12 {
		return append(kit.Paragraph(long, wide), "")
	}
	return []string{w.shell.Theme.Cut(" "+short, wide)}
}

// trouble is an error and its cure for a step's view.
func (w *Wizard) trouble(err error, wide int) []string { return w.shell.Trouble(err, wide) }

// good is what works, in lines.
func (w *Wizard) good(text string, wide int) []string {
	return kit.Hanging(" "+w.shell.Theme.Good.Render(w.shell.Theme.Sym.OK)+" ", text, wide-5)
}

// doing is a line that says what is under way.
func (w *Wizard) doing(text string) string {
	t := w.shell.Theme
	return " " + t.Warn.Render(t.Sym.Pending) + " " + text
}

// warning is text to heed, in lines.
func (w *Wizard) warning(words string, wide int) []string {
	t := w.shell.Theme
	return kit.Flagged(t.Warn, t.Sym.Warn, text.Clean(words), wide)
}
