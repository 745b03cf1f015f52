package kit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

// Picker chooses many lines of a long list: typing narrows it, space marks.
// It keeps the order of the list while nothing is typed, with what was chosen
// at first on top, and never loses a mark when the list is narrowed.
type Picker struct {
	search
	On   map[string]bool
	most int // columns of the labels where something stands at the right edge, 0 for as many as there are
}

// rightMost is how many columns what is said of an item gets at least, where it
// needs them; what is longer gets what the labels leave.
const rightMost = 20

// NewPicker makes an empty list; placeholder stands in the search line. Labels are cut to most columns, 0 for none, where they
// would leave no room for what is said of them.
func NewPicker(t *Theme, placeholder string, most int) *Picker {
	return &Picker{search: newSearch(t, placeholder), On: map[string]bool{}, most: most}
}

// Set gives the list, and moves what is chosen already to its top.
func (p *Picker) Set(items []Choice) {
	p.Items = nil
	for _, id := range p.Picked() {
		if !slices.ContainsFunc(items, func(it Choice) bool { return it.ID == id }) {
			p.Items = append(p.Items, Choice{ID: id})
		}
	}
	for _, on := range []bool{true, false} {
		for _, it := range items {
			if p.On[it.ID] == on {
				p.Items = append(p.Items, it)
			}
		}
	}
	p.narrow()
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
		p.Items = append([]Choice{it}, p.Items...)
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
	missing := slices.ContainsFunc(p.Shown[:p.match], func(it Choice) bool { return it.Off == "" && !p.On[it.ID] })
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

// Update types into the search line; keys that move are actions.
func (p *Picker) Update(msg tea.Msg) tea.Cmd {
	return p.take(msg, 1, func(Click) tea.Cmd { p.Toggle(); return nil })
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
	widest, rights := 0, 0
	for _, it := range p.Items {
		widest, rights = max(widest, Width(it.label())), max(rights, min(rightMost, Width(it.Right)))
	}
	if p.most > 0 {
		widest = min(widest, p.most)
	}
	from, to := p.Window(len(p.Shown), p.high)
	for i := from; i < to; i++ {
		out = append(out, p.row(i, w, widest, rights))
	}
	if len(p.Shown) == 0 && p.high > 0 {
		out = append(out, t.Faint.Render(t.Cut("   nothing matches", w)))
	}
	return Fit(strings.Join(out, "\n"), w, h)
}

// row draws a line. widest and rights are the columns of the widest label and of what stands at the right edge.
func (p *Picker) row(i, w, widest, rights int) string {
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
	name := min(widest, w-6)
	switch {
	case it.Right == "":
		name = w - 6
	case w-7-name < rights:
		name = w - 7 - rights
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

// Steps are the actions that walk and mark; prefix begins their ids.
func (p *Picker) Steps(a *Shell, prefix string) []Action {
	return append([]Action{
		{ID: prefix + ".mark", Keys: []string{"space"}, Label: "choose", Text: "Choose the line, or leave it out.", Run: func() tea.Cmd {
			if why := p.Toggle(); why != "" {
				return a.Warn(why)
			}
			return nil
		}},
		{ID: prefix + ".all", Keys: []string{"ctrl+a"}, Label: "all", Text: "Choose everything that matches, or nothing.", Run: func() tea.Cmd { p.toggleAll(); return nil }},
		{ID: prefix + ".first", Keys: []string{"home"}, Text: "Go to the first line.", Run: func() tea.Cmd { return p.Move(-Far) }},
		{ID: prefix + ".last", Keys: []string{"end"}, Text: "Go to the last line.", Run: func() tea.Cmd { return p.Move(Far) }},
	}, Arrows(prefix, "", p.high-1, p.Move)...)
}
