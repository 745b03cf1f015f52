package route

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"hookctl/logs/text"
)

func FuzzNewEvent(f *testing.F) {
	for _, name := range []string{"workflow_run_failure", "pull_request_hostile_title", "push_main", "issues_labeled_blocked", "check_run_failure", "workflow_run_nulls"} {
		event, payload := sample(f, name)
		f.Add(event, payload)
	}
	f.Add("push", []byte(`{"sender":1,"repository":[],"commits":{},"ref":null,"head_commit":"x","deleted":"y"}`))
	f.Add("pull_request", []byte(`{"pull_request":{"number":1e999,"merged":"x","body":3,"head":7}}`))
	table, err := NewTable(Rules{WatchedBranches: []string{"main"}, Routes: []Route{{Event: "*", When: ".action", Notify: "any", Subject: "{{.Title}}"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		ev, err := NewEvent(name, payload)
		if err != nil {
			return
		}
		d := Decide(table, ev)
		texts := []string{d.Result, ev.Title, ev.Branch, ev.Conclusion, ev.Line()}
		for _, n := range d.Notifications {
			texts = append(texts, n.Subject)
		}
		for _, s := range texts {
			if strings.ContainsFunc(s, unicode.IsControl) || text.Line(s, len(s)) != s || utf8.RuneCountInString(s) > 400 {
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

func TestNamesFromOutside(t *testing.T) {
	texts := []string{
		"", "push", "workflow_run", "Push", "a-b", "a.b", "9", "é", "a\x00", "a b", "a\n", "/", "a/b", "a/", "/b", "a/b/c", "Octo-Org/web.site_1",
		"72d3162e-cc78-11e3-81ab-4c9367dc0958", "abcdef0", "abcdef", "abcdefg", "ABCDEF0", "0000000", "../../etc", "a\u202e",
	}
	for _, n := range []int{6, 7, 63, 64, 65, 100, 101, 128, 129} {
		a := strings.Repeat("a", n)
		texts = append(texts, a, a+"/"+a, "x/"+a, a+"/x")
	}
	for _, tc := range []struct {
		name    string
		fit     func(string) bool
		pattern string
	}{
		{"event", isEventName, `^[a-z0-9_]{1,64}$`},
		{"repository", text.IsRepository, `^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$`},
		{"delivery", text.IsDeliveryID, `^[A-Za-z0-9-]{1,64}$`},
		{"nonce", text.IsNonce, `^[A-Za-z0-9._-]{1,128}$`},
		{"commit", func(s string) bool { return text.SHA(s) != "" }, `^[0-9a-f]{0,63}[1-9a-f][0-9a-f]{0,63}$`},
	} {
		pattern := regexp.MustCompile(tc.pattern)
		for _, s := range texts {
			want := pattern.MatchString(s)
			if tc.name == "commit" {
				want = want && len(s) >= 7 && len(s) <= 64
			}
			if got := tc.fit(s); got != want {
				t.Errorf("%s %q: %v, want %v", tc.name, s, got, want)
			}
		}
	}
}
