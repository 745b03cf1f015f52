package tui

import (
	"encoding/json"
	"strings"
	"testing"
)

const sampleJSON = `{"action":"opened","number":9007199254740993,"pull_request":{"title":"x","labels":[{"name":"bug"},{"name":"a b"}],"odd key":null,"user":{"login":"mona"}},"empty":{},"none":[],"text":"one\ntwo"}`

func parsed(t *testing.T, open int) *tree {
	t.Helper()
	tr, err := parseTree([]byte(sampleJSON), "payload", open)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (t *tree) text(i int) string {
	return strings.TrimSpace(t.line(newTheme(true, false), i, 80, true))
}

func TestTreeKeepsOrderAndNumbers(t *testing.T) {
	tr := parsed(t, 1)
	var got []string
	for _, i := range tr.visible() {
		got = append(got, tr.text(i))
	}
	want := []string{"▾ payload {6}", `action "opened"`, "number 9007199254740993", "▸ pull_request {4} x", "empty {}", "none []", `text "one two"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTreePaths(t *testing.T) {
	tr := parsed(t, 9)
	var got []string
	for i := range tr.nodes {
		got = append(got, tr.path(i))
	}
	for _, want := range []string{".", ".action", ".pull_request.labels", ".pull_request.labels[1].name", `.pull_request["odd key"]`, ".pull_request.user.login"} {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("no path %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	list, err := parseTree([]byte(`[[1]]`), "", 9)
	if err != nil {
		t.Fatal(err)
	}
	if got := list.path(2); got != ".[0][0]" {
		t.Errorf("path in a list: %s", got)
	}
}

func TestTreeRevealsWhatIsFolded(t *testing.T) {
	tr := parsed(t, 1)
	before := len(tr.visible())
	for i := range tr.nodes {
		if tr.nodes[i].text == "bug" {
			tr.reveal(i)
		}
	}
	if after := len(tr.visible()); after <= before {
		t.Errorf("%d lines before, %d after", before, after)
	}
}

// FuzzParseTree holds the tree to encoding/json: it reads what json reads,
// and no text of it reaches a terminal unclean.
func FuzzParseTree(f *testing.F) {
	f.Add([]byte(sampleJSON))
	f.Add([]byte(`[1e999,"\u001b[2J",{"\u202e":[]}]`))
	f.Add([]byte(`{"a":`))
	f.Fuzz(func(t *testing.T, src []byte) {
		tr, err := parseTree(src, "x", 2)
		if valid := json.Valid(src); valid && err != nil {
			t.Fatalf("valid JSON is refused: %v", err)
		}
		if err != nil {
			return
		}
		tr.foldAll(true)
		if len(tr.visible()) != len(tr.nodes) {
			t.Fatalf("%d of %d lines are visible when all is open", len(tr.visible()), len(tr.nodes))
		}
		for i := range tr.nodes {
			tr.path(i)
			if l := tr.line(newTheme(true, false), i, 40, true); strings.ContainsAny(l, "\x1b\n\r\x07") || width(l) != 40 {
				t.Fatalf("line %q", l)
			}
		}
	})
}
