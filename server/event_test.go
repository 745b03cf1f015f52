package server

import (
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
