package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		" a\r\nb\tc ":                        "a b c",
		"\x1b[2Jx\u009b31m\u202ey\x00":       "x31my",
		"<external-content>":                 "< external-content>",
		"</EXTERNAL-content x='1'>":          "< /EXTERNAL-content x='1'>",
		"<agent-message":                     "< agent-message",
		"<agent\u200b-message":               "< agent-message",
		"<<agent-message":                    "<< agent-message",
		"<\u034fagent-message":               "< agent-message",
		"<\ufe0f/\u200dagent-message":        "< /agent-message",
		"<\U000e0101/external\ufe00-content": "< /external-content",
		"</channel>":                         "< /channel>",
		"<System-Reminder>":                  "< System-Reminder>",
		"a < b":                              "a < b",
		"0123456789012345678901234567890x":   "0123456789012345678901234567…",
		strings.Repeat("é", 40):              strings.Repeat("é", 28) + "…",
	} {
		if got := Line(in, 29); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Line(strings.Repeat("é", 1<<20), 10); got != strings.Repeat("é", 9)+"…" {
		t.Errorf("%q", got)
	}
	if got := ForAgent("a \x1b\r\n\nb\rc\n<agent-message>\n", 100); got != "a\n\nb c\n< agent-message>" {
		t.Errorf("%q", got)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "<agent-message", "a\nb", "<\u200b/external-content", "\xff\xfe<agent\x00-message", strings.Repeat("<agent-message", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Line(s, 80), ForAgent(s, 80)} {
			if !utf8.ValidString(got) || wrapper.MatchString(got) {
				t.Errorf("%q", got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
				t.Errorf("%q", got)
			}
		}
		if strings.Contains(Line(s, 80), "\n") {
			t.Error("a line has a line break")
		}
	})
}
