package kit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"hookctl/logs/text"
)

// PickItem is one line to choose. Its text is clean.
type PickItem struct {
	ID    string // what is chosen
	Text  string // what is matched and shown; id where empty
	Right string // shown at the right edge, faint
	Off   string // why it cannot be chosen, or ""
}

// Picker chooses many lines of a long list: typing narrows it, space marks.
// It keeps the order of the list while nothing is typed, with what was chosen
// at first on top, and never loses a mark when the list is narrowed.
type Picker struct {
	th    *Theme
	Items []PickItem
	On    map[string]bool
	Shown []PickItem // what matches, best first, and then what Extra made
	match int        // how many match
	hits  [][]int    // matched bytes of each
	input textinput.Model
	Cursor
	high   int // rows in the last view
	widest int // columns of the widest label, up to most
	most   int // 0 for as many as there are
	rights int // and of what stands at the right edge, up to rightMost
	// Extra makes an item of what is typed, where nothing like it is listed.
	Extra func(text string) (PickItem, bool)
}

// rightMost is how many columns what is said of an item gets at least, where it
// needs them; what is longer gets what the labels leave.
const rightMost = 20

// NewPicker makes an empty list; placeholder stands in the search line.
func NewPicker(t *Theme, placeholder string) *Picker {
	p := &Picker{th: t, On: map[string]bool{}, input: NewInput(t, "")}
	p.input.Placeholder = placeholder
	return p
}

// Set gives the list, and moves what is chosen already to its top.
func (p *Picker) Set(items []PickItem) {
	p.Items = slices.Clone(items)
	for id, on := range p.On {
		if on && !slices.ContainsFunc(p.Items, func(i PickItem) bool { return i.ID == id }) {
			p.Items = append(p.Items, PickItem{ID: id})
		}
	}
	slices.SortStableFunc(p.Items, func(a, b PickItem) int {
		switch {
		case p.On[a.ID] == p.On[b.ID]:
			return 0
		case p.On[a.ID]:
			return -1
		}
		return 1
	})
	p.widest, p.rights = 0, 0
	for _, it := range p.Items {
		p.widest, p.rights = max(p.widest, Width(it.label())), max(p.rights, min(rightMost, Width(it.Right)))
	}
	if p.most > 0 {
		p.widest = min(p.widest, p.most)
	}
	p.narrow()
}

func (i PickItem) label() string {
	if i.Text != "" {
		return i.Text
	}
	return i.ID
}

// narrow keeps the lines that match what is typed.
func (p *Picker) narrow() {
	p.At, p.Top, p.hits = 0, 0, nil
	p.Shown, p.match = p.Items, len(p.Items)
	pattern := strings.TrimSpace(p.input.Value())
	if pattern == "" {
		return
	}
	texts := make([]string, len(p.Items))
	exact := false
	for i, it := range p.Items {
		texts[i] = it.label()
		exact = exact || strings.EqualFold(it.ID, pattern)
	}
	p.Shown = nil
	for _, hit := range fuzzy.Find(pattern, texts) {
		p.Shown = append(p.Shown, p.Items[hit.Index])
		p.hits = append(p.hits, hit.MatchedIndexes)
	}
	if p.match = len(p.Shown); p.Extra == nil || exact {
		return
	}
	if made, ok := p.Extra(pattern); ok {
		p.Shown = append(p.Shown, made)
	}
}

// Under is the item of the cursor.
func (p *Picker) Under() (PickItem, bool) {
	if p.At < 0 || p.At >= len(p.Shown) {
		return PickItem{}, false
	}
	return p.Shown[p.At], true
}

// Toggle marks the item under the cursor, and says why it cannot.
func (p *Picker) Toggle() (off string) {
	it, ok := p.Under()
	if !ok {
		return "nothing matches"
	}
	if it.Off != "" && !p.On[it.ID] {
		return it.Off
	}
	p.On[it.ID] = !p.On[it.ID]
	if p.At == p.match {
		p.Items = append([]PickItem{it}, p.Items...)
		p.Clear()
	}
	return ""
}

// Missed is what is typed where no line of the list matches it, "" otherwise.
func (p *Picker) Missed() string {
	if p.match > 0 {
		return ""
	}
	return strings.TrimSpace(p.input.Value())
}

// Clear takes away what is typed.
func (p *Picker) Clear() {
	p.input.SetValue("")
	p.narrow()
}

// toggleAll marks every line that matches and can be chosen, or takes all
// those marks away where none is missing.
func (p *Picker) toggleAll() {
	missing := false
	for _, it := range p.Shown[:p.match] {
		missing = missing || it.Off == "" && !p.On[it.ID]
	}
	for _, it := range p.Shown[:p.match] {
		if it.Off == "" {
			p.On[it.ID] = missing
		}
	}
}

// Picked are the chosen ids, sorted.
func (p *Picker) Picked() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.On)), func(id string) bool { return !p.On[id] })
}

func (p *Picker) move(by int) { p.To(p.At+by, len(p.Shown)) }

// Update types into the search line; keys that move are actions.
func (p *Picker) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		changed, cmd := TypeInto(&p.input, msg)
		if changed {
			p.narrow()
		}
		return cmd
	case Wheel:
		p.move(msg.Lines)
	case Click:
		if i := p.Top + msg.Y - 1; msg.Y >= 1 && msg.Y <= p.high && i < len(p.Shown) {
			p.To(i, len(p.Shown))
			p.Toggle()
		}
	}
	return nil
}

// View draws the search line and the rows that fit below it.
func (p *Picker) View(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	t := p.th
	p.high = max(0, h-1)
	found := ""
	switch {
	case p.match < len(p.Items):
		found = fmt.Sprintf("%s of %s ", text.Thousands(p.match), text.Thousands(len(p.Items)))
	case len(p.Items) > p.high:
		found = fmt.Sprintf(" %s listed ", text.Thousands(len(p.Items)))
	}
	if w < 30 || w < 56 && p.match == len(p.Items) {
		found = ""
	}
	room := max(1, w-Width(found))
	p.input.SetWidth(max(1, room-4))
	out := []string{FitLine(" "+t.Key.Render("/")+" "+p.input.View(), room) + t.Faint.Render(found)}
	from, to := p.Window(len(p.Shown), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(i, w))
	}
	if len(p.Shown) == 0 && p.high > 0 {
		out = append(out, t.Faint.Render(t.Cut("   nothing matches", w)))
	}
	return Fit(strings.Join(out, "\n"), w, h)
}

func (p *Picker) row(i, w int) string {
	t := p.th
	it, hits := p.Shown[i], []int(nil)
	if i < len(p.hits) {
		hits = p.hits[i]
	}
	box := "[ ]"
	if p.On[it.ID] {
		box = "[x]"
	}
	// Labels share a column, so that what is said of them can be read down.
	name := min(p.widest, w-6)
	switch {
	case it.Right == "":
		name = w - 6
	case w-7-name < p.rights:
		name = w - 7 - p.rights
	}
	if name = max(1, name); name < 12 {
		name = max(1, w-6)
	}
	label := t.Middle(it.label(), name)
	right := ""
	if room := w - 7 - name; it.Right != "" && room > 0 {
		right = " " + t.Cut(it.Right, room)
	}
	if i == p.At {
		return t.Selected.Render(FitLine(t.Sym.Cursor+box+" "+FitLine(label, name)+" "+right, w))
	}
	text := label
	switch {
	case it.Off != "" && !p.On[it.ID]:
		text = t.Faint.Render(text)
	case hits != nil && text == it.label():
		text = t.marked(text, hits)
	}
	if p.On[it.ID] {
		box = t.Good.Render(box)
	}
	return FitLine(" "+box+" "+FitLine(text, name)+" "+t.Faint.Render(right), w)
}

// marked draws the characters that a search matched.
func (t *Theme) marked(text string, hits []int) string {
	var b strings.Builder
	for i, r := range text {
		if slices.Contains(hits, i) {
			b.WriteString(t.Title.Render(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Place is the terminal's cursor in the search line.
func (p *Picker) Place() *tea.Cursor { return CaretOf(p.input, 3, 0) }

// Steps are the actions that walk and mark; prefix begins their ids.
func (p *Picker) Steps(a *Shell, prefix string) []Action {
	step := func(by int) tea.Cmd { p.move(by); return nil }
	return append([]Action{
		{ID: prefix + ".mark", Keys: []string{"space"}, Label: "choose", Text: "Choose the line, or leave it out.", Run: func() tea.Cmd {
			if why := p.Toggle(); why != "" {
				return a.Warn(why)
			}
			return nil
		}},
		{ID: prefix + ".all", Keys: []string{"ctrl+a"}, Label: "all", Text: "Choose everything that matches, or nothing.", Run: func() tea.Cmd { p.toggleAll(); return nil }},
		{ID: prefix + ".first", Keys: []string{"home"}, Text: "Go to the first line.", Run: func() tea.Cmd { return step(-Far) }},
		{ID: prefix + ".last", Keys: []string{"end"}, Text: "Go to the last line.", Run: func() tea.Cmd { return step(Far) }},
	}, Arrows(prefix, "", p.high-1, step)...)
}

// NewEventPicker is a checklist of events; the names are cut where they would
// leave no room for the sentences.
func NewEventPicker(t *Theme) *Picker {
	p := NewPicker(t, "type to search the events")
	p.most = 26 // the sentences say more than the ends of long names
	return p
}
