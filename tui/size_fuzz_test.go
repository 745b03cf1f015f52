package tui

import (
	"encoding/binary"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// fuzzKeys are what FuzzSize presses; its bytes choose among them.
var fuzzKeys = []string{
	"j", "k", "down", "up", "pgdown", "pgup", "g", "G", "home", "end", "left", "right", "space", "enter", "esc", "tab", "shift+tab",
	"1", "2", "3", "4", "5", "?", ":", "/", "=", "<", ">", "x", "v", "y", "Y", "n", "N", "p", "f", "F", "h", "l", "z", "e", "m", "r", "R", "u", "w", "W",
	"a", "c", "d", "D", "s", "t", "o", "i", "J", "K", "M", "!", "*", "q", "backspace", "ctrl+d", "ctrl+u", "ctrl+r", "ctrl+s", "ctrl+k", "\"", "é", "界", "🙂", "\u0301",
}

// Whatever the size of the window, the screen and the keys: a frame has as
// many lines as the window and none is wider, and the cursor is in it. The
// keys are the bytes of one number: the fuzzer would spend its time on making a
// longer text shorter.
func FuzzSize(f *testing.F) {
	all := everyState()
	for i := 0; i < len(all); i += 7 { // TestEverySizeFits has every state
		f.Add(uint8(20+i*3), uint8(i), uint8(i), 0x1800_0018_0000_0000|uint64(i*2654435761))
	}
	f.Add(uint8(1), uint8(1), uint8(0), uint64(0x0d0017))
	f.Add(uint8(250), uint8(80), uint8(1), uint64(0x0d44434218))
	f.Fuzz(func(t *testing.T, w, h, state uint8, keys uint64) {
		w, h = w%251, h%81
		st := all[int(state)%len(all)]
		s := st.on(t, 80, 24)
		st.visit(s)
		s.Send(tea.WindowSizeMsg{Width: int(w), Height: int(h)})
		frameFits(t, s, int(w), int(h))
		for i, b := range binary.LittleEndian.AppendUint64(nil, keys) {
			if b >= 240 {
				_, _ = s.Update(tea.MouseClickMsg{X: int(b) * (i + 1) % (int(w) + 1), Y: int(b) * (i + 3) % (int(h) + 1), Button: tea.MouseLeft})
			} else {
				pressWithoutHarm(s, fuzzKeys[int(b)%len(fuzzKeys)])
			}
			frameFits(t, s, int(w), int(h))
		}
		// What the keys left is drawn at another size too.
		s.Send(tea.WindowSizeMsg{Width: int(h), Height: int(w) % 81})
		frameFits(t, s, int(h), int(w)%81)
	})
}

// pressWithoutHarm presses a key, and runs what it asks for only where that is
// reading: moves, pages, and text for a prompt.
func pressWithoutHarm(s *appScreen, name string) {
	act, bound := kit.Find(s.Actions(), name)
	_, cmd := s.Update(kittest.Key(name))
	if bound && (act.Move || strings.HasPrefix(act.ID, "page.")) || !bound && len([]rune(name)) == 1 {
		s.Settle(cmd)
	}
}

// frameFits fails unless the frame has the size of the window.
func frameFits(t *testing.T, s *appScreen, w, h int) {
	t.Helper()
	v := s.View()
	if w == 0 || h == 0 {
		return
	}
	lines := strings.Split(v.Content, "\n")
	if len(lines) != h {
		t.Fatalf("%dx%d: %d lines:\n%s", w, h, len(lines), ansi.Strip(v.Content))
	}
	for _, l := range lines {
		if n := ansi.StringWidth(l); n != w {
			t.Fatalf("%dx%d: a line of %d columns: %q", w, h, n, ansi.Strip(l))
		}
	}
	if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0) {
		t.Fatalf("%dx%d: the cursor is at %d,%d", w, h, c.X, c.Y)
	}
}
