package route

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hookctl/hooks/githubtest"
	"hookctl/logs/text"
)

// titled are the payloads of testdata/titles.jsonl, which are as short as their rows allow.
func titled(t *testing.T) []Event {
	t.Helper()
	raw, err := os.ReadFile("testdata/titles.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var events []Event
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		payload := map[string]any{
			"repository": map[string]any{"full_name": "octo-org/api", "html_url": "https://github.com/octo-org/api", "stargazers_count": 1204},
			"sender":     map[string]any{"login": "octocat"},
		}
		if err := json.Unmarshal(lines.Bytes(), &payload); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		whole, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := NewEvent(payload["event"].(string), whole)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
	return events
}

// TestEveryEventHasATitleAndALine holds what lists show of every event type that GitHub has.
func TestEveryEventHasATitleAndALine(t *testing.T) {
	var got strings.Builder
	seen := map[string]bool{}
	for _, ev := range titled(t) {
		seen[ev.Name] = true
		fmt.Fprintf(&got, "%s\n  title   %s\n", ev.Line(), ev.Title)
		if ev.Branch != "" {
			fmt.Fprintf(&got, "  branch  %s\n", ev.Branch)
		}
		if ev.Conclusion != "" {
			fmt.Fprintf(&got, "  outcome %s\n", ev.Conclusion)
		}
		if ev.URL != "https://github.com/octo-org/api" {
			fmt.Fprintf(&got, "  url     %s\n", ev.URL)
		}
		if _, ok := wordings[ev.Name]; ok && (ev.Title == "" || !strings.Contains(ev.Line(), ": ")) {
			t.Errorf("%s has the title %q and the line %q", ev.Name, ev.Title, ev.Line())
		}
	}
	for _, name := range githubtest.Events() {
		if !seen[name] {
			t.Errorf("no sample of %s", name)
		}
	}
	for name := range wordings {
		if !seen[name] {
			t.Errorf("no sample of %s", name)
		}
	}
	if strings.Contains(got.String(), "NotToBeShown") {
		t.Error("the line of a leaked secret shows it")
	}
	const golden = "testdata/titles.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
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
}

// places lists the paths of the payload that templates name.
func places(templates ...string) []string {
	var paths []string
	for _, t := range templates {
		for t != "" {
			_, rest, _ := strings.Cut(t, "{")
			place, after, _ := strings.Cut(rest, "}")
			t = after
			place, _, _ = strings.Cut(place, "?")
			for path := range strings.SplitSeq(strings.TrimSuffix(place, ":words"), "|") {
				if path != "" && (path[0] < 'A' || path[0] > 'Z') {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

// TestTitlesOfBadPayloads puts nothing, null, other types and hostile text into every place that the table names.
func TestTitlesOfBadPayloads(t *testing.T) {
	hostile := "\x1b[2J</external-content>\u202e{Title}[\r\nsecond line " + strings.Repeat("é", 2000)
	for name, w := range wordings {
		all := []string{"sender.login", "issue.title", "issue.number", "pull_request.title", "workflow_run.name"}
		all = append(append(all, places(w.title, w.line, w.branch, w.outcome)...), strings.Split(w.url, "|")...)
		for kind, value := range map[string]any{
			"missing": nil, "null": json.RawMessage("null"), "number": 1e300, "array": []any{}, "object": map[string]any{}, "true": true, "hostile": hostile,
		} {
			payload := map[string]any{"action": "created"}
			if kind != "missing" {
				for _, path := range all {
					put(payload, strings.Split(path, "."), value)
				}
			}
			whole, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			ev, err := NewEvent(name, whole)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			for _, s := range []string{ev.Title, ev.Branch, ev.Line(), Decide(Table{}, ev).Result} {
				if s != text.Clean(s) || strings.Contains(s, "</external") || utf8.RuneCountInString(s) > 300 {
					t.Errorf("%s, %s: %.300q", name, kind, s)
				}
				if kind != "hostile" && strings.ContainsAny(s, "{}[]") {
					t.Errorf("%s, %s: the template shows in %q", name, kind, s)
				}
			}
			if ev.URL != "" {
				t.Errorf("%s, %s: the address %.100q", name, kind, ev.URL)
			}
		}
	}
}

// put sets what stands at a path of a payload; 0 is the first element of an array.
func put(in map[string]any, path []string, value any) {
	key := path[0]
	if len(path) == 1 {
		if key != "#" {
			in[key] = value
		}
		return
	}
	if path[1] == "0" || path[1] == "#" {
		element := map[string]any{}
		if list, ok := in[key].([]any); ok {
			element = list[0].(map[string]any)
		}
		in[key] = []any{element, element}
		if len(path) > 2 {
			put(element, path[2:], value)
		}
		return
	}
	inner, ok := in[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		in[key] = inner
	}
	put(inner, path[1:], value)
}

// TestTheTableOfTitlesIsWellFormed finds brackets that do not close and places without a path.
func TestTheTableOfTitlesIsWellFormed(t *testing.T) {
	for name, w := range wordings {
		for _, template := range []string{w.title, w.line, w.url, w.branch, w.outcome} {
			for _, pair := range []string{"{}", "[]"} {
				if strings.Count(template, pair[:1]) != strings.Count(template, pair[1:]) || strings.Contains(template, pair) {
					t.Errorf("%s: %s", name, template)
				}
			}
		}
		if paths := strings.Split(w.url, "|"); w.url != "" && slices.ContainsFunc(paths, func(p string) bool { return !strings.HasSuffix(p, "_url") }) {
			t.Errorf("%s: an address is taken from %s", name, paths)
		}
	}
}

// TestComposedTextIsClean replaces all text of each event with what is dangerous beside other text. Text is cleaned where it is
// read, and what is made of it is clean too.
func TestComposedTextIsClean(t *testing.T) {
	table, err := NewTable(Rules{WatchedBranches: []string{"main"}, NotifyAlso: []string{"reviews", "statuses"}})
	if err != nil {
		t.Fatal(err)
	}
	events := titled(t)
	for _, name := range []string{"workflow_run_failure", "pull_request_hostile_title", "push_main", "check_run_failure"} {
		event, payload := sample(t, name)
		ev, err := NewEvent(event, payload)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
	for _, hostile := range []string{"", " ", "<", "</", "channel>", "<system-reminder>", "\x1b[31", "\u202e", "\u200d", "\U0001f468\u200d", "\U0001f1e9", "\u0301", "_", strings.Repeat("a ", 400)} {
		for _, ev := range events {
			ev, err := NewEvent(ev.Name, allText(t, ev.payload, hostile))
			if err != nil {
				t.Fatal(err)
			}
			d := Decide(table, ev)
			texts := []string{d.Result, ev.Title, ev.Branch, ev.Conclusion, ev.Line()}
			for _, n := range d.Notifications {
				texts = append(texts, n.Subject)
			}
			for _, s := range texts {
				if text.Line(s, 300) != s {
					t.Errorf("%s of %q: %q", ev.Name, hostile, s)
				}
			}
		}
	}
}

// allText is a payload whose strings are all the same, but for those that choose a rule.
func allText(t *testing.T, payload []byte, s string) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(payload, &value); err != nil {
		t.Fatal(err)
	}
	var replaced func(v any) any
	replaced = func(v any) any {
		switch v := v.(type) {
		case string:
			return s
		case []any:
			for i := range v {
				v[i] = replaced(v[i])
			}
		case map[string]any:
			for key := range v {
				if key != "action" && key != "conclusion" && key != "state" { // they choose the rule
					v[key] = replaced(v[key])
				}
			}
		}
		return v
	}
	out, err := json.Marshal(replaced(value))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
