package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// wizardStep is one question of the wizard. It asks, answers with next, and
// says what goes wrong in its own view, with the cure.
type wizardStep interface {
	name() string
	open() tea.Cmd // called when it comes to the front
	update(tea.Msg) tea.Cmd
	// next is enter: done leaves for the following step.
	next() (done bool, cmd tea.Cmd)
	label() string // what enter does
	// view draws into the room and says where the terminal's cursor stands.
	view(w, h int) (lines []string, caret *tea.Cursor)
	actions() []action // besides enter and esc
}

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
)

// wizard sets up webhooks, from the sign-in to the proof that a signed ping
// arrived. Nothing is changed at GitHub before the review; esc goes a step
// back and nothing that was chosen is lost, also when hookctl ends.
type wizard struct {
	a     *app
	steps []wizardStep
	at    int
	goal  int // the step to go on at, once the sign-in holds
	over  bool
	caret *tea.Cursor
	head  int // lines above the step in the last view
	file  *stateFile
	saves int

	client *hooks.Client
	user   hooks.User
	value  string // the secret: the one in use, or a new one that is not saved yet
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

// newWizard makes a wizard that starts from the settings.
func newWizard(a *app) *wizard {
	w := &wizard{a: a, file: &stateFile{path: a.cfg.wizardFile()}}
	w.signIn = &signInStep{w: w}
	w.repos = newReposStep(w)
	w.address = newURLStep(w)
	w.events = newEventsStep(w)
	w.secret = &secretStep{w: w}
	w.notify = newNotifyStep(w)
	w.receiver = &receiverStep{w: w}
	w.review = &reviewStep{w: w}
	w.apply = &applyStep{w: w}
	w.steps = []wizardStep{w.signIn, w.repos, w.address, w.events, w.secret, w.notify, w.receiver, w.review, w.apply}
	return w
}

// openWizard shows the wizard, where it was left when it was left unfinished.
func (a *app) openWizard() tea.Cmd {
	if a.cfg.Hooks == nil || a.cfg.Store == nil {
		return a.warn("there is no access to GitHub here")
	}
	if w := a.wizard; w != nil && !w.over {
		if !w.shown() {
			a.show(w)
		}
		if w.apply.busy() {
			return nil
		}
		return w.steps[w.at].open()
	}
	w := newWizard(a)
	a.wizard = w
	a.show(w)
	return tea.Batch(w.restore(), w.steps[w.at].open())
}

// shown reports whether the wizard is on screen.
func (w *wizard) shown() bool {
	for _, o := range w.a.overlays {
		if o == overlay(w) {
			return true
		}
	}
	return false
}

func (w *wizard) title() string {
	return fmt.Sprintf("Set up %d/%d: %s", w.at+1, len(w.steps), w.steps[w.at].name())
}

// update gives messages to every step: what a step asked for is answered also
// after it was left. Keys and turns of the wheel are for the one on screen.
func (w *wizard) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg, wheel:
		return w.steps[w.at].update(msg)
	case click:
		msg.y -= w.head
		return w.steps[w.at].update(msg)
	case wizardRestored:
		return w.restored(msg)
	}
	cmds := make([]tea.Cmd, 0, len(w.steps))
	for _, s := range w.steps {
		cmds = append(cmds, s.update(msg))
	}
	return tea.Batch(cmds...)
}

// on reports whether a step is the one on screen.
func (w *wizard) on(step int) bool { return w.at == step && w.shown() }

// next asks the step whether it is complete, and goes on.
func (w *wizard) next() tea.Cmd {
	done, cmd := w.steps[w.at].next()
	if !done {
		return cmd
	}
	return tea.Batch(cmd, w.forward())
}

// forward goes to the following step.
func (w *wizard) forward() tea.Cmd {
	if w.at+1 >= len(w.steps) {
		return nil
	}
	w.at++
	return tea.Batch(w.steps[w.at].open(), w.save())
}

// back goes a step back, or closes the wizard, which keeps what was chosen.
func (w *wizard) back() tea.Cmd {
	switch {
	case w.apply.busy():
		w.a.shut(w)
		return w.a.say("setting up goes on; w shows it again")
	case w.over:
		w.a.shut(w)
		return nil
	case w.at == stepSignIn:
		w.a.shut(w)
		return w.a.say("what you chose is kept; w goes on with it")
	}
	w.at--
	return tea.Batch(w.steps[w.at].open(), w.save())
}

func (w *wizard) cursor() *tea.Cursor { return w.caret }

func (w *wizard) view(room, high int) string {
	if room <= 0 || high <= 0 {
		return ""
	}
	wide := min(room, 96)
	h := min(high, 24)
	head := w.crumbs(wide, h)
	w.head = len(head)
	lines, caret := w.steps[w.at].view(wide, max(1, h-len(head)))
	w.caret = nil
	if caret != nil && caret.Y+len(head) < h && caret.X < wide {
		caret.Y += len(head)
		w.caret = caret
	}
	return fit(strings.Join(append(head, lines...), "\n"), wide, h)
}

// crumbs shows all steps, what is done and what is to come.
func (w *wizard) crumbs(wide, h int) []string {
	if h < 13 {
		return nil
	}
	t := w.a.theme
	var parts []string
	n := 1
	for i, s := range w.steps {
		name := strings.Replace(s.name(), "Repositories", "Repos", 1)
		n += width(name) + 2
		switch {
		case i < w.at:
			name = t.good.Render(name)
		case i == w.at:
			name = t.tabOn.Render(name)
		default:
			name = t.faint.Render(name)
		}
		parts = append(parts, name)
	}
	if n > wide {
		return nil
	}
	return []string{" " + strings.Join(parts, "  "), ""}
}

func (w *wizard) actions() []action {
	back := action{id: "wizard.back", keys: []string{"esc"}, label: "back", text: "Go a step back; what was chosen stays.", run: w.back}
	switch {
	case w.over || w.at == stepSignIn:
		back.label, back.text = "close", "Close the wizard."
	case w.apply.busy():
		back.label, back.text = "leave it working", "Close the wizard; setting up goes on."
	}
	next := action{id: "wizard.next", keys: []string{"enter"}, label: w.steps[w.at].label(), text: "Go on with what is chosen.", command: w.command(), run: w.next}
	return append([]action{next}, append(w.steps[w.at].actions(), back)...)
}

// targets are the chosen repositories and organisations.
func (w *wizard) targets() []hooks.Target {
	var out []hooks.Target
	for _, name := range w.repos.pick.picked() {
		if t, err := hooks.ParseTarget(name); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// command is the same setup as a command line.
func (w *wizard) command() string {
	parts := []string{"hookctl", "setup"}
	for _, t := range w.targets() {
		if t.IsOrg() {
			parts = append(parts, "--org", text.Shell(t.String()))
		} else {
			parts = append(parts, "-R", text.Shell(t.String()))
		}
	}
	if u := w.address.url(); u != "" {
		parts = append(parts, "--url", text.Shell(u))
	}
	for _, e := range w.events.pick.picked() {
		parts = append(parts, "--event", text.Shell(e))
	}
	return strings.Join(parts, " ")
}
