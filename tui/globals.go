package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
)

// basic are the keys that no overlay takes away.
func (a *app) basic() []action {
	return []action{
		{id: "close", keys: []string{"esc"}, label: "close", text: "Close this box.", run: func() tea.Cmd {
			if o := a.top(); o != nil {
				a.shut(o)
			}
			return nil
		}},
		{id: "interrupt", keys: []string{"ctrl+c"}, text: "Leave at once; the receiver keeps running.", run: func() tea.Cmd { return tea.Quit }},
		{id: "suspend", keys: []string{"ctrl+z"}, text: "Suspend hookctl; fg in the shell brings it back.", run: func() tea.Cmd { return tea.Suspend }},
	}
}

// everywhere are the actions of every page.
func (a *app) everywhere() []action {
	setup := "" // the door to the wizard, while it is the thing to do
	if a.home().fresh() && a.at > 0 {
		setup = "set up"
	}
	all := []action{
		{id: "wizard", keys: []string{"w"}, label: setup, text: "Set up webhooks, step by step.", command: "hookctl setup", run: func() tea.Cmd { return a.openWizard() }},
		{id: "palette", keys: []string{":", "ctrl+p"}, label: "commands", text: "Search everything that can be done here.", run: func() tea.Cmd { return a.openPalette() }},
		{id: "quit", keys: []string{"q"}, label: "quit", text: "Leave; the receiver keeps running.", run: func() tea.Cmd { return tea.Quit }},
		{id: "help", keys: []string{"?"}, label: "help", text: "Show every key of this page.", run: func() tea.Cmd { a.show(newHelp(a)); return nil }},
		{id: "copy.command", keys: []string{"Y"}, text: "Copy the command line that does what a key here does.", run: func() tea.Cmd { return a.openCommands() }},
		{id: "refresh", keys: []string{"ctrl+r"}, label: "reload", text: "Load this page anew.", run: func() tea.Cmd { return tea.Batch(a.poll(false), a.pages[a.at].open()) }},
		{id: "mouse", keys: []string{"M"}, text: "Switch the mouse off or on; off lets the terminal select text.", run: func() tea.Cmd {
			a.mouse = !a.mouse
			if a.mouse {
				return a.say("mouse on")
			}
			return a.say("mouse off: the terminal selects text again")
		}},
		{id: "next.page", keys: []string{"tab"}, text: "Go to the next page.", run: func() tea.Cmd { return a.turn(a.at + 1) }},
		{id: "previous.page", keys: []string{"shift+tab"}, text: "Go to the previous page.", run: func() tea.Cmd { return a.turn(a.at - 1) }},
	}
	for i, p := range a.pages {
		all = append(all, action{id: "page." + p.name(), keys: []string{fmt.Sprint(i + 1)}, text: "Go to " + p.title() + ".",
			run: func() tea.Cmd { return a.turn(i) }})
	}
	for _, b := range a.basic() {
		if b.id != "close" {
			all = append(all, b)
		}
	}
	return all
}

// copy puts text on the clipboard through OSC 52 and says so.
func (a *app) copy(what, text string) tea.Cmd {
	return tea.Batch(tea.SetClipboard(text), a.say("copied "+what))
}

// tap remembers the last click, to know a double one.
type tap struct {
	x, y int
	at   time.Time
}

const doubleClick = 400 * time.Millisecond

type (
	// wheel is a turn of the mouse wheel over a page: lines, down positive.
	wheel struct{ lines, x, y int }
	// click is a press of the left button, x and y inside the page.
	click struct {
		x, y   int
		double bool
	}
)

// pointer gives clicks and wheel to what is under them.
func (a *app) pointer(msg tea.Msg) tea.Cmd {
	head, _ := a.chrome()
	var m tea.Mouse
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		m = msg.Mouse()
		lines := 3
		switch m.Button {
		case tea.MouseWheelUp:
			lines = -3
		case tea.MouseWheelDown:
		default:
			return nil
		}
		if o := a.top(); o != nil {
			return o.update(wheel{lines, m.X, m.Y})
		}
		return a.pages[a.at].update(wheel{lines, m.X, m.Y - head})
	case tea.MouseClickMsg:
		m = msg.Mouse()
	}
	if m.Button != tea.MouseLeft {
		return nil
	}
	now := a.cfg.Now()
	double := a.lastTap.x == m.X && a.lastTap.y == m.Y && now.Sub(a.lastTap.at) < doubleClick
	a.lastTap = tap{m.X, m.Y, now}
	if double {
		a.lastTap.at = time.Time{}
	}
	if o := a.top(); o != nil {
		_, x, y := a.place(o)
		return o.update(click{m.X - x - 1, m.Y - y - 1, double})
	}
	if m.Y < head {
		if i, ok := a.tabAt(m.X); ok && m.Y == 0 {
			return a.turn(i)
		}
		return nil
	}
	return a.pages[a.at].update(click{m.X, m.Y - head, double})
}

// tabAt says which tab is drawn at column x.
func (a *app) tabAt(x int) (int, bool) {
	at := 0
	if a.w >= 100 {
		at = len(" hookctl")
	}
	for i, p := range a.pages {
		n := len("1 ") + len(p.name())
		if a.w < 60 && i != a.at {
			n = 1
		}
		at += 2
		if x >= at && x < at+n {
			return i, true
		}
		at += n
	}
	return 0, false
}
