package kit

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Message is a box with text to read, closed with enter or esc.
type Message struct {
	Shell *Shell
	Head  string
	Facts [][2]string // labels and values, above the lines
	Lines []string
	Keys  []Action // more keys
	hint  string
	bad   bool
	Pos   Scroll
	high  int // lines in the last view
}

// Title implements Overlay.
func (m *Message) Title() string { return m.Head }

// Update implements Overlay.
func (m *Message) Update(msg tea.Msg) tea.Cmd { return m.Pos.Turn(msg) }

// View implements Overlay.
func (m *Message) View(w, h int) string {
	room, style := min(w-2, 76), m.Shell.Theme.Text
	if m.bad {
		style = m.Shell.Theme.Bad
	}
	var out []string
	for _, f := range m.Facts {
		out = append(out, Hanging(" "+m.Shell.Theme.Faint.Render(m.Shell.Theme.Cell(f[0], 12)), Clean(f[1]), room-12)...)
	}
	out = append(out, padded(m.Lines, room, style)...)
	if m.hint != "" {
		out = append(append(out, ""), padded([]string{"hint: " + m.hint}, room, m.Shell.Theme.Text)...)
	}
	m.high = h
	return strings.Join(m.Pos.Window(out, h), "\n")
}

// padded is text from outside in lines of at most w columns, with a margin on both sides.
func padded(lines []string, w int, style Style) (out []string) {
	for _, l := range lines {
		for _, s := range Wrap(Clean(l), w) {
			out = append(out, " "+style.Render(s)+" ")
		}
	}
	return out
}

// Actions implements Overlay. One that opened by itself has two keys that nobody is just typing.
func (m *Message) Actions() []Action {
	closes := Action{ID: "message.close", Keys: []string{"esc", "enter", "q"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { m.Shell.Shut(m); return nil }}
	copies := Action{ID: "message.copy", Keys: []string{"y"}, Label: "copy", Text: "Copy this text.", Run: func() tea.Cmd {
		var words strings.Builder
		for _, f := range m.Facts {
			words.WriteString(f[0] + ": " + f[1] + "\n")
		}
		return m.Shell.Copy("the text", strings.TrimSpace(words.String()+strings.Join(m.Lines, "\n")+"\n"+m.hint))
	}}
	if m == m.Shell.trouble {
		closes.Keys, copies.Keys = []string{"esc"}, []string{"ctrl+y"}
		copies.Label = "copy error"
		return []Action{copies, closes}
	}
	scroll := ""
	if m.Pos.Most > 0 {
		scroll = "scroll"
	}
	return append(append([]Action{closes, copies}, m.Keys...), scrolls(m.high, scroll, m.Pos.By)...)
}

// Confirm asks before something is lost. It names the object, and the key that
// agrees is never the one that asked.
type Confirm struct {
	Shell *Shell
	Head  string
	Lines []string
	Yes   string // the agreeing key
	Verb  string // what it does, for the footer
	Run   func() tea.Cmd
}

// Title implements Overlay.
func (c *Confirm) Title() string { return c.Head }

// Update implements Overlay.
func (c *Confirm) Update(tea.Msg) tea.Cmd { return nil }

// View implements Overlay.
func (c *Confirm) View(w, h int) string {
	t := c.Shell.Theme
	out := padded(c.Lines, min(w-2, 70), t.Text)
	// The footer has the keys too, so in a low window the text goes before them.
	if len(out) > h-2 {
		return strings.Join(First(out, h), "\n")
	}
	out = append(out, "", " "+t.Key.Render(c.Yes)+" "+c.Verb+"   "+t.Key.Render("esc")+" leave it ")
	return strings.Join(out, "\n")
}

// Actions implements Overlay.
func (c *Confirm) Actions() []Action {
	return []Action{
		{ID: "confirm.yes", Keys: []string{c.Yes}, Label: c.Verb, Text: "Do it.", Run: func() tea.Cmd { c.Shell.Shut(c); return c.Run() }},
		{ID: "confirm.no", Keys: []string{"esc", "n", "q"}, Label: "leave it", Text: "Leave things as they are.", Run: func() tea.Cmd { c.Shell.Shut(c); return nil }},
	}
}
