package kit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"hookctl/logs/text"
)

// node is one line of a JSON tree: a value, or an object or array that folds.
type node struct {
	key    string // cleaned; "" at the root and in arrays
	raw    string // the key as it is, for paths
	index  int    // place in an array, -1 elsewhere
	kind   rune   // '{', '[', '"' for strings, 0 for the rest
	Text   string // a leaf's value, cleaned; at most maxLeaf bytes
	Lines  string // a string's value with its line breaks, where it has some
	Parent int
	Depth  int
	Kids   int // children of an object or array
	end    int // first node after this one and all below it
	Open   bool
}

// maxLeaf bounds what one line of the tree keeps of a long string.
const maxLeaf = 4096

// maxLines bounds what is kept of a string of several lines.
const maxLines = 64 << 10

// Tree is a JSON document as lines, in the document's own order. Folding only
// changes which lines are shown.
type Tree struct {
	Nodes []node
}

// ParseTree reads JSON with its key order and its numbers as they are written.
// Objects and arrays deeper than open levels start folded.
func ParseTree(src []byte, name string, open int) (*Tree, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	t := &Tree{}
	if err := t.value(dec, node{key: name, raw: name, index: -1, Parent: -1}, open); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return t, nil
}

// value adds the next value of dec as n and everything below it.
func (t *Tree) value(dec *json.Decoder, n node, open int) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	at := len(t.Nodes)
	n.end = at + 1
	switch v := tok.(type) {
	case json.Delim:
		n.kind, n.Open = rune(v), n.Depth < open
	case string:
		n.kind, n.Text = '"', Clean(v[:min(len(v), maxLeaf)])
		if strings.Contains(v, "\n") {
			n.Lines = v[:min(len(v), maxLines)]
		}
	case nil:
		n.Text = "null"
	default:
		n.Text = fmt.Sprint(v)
	}
	t.Nodes = append(t.Nodes, n)
	if _, ok := tok.(json.Delim); !ok {
		return nil
	}
	kids := 0
	for ; dec.More(); kids++ {
		kid := node{index: -1, Parent: at, Depth: n.Depth + 1}
		if n.kind == '[' {
			kid.index = kids
		} else if k, err := dec.Token(); err != nil {
			return err
		} else {
			kid.raw, _ = k.(string)
			kid.key = Clean(kid.raw)
		}
		if err := t.value(dec, kid, open); err != nil {
			return err
		}
	}
	t.Nodes[at].Kids, t.Nodes[at].end = kids, len(t.Nodes)
	_, err = dec.Token()
	return err
}

// Visible lists the nodes that are not inside a folded one.
func (t *Tree) Visible() []int {
	out := make([]int, 0, 64)
	for i := 0; i < len(t.Nodes); {
		out = append(out, i)
		if n := t.Nodes[i]; n.end > i+1 && !n.Open {
			i = n.end
		} else {
			i++
		}
	}
	return out
}

// Reveal opens everything above node i.
func (t *Tree) Reveal(i int) {
	for p := t.Nodes[i].Parent; p >= 0; p = t.Nodes[p].Parent {
		t.Nodes[p].Open = true
	}
}

// FoldAll opens or folds every container below the root.
func (t *Tree) FoldAll(open bool) {
	for i := range t.Nodes {
		if t.Nodes[i].Depth > 0 {
			t.Nodes[i].Open = open
		}
	}
}

// Path is node i as a jq path: .pull_request.labels[0].name
func (t *Tree) Path(i int) string {
	n := t.Nodes[i]
	if n.Parent < 0 {
		return "."
	}
	step := text.JQKey(n.raw)
	if n.index >= 0 {
		step = "[" + strconv.Itoa(n.index) + "]"
	}
	if n.Parent == 0 && step[0] == '.' {
		return step
	}
	return t.Path(n.Parent) + step
}

// Matches reports whether node i has what in its key or value; what is lower
// case.
func (t *Tree) Matches(i int, what string) bool {
	n := t.Nodes[i]
	return strings.Contains(strings.ToLower(n.key), what) || strings.Contains(strings.ToLower(n.Text), what)
}

// Line draws node i.
func (t *Tree) Line(th *Theme, i, w int) string {
	n := t.Nodes[i]
	lead := strings.Repeat("  ", min(n.Depth, 20))
	name := ""
	switch {
	case n.index >= 0:
		name = th.Faint.Render(strconv.Itoa(n.index)) + " "
	case n.key != "":
		name = th.jsonKey.Render(n.key) + " "
	}
	switch n.kind {
	case '{', '[':
		mark, close := th.Sym.Folded, "}"
		if n.kind == '[' {
			close = "]"
		}
		if n.Open {
			mark = th.Sym.Open
		}
		if n.Kids == 0 {
			return FitLine(lead+"  "+name+th.Faint.Render(string(n.kind)+close), w)
		}
		count := fmt.Sprintf("%c%d%s", n.kind, n.Kids, close)
		peek := ""
		if !n.Open {
			peek = " " + t.peek(i)
		}
		return FitLine(th.Cut(lead+th.Accent.Render(mark)+" "+name+th.Faint.Render(count+peek), w), w)
	case '"':
		return FitLine(th.Cut(lead+"  "+name+th.jsonString.Render(Steady(strconv.Quote(n.Text))), w), w)
	}
	return FitLine(th.Cut(lead+"  "+name+th.jsonOther.Render(n.Text), w), w)
}

// peek names what a folded container holds, so that few need to be opened.
func (t *Tree) peek(i int) string {
	for _, want := range []string{"full_name", "login", "name", "title", "message", "id"} {
		for j := i + 1; j < t.Nodes[i].end; j = t.Nodes[j].end {
			if n := t.Nodes[j]; n.key == want && n.Text != "" && n.Text != "null" {
				return n.Text
			}
		}
	}
	return ""
}
