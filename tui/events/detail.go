package events

import (
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs"
	"hookctl/tui/kit"
)

// detail is one record as a document: facts in words, the notifications'
// story, then headers and payload as a tree that folds. The cursor walks over
// its lines.
type detail struct {
	th    *kit.Theme
	file  string
	stale bool // the record has changed since it was read
	rec   *logs.Record
	facts []fact
	tree  *kit.Tree // headers and payload below one root
	note  string
	lines []docLine
	kit.Cursor
	wide   int // columns of the last view
	rows   int
	find   string    // lower case
	query  string    // jq expression in force
	full   *kit.Tree // the payload, while tree is an expression's result
	asking *kit.Job  // the expression that was typed last
}

// docLine is a line of the document: a fact, a node, or a heading.
type docLine struct {
	fact  int    // -1 when not a fact
	label string // of the first line of a fact
	node  int    // -1 when not a node
	text  string
}

// newDetail builds the document of a record. It does the parsing, so it runs
// inside a command.
func newDetail(th *kit.Theme, file string, rec *logs.Record, now time.Time) *detail {
	rec = tidyRecord(rec)
	d := &detail{th: th, file: file, rec: rec}
	d.facts = factsOf(rec, now)
	if len(rec.Payload) == 0 {
		d.note = "no payload was kept (written by the handler before hookctl)"
	} else if t, err := kit.ParseTree(rec.Payload, "payload", 1); err != nil {
		d.note = err.Error()
	} else {
		d.tree, d.full = t, t
	}
	d.build()
	return d
}

// build lists the lines again, after folding.
func (d *detail) build() {
	d.lines = d.lines[:0]
	plain := func(text string) { d.lines = append(d.lines, docLine{fact: -1, node: -1, text: text}) }
	for i, f := range d.facts {
		label := f.label
		for _, part := range kit.Wrap(kit.Steady(f.value), max(16, d.wide-13)) {
			d.lines = append(d.lines, docLine{fact: i, label: label, node: -1, text: part})
			label = ""
		}
	}
	plain("Payload" + kit.When(d.query != "", " | "+d.query))
	if d.tree == nil {
		plain("  " + kit.Clean(d.note))
	} else {
		for _, i := range d.tree.Visible() {
			if i == 0 && d.tree.Nodes[0].Kids > 0 {
				continue // the heading stands for the root
			}
			d.lines = append(d.lines, docLine{fact: -1, node: i})
		}
	}
	if len(d.rec.Headers) > 0 {
		plain("Headers")
	}
	for _, k := range slices.Sorted(maps.Keys(d.rec.Headers)) {
		plain("  " + k + ": " + d.rec.Headers[k])
	}
	d.move(0)
}

// rebuild lists the lines for another width and keeps the cursor on its fact
// or node.
func (d *detail) rebuild() {
	var on docLine
	if d.At < len(d.lines) {
		on = d.lines[d.At]
	}
	d.build()
	same := func(l docLine) bool {
		return l.node == on.node && l.fact == on.fact && (l.fact >= 0 || l.text == on.text)
	}
	if i := slices.IndexFunc(d.lines, same); i >= 0 {
		d.At = i
	}
}

// age brings the age of the record up to now.
func (d *detail) age(now time.Time) {
	for i, f := range d.facts {
		if f.label != "received" {
			continue
		}
		if words := received(d.rec, now); words != f.value {
			d.facts[i].value = words
			d.rebuild()
		}
	}
}

func (d *detail) move(by int) tea.Cmd { d.To(d.At+by, len(d.lines)); return nil }

// node is the tree node under the cursor, or -1.
func (d *detail) node() int {
	if d.At < len(d.lines) {
		return d.lines[d.At].node
	}
	return -1
}

// fold closes the node under the cursor, or goes to the one around it.
func (d *detail) fold() {
	n := d.node()
	if n < 0 || d.tree.Nodes[n].Open && d.toggle() {
		return
	}
	if p := d.tree.Nodes[n].Parent; p > 0 || p == 0 && d.tree.Nodes[0].Kids == 0 {
		d.goTo(p)
	}
}

// unfold opens the node under the cursor.
func (d *detail) unfold() {
	if n := d.node(); n >= 0 && !d.tree.Nodes[n].Open {
		d.toggle()
	}
}

// toggle folds or opens the node under the cursor and reports whether there
// was one.
func (d *detail) toggle() bool {
	n := d.node()
	if n < 0 || d.tree.Nodes[n].Kids == 0 {
		return false
	}
	d.tree.Nodes[n].Open = !d.tree.Nodes[n].Open
	d.build()
	return true
}

// toggleAll opens everything, or folds it when something is open.
func (d *detail) toggleAll() {
	if d.tree == nil {
		return
	}
	open := true
	for _, n := range d.tree.Nodes {
		if n.Depth > 0 && n.Open && n.Kids > 0 {
			open = false
		}
	}
	at := d.node()
	d.tree.FoldAll(open)
	d.build()
	if at >= 0 {
		for !open && d.tree.Nodes[at].Depth > 1 {
			at = d.tree.Nodes[at].Parent
		}
		d.goTo(at)
	}
}

// goTo puts the cursor on node n.
func (d *detail) goTo(n int) {
	if i := slices.IndexFunc(d.lines, func(l docLine) bool { return l.node == n }); i >= 0 {
		d.At = i
	}
}

// search moves to the next match, by +1 or -1, folded ones included. It
// reports whether there is one.
func (d *detail) search(by int) bool {
	if d.find == "" {
		return false
	}
	// Lines that are no nodes come first, then all nodes in order.
	var plain []int
	for i, l := range d.lines {
		if l.node < 0 {
			plain = append(plain, i)
		}
	}
	total := len(plain)
	if d.tree != nil {
		total += len(d.tree.Nodes)
	}
	pos := slices.Index(plain, d.At)
	if n := d.node(); n >= 0 {
		pos = len(plain) + n
	}
	for i := 1; i <= total; i++ {
		p := ((pos+by*i)%total + total) % total
		if p < len(plain) {
			if strings.Contains(strings.ToLower(d.plainText(d.lines[plain[p]])), d.find) {
				d.At = plain[p]
				return true
			}
		} else if n := p - len(plain); d.tree.Matches(n, d.find) && (n > 0 || d.tree.Nodes[0].Kids == 0) {
			d.tree.Reveal(n)
			d.build()
			d.goTo(n)
			return true
		}
	}
	return false
}

func (d *detail) plainText(l docLine) string {
	if l.fact >= 0 {
		return d.facts[l.fact].label + " " + d.facts[l.fact].value
	}
	return l.text
}

// under is what the cursor stands on: a name for it and the value to copy.
func (d *detail) under() (name, value string) {
	if d.At >= len(d.lines) {
		return "", ""
	}
	l := d.lines[d.At]
	switch {
	case l.fact >= 0:
		return d.facts[l.fact].label, d.facts[l.fact].value
	case l.node >= 0:
		n := d.tree.Nodes[l.node]
		if n.Kids > 0 {
			return d.tree.Path(l.node), d.tree.Path(l.node)
		}
		return d.tree.Path(l.node), n.Text
	}
	return "line", strings.TrimSpace(l.text)
}

// whole is the value under the cursor in full, for a box of its own: a title
// and the lines.
func (d *detail) whole() (string, []string) {
	name, value := d.under()
	if n := d.node(); n >= 0 && d.tree.Nodes[n].Lines != "" {
		value = strings.ReplaceAll(d.tree.Nodes[n].Lines, "\r\n", "\n")
	}
	return name, strings.Split(value, "\n")
}

// view draws the lines on screen; focused shows the cursor.
func (d *detail) view(w, h int, focused bool) string {
	d.rows = h
	if d.wide != w {
		d.wide = w
		d.rebuild()
	}
	from, to := d.Window(len(d.lines), h)
	out := make([]string, 0, h)
	for i := from; i < to; i++ {
		out = append(out, d.line(d.lines[i], w, focused && i == d.At))
	}
	return kit.Fit(strings.Join(out, "\n"), w, h)
}

func (d *detail) line(l docLine, w int, on bool) string {
	t := d.th
	lead := " "
	if on {
		lead = t.Sym.Cursor
	}
	var s string
	switch {
	case l.node >= 0:
		if s = d.tree.Line(t, l.node, max(0, w-1)); on {
			s = ansi.Strip(s)
		}
	case l.fact >= 0:
		label, words := kit.FitLine(l.label, 11), t.Cut(l.text, w-13)
		if !on {
			label = t.Faint.Render(label)
			if level := d.facts[l.fact].style; level != "" {
				_, style := t.Sign(level)
				words = style.Render(words)
			}
		}
		s = label + " " + words
	default:
		s = t.Cut(l.text, w-1)
		if !on && !strings.HasPrefix(l.text, " ") {
			s = t.Title.Render(s)
		}
	}
	if on {
		return t.Selected.Render(kit.FitLine(lead+s, w))
	}
	if d.find != "" && strings.Contains(strings.ToLower(ansi.Strip(s)), d.find) {
		lead = t.Match.Render(" ")
	}
	return kit.FitLine(lead+s, w)
}
