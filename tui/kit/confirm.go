package kit

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

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

// Cursor implements Overlay.
func (c *Confirm) Cursor() *tea.Cursor { return nil }

// View implements Overlay.
func (c *Confirm) View(w, h int) string {
	t := c.Shell.Theme
	var out []string
	for _, l := range c.Lines {
		for _, s := range Wrap(text.Clean(l), min(w-2, 70)) {
			out = append(out, " "+s+" ")
		}
	}
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
