package kit

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestASCIIKeepsColumns(t *testing.T) {
	for _, text := range []string{"plain", "Виджеты", "圆形 x", "🐙 e\u0301 👩‍👩‍👧‍👧", "\x1b[1;31m日本\x1b[0m\n│ ok", "\x7f"} {
		got := asciiOnly(text)
		if strings.IndexFunc(got, func(r rune) bool { return r > 0x7e }) >= 0 {
			t.Errorf("%q becomes %q", text, got)
		}
		if a, b := ansi.StringWidth(text), ansi.StringWidth(got); a != b {
			t.Errorf("%q has %d columns, %q has %d", text, a, got, b)
		}
	}
	if got := asciiOnly("\x1b[1m日é\x1b[0m"); got != "\x1b[1m???\x1b[0m" {
		t.Errorf("got %q", got)
	}
}
