package kit

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Countdown is the box before what changes something at GitHub or wakes an agent: it names what will happen, and a key pressed
// by mistake is taken back with esc. Enter or the key itself does not wait.
type Countdown struct {
	Shell   *Shell
	Act     Action   // Acts says what will happen, "" as long as that is being found out
	Lines   []string // what there is to know besides
	left    int      // seconds, 0 before it counts
	Waiting string   // what is being found out
}

// counted is one second of a count-down.
type counted struct{ of *Countdown }

const countFrom = 3

// Count begins to count.
func (c *Countdown) Count(acts string, lines ...string) tea.Cmd {
	c.Act.Acts, c.Lines, c.left = acts, lines, countFrom
	return c.Shell.Later(time.Second, counted{c})
}

// Title implements Overlay.
func (c *Countdown) Title() string { name, _ := c.Act.name(); return name }

// Update implements Overlay.
func (c *Countdown) Update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(counted); !ok || m.of != c {
		return nil
	}
	if c.left--; c.left > 0 {
		return c.Shell.Later(time.Second, counted{c})
	}
	return c.begin()
}

func (c *Countdown) begin() tea.Cmd {
	c.Shell.Shut(c)
	return c.Act.Run()
}

// View implements Overlay.
func (c *Countdown) View(w, h int) string {
	t, w := c.Shell.Theme, min(w, 76)
	if c.left == 0 {
		return " " + t.Warn.Render(t.Sym.Pending) + " " + c.Waiting + " "
	}
	out := Flagged(t.Bold, t.Sym.Pending, fmt.Sprintf("In %d s: %s", c.left, c.Act.Acts), w)
	for _, l := range c.Lines {
		out = append(out, Paragraph(l, w)...)
	}
	if h > len(out)+1 {
		out = append(out, "", " "+t.Key.Render("enter")+" starts now, "+t.Key.Render("esc")+" cancels.")
	}
	return strings.Join(First(out, h), "\n")
}

// Actions implements Overlay.
func (c *Countdown) Actions() []Action {
	return []Action{
		{ID: "countdown.start", Keys: append([]string{"enter"}, c.Act.Keys...), Label: "start now", Text: "Start without waiting for the count-down.", Command: c.Act.Command, Off: When(c.left == 0, c.Waiting), Run: c.begin},
		{ID: "countdown.cancel", Keys: []string{"esc", "q"}, Label: "cancel", Text: "Leave things as they are.", Run: func() tea.Cmd {
			c.Shell.Shut(c)
			return c.Shell.Note("cancelled; nothing was done")
		}},
		c.Shell.HelpAction(),
	}
}
