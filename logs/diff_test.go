package logs

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// What differs is found at its path, with numbers as they are written; what always differs is left out.
func TestDiffOfTwoRecords(t *testing.T) {
	a := &Record{EventType: "issues", Result: "same", DeliveryID: "a", ReceivedAt: testTime, Headers: map[string]string{"X-GitHub-Delivery": "a", "X-GitHub-Event": "issues", "X-Hub-Signature-256": "1"},
		Notifications: []Notification{{Type: "t", Sink: "s", Status: StatusFailed, Error: "refused", Attempts: 3}},
		Payload:       json.RawMessage(`{"id":9007199254740993,"n":1.0,"odd key":"<x>","gone":null,"list":[1,2,3],"labels":[{"id":1,"name":"bug"},{"id":2,"name":"ci"}],"deep":{"same":true}}`)}
	b := &Record{EventType: "issues", Result: "same", DeliveryID: "b", ReceivedAt: testTime.Add(time.Hour), Headers: map[string]string{"X-GitHub-Delivery": "b", "X-GitHub-Event": "issues", "X-Hub-Signature-256": "2"},
		Notifications: []Notification{{Type: "t", Sink: "s", Status: StatusSent, Attempts: 4, At: testTime}},
		Payload:       json.RawMessage(`{"id":9007199254740992,"n":1,"odd key":null,"list":[1,5],"labels":[{"id":2,"name":"CI"},{"id":3,"name":"new"}],"deep":{"same":true}}`)}
	changes, err := Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.Path+" "+string(c.Old)+" "+string(c.New))
	}
	want := []string{
		".payload.gone null ", ".payload.id 9007199254740993 9007199254740992",
		`.payload.labels[0] {"id":1,"name":"bug"} `, `.payload.labels[0].name "ci" "CI"`, `.payload.labels[1]  {"id":3,"name":"new"}`,
		".payload.list[2] 3 ", ".payload.list[1] 2 5", ".payload.n 1.0 1", `.payload["odd key"] "<x>" null`,
		`.notifications[0].error "refused" `, `.notifications[0].status "failed" "sent"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the changes are\n%q, want\n%q", got, want)
	}
	if same, err := Diff(a, a); err != nil || len(same) > 0 {
		t.Errorf("a record differs from itself: %v, %v", same, err)
	}
	if all, err := Diff(a, &Record{}); err != nil || !slices.ContainsFunc(all, func(c Change) bool { return c.Path == ".payload" && c.New == nil }) {
		t.Errorf("a missing payload is not found: %v, %v", all, err)
	}
	if _, err := Diff(a, &Record{Payload: json.RawMessage(`{`)}); err == nil {
		t.Error("a payload that is no JSON is compared")
	}
}

// A tally is chosen by a word of a filter, an hour of the day where it is one hour alone.
func TestStatsAreChosenByFilters(t *testing.T) {
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s := Stats{Total: 3, First: day.Add(22*time.Hour + 30*time.Minute), Last: day.Add(46*time.Hour + 10*time.Minute),
		Events: []Tally{{"push", 3, 0}}, Repositories: []Tally{{"o/r", 3, 0}}, Senders: []Tally{{`a "b`, 3, 0}}}
	s.Hours[22], s.Hours[23] = 2, 1
	var got []string
	for _, g := range s.Groups() {
		for _, tally := range g.Tallies {
			word, ok := s.Word(g.By, tally, time.UTC)
			if _, err := ParseFilter(word, day); err != nil || ok == (word == "") {
				t.Errorf("%s: %v", word, err)
			}
			got = append(got, word)
		}
	}
	want := []string{"event:push", "repo:o/r", `sender:"a \"b"`, "", "since:2026-01-02T23:00:00Z until:2026-01-03T00:00:00Z"}
	if !slices.Equal(got, want) {
		t.Errorf("the words are %q, want %q", got, want)
	}
}
