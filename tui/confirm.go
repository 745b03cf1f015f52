package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
)

// confirm asks before something is lost. It names the object, and the key that
// agrees is never the one that asked.
type confirm struct {
	a     *app
	head  string
	lines []string
	yes   string // the agreeing key
	verb  string // what it does, for the footer
	run   func() tea.Cmd
}

func (c *confirm) title() string          { return c.head }
func (c *confirm) update(tea.Msg) tea.Cmd { return nil }
func (c *confirm) cursor() *tea.Cursor    { return nil }

func (c *confirm) view(w, h int) string {
	t := c.a.theme
	var out []string
	for _, l := range c.lines {
		for _, s := range wrap(text.Clean(l), min(w-2, 70)) {
			out = append(out, " "+s+" ")
		}
	}
	// The footer has the keys too, so in a low window the text goes before them.
	if len(out) > h-2 {
		return strings.Join(first(out, h), "\n")
	}
	out = append(out, "", " "+t.key.Render(c.yes)+" "+c.verb+"   "+t.key.Render("esc")+" leave it ")
	return strings.Join(out, "\n")
}

func (c *confirm) actions() []action {
	return []action{
		{id: "confirm.yes", keys: []string{c.yes}, label: c.verb, text: "Do it.", run: func() tea.Cmd { c.a.shut(c); return c.run() }},
		{id: "confirm.no", keys: []string{"esc", "n", "q"}, label: "leave it", text: "Leave things as they are.", run: func() tea.Cmd { c.a.shut(c); return nil }},
	}
}
