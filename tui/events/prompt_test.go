package events

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// The cursor and the mark under an error stand in the column of their
// character, also after wide ones and where the line is scrolled.
func TestPromptPointsAtColumns(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "/")
	s.Typed(`title:"日本" foo:x`)
	lines := strings.Split(s.Text(), "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) == "^" {
			above, _, found := strings.Cut(lines[i-1], "foo:x")
			if want := ansi.StringWidth(above); !found || ansi.StringWidth(l) != want+1 {
				t.Errorf("the mark is not under foo, column %d:\n%s\n%s", want, lines[i-1], l)
			}
		}
	}
	s.Shows("^", `there is no field "foo"`)
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
	s.Press("home", "right", "right", "right", "right", "right", "right", "right", "right") // behind 日
	at("日")
	s.Press("end")
	s.Typed(` "圆形 are wide characters" repo:octo-org/web action:opened sender:圆形`) // wider than the window
	at("sender:圆形")
	s.Press("left", "left", "left")
	at("sender")
}

// Tab completes fields and values, explains them, and the list answers to the value that is picked.
func TestFilterIsCompleted(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		s := eventful(t, size[0], size[1])
		s.Press("2", "/", "tab")
		s.Shows("conclusion:  how the CI run ended", "event:  ")
	}
	s := eventful(t, 80, 24)
	s.Press("2", "/")
	s.Typed("conc")
	s.Press("tab") // the only field: its values follow at once
	s.Shows("filter conclusion:", "conclusion:failure ", "the run failed")
	s.Press("tab")
	s.Shows("filter conclusion:failure", "1/2")
	s.Press("down")
	s.Shows("filter conclusion:success")
	s.Press("up", "shift+tab")
	s.Shows("filter conclusion:startup_failure", "No event matches")
	s.Press("esc") // leaves the suggestions alone
	s.Shows("filter conclusion:", "a value is missing")
	s.Typed("fai")
	s.Press("tab")
	s.Lacks("the run failed")
	s.Typed("sta")
	s.Press("tab", "tab", "enter")
	s.Shows("filter conclusion:failure status:failed", "No event matches")
	s.Press("/")
	s.Typed(`nonsense:`)
	s.Press("tab")
	s.Shows("nothing known can follow here")
	s.Press("esc")
	s.Shows(`there is no field "nonsense"`)
	s.Press("esc", "esc", "/", "tab", "up")
	s.Shows("filter verified:")
	s.Press("enter")
	s.Shows("filter verified:", "the signature was right")
	s.Press("home")
	s.Typed("repo:octo-org/w")
	s.Press("tab") // the word at the cursor, before what stands behind it
	s.Shows("filter repo:octo-org/web verified:")
}
