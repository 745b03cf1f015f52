package kit

import (
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
)

// basic are the keys that no overlay takes away.
func (s *Shell) basic() []Action {
	return []Action{
		{ID: "interrupt", Keys: []string{"ctrl+c"}, Text: "Leave at once; the receiver keeps running.", Run: func() tea.Cmd { return tea.Quit }},
		{ID: "suspend", Keys: []string{"ctrl+z"}, Text: "Suspend hookctl; fg in the shell brings it back.", Run: func() tea.Cmd { return tea.Suspend }},
	}
}

// everywhere are the actions of every page.
func (s *Shell) everywhere() []Action {
	setup := "" // the door to the wizard, while it is the thing to do
	if s.Fresh() && s.At > 0 {
		setup = "set up"
	}
	all := []Action{
		{ID: "wizard", Keys: []string{"w"}, Label: setup, Text: "Set up webhooks, step by step.", Command: "hookctl setup", Run: func() tea.Cmd { return s.SetUp() }},
		{ID: "palette", Keys: []string{":", "ctrl+p"}, Label: "commands", Text: "Search everything that can be done here.", Run: func() tea.Cmd { return s.openPalette() }},
		{ID: "quit", Keys: []string{"q"}, Label: "quit", Text: "Leave; the receiver keeps running.", Run: func() tea.Cmd { return tea.Quit }},
		{ID: "help", Keys: []string{"?"}, Label: "help", Text: "Show every key of this page.", Run: func() tea.Cmd { s.Show(newHelp(s)); return nil }},
		{ID: "copy.command", Keys: []string{"Y"}, Text: "Copy the command line that does what a key here does.", Run: func() tea.Cmd { return s.openCommands() }},
		{ID: "refresh", Keys: []string{"ctrl+r"}, Label: "reload", Text: "Load this page again.", Run: func() tea.Cmd { return s.reload() }},
		{ID: "mouse", Keys: []string{"M"}, Text: "Switch the mouse off or on; off lets the terminal select text.", Run: func() tea.Cmd {
			s.Mouse = !s.Mouse
			if s.Mouse {
				return s.Say("mouse on")
			}
			return s.Say("mouse off: the terminal selects text again")
		}},
		{ID: "next.page", Keys: []string{"tab"}, Text: "Go to the next page.", Run: func() tea.Cmd { return s.Turn(s.At + 1) }},
		{ID: "previous.page", Keys: []string{"shift+tab"}, Text: "Go to the previous page.", Run: func() tea.Cmd { return s.Turn(s.At - 1) }},
	}
	for i, p := range s.Pages {
		all = append(all, Action{ID: "page." + p.Name(), Keys: []string{fmt.Sprint(i + 1)}, Text: "Go to " + p.Name() + ".",
			Run: func() tea.Cmd { return s.Turn(i) }})
	}
	return append(all, s.basic()...)
}

// reload opens the page in front again.
func (s *Shell) reload() tea.Cmd {
	return tea.Batch(s.Again(), s.Pages[s.At].Open(nil))
}

// key starts the action that is bound, or hands the key to the overlay.
func (s *Shell) key(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	if act, ok := Find(s.Actions(), name); ok {
		return s.perform(act)
	}
	if o := s.Top(); o != nil {
		return o.Update(msg)
	}
	if name == "esc" {
		return s.Note("nothing to close here; q quits")
	}
	return nil
}

// perform runs an action, or says why it is off. Going back where there is nothing to go back from is no mistake.
func (s *Shell) perform(act Action) tea.Cmd {
	if act.Off != "" && act.ID == "back" {
		return s.Note(act.Off)
	}
	if act.Off != "" {
		if Width(act.Off) > s.W-5 {
			s.Show(&Message{Shell: s, Head: "Not now", Lines: []string{act.Off}})
			return nil
		}
		return s.Warn(act.Off)
	}
	if act.Acts != "" {
		c := &Countdown{Shell: s, Act: act}
		s.Show(c)
		return c.Count(act.Acts)
	}
	return act.Run()
}

// Actions are what the keys mean just now: those of a box that opened by
// itself, then the topmost overlay's, or the page's and everyone's.
func (s *Shell) Actions() []Action {
	var all []Action
	if o := s.Top(); o != nil {
		all = o.Actions()
		closes := Action{ID: "close", Keys: []string{"esc"}, Label: "close", Text: "Close this box.", Run: func() tea.Cmd { s.Shut(o); return nil }}
		for _, b := range append([]Action{closes}, s.basic()...) {
			if _, bound := Find(all, b.Keys[0]); !bound {
				all = append(all, b)
			}
		}
		all = grouped(all, groupBox)
	} else {
		all = s.Pages[s.At].Actions()
		if esc, bound := Find(all, "esc"); len(s.trail) > 0 && (!bound || esc.Off != "") {
			all = append([]Action{s.back()}, slices.DeleteFunc(all, func(a Action) bool { return a.ID == "back" })...)
		}
		all = append(grouped(all, groupPage), grouped(s.everywhere(), groupEverywhere)...)
	}
	if m := s.trouble; m != nil {
		own := grouped(m.Actions(), groupBox)
		taken := func(key string) bool { _, ok := Find(own, key); return ok }
		for i, a := range all {
			all[i].Keys = slices.DeleteFunc(slices.Clone(a.Keys), taken)
		}
		all = append(own, slices.DeleteFunc(all, func(a Action) bool { return len(a.Keys) == 0 })...)
	}
	return override(all, s.Keys)
}

// grouped puts actions into a group, those that only move into their own.
func grouped(actions []Action, group string) []Action {
	for i := range actions {
		actions[i].group = group
		if actions[i].Move {
			actions[i].group = groupMove
		}
	}
	return actions
}

// tap remembers the last click, to know a double one.
type tap struct {
	x, y int
	at   time.Time
}

const doubleClick = 400 * time.Millisecond

type (
	// Wheel is a turn of the mouse wheel over a page: lines, down positive.
	Wheel struct{ Lines, X, Y int }
	// Click is a press of the left button, x and y inside the page.
	Click struct {
		X, Y   int
		Double bool
	}
)

// wheel gives a turn of the wheel to what is under it.
func (s *Shell) wheel(m tea.Mouse) tea.Cmd {
	lines := map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[m.Button]
	if lines == 0 {
		return nil
	}
	if m := s.trouble; m != nil {
		return m.Pos.By(lines)
	}
	if o := s.Top(); o != nil {
		return o.Update(Wheel{lines, m.X, m.Y})
	}
	head, _ := s.chrome()
	return s.Pages[s.At].Update(Wheel{lines, m.X, m.Y - head})
}

// click gives a click to what is under it.
func (s *Shell) click(m tea.Mouse) tea.Cmd {
	head, foot := s.chrome()
	if m.Button != tea.MouseLeft {
		return nil
	}
	now := s.Now()
	double := s.lastTap.x == m.X && s.lastTap.y == m.Y && now.Sub(s.lastTap.at) < doubleClick
	s.lastTap = tap{m.X, m.Y, now}
	if double {
		s.lastTap.at = time.Time{}
	}
	_, docked := s.Top().(*Prompt)
	if foot > 0 && m.Y == s.H-1 && !docked {
		_, hints := s.foot()
		return s.clickHint(hints, m.X)
	}
	if s.trouble != nil {
		s.trouble = nil
		return nil
	}
	if o := s.Top(); o != nil {
		b := s.place(o)
		return o.Update(Click{m.X - b.x - b.frame, m.Y - b.y - b.frame, double})
	}
	if m.Y == 0 && head > 0 {
		_, hints := s.tabs()
		return s.clickHint(hints, m.X)
	}
	if m.Y < head {
		return nil
	}
	return s.Pages[s.At].Update(Click{m.X, m.Y - head, double})
}

// clickHint does what the key does whose hint stands at column x.
func (s *Shell) clickHint(hints []hint, x int) tea.Cmd {
	for _, h := range hints {
		if x >= h.at && x < h.at+h.width {
			if act, ok := Find(s.Actions(), h.key); ok {
				return s.perform(act)
			}
		}
	}
	return nil
}
