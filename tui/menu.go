package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/sahilm/fuzzy"
)

// choice is one line of a menu.
type choice struct {
	id     string // what the line stands for, where the menu's owner asks
	text   string // what is matched and shown
	right  string // shown at the right edge: keys, a count
	detail string // shown under the list while the line is chosen
	off    string // why it cannot be chosen, or ""
	run    func() tea.Cmd
}

// menu is a list to choose from, narrowed by typing. The palette, the copy
// menu and the quick filters are menus.
type menu struct {
	a       *app
	head    string
	all     []choice
	shown   []choice
	hits    [][]int // matched runes of each shown line
	at, top int
	input   textinput.Model
	rows    int // lines of the list in the last view
	// more are further keys for the line under the cursor, none of them
	// printable; nil for none.
	more func(choice) []action
}

func newMenu(a *app, head string, choices []choice) *menu {
	m := &menu{a: a, head: head, all: choices, input: newInput("")}
	m.input.Placeholder = "type to search"
	m.narrow()
	return m
}

func (m *menu) title() string { return m.head }

// narrow keeps the lines that match what is typed, the best one first.
func (m *menu) narrow() {
	m.at, m.top = 0, 0
	m.shown, m.hits = m.all, nil
	pattern := m.input.Value()
	if pattern == "" {
		return
	}
	texts := make([]string, len(m.all))
	for i, c := range m.all {
		texts[i] = c.text
	}
	m.shown = nil
	for _, hit := range fuzzy.Find(pattern, texts) {
		m.shown = append(m.shown, m.all[hit.Index])
		m.hits = append(m.hits, hit.MatchedIndexes)
	}
}

// replace gives other lines, and keeps the place.
func (m *menu) replace(choices []choice) {
	at := m.at
	m.all = choices
	m.narrow()
	m.move(at)
}

func (m *menu) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case wheel:
		m.move(msg.lines)
		return nil
	case click:
		if i := m.top + msg.y - 2; msg.y >= 2 && msg.y-2 < m.rows && i < len(m.shown) {
			if m.at = i; msg.double {
				return m.choose()
			}
		}
		return nil
	case tea.KeyPressMsg, tea.PasteMsg:
		before := m.input.Value()
		var cmd tea.Cmd
		m.input, cmd = m.input.Update(msg)
		if m.input.Value() != before {
			m.narrow()
		}
		return cmd
	}
	return nil
}

func (m *menu) move(by int) { m.at = max(0, min(len(m.shown)-1, m.at+by)) }

func (m *menu) choose() tea.Cmd {
	if m.at >= len(m.shown) {
		return nil
	}
	c := m.shown[m.at]
	if c.off != "" {
		return m.a.warn(c.off)
	}
	m.a.shut(m)
	return c.run()
}

func (m *menu) view(w, h int) string {
	t := m.a.theme
	wide := 24
	for _, c := range m.all {
		wide = max(wide, ansi.StringWidth(c.text)+ansi.StringWidth(c.right)+6)
	}
	w = min(w, max(min(wide, 90), min(w, 60)))
	m.rows = max(0, min(len(m.all), h-5, 18))
	if m.at < m.top {
		m.top = m.at
	} else if m.at >= m.top+m.rows {
		m.top = max(0, m.at-m.rows+1)
	}
	m.input.SetWidth(max(1, w-5))
	out := []string{fitLine(" "+t.key.Render(">")+" "+m.input.View(), w), ""}
	for i := m.top; i < min(len(m.shown), m.top+m.rows); i++ {
		out = append(out, m.line(i, w))
	}
	if len(m.shown) == 0 {
		out = append(out, t.faint.Render(" nothing matches"))
	}
	for len(out) < m.rows+2 {
		out = append(out, "")
	}
	detail := ""
	if m.at < len(m.shown) {
		if c := m.shown[m.at]; c.off != "" {
			detail = t.warn.Render(t.cut(" "+c.off, w))
		} else {
			detail = t.faint.Render(t.cut(" "+c.detail, w))
		}
	}
	return fit(strings.Join(append(out, "", detail), "\n"), w, min(h, len(out)+2))
}

func (m *menu) line(i, w int) string {
	t, c := m.a.theme, m.shown[i]
	room := max(0, w-ansi.StringWidth(c.right)-4)
	if i == m.at {
		return t.selected.Render(fitLine(t.sym.cursor+" "+t.cell(c.text, room)+" "+c.right, w))
	}
	text := t.cut(c.text, room)
	if m.hits != nil && c.off == "" {
		text = t.marked(text, m.hits[i])
	}
	if c.off != "" {
		text = t.faint.Render(text)
	}
	return "  " + fitLine(text, room) + " " + t.faint.Render(c.right)
}

func (m *menu) cursor() *tea.Cursor {
	c := caretOf(m.input)
	if c != nil {
		c.X += 3
	}
	return c
}

func (m *menu) actions() []action {
	step := func(id, key string, by int, text string) action {
		return action{id: id, keys: []string{key}, text: text, run: func() tea.Cmd { m.move(by); return nil }}
	}
	out := []action{
		{id: "menu.choose", keys: []string{"enter"}, label: "choose", text: "Take the marked line.", run: m.choose},
		{id: "menu.close", keys: []string{"esc"}, label: "close", text: "Close without choosing.", run: func() tea.Cmd { m.a.shut(m); return nil }},
		step("menu.down", "down", 1, "Go one line down."), step("menu.up", "up", -1, "Go one line up."),
		step("menu.pagedown", "pgdown", 10, "Go ten lines down."), step("menu.pageup", "pgup", -10, "Go ten lines up."),
	}
	if m.more == nil {
		return out
	}
	under := choice{}
	if m.at < len(m.shown) {
		under = m.shown[m.at]
	}
	return append(out, m.more(under)...)
}

// openPalette offers every action of the page, with the reason where one is
// off.
func (a *app) openPalette() tea.Cmd {
	var choices, moves []choice
	for _, act := range a.actions() {
		c := choice{text: act.text, right: act.keyNames(a.theme.ascii), detail: act.command, off: act.off,
			run: func() tea.Cmd { return a.perform(act) }}
		switch {
		case act.id == "palette":
		case act.move:
			moves = append(moves, c)
		default:
			choices = append(choices, c)
		}
	}
	choices = append(choices, moves...)
	a.show(newMenu(a, "Commands", choices))
	return nil
}

// openCommands offers the command lines of the page's actions for copying.
func (a *app) openCommands() tea.Cmd {
	var choices []choice
	for _, act := range a.actions() {
		if act.command == "" {
			continue
		}
		choices = append(choices, choice{text: act.command, right: keyName(act.keys[0], a.theme.ascii), detail: act.text,
			run: func() tea.Cmd { return a.copy(act.command, act.command) }})
	}
	if len(choices) == 0 {
		return a.warn("nothing here has a command line")
	}
	a.show(newMenu(a, "Copy a command line", choices))
	return nil
}
