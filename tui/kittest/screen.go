package kittest

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// driver types into a model and reads its screen.
type driver struct {
	tea.Model
	send func(tea.Msg)
}

// Press sends keys by their names.
func (d *driver) Press(keys ...string) {
	for _, k := range keys {
		d.send(Key(k))
	}
}

// Typed sends each character of text as a key.
func (d *driver) Typed(text string) {
	for _, r := range text {
		d.Press(strings.Replace(string(r), " ", "space", 1))
	}
}

// Text is the screen without styles and without blanks at the line ends.
func (d *driver) Text() string {
	lines := strings.Split(ansi.Strip(d.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// Screen drives a model without a program: keys in, screens out. Commands run
// at once, except those that only wait.
type Screen struct {
	T testing.TB
	driver
	Quit bool // the user has left
}

// NewScreen puts a model on a screen of that size and lets everything happen
// that its start asks for.
func NewScreen(t testing.TB, m tea.Model, w, h int) *Screen {
	t.Helper()
	s := &Screen{T: t}
	s.driver = driver{m, s.Send}
	s.Send(tea.WindowSizeMsg{Width: w, Height: h})
	s.Settle(m.Init())
	return s
}

// Send gives a message to the model and lets everything that follows happen.
func (s *Screen) Send(msg tea.Msg) {
	s.T.Helper()
	_, cmd := s.Update(msg)
	s.Settle(cmd)
}

// Settle runs a command and what comes of it, in order.
func (s *Screen) Settle(cmd tea.Cmd) {
	s.T.Helper()
	each(cmd, func(msg tea.Msg) {
		if _, quit := msg.(tea.QuitMsg); quit {
			s.Quit = true
			return
		}
		if fmt.Sprintf("%T", msg) == "tea.sequenceMsg" {
			s.T.Fatal("a sequence: the harness does not know it")
		}
		s.Send(msg)
	})
}

// each runs a command and does something to each message that comes of it. Commands of one batch run at the same time, since they
// may wait for each other; their messages are still taken in the order of the batch.
func each(cmd tea.Cmd, do func(tea.Msg)) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		var results []chan tea.Msg
		for _, c := range msg {
			if c != nil {
				ch := make(chan tea.Msg, 1)
				results = append(results, ch)
				go func() { ch <- c() }()
			}
		}
		for _, ch := range results {
			each(func() tea.Msg { return <-ch }, do)
		}
	default:
		do(msg)
	}
}

// Messages runs a command and everything that it is made of, and gives what
// comes of it without handing it to the model.
func Messages(cmd tea.Cmd) (all []tea.Msg) {
	each(cmd, func(m tea.Msg) { all = append(all, m) })
	return all
}

// Shows fails unless the screen has the text.
func (s *Screen) Shows(want ...string) {
	s.T.Helper()
	for _, w := range want {
		if got := s.Text(); !strings.Contains(got, w) {
			s.T.Fatalf("the screen lacks %q:\n%s", w, got)
		}
	}
}

// Lacks fails when the screen has the text.
func (s *Screen) Lacks(not ...string) {
	s.T.Helper()
	for _, w := range not {
		if got := s.Text(); strings.Contains(got, w) {
			s.T.Fatalf("the screen has %q:\n%s", w, got)
		}
	}
}

// Key is a key press by its name in tea.
func Key(name string) tea.KeyPressMsg {
	codes := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "space": tea.KeySpace, "tab": tea.KeyTab, "backspace": tea.KeyBackspace,
		"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown}
	var k tea.KeyPressMsg
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: []rune(rest)[0], Mod: tea.ModCtrl}
	}
	if rest, ok := strings.CutPrefix(name, "shift+"); ok {
		k = Key(rest)
		k.Mod = tea.ModShift
		return k
	}
	if c, ok := codes[name]; ok {
		k.Code = c
		if name == "space" {
			k.Text = " "
		}
		return k
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}
