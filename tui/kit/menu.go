package kit

import (
	"cmp"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"
)

// Choice is one line of a menu. One without Run is a heading: it cannot be chosen, and is left out while something is typed.
type Choice struct {
	ID     string // what the line stands for, where the menu's owner asks
	Text   string // what is matched and shown
	Right  string // shown at the right edge: keys, a count
	Detail string // shown under the list while the line is chosen
	off    string // why it cannot be chosen, or ""
	Run    func() tea.Cmd
}

// Menu is a list to choose from, narrowed by typing. The palette, the copy
// menu and the quick filters are menus.
type Menu struct {
	a     *Shell
	head  string
	all   []Choice
	shown []Choice
	hits  [][]int // matched runes of each shown line
	pos   Cursor
	input textinput.Model
	rows  int // lines of the list in the last view
	// More are further keys for the line under the cursor, none of them
	// printable; nil for none.
	More func(Choice) []Action
}

// NewMenu makes a menu with a title.
func NewMenu(a *Shell, head string, choices []Choice) *Menu {
	m := &Menu{a: a, head: head, all: choices, input: NewInput(a.Theme, "")}
	m.input.Placeholder = "type to search"
	m.narrow()
	return m
}

// Title implements Overlay.
func (m *Menu) Title() string { return m.head }

// narrow keeps the lines that match what is typed, the best one first.
func (m *Menu) narrow() {
	m.pos = Cursor{}
	m.shown, m.hits = m.all, nil
	pattern := m.input.Value()
	if pattern == "" {
		m.Move(0)
		return
	}
	texts := make([]string, len(m.all))
	whole := false // what is typed occurs as it is; then scattered letters are no match
	for i, c := range m.all {
		texts[i] = c.Text
		whole = whole || c.Run != nil && contains(c.Text, pattern)
	}
	m.shown = nil
	found := fuzzy.Find(pattern, texts)
	slices.SortStableFunc(found, func(a, b fuzzy.Match) int { // what begins with it comes first, on whichever page
		return cmp.Compare(begins(b.Str, pattern), begins(a.Str, pattern))
	})
	for _, hit := range found {
		if c := m.all[hit.Index]; c.Run != nil && (!whole || contains(c.Text, pattern)) {
			m.shown = append(m.shown, c)
			m.hits = append(m.hits, hit.MatchedIndexes)
		}
	}
}

// begins is 1 where text, or what follows the name of a page in it, begins with words, and 0 otherwise.
func begins(text, words string) int {
	_, rest, _ := strings.Cut(text, ": ")
	for _, s := range []string{text, rest} {
		if len(s) >= len(words) && strings.EqualFold(s[:len(words)], words) {
			return 1
		}
	}
	return 0
}

// contains ignores case.
func contains(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}

// Replace gives other lines, and keeps the place.
func (m *Menu) Replace(choices []Choice) {
	at := m.pos.At
	m.all = choices
	m.narrow()
	m.Move(at)
}

// Update implements Overlay.
func (m *Menu) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Wheel:
		m.Move(msg.Lines)
		return nil
	case Click:
		if i := m.pos.Top + msg.Y - 2; msg.Y >= 2 && msg.Y-2 < m.rows && i < len(m.shown) && m.shown[i].Run != nil {
			if m.pos.At = i; msg.Double {
				return m.choose()
			}
		}
		return nil
	case tea.KeyPressMsg, tea.PasteMsg:
		changed, cmd := TypeInto(&m.input, msg)
		if changed {
			m.narrow()
		}
		return cmd
	}
	return nil
}

// Move goes by some lines, over the headings.
func (m *Menu) Move(by int) {
	heading := func() bool { return len(m.shown) > 0 && m.under().Run == nil }
	m.pos.At = max(0, min(len(m.shown)-1, m.pos.At+by))
	if by < 0 && heading() {
		m.pos.At--
	}
	if m.pos.At = max(0, m.pos.At); heading() {
		m.pos.At++
	}
	if m.pos.At == 1 {
		m.pos.Top = 0 // the first heading is seen
	}
}

// under is the line of the cursor; without Run if it is missing.
func (m *Menu) under() Choice {
	if m.pos.At >= len(m.shown) {
		return Choice{}
	}
	return m.shown[m.pos.At]
}

func (m *Menu) choose() tea.Cmd {
	c := m.under()
	switch {
	case c.Run == nil:
		return nil
	case c.off != "":
		return m.a.Warn(c.off)
	}
	m.a.Shut(m)
	return c.Run()
}

// View implements Overlay.
func (m *Menu) View(w, h int) string {
	t := m.a.Theme
	wide := 24
	for _, c := range m.all {
		wide = max(wide, Width(c.Text)+Width(c.Right)+6)
	}
	w = min(w, max(min(wide, 90), min(w, 60)))
	details := 1
	if h >= 14 && slices.ContainsFunc(m.all, func(c Choice) bool { return Width(c.Detail) > w-2 }) {
		details = 2
	}
	m.rows = max(0, min(len(m.all), h-4-details, 18))
	from, to := m.pos.Window(len(m.shown), m.rows)
	m.input.SetWidth(max(1, w-5))
	out := []string{FitLine(" "+t.Key.Render(">")+" "+m.input.View(), w), ""}
	for i := from; i < to; i++ {
		out = append(out, m.line(i, w))
	}
	if len(m.shown) == 0 {
		out = append(out, t.Faint.Render(" nothing matches"))
	}
	for len(out) < m.rows+2 {
		out = append(out, "")
	}
	words, style := m.under().Detail, t.Faint
	if off := m.under().off; off != "" {
		words, style = off, t.Warn
	}
	detail := []string{words}
	if details > 1 && Width(words) > w-2 {
		detail = Folded(words, max(1, w-2))
	}
	for i, l := range detail {
		detail[i] = style.Render(t.Cut(" "+l, w))
	}
	return Fit(strings.Join(append(append(out, ""), detail...), "\n"), w, min(h, len(out)+1+details))
}

func (m *Menu) line(i, w int) string {
	t, c := m.a.Theme, m.shown[i]
	if c.Run == nil {
		return FitLine(" "+t.Title.Render(c.Text), w)
	}
	room := max(0, w-Width(c.Right)-4)
	if i == m.pos.At {
		return t.Selected.Render(FitLine(t.Sym.Cursor+" "+t.Cell(c.Text, room)+" "+c.Right, w))
	}
	text := t.Cut(c.Text, room)
	if m.hits != nil && c.off == "" {
		text = t.marked(text, m.hits[i])
	}
	if c.off != "" {
		text = t.Faint.Render(text)
	}
	return "  " + FitLine(text, room) + " " + t.Faint.Render(c.Right)
}

// Cursor implements Overlay.
func (m *Menu) Cursor() *tea.Cursor { return CaretOf(m.input, 3, 0) }

// Actions implements Overlay.
func (m *Menu) Actions() []Action {
	out := append([]Action{
		{ID: "menu.choose", Keys: []string{"enter"}, Label: "choose", Text: "Take the marked line.", Run: m.choose},
		{ID: "menu.close", Keys: []string{"esc"}, Label: "close", Text: "Close without choosing.", Run: func() tea.Cmd { m.a.Shut(m); return nil }},
	}, Arrows("menu", "", m.rows-1, func(by int) tea.Cmd { m.Move(by); return nil })...)
	if m.More == nil {
		return out
	}
	return append(out, m.More(m.under())...)
}

// openPalette offers everything that can be done: what this page can do, what the others can, where the settings and saved
// filters are, and the keys that only move, each with the reason where it is off.
func (s *Shell) openPalette() tea.Cmd {
	by := map[string][]Choice{}
	add := func(act Action, prefix string, run func() tea.Cmd) {
		name, rest := act.name()
		if act.Command != "" {
			rest = strings.TrimSpace(rest + "  " + act.Command)
		}
		by[act.group] = append(by[act.group], Choice{Text: prefix + name, Right: act.keyNames(s.Theme.Ascii), Detail: rest, off: act.Off, Run: run})
	}
	for _, act := range s.Actions() {
		if act.ID != "palette" {
			add(act, "", func() tea.Cmd { return s.perform(act) })
		}
	}
	for i, p := range s.Pages {
		if i == s.At {
			continue
		}
		for _, act := range override(grouped(p.Actions(), groupElsewhere), s.Keys) {
			if act.Move {
				continue
			}
			act.Off = "" // the page says so itself once it is in front
			add(act, p.Name()+": ", func() tea.Cmd { return s.performOn(i, act.ID) })
		}
	}
	by[groupOffered] = s.Offer()
	var choices []Choice
	for _, group := range []string{groupPage, groupBox, groupEverywhere, groupMove, groupElsewhere, groupOffered} {
		if len(by[group]) > 0 {
			choices = append(append(choices, Choice{Text: group}), by[group]...)
		}
	}
	s.Show(NewMenu(s, "Commands", choices))
	return nil
}

// performOn turns to a page and runs one of its actions there, as it is then.
func (s *Shell) performOn(page int, id string) tea.Cmd {
	turn := s.Turn(page)
	for _, act := range s.Pages[page].Actions() {
		if act.ID == id {
			return tea.Batch(turn, s.perform(act))
		}
	}
	return turn
}

// openCommands offers the command lines of the page's actions for copying.
func (s *Shell) openCommands() tea.Cmd {
	var choices []Choice
	for _, act := range s.Actions() {
		if act.Command == "" {
			continue
		}
		choices = append(choices, Choice{Text: s.Here(act.Command), Right: KeyName(act.Keys[0], s.Theme.Ascii), Detail: act.Text,
			Run: func() tea.Cmd { return s.Copy(act.Command, act.Command) }})
	}
	if len(choices) == 0 {
		return s.Warn("nothing here has a command line")
	}
	s.Show(NewMenu(s, "Copy a command line", choices))
	return nil
}
