package server

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
		if got := line(in, 29); got != want {
			t.Errorf("line(%q) = %q, want %q", in, got, want)
		}
	}
	if got := line(strings.Repeat("é", mib), 10); got != strings.Repeat("é", 9)+"…" {
		t.Errorf("%q", got)
	}
	if got := paragraphs("a \x1b\r\n\nb\rc\n<agent-message>\n", 100); got != "a\n\nb c\n< agent-message>" {
		t.Errorf("%q", got)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "<agent-message", "a\nb", "<\u200b/external-content", "\xff\xfe<agent\x00-message", strings.Repeat("<agent-message", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{line(s, 80), paragraphs(s, 80)} {
			if !utf8.ValidString(got) || wrapper.MatchString(got) {
				t.Errorf("%q", got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
				t.Errorf("%q", got)
			}
		}
		if strings.Contains(line(s, 80), "\n") {
			t.Error("a line has a line break")
		}
	})
}

func FuzzNewEvent(f *testing.F) {
	for _, name := range []string{"workflow_run_failure", "pull_request_hostile_title", "push_main", "issues_labeled_blocked", "check_run_failure", "workflow_run_nulls"} {
		event, payload := sample(f, name)
		f.Add(event, payload)
	}
	f.Add("push", []byte(`{"sender":1,"repository":[],"commits":{},"ref":null,"head_commit":"x","deleted":"y"}`))
	f.Add("pull_request", []byte(`{"pull_request":{"number":1e999,"merged":"x","body":3,"head":7}}`))
	table, err := NewTable(Config{WatchedBranches: []string{"main"}, Routes: []Route{{Event: "*", When: ".action", Notify: "any", Subject: "{{.Title}}"}}}, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		ev, err := NewEvent(name, payload)
		if err != nil {
			return
		}
		d := Decide(table, ev)
		texts := []string{d.Result}
		for _, n := range d.Notifications {
			texts = append(texts, n.Subject)
		}
		for _, s := range texts {
			if strings.ContainsFunc(s, unicode.IsControl) || wrapper.MatchString(s) || utf8.RuneCountInString(s) > 400 {
				t.Errorf("%q", s)
			}
		}
	})
}

func TestFieldsOfTheWrongTypeStayEmpty(t *testing.T) {
	ev, err := NewEvent("pull_request", []byte(`{"action":7,"sender":"x","repository":{"full_name":"../../etc"},"number":"a",
		"pull_request":{"number":9007199254740993,"title":["x"],"merged":"yes","body":{},"base":null,"head":{"ref":5},"html_url":"javascript:alert(1)"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if ev.Action != "" || ev.Sender != "" || ev.Repository != "" || ev.Title != "" || ev.Merged || ev.Base != "" || ev.Head != "" || ev.URL != "" {
		t.Errorf("%+v", ev)
	}
	if ev.Number == nil || *ev.Number != 9007199254740993 {
		t.Errorf("number %v", ev.Number)
	}
}
