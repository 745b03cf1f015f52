package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"hookctl/logs/text"
)

// node is one line of a JSON tree: a value, or an object or array that folds.
type node struct {
	key    string // cleaned; "" at the root and in arrays
	raw    string // the key as it is, for paths
	index  int    // place in an array, -1 elsewhere
	kind   rune   // '{', '[', '"' for strings, '0' for numbers, 't' for the rest
	text   string // a leaf's value, cleaned; at most maxLeaf bytes
	lines  string // a string's value with its line breaks, where it has some
	parent int
	depth  int
	kids   int // children of an object or array
	end    int // first node after this one and all below it
	open   bool
}

// maxLeaf bounds what one line of the tree keeps of a long string.
const maxLeaf = 4096

// maxLines bounds what is kept of a string of several lines.
const maxLines = 64 << 10

// tree is a JSON document as lines, in the document's own order. Folding only
// changes which lines are shown.
type tree struct {
	nodes []node
}

// parseTree reads JSON with its key order and its numbers as they are written.
// Objects and arrays deeper than open levels start folded.
func parseTree(src []byte, name string, open int) (*tree, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	t := &tree{}
	if err := t.value(dec, node{key: name, raw: name, index: -1, parent: -1}, open); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return t, nil
}

// value adds the next value of dec as n and everything below it.
func (t *tree) value(dec *json.Decoder, n node, open int) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	at := len(t.nodes)
	t.nodes = append(t.nodes, n)
	self := &t.nodes[at]
	delim, ok := tok.(json.Delim)
	if !ok {
		self.kind, self.text = leaf(tok)
		if v, ok := tok.(string); ok && strings.Contains(v, "\n") {
			self.lines = v[:min(len(v), maxLines)]
		}
		self.end = at + 1
		return nil
	}
	self.kind, self.open = rune(delim), n.depth < open
	kids := 0
	for dec.More() {
		kid := node{index: -1, parent: at, depth: n.depth + 1}
		if delim == '{' {
			k, err := dec.Token()
			if err != nil {
				return err
			}
			kid.raw, _ = k.(string)
			kid.key = text.Clean(kid.raw)
		} else {
			kid.index = kids
		}
		if err := t.value(dec, kid, open); err != nil {
			return err
		}
		kids++
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	t.nodes[at].kids, t.nodes[at].end = kids, len(t.nodes)
	return nil
}

// leaf is the kind and the shown text of a value that is no container.
func leaf(tok json.Token) (rune, string) {
	switch v := tok.(type) {
	case string:
		if len(v) > maxLeaf {
			v = v[:maxLeaf]
		}
		return '"', text.Clean(v)
	case json.Number:
		return '0', v.String()
	case bool:
		return 't', strconv.FormatBool(v)
	}
	return 't', "null"
}

// visible lists the nodes that are not inside a folded one.
func (t *tree) visible() []int {
	out := make([]int, 0, 64)
	for i := 0; i < len(t.nodes); {
		out = append(out, i)
		if n := t.nodes[i]; n.end > i+1 && !n.open {
			i = n.end
		} else {
			i++
		}
	}
	return out
}

// reveal opens everything above node i.
func (t *tree) reveal(i int) {
	for p := t.nodes[i].parent; p >= 0; p = t.nodes[p].parent {
		t.nodes[p].open = true
	}
}

// foldAll opens or folds every container below the root.
func (t *tree) foldAll(open bool) {
	for i := range t.nodes {
		if t.nodes[i].depth > 0 {
			t.nodes[i].open = open
		}
	}
}

// path is node i as a jq path: .pull_request.labels[0].name
func (t *tree) path(i int) string {
	if t.nodes[i].parent < 0 {
		return "."
	}
	var parts []string
	for ; i >= 0 && t.nodes[i].parent >= 0; i = t.nodes[i].parent {
		n := t.nodes[i]
		switch {
		case n.index >= 0:
			parts = append(parts, "["+strconv.Itoa(n.index)+"]")
		case identifier(n.raw):
			parts = append(parts, "."+n.raw)
		default:
			parts = append(parts, "["+jqString(n.raw)+"]")
		}
	}
	var b strings.Builder
	for j := len(parts) - 1; j >= 0; j-- {
		if j == len(parts)-1 && parts[j][0] == '[' {
			b.WriteByte('.')
		}
		b.WriteString(parts[j])
	}
	return b.String()
}

// jqString writes a string for jq. What a terminal would obey is spelled out, which means the same.
func jqString(s string) string {
	b, _ := json.Marshal(s)
	var out strings.Builder
	for _, r := range string(b) {
		switch high, low := utf16.EncodeRune(r); {
		case r == ' ' || text.Clean(string(r)) == string(r):
			out.WriteRune(r)
		case high == unicode.ReplacementChar:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		}
	}
	return out.String()
}

func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// matches reports whether node i has what in its key or value; what is lower
// case.
func (t *tree) matches(i int, what string) bool {
	n := t.nodes[i]
	return strings.Contains(strings.ToLower(n.key), what) || strings.Contains(strings.ToLower(n.text), what)
}

// line draws node i, the styles of th left out where plain.
func (t *tree) line(th *theme, i, w int, plain bool) string {
	n := t.nodes[i]
	style := func(s string, st interface{ Render(...string) string }) string {
		if plain {
			return s
		}
		return st.Render(s)
	}
	lead := strings.Repeat("  ", min(n.depth, 20))
	name := ""
	switch {
	case n.index >= 0:
		name = style(strconv.Itoa(n.index), th.faint) + " "
	case n.key != "":
		name = style(n.key, th.jsonKey) + " "
	}
	switch n.kind {
	case '{', '[':
		mark, close := th.sym.folded, "}"
		if n.kind == '[' {
			close = "]"
		}
		if n.open {
			mark = th.sym.open
		}
		if n.kids == 0 {
			return fitLine(lead+"  "+name+style(string(n.kind)+close, th.faint), w)
		}
		count := fmt.Sprintf("%c%d%s", n.kind, n.kids, close)
		peek := ""
		if !n.open {
			peek = " " + t.peek(i)
		}
		return fitLine(th.cut(lead+style(mark, th.accent)+" "+name+style(count+peek, th.faint), w), w)
	case '"':
		return fitLine(th.cut(lead+"  "+name+style(strconv.Quote(n.text), th.jsonString), w), w)
	}
	return fitLine(th.cut(lead+"  "+name+style(n.text, th.jsonOther), w), w)
}

// peek names what a folded container holds, so that few need to be opened.
func (t *tree) peek(i int) string {
	for _, want := range []string{"full_name", "login", "name", "title", "message", "id"} {
		for j := i + 1; j < t.nodes[i].end; j = t.nodes[j].end {
			if n := t.nodes[j]; n.key == want && n.text != "" && n.text != "null" {
				return n.text
			}
		}
	}
	return ""
}
