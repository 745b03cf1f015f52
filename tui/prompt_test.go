package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// The cursor and the mark under an error stand in the column of their
// character, also after wide ones and where the line is scrolled.
func TestPromptPointsAtColumns(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "/")
	s.typed(`title:"日本" foo:x`)
	lines := strings.Split(s.text(), "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) == "^" {
			above, _, found := strings.Cut(lines[i-1], "foo:x")
			if want := ansi.StringWidth(above); !found || ansi.StringWidth(l) != want+1 {
				t.Errorf("the mark is not under foo, column %d:\n%s\n%s", want, lines[i-1], l)
			}
		}
	}
	s.shows("^", `there is no field "foo"`)
	at := func(before string) {
		t.Helper()
		v := s.View()
		lines := strings.Split(ansi.Strip(v.Content), "\n")
		if v.Cursor == nil {
			t.Fatal("there is no cursor")
		}
		left := strings.TrimRight(ansi.Truncate(lines[v.Cursor.Y], v.Cursor.X, ""), " ")
		if !strings.HasSuffix(left, before) || v.Cursor.X > 80 {
			t.Errorf("the cursor at column %d stands behind %q, not behind %q", v.Cursor.X, left, before)
		}
	}
	at("foo:x")
	s.press("home", "right", "right", "right", "right", "right", "right", "right", "right") // behind 日
	at("日")
	s.press("end")
	s.typed(` "圆形 are wide characters" repo:octo-org/web action:opened sender:圆形`) // wider than the window
	at("sender:圆形")
	s.press("left", "left", "left")
	at("sender")
}

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
