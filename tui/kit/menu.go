package kit

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Menu is a list to choose from, narrowed by typing. The palette, the copy
// menu and the quick filters are menus.
type Menu struct {
	search
	a    *Shell
	head string
	// More are further keys for the line under the cursor, none of them
	// printable; nil for none.
	More func(Choice) []Action
}

// NewMenu makes a menu with a title.
func NewMenu(a *Shell, head string, choices []Choice) *Menu {
	m := &Menu{a: a, head: head, search: newSearch(a.Theme, "type to search")}
	m.Replace(choices)
	return m
}

// Title implements Overlay.
func (m *Menu) Title() string { return m.head }

// Replace gives other lines, and keeps the place.
func (m *Menu) Replace(choices []Choice) {
	at := m.At
	m.Items = choices
	m.narrow()
	m.Move(at)
}

// Update implements Overlay.
func (m *Menu) Update(msg tea.Msg) tea.Cmd {
	return m.take(msg, 2, func(c Click) tea.Cmd {
		if c.Double {
			return m.choose()
		}
		return nil
	})
}

func (m *Menu) choose() tea.Cmd {
	c, _ := m.Under()
	switch {
	case c.Run == nil:
		return nil
	case c.Off != "":
		return m.a.Warn(c.Off)
	}
	m.a.Shut(m)
	return c.Run()
}

// View implements Overlay.
func (m *Menu) View(w, h int) string {
	t := m.th
	wide := 24
	for _, c := range m.Items {
		wide = max(wide, Width(c.Text)+Width(c.Right)+6)
	}
	w = min(w, max(min(wide, 90), min(w, 60)))
	details := 1
	if h >= 14 && slices.ContainsFunc(m.Items, func(c Choice) bool { return Width(c.Detail) > w-2 }) {
		details = 2
	}
	m.high = max(0, min(len(m.Items), h-4-details, 18))
	from, to := m.Window(len(m.Shown), m.high)
	m.input.SetWidth(max(1, w-5))
	out := []string{FitLine(" "+t.Key.Render(">")+" "+m.input.View(), w), ""}
	for i := from; i < to; i++ {
		out = append(out, m.line(i, w))
	}
	if len(m.Shown) == 0 {
		out = append(out, t.Faint.Render(" nothing matches"))
	}
	for len(out) < m.high+2 {
		out = append(out, "")
	}
	under, _ := m.Under()
	words, style := under.Detail, t.Faint
	if under.Off != "" {
		words, style = under.Off, t.Warn
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
	t, c := m.th, m.Shown[i]
	if c.heading() {
		return FitLine(" "+t.Title.Render(c.Text), w)
	}
	room := max(0, w-Width(c.Right)-4)
	if i == m.At {
		return t.Selected.Render(FitLine(t.Sym.Cursor+" "+t.Cell(c.Text, room)+" "+c.Right, w))
	}
	text := t.Cut(c.Text, room)
	if m.hits != nil && c.Off == "" {
		text = t.marked(text, m.hits[i])
	}
	if c.Off != "" {
		text = t.Faint.Render(text)
	}
	return "  " + FitLine(text, room) + " " + t.Faint.Render(c.Right)
}

// Cursor implements Overlay.
func (m *Menu) Cursor() *tea.Cursor { return m.Place() }

// Actions implements Overlay.
func (m *Menu) Actions() []Action {
	out := append([]Action{
		{ID: "menu.choose", Keys: []string{"enter"}, Label: "choose", Text: "Take the marked line.", Run: m.choose},
		{ID: "menu.close", Keys: []string{"esc"}, Label: "close", Text: "Close without choosing.", Run: func() tea.Cmd { m.a.Shut(m); return nil }},
	}, Arrows("menu", "", m.high-1, m.Move)...)
	if m.More == nil {
		return out
	}
	under, _ := m.Under()
	return append(out, m.More(under)...)
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
		by[act.group] = append(by[act.group], Choice{Text: prefix + name, Right: act.keyNames(s.Theme.Ascii), Detail: rest, Off: act.Off, Run: run})
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
