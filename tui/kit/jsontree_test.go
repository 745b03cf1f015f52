package kit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
)

const sampleJSON = `{"action":"opened","number":9007199254740993,"pull_request":{"title":"x","labels":[{"name":"bug"},{"name":"a b"}],"odd key":null,"user":{"login":"mona"}},"empty":{},"none":[],"text":"one\ntwo"}`

// unstyled is a theme that writes nothing but text.
func unstyled() *Theme { return &Theme{Sym: NewTheme(nil, colorprofile.TrueColor, false).Sym} }

func parsed(t *testing.T, open int) *Tree {
	t.Helper()
	tr, err := ParseTree([]byte(sampleJSON), "payload", open)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (t *Tree) text(i int) string {
	return strings.TrimSpace(t.Line(unstyled(), i, 80))
}

func TestTreeKeepsOrderAndNumbers(t *testing.T) {
	tr := parsed(t, 1)
	var got []string
	for _, i := range tr.Visible() {
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
	for i := range tr.Nodes {
		got = append(got, tr.Path(i))
	}
	for _, want := range []string{".", ".action", ".pull_request.labels", ".pull_request.labels[1].name", `.pull_request["odd key"]`, ".pull_request.user.login"} {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("no path %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	list, err := ParseTree([]byte(`[[1]]`), "", 9)
	if err != nil {
		t.Fatal(err)
	}
	if got := list.Path(2); got != ".[0][0]" {
		t.Errorf("path in a list: %s", got)
	}
}

func TestTreeRevealsWhatIsFolded(t *testing.T) {
	tr := parsed(t, 1)
	before := len(tr.Visible())
	for i := range tr.Nodes {
		if tr.Nodes[i].Text == "bug" {
			tr.Reveal(i)
		}
	}
	if after := len(tr.Visible()); after <= before {
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
		tr, err := ParseTree(src, "x", 2)
		if valid := json.Valid(src); valid && err != nil {
			t.Fatalf("valid JSON is refused: %v", err)
		}
		if err != nil {
			return
		}
		tr.FoldAll(true)
		if len(tr.Visible()) != len(tr.Nodes) {
			t.Fatalf("%d of %d lines are visible when all is open", len(tr.Visible()), len(tr.Nodes))
		}
		for i := range tr.Nodes {
			tr.Path(i)
			if l := tr.Line(unstyled(), i, 40); strings.ContainsAny(l, "\x1b\n\r\x07") || Width(l) != 40 {
				t.Fatalf("line %q", l)
			}
		}
	})
}
