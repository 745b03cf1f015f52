// Package wizard sets up webhooks step by step, from the sign-in to the proof
// that a signed ping arrived.
//
// Each step asks one question and says in its own view what goes wrong, with
// the fix. Nothing is changed at GitHub before the review, and what was chosen
// is kept when the wizard is left. What is done at GitHub, package fleet does:
// it plans, adopts hooks that are there, proves each by a signed ping, and
// remembers them.
package wizard

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tunnel"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// The steps of the wizard, in their order.
const (
	stepSignIn = iota
	stepRepositories
	stepURL
	stepEvents
	stepSecret
	stepNotify
	stepReceiver
	stepReview
	stepApply
	stepSync // only where it can be saved; s on the last page opens it
)

// names are what the steps are called.
func names() []string {
	return []string{"Sign in", "Repositories", "URL", "Events", "Secret", "Notify", "Receiver", "Review", "Proof", "Sync"}
}

// Defaults is what the wizard starts from. A port that is chosen goes in.
type Defaults struct {
	fleet.SetupDefaults
	Tunnels tunnel.Finder // where tunnels are looked for; zero for the usual places
	relay   *kit.Job      // GitHub's relay that a wizard opened last; it ends with the interface, or when hooks are set up again
}

// Config is what the wizard is given.
type Config struct {
	Home     string       // HOOKCTL_HOME
	Fleet    *fleet.Fleet // sets the hooks up
	Store    *secret.Store
	Setup    *Defaults
	Log      *kit.Answer[*logs.Log]
	Receiver *kit.Answer[daemon.Status]
	Poll     func(again bool) tea.Cmd     // asks the receiver how it is
	Done     func(address string) tea.Cmd // called when hooks were set up, perhaps not all, with their URL
}

// Wizard sets up webhooks, from the sign-in to the proof that a signed ping
// arrived. Nothing is changed at GitHub before the review; esc goes a step
// back and nothing that was chosen is lost, also when hookctl ends.
type Wizard struct {
	shell  *kit.Shell
	cfg    Config
	steps  []step
	at     int
	goal   int // the step to go on at, once the sign-in holds
	Over   bool
	caret  *tea.Cursor
	head   int // lines above the step in the last view
	scroll kit.Scroll
	file   *fleet.DraftFile
	saves  int
	chosen bool // something was, in this run or before

	client *hooks.Client // of who is signed in; nil for nobody
	value  string        // the secret: the one in use, or a new one that is not saved yet
	origin secret.Origin

	signIn   *signInStep
	repos    *reposStep
	address  *urlStep
	events   *eventsStep
	secret   *secretStep
	notify   *notifyStep
	receiver *receiverStep
	review   *reviewStep
	apply    *applyStep
}

// New makes a wizard that starts from the settings.
func New(shell *kit.Shell, cfg Config) *Wizard {
	w := &Wizard{shell: shell, cfg: cfg, file: fleet.NewDraftFile(cfg.Home)}
	plain := plain{w: w}
	w.signIn = &signInStep{plain: plain}
	w.repos = newReposStep(w)
	w.address = newURLStep(w)
	w.events = newEventsStep(w)
	w.secret = &secretStep{plain: plain}
	w.notify = newNotifyStep(w)
	w.receiver = &receiverStep{plain: plain}
	w.review = &reviewStep{plain: plain}
	w.apply = &applyStep{plain: plain}
	w.steps = []step{w.signIn, w.repos, w.address, w.events, w.secret, w.notify, w.receiver, w.review, w.apply}
	if cfg.Setup.SaveSync != nil {
		w.steps = append(w.steps, newSyncStep(w))
	}
	return w
}

// Start shows a new wizard, where an earlier run left it unfinished.
func (w *Wizard) Start() tea.Cmd {
	w.shell.Show(w)
	return tea.Batch(w.restore(), w.steps[w.at].open())
}

// Resume shows the wizard again.
func (w *Wizard) Resume() tea.Cmd {
	if !w.shown() {
		w.shell.Show(w)
	}
	if w.apply.working() != "" {
		return nil
	}
	return w.steps[w.at].open()
}

// shown reports whether the wizard is on screen.
func (w *Wizard) shown() bool { return w.shell.Shown(w) }

// Title implements Overlay.
func (w *Wizard) Title() string {
	name := names()[w.at]
	if w.at == stepSync { // an offer after the last one
		return "Set up: " + name
	}
	return fmt.Sprintf("Set up %d/%d: %s", w.at+1, stepApply+1, name)
}

// Update gives keys, clicks and turns of the wheel to the step on screen.
func (w *Wizard) Update(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case kit.Wheel:
		if w.scroll.Most > 0 {
			return w.scroll.By(m.Lines)
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		w.scroll.At = 0 // where it is typed
	case kit.Click:
		m.Y += w.scroll.At - w.head
		msg = m
	default:
		return nil
	}
	return w.steps[w.at].update(msg)
}

// on reports whether a step is the one on screen.
func (w *Wizard) on(step int) bool { return w.at == step && w.shown() }

// open goes to a step.
func (w *Wizard) open(step int) tea.Cmd {
	w.at, w.scroll.At = step, 0
	return w.steps[step].open()
}

// next asks the step whether it is complete, and goes on.
func (w *Wizard) next() tea.Cmd {
	if w.steps[w.at].working() != "" {
		return nil
	}
	done, cmd := w.steps[w.at].next()
	if !done {
		return cmd
	}
	return tea.Batch(cmd, w.forward())
}

// forward goes to the following step.
func (w *Wizard) forward() tea.Cmd {
	to := w.at + 1
	switch again := w.address.failed != nil && w.at == stepURL; {
	case to >= len(w.steps):
		return nil
	case again && w.address.run() != "": // everything else was answered
		to = stepReceiver
	case again:
		to, w.address.failed = stepReview, nil
	}
	return tea.Batch(w.open(to), w.save())
}

// back goes a step back, or closes the wizard, which keeps what was chosen.
func (w *Wizard) back() tea.Cmd {
	switch {
	case w.apply.working() != "":
		w.shell.Shut(w)
		return w.shell.Say("setup continues in the background; w shows it")
	case w.Over:
		w.shell.Shut(w)
		return nil
	case w.at == stepSignIn:
		if w.shell.Shut(w); !w.chosen {
			return nil
		}
		return w.shell.Say("your answers are saved; w continues")
	}
	return tea.Batch(w.open(w.at-1), w.save())
}

// Cursor implements Overlay.
func (w *Wizard) Cursor() *tea.Cursor { return w.caret }

// View implements Overlay.
func (w *Wizard) View(room, high int) string {
	if room <= 0 || high <= 0 {
		return ""
	}
	wide := min(room, 96)
	h := min(high, 24)
	head := w.crumbs(wide, h)
	w.head = len(head)
	room = max(1, h-len(head))
	lines, caret := w.steps[w.at].view(wide, room)
	if len(lines) > room {
		room = max(1, room-1) // one line says that there is more
	}
	lines = w.scroll.Window(lines, room)
	if w.scroll.Most > 0 {
		lines = append(lines, w.more())
	}
	w.caret = nil
	if caret != nil && caret.Y >= w.scroll.At && caret.Y-w.scroll.At < room && caret.X < wide {
		caret.Y += len(head) - w.scroll.At
		w.caret = caret
	}
	return kit.Fit(strings.Join(append(head, lines...), "\n"), wide, h)
}

// more says that a step has lines that are not on screen. It stands with them, so that the footer has room for the step's keys.
func (w *Wizard) more() string {
	t := w.shell.Theme
	if w.scroll.At == w.scroll.Most {
		return t.Faint.Render(" "+t.Sym.Up+" more above: ") + t.Key.Render("pgup")
	}
	return t.Faint.Render(" "+t.Sym.Down+" more below: ") + t.Key.Render("pgdown")
}

// crumbs shows all steps, what is done and what is to come.
func (w *Wizard) crumbs(wide, h int) []string {
	if h < 13 {
		return nil
	}
	t := w.shell.Theme
	var parts []string
	for i := range max(w.at, stepApply) + 1 { // Sync is an offer
		name := strings.Replace(names()[i], "Repositories", "Repos", 1)
		switch {
		case i < w.at:
			name = t.Good.Render(name)
		case i == w.at:
			name = t.TabOn.Render(name)
		default:
			name = t.Faint.Render(name)
		}
		parts = append(parts, name)
	}
	line := " " + strings.Join(parts, "  ")
	if kit.Width(line)+2 > wide {
		return nil
	}
	return []string{line, ""}
}

// Actions implements Overlay.
func (w *Wizard) Actions() []kit.Action {
	back := kit.Action{ID: "wizard.back", Keys: []string{"esc"}, Label: "back", Text: "Go back a step; your answers stay.", Run: w.back}
	switch {
	case w.Over || w.at == stepSignIn:
		back.Label, back.Text = "close", "Close the wizard."
	case w.apply.working() != "":
		back.Label, back.Text = "leave it working", "Close the wizard; setup continues in the background."
	}
	next := kit.Action{ID: "wizard.next", Keys: []string{"enter"}, Label: w.steps[w.at].label(), Text: "Continue with what is chosen.", Command: w.command(), Run: w.next}
	if w.steps[w.at].working() != "" {
		next.Label = "wait"
	}
	all := []kit.Action{next}
	if w.scroll.Most > 0 {
		all = append(all,
			kit.Action{ID: "wizard.scroll.down", Keys: []string{"pgdown"}, Text: "Scroll down.", Move: true, Run: func() tea.Cmd { return w.scroll.By(4) }},
			kit.Action{ID: "wizard.scroll.up", Keys: []string{"pgup"}, Text: "Scroll up.", Move: true, Run: func() tea.Cmd { return w.scroll.By(-4) }})
	}
	return append(append(all, w.steps[w.at].actions()...), w.help(), back)
}

// help is the key of all keys: ? where that is no letter of what is typed.
func (w *Wizard) help() kit.Action {
	help := w.shell.HelpAction()
	if help.Keys = []string{"?", "f1"}; w.caret != nil && w.at != stepRepositories && w.at != stepEvents {
		help.Keys = []string{"f1"}
	}
	return help
}

// host is that of GitHub, "" before the sign-in.
func (w *Wizard) host() string {
	if w.client == nil {
		return ""
	}
	return w.client.Host()
}

// targets are the chosen repositories and organizations.
func (w *Wizard) targets() []hooks.Target {
	chosen := fleet.Draft{Repositories: w.repos.pick.Picked()}
	return chosen.Targets()
}

// request is what the fleet is asked to set up.
func (w *Wizard) request() fleet.SetupRequest {
	return fleet.SetupRequest{Targets: w.targets(), URL: w.address.url(), Events: w.events.asked(), Also: w.notify.chosen().Events(), AllowUnreachable: w.address.anyway(), Wait: w.cfg.Setup.Wait}
}

// command is the same setup as a command line.
func (w *Wizard) command() string {
	parts := []string{"hookctl"}
	for _, arg := range w.request().Args(w.address.relay()) {
		parts = append(parts, text.Shell(arg))
	}
	return strings.Join(parts, " ")
}
