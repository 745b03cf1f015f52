package tui

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"hookctl/logs/text"
)

// pickItem is one line to choose. Its text is clean.
type pickItem struct {
	id    string // what is chosen
	text  string // what is matched and shown; id where empty
	right string // shown at the right edge, faint
	off   string // why it cannot be chosen, or ""
}

// picker chooses many lines of a long list: typing narrows it, space marks.
// It keeps the order of the list while nothing is typed, with what was chosen
// at first on top, and never loses a mark when the list is narrowed.
type picker struct {
	th    *theme
	items []pickItem
	on    map[string]bool
	shown []int   // items that match, best first
	hits  [][]int // matched bytes of each
	input textinput.Model
	cursor
	high   int // rows in the last view
	widest int // columns of the widest label, up to most
	most   int // 0 for as many as there are
	rights int // and of what stands at the right edge, up to rightMost
	// extra makes an item of what is typed, where nothing like it is listed.
	extra func(text string) (pickItem, bool)
	made  pickItem
	added bool
}

// rightMost is how many columns what is said of an item gets at least, where it
// needs them; what is longer gets what the labels leave.
const rightMost = 20

func newPicker(t *theme, placeholder string) *picker {
	p := &picker{th: t, on: map[string]bool{}, input: newInput("")}
	p.input.Placeholder = placeholder
	return p
}

// set gives the list, and moves what is chosen already to its top.
func (p *picker) set(items []pickItem) {
	p.items = slices.Clone(items)
	for id, on := range p.on {
		if on && !slices.ContainsFunc(p.items, func(i pickItem) bool { return i.id == id }) {
			p.items = append(p.items, pickItem{id: id})
		}
	}
	slices.SortStableFunc(p.items, func(a, b pickItem) int {
		switch {
		case p.on[a.id] == p.on[b.id]:
			return 0
		case p.on[a.id]:
			return -1
		}
		return 1
	})
	p.widest, p.rights = 0, 0
	for _, it := range p.items {
		p.widest, p.rights = max(p.widest, width(it.label())), max(p.rights, min(rightMost, width(it.right)))
	}
	if p.most > 0 {
		p.widest = min(p.widest, p.most)
	}
	p.narrow()
}

func (i pickItem) label() string {
	if i.text != "" {
		return i.text
	}
	return i.id
}

// narrow keeps the lines that match what is typed.
func (p *picker) narrow() {
	p.at, p.top = 0, 0
	p.shown, p.hits, p.added = p.shown[:0], nil, false
	pattern := strings.TrimSpace(p.input.Value())
	if pattern == "" {
		for i := range p.items {
			p.shown = append(p.shown, i)
		}
		return
	}
	texts := make([]string, len(p.items))
	exact := false
	for i, it := range p.items {
		texts[i] = it.label()
		exact = exact || strings.EqualFold(it.id, pattern)
	}
	for _, hit := range fuzzy.Find(pattern, texts) {
		p.shown = append(p.shown, hit.Index)
		p.hits = append(p.hits, hit.MatchedIndexes)
	}
	if p.extra != nil && !exact {
		p.made, p.added = p.extra(pattern)
	}
}

// size is how many lines can be walked over.
func (p *picker) size() int {
	if p.added {
		return len(p.shown) + 1
	}
	return len(p.shown)
}

// under is the item of the cursor.
func (p *picker) under() (pickItem, bool) {
	switch {
	case p.at < 0 || p.at >= p.size():
		return pickItem{}, false
	case p.at == len(p.shown):
		return p.made, true
	}
	return p.items[p.shown[p.at]], true
}

// toggle marks the item under the cursor, and says why it cannot.
func (p *picker) toggle() (off string) {
	it, ok := p.under()
	if !ok {
		return "nothing matches"
	}
	if it.off != "" && !p.on[it.id] {
		return it.off
	}
	p.on[it.id] = !p.on[it.id]
	if p.added && it.id == p.made.id {
		p.items = append([]pickItem{it}, p.items...)
		p.input.SetValue("")
		p.narrow()
	}
	return ""
}

// toggleAll marks every line that matches and can be chosen, or takes all
// those marks away where none is missing.
func (p *picker) toggleAll() {
	missing := false
	for _, i := range p.shown {
		it := p.items[i]
		missing = missing || it.off == "" && !p.on[it.id]
	}
	for _, i := range p.shown {
		if it := p.items[i]; it.off == "" {
			p.on[it.id] = missing
		}
	}
}

// picked are the chosen ids, sorted.
func (p *picker) picked() []string {
	var out []string
	for id, on := range p.on {
		if on {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func (p *picker) move(by int) { p.to(p.at+by, p.size()) }

// update types into the search line; keys that move are actions.
func (p *picker) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		before := p.input.Value()
		var cmd tea.Cmd
		p.input, cmd = p.input.Update(msg)
		if p.input.Value() != before {
			p.narrow()
		}
		return cmd
	case wheel:
		p.move(msg.lines)
	case click:
		if i := p.top + msg.y - 1; msg.y >= 1 && msg.y <= p.high && i < p.size() {
			p.to(i, p.size())
			p.toggle()
		}
	}
	return nil
}

// view draws the search line and the rows that fit below it.
func (p *picker) view(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	t := p.th
	p.high = max(0, h-1)
	found := ""
	switch {
	case len(p.shown) < len(p.items):
		found = fmt.Sprintf("%s of %s ", text.Thousands(len(p.shown)), text.Thousands(len(p.items)))
	case len(p.items) > p.high:
		found = fmt.Sprintf(" %s listed ", text.Thousands(len(p.items)))
	}
	if w < 30 || w < 56 && len(p.shown) == len(p.items) {
		found = ""
	}
	room := max(1, w-width(found))
	p.input.SetWidth(max(1, room-4))
	out := []string{fitLine(" "+t.key.Render("/")+" "+p.input.View(), room) + t.faint.Render(found)}
	from, to := p.window(p.size(), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(i, w))
	}
	if p.size() == 0 && p.high > 0 {
		out = append(out, t.faint.Render(t.cut("   nothing matches", w)))
	}
	return fit(strings.Join(out, "\n"), w, h)
}

func (p *picker) row(i, w int) string {
	t := p.th
	it, hits := p.made, []int(nil)
	if i < len(p.shown) {
		it = p.items[p.shown[i]]
		if p.hits != nil {
			hits = p.hits[i]
		}
	}
	box := "[ ]"
	if p.on[it.id] {
		box = "[x]"
	}
	// Labels share a column, so that what is said of them can be read down.
	name := min(p.widest, w-6)
	switch {
	case it.right == "":
		name = w - 6
	case w-7-name < p.rights:
		name = w - 7 - p.rights
	}
	if name = max(1, name); name < 12 {
		name = max(1, w-6)
	}
	label := t.middle(it.label(), name)
	right := ""
	if room := w - 7 - name; it.right != "" && room > 0 {
		right = " " + t.cut(it.right, room)
	}
	if i == p.at {
		return t.selected.Render(fitLine(t.sym.cursor+box+" "+fitLine(label, name)+" "+right, w))
	}
	text := label
	switch {
	case it.off != "" && !p.on[it.id]:
		text = t.faint.Render(text)
	case hits != nil && text == it.label():
		text = t.marked(text, hits)
	}
	if p.on[it.id] {
		box = t.good.Render(box)
	}
	return fitLine(" "+box+" "+fitLine(text, name)+" "+t.faint.Render(right), w)
}

// marked draws the characters that a search matched.
func (t *theme) marked(text string, hits []int) string {
	var b strings.Builder
	for i, r := range text {
		if slices.Contains(hits, i) {
			b.WriteString(t.accent.Bold(true).Render(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (p *picker) place() *tea.Cursor {
	c := caretOf(p.input)
	if c != nil {
		c.X += 3
	}
	return c
}

// steps are the actions that walk and mark; prefix begins their ids.
func (p *picker) steps(a *app, prefix string) []action {
	step := func(id, key string, by int, text string) action {
		return action{id: prefix + id, keys: []string{key}, text: text, run: func() tea.Cmd { p.move(by); return nil }}
	}
	return []action{
		{id: prefix + ".mark", keys: []string{"space"}, label: "choose", text: "Choose the line, or leave it out.", run: func() tea.Cmd {
			if why := p.toggle(); why != "" {
				return a.warn(why)
			}
			return nil
		}},
		{id: prefix + ".all", keys: []string{"ctrl+a"}, label: "all", text: "Choose everything that matches, or nothing of it.", run: func() tea.Cmd { p.toggleAll(); return nil }},
		step(".down", "down", 1, "Go one line down."), step(".up", "up", -1, "Go one line up."),
		step(".pagedown", "pgdown", max(1, p.high-1), "Go a page down."), step(".pageup", "pgup", -max(1, p.high-1), "Go a page up."),
		step(".first", "home", -far, "Go to the first line."), step(".last", "end", far, "Go to the last line."),
	}
}
