// Package webhooks is the page of the hooks at GitHub: how each one is, what
// can be done to it, its deliveries beside the log, and the rotation of the
// secret.
//
// It asks server/fleet for everything and decides nothing: which hooks are
// ours, how they are and what a rotation does is said there. Whatever asks
// GitHub runs in a command, so a slow GitHub never holds a key.
package webhooks

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// Config is what the page is given.
type Config struct {
	Fleet    *fleet.Fleet // nil where GitHub is not connected
	CatchUp  CatchUp
	Log      *kit.Answer[*logs.Log]
	Receiver *kit.Answer[daemon.Status]
	Events   func(org bool) []kit.Choice // the events to choose from
	Poll     func(again bool) tea.Cmd    // asks the receiver how it is
}

// Page lists the hooks of the repositories and organizations that the fleet
// knows, as the fleet judges them.
type Page struct {
	shell *kit.Shell
	cfg   Config
	kit.Cursor
	rows  []fleet.Hook // all that are known, ours first
	shown []fleet.Hook // those of them that are looked for, in their order
	find  string       // the words that are looked for
	order int          // one of byName, byHealth, bySeen
	high  int          // rows on screen
	marks map[hookKey]bool
	moved bool // the cursor was moved, and keeps to its hook

	aside    []fleet.Aside              // targets that could not be listed
	problem  error                      // why nothing could be asked
	asking   *kit.Job                   // the load, nil before the first
	total    int                        // targets asked
	answered int                        // those that the load has an answer of
	cut      bool                       // the load was stopped, so hooks may be missing
	loaded   bool                       // the first answer is complete
	missed   string                     // a target whose missed deliveries are opened once it is
	asked    time.Time                  // when the last load was complete
	away     bool                       // another page was in front since
	host     string                     // of GitHub
	public   string                     // the receiver's address at the last load
	chased   map[int64]bool             // hooks that were asked for because a ping arrived
	looked   map[hooks.Target]time.Time // when a target was asked for because of a delivery

	busy  map[hookKey]string  // what is under way on a hook
	said  map[hookKey]verdict // what the last ping or change came to
	batch together            // what is done to several hooks, while it is
	rot   rotating
	box   *rotateBox
}

// verdict is the outcome of what a person did to a hook.
type verdict struct {
	text string
	bad  bool
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page {
	return &Page{
		shell: shell, cfg: cfg, marks: map[hookKey]bool{},
		busy: map[hookKey]string{}, said: map[hookKey]verdict{}, chased: map[int64]bool{}, looked: map[hooks.Target]time.Time{},
	}
}

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageHooks }

// Open implements kit.Page.
func (p *Page) Open(request any) tea.Cmd {
	var open tea.Cmd
	switch r := request.(type) {
	case kit.Failing:
		p.worst()
	case kit.Missed:
		open = p.openMissed(r.Target)
	}
	back := p.away
	p.away = false
	if back && p.loaded && !p.cut && p.shell.Now().Sub(p.asked) < askAgain {
		return tea.Batch(open, p.readRotation())
	}
	return tea.Batch(open, p.load(false))
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Answer[*logs.Log]:
		return p.load(false)
	case kit.Answer[daemon.Status]:
		switch {
		case !p.shell.InFront(p):
			p.away, p.missed = true, ""
		case p.loaded && msg.Value.PublicURL != p.public:
			return p.load(false) // other hooks may be ours now
		default:
			return p.readRotation() // another process may rotate
		}
	case rotationOver:
		return tea.Batch(p.readRotation(), p.shell.Say("the grace period is over: only the new secret is accepted"))
	case kit.News[logs.Entry]:
		return p.heard(msg)
	case kit.Wheel:
		return p.move(msg.Lines)
	case kit.Click:
		hit := p.Hit(msg, 2, len(p.shown), p.high)
		if p.moved = p.moved || hit; hit && msg.Double {
			return p.openDeliveries()
		}
	}
	return nil
}

func (p *Page) move(by int) tea.Cmd {
	p.moved = true
	p.To(p.At+by, len(p.shown))
	return nil
}

// current is the hook under the cursor.
func (p *Page) current() (fleet.Hook, bool) { return kit.Under(p.Cursor, p.shown) }

// chosen are the marked hooks, or the one under the cursor.
func (p *Page) chosen() []fleet.Hook {
	if out := p.marked(); len(out) > 0 {
		return out
	}
	if h, ok := p.current(); ok {
		return []fleet.Hook{h}
	}
	return nil
}

// marked are the marked hooks.
func (p *Page) marked() []fleet.Hook {
	if len(p.marks) == 0 {
		return nil
	}
	out := make([]fleet.Hook, 0, len(p.marks))
	for _, h := range p.rows {
		if p.marks[keyOf(h)] {
			out = append(out, h)
		}
	}
	return out
}

// mark marks a hook, or takes the mark away.
func (p *Page) mark(h fleet.Hook) {
	if k := keyOf(h); p.marks[k] {
		delete(p.marks, k)
	} else {
		p.marks[k] = true
	}
}

// summary counts the hooks of this receiver: all of them, those that fail, and those that are paused.
func (p *Page) summary() (ours, bad, paused int) {
	for _, h := range p.rows {
		switch {
		case !h.Ours:
			continue
		case !h.Active:
			paused++
		case h.Health == fleet.Failing:
			bad++
		}
		ours++
	}
	return ours, bad, paused
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	h, ok := p.current()
	none := kit.When(!ok, "no hook is listed")
	writable := cmp.Or(none, p.busy[keyOf(h)])
	pause, pauseText, verb := "pause", "Pause the hook: GitHub delivers nothing until it is resumed.", "disable"
	if ok && !h.Active {
		pause, pauseText, verb = "resume", "Resume the hook: GitHub delivers again.", "enable"
	}
	// A command that deletes another service's hook is shown nowhere.
	remove := kit.Action{ID: "hook.delete", Keys: []string{"D"}, Label: "delete", Text: "Delete the hook at GitHub; asks first.", Command: command("delete", h), Off: writable, Run: p.askDelete}
	if ok && !h.Ours {
		remove.Off, remove.Command = "the hook does not deliver to this receiver; delete it at GitHub: o opens its page", ""
	}
	out := []kit.Action{
		{ID: "open", Keys: []string{"enter", "d"}, Label: "deliveries", Text: "Show the hook's deliveries: what GitHub saw beside what the log has.", Command: command("deliveries", h), Off: none, Run: p.openDeliveries},
	}
	out = append(out, p.rotateActions()...)
	out = append(out, p.findActions(none)...)
	out = append(out,
		kit.Action{ID: "hook.ping", Keys: []string{"P"}, Label: "ping", Text: "Ask GitHub to ping the hook, and wait for the signed ping to arrive.", Command: command("ping", h), Off: writable, Run: p.ping},
		kit.Action{ID: "hook.test", Keys: []string{"T"}, Text: "Ask GitHub to send the latest push.", Command: command("test", h), Off: cmp.Or(none, noTest(h), writable), Acts: "GitHub sends the latest push of " + h.Target.String() + " again", Run: p.test},
		kit.Action{ID: "hook.pause", Keys: []string{"A"}, Label: pause, Text: pauseText, Command: command(verb, h), Off: writable, Acts: pause + " " + text.Count(len(p.chosen()), "hook"), Run: p.pause},
		kit.Action{ID: "hook.events", Keys: []string{"m"}, Label: "events", Text: "Choose the events of the hook.", Command: command("edit", h), Off: writable, Run: p.openEvents},
		remove,
		kit.Action{ID: "catchup", Keys: []string{"c"}, Text: "Fetch events that never arrived from GitHub, record them and notify.", Command: catchupCommand(p.chosen()), Off: none, Run: func() tea.Cmd { return p.catchup(p.chosen(), false, nil) }},
		kit.Action{ID: "catchup.taken", Keys: []string{"U"}, Text: "Also fetch events that GitHub calls delivered.", Command: catchupCommand(p.chosen()) + " --include-acknowledged", Off: none, Run: func() tea.Cmd { return p.catchup(p.chosen(), true, nil) }},
		kit.Action{ID: "browse", Keys: []string{"o"}, Text: "Open the hook's page at GitHub in the browser.", Off: none, Run: func() tea.Cmd { return p.shell.Browse(p.settingsURL(h)) }},
		kit.Action{ID: "copy", Keys: []string{"y"}, Text: "Copy the hook's URL, id, or page.", Off: none, Run: p.openCopy},
		kit.Action{ID: "mark", Keys: []string{"x"}, Text: "Mark the hook, or unmark it; rotate, ping, pause, events and catch up act on the marked ones.", Off: none, Run: func() tea.Cmd { p.mark(h); return p.move(1) }},
		kit.Action{ID: "hook.all", Keys: []string{"a"}, Label: "more hooks", Text: "Look for hooks in all repositories that you administer.", Command: "hookctl hooks list --match '*'", Run: func() tea.Cmd { return p.load(true) }},
		kit.Action{ID: "hooks.stop", Keys: []string{"ctrl+x"}, Text: "Stop asking GitHub; what is listed stays.", Off: kit.When(!p.loading(), "GitHub is not being asked"), Run: func() tea.Cmd {
			p.cut = true
			p.asking.Drop()
			return p.shell.Say("stopped asking GitHub; hooks may be missing from the list")
		}},
	)
	return append(out, kit.Walk(p.high, none, p.move)...)
}

// openCopy offers what can be copied of the hook.
func (p *Page) openCopy() tea.Cmd {
	h, _ := p.current()
	var choices []kit.Choice
	add := func(what, words string) {
		choices = append(choices, kit.Choice{Text: what, Detail: kit.Clean(words), Run: func() tea.Cmd { return p.shell.Copy(what, words) }})
	}
	add("URL", h.URL)
	add("id", fmt.Sprint(h.ID))
	add("repository", h.Target.String())
	add("page at GitHub", p.settingsURL(h))
	add("events", strings.Join(h.Events, ","))
	return p.shell.Show(kit.NewMenu(p.shell, "Copy", choices))
}
