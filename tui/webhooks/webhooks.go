// Package webhooks is the page of the hooks at GitHub: how each one is, what
// can be done to it, its deliveries beside the log, and the rotation of the
// secret.
//
// Everything that asks GitHub runs in a command, so a slow GitHub never holds
// a key.
package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// Config is what the page is given.
type Config struct {
	Home         string // HOOKCTL_HOME
	Store        *secret.Store
	Dial         func() (*hooks.Client, error) // opens GitHub; called outside the loop
	PerHook      bool                          // each hook has a secret of its own
	Repositories []string                      // that the settings name
	Log          *kit.Answer[*logs.Log]
	Receiver     *kit.Answer[daemon.Status]
	PublicURL    func() string                 // where GitHub reaches this receiver, "" where that is not known
	Events       func(org bool) []kit.PickItem // the events to choose from
	Poll         func(again bool) tea.Cmd      // asks the receiver how it is
}

// Page lists the hooks at GitHub of the repositories that hookctl knows.
// Everything that asks GitHub runs in a command, so a slow GitHub never holds
// a key; answers say what they were asked for, and late ones are dropped.
type Page struct {
	shell *kit.Shell
	cfg   Config
	kit.Cursor
	rows  []hookRow // all that are known
	ours  []hookRow // those of them that mine keeps
	shown []hookRow // those of them that are looked for, in their order
	find  string    // the words that are looked for
	order int       // one of byName, byHealth, bySeen
	high  int       // rows on screen
	marks map[hookKey]bool
	moved bool // the cursor was moved, and keeps to its hook

	gen     int             // number of the question; answers to older ones are dropped
	ctx     context.Context // of the load
	cancel  context.CancelFunc
	cut     bool      // the load was stopped, so hooks may be missing
	asked   time.Time // when the last load was complete
	away    bool      // another page was in front since
	client  *hooks.Client
	waiting int                           // targets whose answer is on its way
	total   int                           // targets asked
	wide    bool                          // all repositories of the user are asked
	chased  map[int64]bool                // hooks that were asked for because a delivery came
	guessed int                           // the load for which organisations were guessed
	loaded  bool                          // the first answer is complete
	listed  map[hooks.Target][]hooks.Hook // by target
	broken  map[hooks.Target]error        // targets that could not be listed
	problem error                         // why nothing could be asked
	kept    []string                      // targets of earlier runs, and of the wizard
	known   knowledge                     // of the log and the settings
	busy    map[hookKey]string            // what is under way on a hook
	told    map[hookKey]verdict           // what the last ping or change came to
	secret  secretFacts                   // of the store
	rot     rotating
	batch   together // what is done to several hooks, while it is
	box     *rotateBox
}

// verdict is the outcome of what a person did to a hook.
type verdict struct {
	text string
	bad  bool
	at   time.Time
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page {
	return &Page{
		shell: shell, cfg: cfg, marks: map[hookKey]bool{}, listed: map[hooks.Target][]hooks.Hook{}, broken: map[hooks.Target]error{},
		busy: map[hookKey]string{}, told: map[hookKey]verdict{}, chased: map[int64]bool{},
	}
}

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageHooks }

// askAgain is how old the list may be when the page comes back to the front;
// loading it anew by hand asks at once.
const askAgain = time.Minute

// Open implements kit.Page.
func (p *Page) Open(request any) tea.Cmd {
	if _, ok := request.(kit.Failing); ok {
		p.look()
	}
	back := p.away
	p.away = false
	if back && p.loaded && !p.cut && p.shell.Now().Sub(p.asked) < askAgain {
		return p.readSecret()
	}
	return p.load(false)
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Answer[*logs.Log]:
		return p.load(false)
	case kit.Answer[daemon.Status]:
		if !p.shell.InFront(p) {
			p.away = true
			return nil
		}
		p.rejudge() // the receiver's public address may have changed
		if !p.rot.busy() {
			return p.readSecret() // another process may rotate
		}
	case targetsFound:
		return p.ask(msg)
	case hooksListed:
		return p.take(msg)
	case hookDone:
		return p.done(msg)
	case caughtUp:
		return p.caught(msg)
	case secretRead:
		if msg.gen == p.gen {
			p.secret = msg.facts
			p.rot.stored(msg.facts.rotation)
			return p.wakeAtGrace()
		}
	case kit.Stepped[hooks.Step]:
		if msg.Of == p.rot.job {
			p.rot.took(msg.Step)
			if !p.rot.busy() {
				return p.rot.job.Listen
			}
			p.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, p.rot.share())
			return p.rot.job.Listen
		}
	case rotateMsg:
		return p.rotated(msg)
	case graceOver:
		return tea.Batch(p.expire(), p.readSecret())
	case kit.News[logs.Entry]:
		unknown := false
		for _, e := range msg {
			p.known.see(e)
			unknown = p.chase(e) || unknown
		}
		p.rejudge()
		if unknown {
			return p.load(false)
		}
	case kit.Wheel:
		p.move(msg.Lines)
	case kit.Click:
		if i := p.Top + msg.Y - p.headLines(); msg.Y >= p.headLines() && msg.Y-p.headLines() < p.high && i < len(p.shown) {
			p.move(i - p.At)
			if msg.Double {
				return p.openDeliveries()
			}
		}
	}
	return nil
}

// chase reports whether a delivery is of a hook that is not listed, so that
// GitHub is to be asked for it; once for each hook.
func (p *Page) chase(e logs.Entry) bool {
	if !p.loaded || p.cut || e.HookID == 0 || !e.Verified || e.Source != logs.SourceDelivery || p.chased[e.HookID] {
		return false
	}
	if slices.ContainsFunc(p.rows, func(r hookRow) bool { return r.ID == e.HookID }) {
		return false
	}
	p.chased[e.HookID] = true
	if e.Repository != "" {
		p.RestoreRepositories([]string{text.Clean(e.Repository)})
	}
	return true
}

func (p *Page) move(by int) {
	p.moved = true
	p.To(p.At+by, len(p.shown))
}

// current is the hook under the cursor.
func (p *Page) current() (hookRow, bool) {
	if p.At < 0 || p.At >= len(p.shown) {
		return hookRow{}, false
	}
	return p.shown[p.At], true
}

// chosen are the marked hooks, or the one under the cursor.
func (p *Page) chosen() []hookRow {
	if out := p.marked(p.rows); len(out) > 0 {
		return out
	}
	if r, ok := p.current(); ok {
		return []hookRow{r}
	}
	return nil
}

// marked are those of rows that are marked.
func (p *Page) marked(rows []hookRow) []hookRow {
	if len(p.marks) == 0 {
		return nil
	}
	out := make([]hookRow, 0, len(p.marks))
	for i := range rows {
		if p.marks[rows[i].key()] {
			out = append(out, rows[i])
		}
	}
	return out
}

// rejudge builds the rows anew and keeps the cursor on its hook.
func (p *Page) rejudge() {
	var all []hooks.Hook
	for _, list := range p.listed {
		all = append(all, list...)
	}
	p.rows = judge(all, p.cfg.PublicURL(), p.known.hooks)
	p.ours = mine(p.rows)
	p.choose()
	if len(p.marks) == 0 {
		return
	}
	listed := make(map[hookKey]bool, len(p.rows))
	for _, r := range p.rows {
		listed[r.key()] = true
	}
	maps.DeleteFunc(p.marks, func(k hookKey, _ bool) bool { return !listed[k] })
}

func (p *Page) mine() []hookRow { return p.ours }

// mine are the hooks that deliver to this receiver and can be given a secret.
func mine(rows []hookRow) []hookRow {
	var out []hookRow
	for _, r := range rows {
		if r.mine && r.Name != "cli" {
			out = append(out, r)
		}
	}
	return out
}

// Summary is how the hooks are, in numbers, for Home.
type Summary struct {
	Known             bool // GitHub has answered
	Ours, Bad, Paused int
	Err               error
}

// Summary is how the hooks are, in numbers.
func (p *Page) Summary() Summary {
	s := Summary{Known: p.loaded, Err: p.problem}
	for _, r := range p.mine() {
		s.Ours++
		switch {
		case !r.Active:
			s.Paused++
		case r.level == healthBad:
			s.Bad++
		}
	}
	for _, err := range p.broken {
		if s.Err == nil {
			s.Err = err
		}
	}
	return s
}

// Repositories are the targets with hooks of this receiver, to be remembered.
func (p *Page) Repositories() []string {
	names := targetNames(p.mine())
	if !p.loaded {
		for _, n := range p.kept {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// RestoreRepositories takes the targets of an earlier run, or of the wizard.
func (p *Page) RestoreRepositories(names []string) {
	for _, n := range names {
		if !slices.Contains(p.kept, n) {
			p.kept = append(p.kept, n)
		}
	}
}

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	h, ok := p.current()
	none := ""
	if !ok {
		none = "no hook is listed"
	}
	writable := none
	if ok && p.busy[h.key()] != "" {
		writable = p.busy[h.key()]
	}
	pause, pauseText, verb := "pause", "Pause the hook: GitHub delivers nothing until it is resumed.", "disable"
	if ok && !h.Active {
		pause, pauseText, verb = "resume", "Resume the hook: GitHub delivers again.", "enable"
	}
	noTest := writable
	if why := h.noTest(); ok && why != "" {
		noTest = why
	}
	step := func(by int) tea.Cmd { p.move(by); return nil }
	out := []kit.Action{
		{ID: "open", Keys: []string{"enter", "d"}, Label: "deliveries", Text: "Show the hook's deliveries: what GitHub saw beside what the log has.", Command: h.command("deliveries"), Off: none, Run: p.openDeliveries},
	}
	out = append(out, p.rotateActions()...)
	out = append(out, p.findActions(none)...)
	out = append(out,
		kit.Action{ID: "hook.ping", Keys: []string{"P"}, Label: "ping", Text: "Ask GitHub to ping the hook, and wait for the signed ping to arrive.", Command: h.command("ping"), Off: writable, Run: p.ping},
		kit.Action{ID: "hook.test", Keys: []string{"T"}, Text: "Ask GitHub to send the latest push.", Off: noTest, Run: p.test},
		kit.Action{ID: "hook.pause", Keys: []string{"A"}, Label: pause, Text: pauseText, Command: h.command(verb), Off: writable, Run: p.pause},
		kit.Action{ID: "hook.events", Keys: []string{"m"}, Label: "events", Text: "Choose the events of the hook.", Command: h.command("edit"), Off: writable, Run: p.openEvents},
		kit.Action{ID: "hook.delete", Keys: []string{"D"}, Label: "delete", Text: "Delete the hook at GitHub; asks first.", Command: h.command("delete"), Off: writable, Run: p.askDelete},
		kit.Action{ID: "catchup", Keys: []string{"c"}, Text: "Fetch from GitHub what never arrived, record it and notify.", Command: catchupCommand(p.chosen()), Off: none, Run: func() tea.Cmd { return p.catchup(p.chosen()) }},
		kit.Action{ID: "browse", Keys: []string{"o"}, Text: "Open the hook's page at GitHub in the browser.", Off: none, Run: func() tea.Cmd { return p.shell.Browse(p.settingsURL(h)) }},
		kit.Action{ID: "copy", Keys: []string{"y"}, Text: "Copy the hook's URL, id, or page.", Off: none, Run: p.openCopy},
		kit.Action{ID: "mark", Keys: []string{"x"}, Text: "Mark the hook, or take the mark away; rotation, ping, pause and catching up act on the marked ones.", Off: none, Run: func() tea.Cmd {
			if p.marks[h.key()] {
				delete(p.marks, h.key())
			} else {
				p.marks[h.key()] = true
			}
			p.move(1)
			return nil
		}},
		kit.Action{ID: "hook.all", Keys: []string{"a"}, Label: "more hooks", Text: "Look for hooks in all repositories that you administer.", Command: "hookctl hooks list --match '*'", Run: func() tea.Cmd { return p.load(true) }},
		kit.Action{ID: "hooks.stop", Keys: []string{"ctrl+x"}, Text: "Stop asking GitHub; what is listed stays.", Off: map[bool]string{true: "GitHub is not being asked"}[p.waiting == 0], Run: func() tea.Cmd {
			p.cut = true
			p.stop()
			return p.shell.Say("stopped asking GitHub; the list may lack hooks")
		}},
	)
	return append(append(out, kit.Moves(p.high, none, step)...), kit.Ends(none, step)...)
}

// openCopy offers what can be copied of the hook.
func (p *Page) openCopy() tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	var choices []kit.Choice
	add := func(what, words string) {
		choices = append(choices, kit.Choice{Text: what, Detail: text.Clean(words), Run: func() tea.Cmd { return p.shell.Copy(what, words) }})
	}
	add("URL", h.URL)
	add("id", fmt.Sprint(h.ID))
	add("repository", h.Target.String())
	add("page at GitHub", p.settingsURL(h))
	add("events", strings.Join(h.Events, ","))
	p.shell.Show(kit.NewMenu(p.shell, "Copy", choices))
	return nil
}
