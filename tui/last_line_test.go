package tui

import (
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// lastLine is the line of the key hints.
func lastLine(s *appScreen) string {
	lines := strings.Split(s.Text(), "\n")
	return lines[s.H-1]
}

// clickOn clicks on words of the last line.
func clickOn(t *testing.T, s *appScreen, words string) {
	t.Helper()
	before, _, ok := strings.Cut(lastLine(s), words)
	if !ok {
		t.Fatalf("no %q in %q", words, lastLine(s))
	}
	s.Send(tea.MouseClickMsg{X: ansi.StringWidth(before) + 1, Y: s.H - 1, Button: tea.MouseLeft})
}

func TestKeyHintsAreClickable(t *testing.T) {
	s := Full(t, 120, 40)
	clickOn(t, s, ": commands")
	s.Shows("Commands")
	clickOn(t, s, "esc")
	s.Lacks("│ Commands")
	clickOn(t, s, "? help")
	s.Shows("Keys on Home")
}

// A toast stands beside the hints; only one that leaves no room for help stands alone.
func TestToastsStandBesideTheHints(t *testing.T) {
	s := Full(t, 80, 24)
	_ = s.Say("saved")
	for _, words := range []string{"? help", "✓ saved"} {
		if !strings.Contains(lastLine(s), words) {
			t.Errorf("%q lacks %q", lastLine(s), words)
		}
	}
	for n := range 60 { // also one that leaves just the room that some hints take
		_ = s.Say(strings.Repeat("x", n+1))
		if !strings.Contains(lastLine(s), "? help") {
			t.Errorf("with %d columns of message: %q", n+1, lastLine(s))
		}
	}
	long := strings.Repeat("long ", 15)
	_ = s.Say(long)
	if !strings.Contains(lastLine(s), strings.TrimSpace(long)) {
		t.Errorf("%q lacks a part of the message", lastLine(s))
	}
}

// esc answers on every page, and complains on none.
func TestEscapeIsNeverSilent(t *testing.T) {
	s := Full(t, 80, 24)
	for i := range s.Pages {
		s.Toast.Text = ""
		s.Turn(i)
		s.Press("esc")
		if s.Toast.Text == "" || strings.Contains(lastLine(s), s.Theme.Sym.Warn) {
			t.Errorf("%s: %q", s.Pages[i].Name(), lastLine(s))
		}
	}
}

// The box of a failure that shows up while somebody works takes no key that may be meant for the page.
func TestABoxThatOpensByItselfTakesNoKeys(t *testing.T) {
	s := Full(t, 80, 24)
	s.Press("2", "/")
	s.Settle(s.Fail(errors.New("the receiver did not answer: " + strings.Repeat("why ", 30))))
	s.Shows("That did not work")
	s.Typed("push q")
	s.Shows("That did not work", "push q")
	s.Press("esc")
	s.Lacks("That did not work")
	s.Shows("push q")
}

// Such a box can be copied, and closed with the mouse.
func TestABoxThatOpensByItselfCanBeCopied(t *testing.T) {
	s := Full(t, 80, 24)
	s.Settle(s.Fail(errors.New("the receiver did not answer: " + strings.Repeat("why ", 30))))
	s.Press("ctrl+y")
	s.Shows("copied the text", "That did not work")
	clickOn(t, s, "esc close")
	s.Lacks("That did not work")
}

// What esc answers is about the page where it was pressed.
func TestANoteGoesWithItsPage(t *testing.T) {
	s := Full(t, 80, 24)
	for _, key := range []string{"3", "tab"} {
		s.Press("2", "esc")
		s.Shows("no filter to take away")
		s.Press(key)
		s.Lacks("no filter to take away")
		s.Press("2", "p")
		s.Shows("too small for a preview")
		s.Press(key)
		s.Lacks("too small for a preview")
	}
}

// A home that is not the default one is named where there is room.
func TestTheHomeIsNamed(t *testing.T) {
	cfg := testConfig(t)
	cfg.HomeName = "~/second"
	s := newScreen(t, cfg, 120, 40)
	s.Shows("hookctl ~/second  1 Home")
	s.Send(tea.MouseClickMsg{X: len(" hookctl ~/second  1 Home  2 E"), Y: 0, Button: tea.MouseLeft})
	if s.At != 1 {
		t.Error("a click beside it does not turn to its page")
	}
}
