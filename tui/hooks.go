package tui

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
)

// hooksPage lists the hooks at GitHub of the repositories that hookctl knows.
// Everything that asks GitHub runs in a command, so a slow GitHub never holds
// a key; answers say what they were asked for, and late ones are dropped.
type hooksPage struct {
	a *app
	cursor
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
}

// verdict is the outcome of what a person did to a hook.
type verdict struct {
	text string
	bad  bool
	at   time.Time
}

func newHooks(a *app) *hooksPage {
	return &hooksPage{
		a: a, marks: map[hookKey]bool{}, listed: map[hooks.Target][]hooks.Hook{}, broken: map[hooks.Target]error{},
		busy: map[hookKey]string{}, told: map[hookKey]verdict{}, chased: map[int64]bool{},
	}
}

func (p *hooksPage) name() string  { return "Hooks" }
func (p *hooksPage) title() string { return "Hooks" }

// askAgain is how old the list may be when the page comes back to the front;
// loading it anew by hand asks at once.
const askAgain = time.Minute

func (p *hooksPage) open() tea.Cmd {
	back := p.away
	p.away = false
	if back && p.loaded && !p.cut && p.a.cfg.Now().Sub(p.asked) < askAgain {
		return p.readSecret()
	}
	return p.load(false)
}

// inFront reports whether this page is the one on screen.
func (p *hooksPage) inFront() bool { return p.a.pages[p.a.at] == page(p) }

func (p *hooksPage) update(msg tea.Msg) tea.Cmd {
	cmd := p.answer(msg)
	// A wizard that was closed while it is at work still takes its answers.
	if w := p.a.wizard; w != nil && !w.shown() {
		switch msg.(type) {
		case wheel, click:
		default:
			return tea.Batch(cmd, w.update(msg))
		}
	}
	return cmd
}

func (p *hooksPage) answer(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case opened:
		return p.load(false)
	case statusMsg:
		if !p.inFront() {
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
	case stepped:
		if msg.of == p.rot.job {
			p.rot.took(msg.step)
			if !p.rot.busy() {
				return p.rot.job.listen
			}
			p.a.progress = tea.NewProgressBar(tea.ProgressBarDefault, p.rot.share())
			return p.rot.job.listen
		}
	case rotateMsg:
		return p.rotated(msg)
	case graceOver:
		return tea.Batch(p.expire(), p.readSecret())
	case arrived:
		unknown := false
		for _, e := range msg.entries {
			p.known.see(e)
			unknown = p.chase(e) || unknown
		}
		p.rejudge()
		if unknown {
			return p.load(false)
		}
	case wheel:
		p.move(msg.lines)
	case click:
		if i := p.top + msg.y - p.headLines(); msg.y >= p.headLines() && msg.y-p.headLines() < p.high && i < len(p.shown) {
			p.move(i - p.at)
			if msg.double {
				return p.openDeliveries()
			}
		}
	}
	return nil
}

// chase reports whether a delivery is of a hook that is not listed, so that
// GitHub is to be asked for it; once for each hook.
func (p *hooksPage) chase(e logs.Entry) bool {
	if !p.loaded || p.cut || e.HookID == 0 || !e.Verified || e.Source != logs.SourceDelivery || p.chased[e.HookID] {
		return false
	}
	if slices.ContainsFunc(p.rows, func(r hookRow) bool { return r.ID == e.HookID }) {
		return false
	}
	p.chased[e.HookID] = true
	if e.Repository != "" {
		p.restoreRepositories([]string{text.Clean(e.Repository)})
	}
	return true
}

func (p *hooksPage) move(by int) {
	p.moved = true
	p.to(p.at+by, len(p.shown))
}

// current is the hook under the cursor.
func (p *hooksPage) current() (hookRow, bool) {
	if p.at < 0 || p.at >= len(p.shown) {
		return hookRow{}, false
	}
	return p.shown[p.at], true
}

// chosen are the marked hooks, or the one under the cursor.
func (p *hooksPage) chosen() []hookRow {
	if out := p.marked(p.rows); len(out) > 0 {
		return out
	}
	if r, ok := p.current(); ok {
		return []hookRow{r}
	}
	return nil
}

// marked are those of rows that are marked.
func (p *hooksPage) marked(rows []hookRow) []hookRow {
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

// public is the address of this receiver, as far as it is known.
func (p *hooksPage) public() string {
	if u := p.a.status.PublicURL; u != "" {
		return u
	}
	return p.a.cfg.Setup.URL
}

// rejudge builds the rows anew and keeps the cursor on its hook.
func (p *hooksPage) rejudge() {
	var all []hooks.Hook
	for _, list := range p.listed {
		all = append(all, list...)
	}
	p.rows = judge(all, p.public(), p.known.hooks)
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

func (p *hooksPage) mine() []hookRow { return p.ours }

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

// hookSummary is how the hooks are, in numbers, for Home.
type hookSummary struct {
	known             bool // GitHub has answered
	ours, bad, paused int
	err               error
}

func (p *hooksPage) summary() hookSummary {
	s := hookSummary{known: p.loaded, err: p.problem}
	for _, r := range p.mine() {
		s.ours++
		switch {
		case !r.Active:
			s.paused++
		case r.level == healthBad:
			s.bad++
		}
	}
	for _, err := range p.broken {
		if s.err == nil {
			s.err = err
		}
	}
	return s
}

// repositories are the targets with hooks of this receiver, to be remembered.
func (p *hooksPage) repositories() []string {
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

// restoreRepositories takes the targets of an earlier run, or of the wizard.
func (p *hooksPage) restoreRepositories(names []string) {
	for _, n := range names {
		if !slices.Contains(p.kept, n) {
			p.kept = append(p.kept, n)
		}
	}
}

// flags name a hook on the command line.
func (r hookRow) flags() string {
	if r.Target.IsOrg() {
		return fmt.Sprintf("%d --org %s", r.ID, text.Shell(r.Target.String()))
	}
	return fmt.Sprintf("%d -R %s", r.ID, text.Shell(r.Target.String()))
}

// command is what hookctl hooks does with a hook; without one only its name.
func (r hookRow) command(verb string) string {
	if r.ID == 0 {
		return "hookctl hooks " + verb
	}
	return "hookctl hooks " + verb + " " + r.flags()
}

// title names a hook for people.
func (r hookRow) title() string { return fmt.Sprintf("hook %d of %s", r.ID, r.Target) }

// noTest says why GitHub cannot be asked for a test of a hook, "" where it can.
func (r hookRow) noTest() string {
	switch {
	case r.Target.IsOrg():
		return "GitHub has no tests for hooks of organisations, only pings"
	case !slices.Contains(r.Events, "push") && !slices.Contains(r.Events, "*"):
		return "the hook does not subscribe to push, which is what GitHub sends as a test"
	}
	return ""
}

// settingsURL is the page of the hook at GitHub.
func (p *hooksPage) settingsURL(r hookRow) string { return settingsPage(p.client, r) }

func settingsPage(c *hooks.Client, r hookRow) string {
	host := "github.com"
	if c != nil {
		host = c.Host()
	}
	if r.Target.IsOrg() {
		return fmt.Sprintf("https://%s/organizations/%s/settings/hooks/%d", host, r.Target.Owner, r.ID)
	}
	return fmt.Sprintf("https://%s/%s/settings/hooks/%d", host, r.Target, r.ID)
}

func (p *hooksPage) actions() []action {
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
	out := []action{
		{id: "open", keys: []string{"enter", "d"}, label: "deliveries", text: "Show the hook's deliveries: what GitHub saw beside what the log has.", command: h.command("deliveries"), off: none, run: p.openDeliveries},
	}
	out = append(out, p.rotateActions()...)
	out = append(out, p.findActions(none)...)
	out = append(out,
		action{id: "hook.ping", keys: []string{"P"}, label: "ping", text: "Ask GitHub to ping the hook, and wait for the signed ping to arrive.", command: h.command("ping"), off: writable, run: p.ping},
		action{id: "hook.test", keys: []string{"T"}, text: "Ask GitHub to send the latest push.", off: noTest, run: p.test},
		action{id: "hook.pause", keys: []string{"A"}, label: pause, text: pauseText, command: h.command(verb), off: writable, run: p.pause},
		action{id: "hook.events", keys: []string{"m"}, label: "events", text: "Choose the events of the hook.", command: h.command("edit"), off: writable, run: p.openEvents},
		action{id: "hook.delete", keys: []string{"D"}, label: "delete", text: "Delete the hook at GitHub; asks first.", command: h.command("delete"), off: writable, run: p.askDelete},
		action{id: "catchup", keys: []string{"c"}, text: "Fetch from GitHub what never arrived, record it and notify.", command: catchupCommand(p.chosen()), off: none, run: func() tea.Cmd { return p.catchup(p.chosen()) }},
		action{id: "browse", keys: []string{"o"}, text: "Open the hook's page at GitHub in the browser.", off: none, run: func() tea.Cmd { return p.a.browse(p.settingsURL(h)) }},
		action{id: "copy", keys: []string{"y"}, text: "Copy the hook's URL, id, or page.", off: none, run: p.openCopy},
		action{id: "mark", keys: []string{"x"}, text: "Mark the hook, or take the mark away; rotation, ping, pause and catching up act on the marked ones.", off: none, run: func() tea.Cmd {
			if p.marks[h.key()] {
				delete(p.marks, h.key())
			} else {
				p.marks[h.key()] = true
			}
			p.move(1)
			return nil
		}},
		action{id: "hook.all", keys: []string{"a"}, label: "more hooks", text: "Look for hooks in all repositories that you administer.", command: "hookctl hooks list --match '*'", run: func() tea.Cmd { return p.load(true) }},
		action{id: "hooks.stop", keys: []string{"ctrl+x"}, text: "Stop asking GitHub; what is listed stays.", off: map[bool]string{true: "GitHub is not being asked"}[p.waiting == 0], run: func() tea.Cmd {
			p.cut = true
			p.stop()
			return p.a.say("stopped asking GitHub; the list may lack hooks")
		}},
	)
	return append(append(out, moves(p.high, none, step)...), ends(none, step)...)
}

// openCopy offers what can be copied of the hook.
func (p *hooksPage) openCopy() tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	var choices []choice
	add := func(what, words string) {
		choices = append(choices, choice{text: what, detail: text.Clean(words), run: func() tea.Cmd { return p.a.copy(what, words) }})
	}
	add("URL", h.URL)
	add("id", fmt.Sprint(h.ID))
	add("repository", h.Target.String())
	add("page at GitHub", p.settingsURL(h))
	add("events", strings.Join(h.Events, ","))
	p.a.show(newMenu(p.a, "Copy", choices))
	return nil
}
