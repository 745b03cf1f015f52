package kit

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// countdown is the box before an action that changes something at GitHub or wakes an agent: it names what will happen, and
// a key pressed by mistake is taken back with esc. Enter or the key itself does not wait.
type countdown struct {
	a    *Shell
	act  Action
	left int // seconds
}

// counted is one second of a count-down.
type counted struct{ of *countdown }

const countFrom = 3

// countDown shows the box and begins to count.
func (s *Shell) countDown(act Action) tea.Cmd {
	c := &countdown{s, act, countFrom}
	s.Show(c)
	return s.Later(time.Second, counted{c})
}

func (c *countdown) Title() string { name, _ := c.act.name(); return name }

func (c *countdown) Update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(counted); !ok || m.of != c {
		return nil
	}
	if c.left--; c.left > 0 {
		return c.a.Later(time.Second, counted{c})
	}
	return c.begin()
}

func (c *countdown) begin() tea.Cmd {
	c.a.Shut(c)
	return c.act.Run()
}

func (c *countdown) View(w, h int) string {
	t := c.a.Theme
	out := Flagged(t.Bold, t.Sym.Pending, fmt.Sprintf("In %d s: %s", c.left, c.act.Acts), min(w, 76))
	if h > len(out)+1 {
		out = append(out, "", " "+t.Key.Render("enter")+" starts now, "+t.Key.Render("esc")+" cancels.")
	}
	return strings.Join(First(out, h), "\n")
}

func (c *countdown) Actions() []Action {
	return []Action{
		{ID: "countdown.start", Keys: append([]string{"enter"}, c.act.Keys...), Label: "start now", Text: "Start without waiting for the count-down.", Command: c.act.Command, Run: c.begin},
		{ID: "countdown.cancel", Keys: []string{"esc", "q"}, Label: "cancel", Text: "Leave things as they are.", Run: func() tea.Cmd {
			c.a.Shut(c)
			return c.a.Note("cancelled; nothing was done")
		}},
		c.a.HelpAction(),
	}
}
