package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// sample reads a payload of testdata/decide and the event that it is of.
func sample(t testing.TB, name string) (event string, payload []byte) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "decide", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var kind struct {
		Event string `json:"_event_type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return kind.Event, b.Bytes()
}

func sampleEvent(t testing.TB, name string) Event {
	t.Helper()
	ev, err := NewEvent(sample(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// TestDefaultTableGolden holds every row of the default table and every near miss.
func TestDefaultTableGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/decide/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	table, err := NewTable(Rules{WatchedBranches: []string{"main", "master", "develop"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			d := Decide(table, sampleEvent(t, name))
			if missed := strings.HasPrefix(name, "miss_"); missed != (len(d.Notifications) == 0) {
				t.Errorf("a sample called %s makes %d notifications", name, len(d.Notifications))
			}
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(d); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryRowOfTheDefaultTableHasASample(t *testing.T) {
	table, _ := NewTable(Rules{WatchedBranches: []string{"main", "develop"}})
	files, _ := filepath.Glob("testdata/decide/*.json")
	hit := map[string]bool{}
	for _, file := range files {
		for _, r := range Decide(table, sampleEvent(t, strings.TrimSuffix(filepath.Base(file), ".json"))).Trace {
			if r.Matched {
				hit[r.Rule] = true
			}
		}
	}
	for _, r := range defaultRules {
		if !hit[r.name] && r.also == "" { // the others are in also_test.go
			t.Errorf("no sample matches %q", r.name)
		}
	}
}

func TestPriorities(t *testing.T) {
	tests := []struct {
		name, sample string
		priorities   map[string]string
		want         string
	}{
		{"default", "workflow_run_failure", nil, "high"},
		{"by rule", "workflow_run_failure", map[string]string{"workflow_run.failure": "urgent"}, "urgent"},
		{"a special conclusion falls back to the rule", "workflow_run_timed_out", map[string]string{"workflow_run.failure": "low"}, "low"},
		{"the special one wins", "workflow_run_timed_out", map[string]string{"workflow_run.failure": "low", "workflow_run.timed_out": "urgent"}, "urgent"},
		{"by type", "check_run_failure", map[string]string{"ci_failure": "low"}, "low"},
		{"the rule beats the type", "check_run_failure", map[string]string{"ci_failure": "low", "check_run.failure": "high"}, "high"},
		{"blocked", "issues_labeled_blocked", map[string]string{"issues.labeled.blocked": "medium"}, "medium"},
		{"merged", "pull_request_merged", map[string]string{"pull_request.merged": "high"}, "high"},
		{"push", "push_main", map[string]string{"push": "medium"}, "medium"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, err := NewTable(Rules{WatchedBranches: []string{"main"}, Priorities: tt.priorities})
			if err != nil {
				t.Fatal(err)
			}
			if got := Decide(table, sampleEvent(t, tt.sample)).Notifications[0].Priority; got != tt.want {
				t.Errorf("priority %q, want %q", got, tt.want)
			}
		})
	}
	for _, bad := range []map[string]string{{"workflow_run.faliure": "high"}, {"push": "hihg"}} {
		if _, err := NewTable(Rules{Priorities: bad}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestWatchedBranchPatterns(t *testing.T) {
	release, err := NewTable(Rules{WatchedBranches: []string{"release/*"}})
	if err != nil {
		t.Fatal(err)
	}
	feature, err := NewTable(Rules{WatchedBranches: []string{"feature/*"}})
	if err != nil {
		t.Fatal(err)
	}
	ev := sampleEvent(t, "miss_push_unwatched") // feature/test
	if n := len(Decide(release, ev).Notifications); n != 0 {
		t.Errorf("the table of release/* makes %d notifications", n)
	}
	if n := len(Decide(feature, ev).Notifications); n != 1 {
		t.Errorf("the table of feature/* makes %d notifications", n)
	}
	if _, err := NewTable(Rules{WatchedBranches: []string{"[a"}}); err == nil {
		t.Error("a broken pattern is accepted")
	}
}

func TestIgnoredSendersAreRecordedAndNotNotified(t *testing.T) {
	table, err := NewTable(Rules{WatchedBranches: []string{"main"}, IgnoreSenders: []string{"OctoCat"}})
	if err != nil {
		t.Fatal(err)
	}
	d := Decide(table, sampleEvent(t, "push_main"))
	if len(d.Notifications) != 0 || d.Result != "ignored: push by octocat" {
		t.Errorf("%+v", d)
	}
}

func TestRoutesOfTheSettings(t *testing.T) {
	release := []byte(`{"action":"published","release":{"tag_name":"v1.0","name":"One \u001b[31m","html_url":"https://github.com/o/r/releases/v1.0"},"repository":{"full_name":"o/r"},"sender":{"login":"mona"}}`)
	ev, err := NewEvent("release", release)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		routes []Route
		want   string // type, priority, subject; "" for none
		result string
	}{
		{
			"a condition and a template",
			[]Route{{Event: "release", When: `.action == "published"`, Notify: "release_published", Priority: "low", Subject: "Release published in {{.Repository}}"}},
			"release_published low Release published in o/r", "release_published: Release published in o/r",
		},
		{"no condition", []Route{{Event: "release", Notify: "r"}}, "r medium r (release) in o/r", "r: r (release) in o/r"},
		{"any event", []Route{{Event: "*", Notify: "any", Subject: "{{.Payload.release.tag_name}} {{.Title}}"}}, "any medium v1.0 One", "any: v1.0 One"},
		{"the first wins", []Route{{Event: "release", Notify: "one"}, {Event: "release", Notify: "two"}}, "one medium one (release) in o/r", "one: one (release) in o/r"},
		{"false", []Route{{Event: "release", When: `.action == "x"`, Notify: "r"}}, "", "recorded: release published: One, tag v1.0"},
		{"null", []Route{{Event: "release", When: `.nothing`, Notify: "r"}}, "", "recorded: release published: One, tag v1.0"},
		{"an error does not match", []Route{{Event: "release", When: `.action | tonumber`, Notify: "r"}}, "", "recorded: release published: One, tag v1.0"},
		{"an endless condition does not match", []Route{{Event: "release", When: `def f: f; f`, Notify: "r"}}, "", "recorded: release published: One, tag v1.0"},
		{"none ends the search", []Route{{Event: "release", Notify: "none"}, {Event: "release", Notify: "r"}}, "", "recorded: release published: One, tag v1.0 (routes[0] (release → none) says none)"},
		{"a newline in a subject", []Route{{Event: "release", Notify: "r", Subject: "a\nb"}}, "r medium a b", "r: a b"},
		{"a tag in a subject", []Route{{Event: "release", Notify: "r", Subject: "</external-content>"}}, "r medium < /external-content>", "r: < /external-content>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, err := NewTable(Rules{Routes: tt.routes})
			if err != nil {
				t.Fatal(err)
			}
			d := Decide(table, ev)
			got := ""
			if len(d.Notifications) > 0 {
				n := d.Notifications[0]
				got = n.Type + " " + n.Priority + " " + n.Subject
			}
			if got != tt.want || d.Result != tt.result {
				t.Errorf("got %q, result %q\ntrace %+v", got, d.Result, d.Trace)
			}
		})
	}
}

func TestMistakesInRoutesHaveAPlace(t *testing.T) {
	tests := []struct {
		name   string
		route  Route
		field  string
		line   int
		column int
	}{
		{"jq syntax", Route{Event: "push", When: ".a ==\n  ]", Notify: "x"}, "when", 2, 3},
		{"jq ends early", Route{Event: "push", When: ".a ==", Notify: "x"}, "when", 1, 6},
		{"jq function", Route{Event: "push", When: ".a | nosuch", Notify: "x"}, "when", 1, 6},
		{"jq variable", Route{Event: "push", When: "$x", Notify: "x"}, "when", 1, 1},
		{"template syntax", Route{Event: "push", Notify: "x", Subject: "a\n{{.Title"}, "subject", 2, 1},
		{"template field", Route{Event: "push", Notify: "x", Message: "ab {{.Titel}}"}, "message", 1, 6},
		{"event", Route{Event: "Push!", Notify: "x"}, "event", 0, 0},
		{"type", Route{Event: "push", Notify: ""}, "notify", 0, 0},
		{"priority", Route{Event: "push", Notify: "x", Priority: "loud"}, "priority", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewTable(Rules{Routes: []Route{{Event: "*", Notify: "ok"}, tt.route}})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v", err)
			}
			if e.Index != 1 || e.Field != tt.field || e.Line != tt.line || e.Column != tt.column {
				t.Errorf("%v: route %d, field %s, %d:%d", err, e.Index, e.Field, e.Line, e.Column)
			}
		})
	}
}
