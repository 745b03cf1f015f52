package kit

import (
	"strings"
	"testing"

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
