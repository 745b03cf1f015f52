package kit

import (
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// Terminals that count by code points and those that count by graphemes give what is steady the same width.
func TestSteadyTextIsAsWideInEveryTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "한글 ok": "한글 ok", "🇩🇪": "🇩🇪", "🚀 go": "🚀 go", "e\u0301": "e\u0301",
		"👨‍👩‍👧 family": "👨 family", "👍🏽": "👍", "❤️": "❤", "1️⃣": "1",
	} {
		got := Steady(in)
		if g, wc := ansi.StringWidth(got), ansi.StringWidthWc(got); g != wc {
			t.Errorf("%q: %d columns by graphemes, %d by code points", in, g, wc)
		}
		if got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
	for _, text := range []string{"का", "क्षि", "नमस्ते दुनिया", "தமிழ்", "বাংলা"} {
		if got := Steady(text); ansi.StringWidth(got) != ansi.StringWidthWc(got) || strings.ReplaceAll(got, "\u200b", "") != text {
			t.Errorf("%q: %d and %d columns", text, ansi.StringWidth(got), ansi.StringWidthWc(got))
		}
	}
}

// What is quickly measured and cut has the width that graphemes have.
func TestWidthIsThatOfGraphemes(t *testing.T) {
	theme := NewTheme(nil, colorprofile.TrueColor, false)
	texts := []string{"", "plain", "\x1b[1;38;2;1;2;3mbold\x1b[m", "\x1b]0;title\x07x", "\x1b[2Jx", "\x1b", "\x1b[", "a\tb", "a\u0301", "│\u0301", "✓\ufe0f", "…", "↑↓ →",
		"日本", "👩\u200d💻 a", "क्षि", "שלום", "a\x1b[m\u0301", theme.Good.Render("✓ good") + " " + theme.Border.Render("──")}
	for r := rune(0x2000); r < 0x3000; r++ {
		texts = append(texts, string(r), "a"+string(r)+"b")
	}
	for _, s := range texts {
		if got, want := Width(s), ansi.StringWidth(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
		for w := 1; w < Width(s); w++ {
			if got, want := theme.Cut(s, w), ansi.Truncate(s, w, "…"); got != want {
				t.Errorf("Cut(%q, %d) = %q, want %q", s, w, got, want)
			}
		}
	}
}

// The frame of a box stays in place whatever is in it, also in a terminal that counts by code points.
func TestFramesOfBoxesStayInPlace(t *testing.T) {
	shell := New(t.Context(), Config{})
	shell.W, shell.H = 80, 24
	words := "नमस्ते दुनिया 👨‍👩‍👧 圆形 ویجت ⚠️ क्षि"
	for name, box := range map[string]overlay{
		"message": &Message{Shell: shell, Head: "A value", Lines: []string{words}},
		"confirm": &Confirm{Shell: shell, Head: "Delete?", Lines: []string{words}, Yes: "y", Verb: "delete"},
	} {
		for line := range strings.SplitSeq(box.View(70, 20), "\n") {
			if by, points := ansi.StringWidth(line), ansi.StringWidthWc(line); by != points {
				t.Errorf("%s: %d columns by graphemes and %d by code points: %q", name, by, points, line)
			}
		}
	}
}
