package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// eventsStep chooses the events.
type eventsStep struct {
	w    *wizard
	pick *picker
	orgs bool
}

func newEventsStep(w *wizard) *eventsStep {
	s := &eventsStep{w: w, pick: newEventPicker(w.a.theme)}
	chosen := w.a.cfg.Setup.Events
	if len(chosen) == 0 {
		chosen = hooks.DefaultEvents()
	}
	for _, e := range chosen {
		s.pick.on[e] = true
	}
	s.pick.set(eventItems(false))
	return s
}

func (s *eventsStep) name() string { return "Events" }

// open offers the events of organisations where only those are chosen.
func (s *eventsStep) open() tea.Cmd {
	orgs := len(s.w.targets()) > 0
	for _, t := range s.w.targets() {
		orgs = orgs && t.IsOrg()
	}
	if orgs != s.orgs {
		s.orgs = orgs
		s.pick.set(eventItems(orgs))
	}
	return nil
}

func (s *eventsStep) update(msg tea.Msg) tea.Cmd {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg, wheel:
		return s.pick.update(msg)
	}
	return nil
}

func (s *eventsStep) next() (bool, tea.Cmd) {
	if len(s.pick.picked()) == 0 {
		return false, s.w.a.warn("choose at least one event with space")
	}
	return true, nil
}

func (s *eventsStep) label() string { return "continue" }

func (s *eventsStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.a.theme
	out := s.w.intro("Which events? The chosen five are those that can notify an agent; any others are recorded too.", "Which events? space chooses.", w, h)
	top := len(out)
	out = append(out, strings.Split(s.pick.view(w, max(2, h-top-1)), "\n")...)
	caret := s.pick.place()
	if caret != nil {
		caret.Y += top
	}
	picked := s.pick.picked()
	foot := fmt.Sprintf(" %s %d chosen: %s", t.good.Render(t.sym.ok), len(picked), strings.Join(picked, ", "))
	if len(picked) == 0 {
		foot = t.warn.Render(" " + t.sym.warn + " none chosen")
	}
	return append(out, t.cut(foot, w)), caret
}

func (s *eventsStep) actions() []action { return s.pick.steps(s.w.a, "wizard") }

// secretStep shows the secret in use, or a new one that is saved later.
type secretStep struct {
	w    *wizard
	busy bool
	err  error
}

type secretFound struct {
	of     *wizard
	value  string
	origin secret.Origin
	err    error
}

func (s *secretStep) name() string { return "Secret" }

func (s *secretStep) open() tea.Cmd {
	if s.w.value == "" || s.err != nil {
		return s.find()
	}
	return nil
}

// find reads the secret in use; where there is none it makes one.
func (s *secretStep) find() tea.Cmd {
	if s.busy {
		return nil
	}
	s.busy = true
	return s.read()
}

func (s *secretStep) read() tea.Cmd {
	w, store, have := s.w, s.w.a.cfg.Store, s.w.value
	return func() tea.Msg {
		value, origin, err := store.ForHooks()
		if err == nil && value == "" {
			if value = have; value == "" {
				value, err = secret.Generate()
			}
		}
		return secretFound{w, value, origin, err}
	}
}

func (s *secretStep) update(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(secretFound); ok && m.of == s.w {
		s.busy, s.err = false, m.err
		s.w.value, s.w.origin = m.value, m.origin
	}
	return nil
}

func (s *secretStep) next() (bool, tea.Cmd) {
	var open *secret.PermissionError
	switch {
	case s.busy:
		return false, nil
	case errors.As(s.err, &open):
		return false, s.close(open.Path)
	case s.err != nil || s.w.value == "":
		return false, s.find()
	}
	return true, nil
}

// close takes the file from everyone but its owner, and looks again.
func (s *secretStep) close(file string) tea.Cmd {
	s.busy = true
	find := s.read()
	w := s.w
	return func() tea.Msg {
		if err := os.Chmod(file, 0o600); err != nil {
			return secretFound{of: w, err: err}
		}
		return find()
	}
}

func (s *secretStep) label() string {
	var open *secret.PermissionError
	switch {
	case errors.As(s.err, &open):
		return "make it private"
	case s.err != nil:
		return "try again"
	}
	return "continue"
}

func (s *secretStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.a.theme
	out := s.w.intro("GitHub signs every delivery with a secret that only it and the receiver know; what is not signed is refused.",
		"The secret that GitHub signs with", w, h)
	print := t.bold.Render(secret.Fingerprint(s.w.value))
	switch {
	case s.busy:
		out = append(out, s.w.doing("looking for the secret"))
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
		if open := new(secret.PermissionError); errors.As(s.err, &open) {
			out = append(out, paragraph(t.key.Render("enter")+" does that for you.", w)...)
		}
	case s.w.origin == secret.FromNowhere:
		out = append(out, s.w.good("a new secret is made: 32 random bytes, fingerprint "+print, w)...)
		out = append(out, paragraph("It is kept in .env, readable by you alone, and never shown. r on the Hooks page replaces it at any time without losing a delivery.", w)...)
	case s.w.origin == secret.FromEnvironment:
		out = append(out, s.w.good("the secret "+print+" of the variable "+secret.Variable+" is used", w)...)
		out = append(out, s.w.warning("Set in the environment it cannot be rotated by hookctl; in .env it can.", w)...)
	default:
		out = append(out, s.w.good("the secret "+print+" of .env is used", w)...)
		out = append(out, paragraph("Your other hooks keep working. r on the Hooks page replaces it at any time without losing a delivery.", w)...)
	}
	return out, nil
}

func (s *secretStep) actions() []action { return nil }

// receiverStep saves what was chosen for this machine and has the receiver
// run with it; then it tests the address.
type receiverStep struct {
	w    *wizard
	busy string
	err  error
	done bool
	addr string
}

// receiverReady is a receiver that runs with the secret and the settings.
type receiverReady struct {
	of     *wizard
	status daemon.Status
	err    error
}

// portSaved is the end of the choice of another port.
type portSaved struct {
	of   *wizard
	port int
	err  error
}

func (s *receiverStep) name() string { return "Receiver" }

func (s *receiverStep) open() tea.Cmd {
	s.done, s.err = false, nil
	return s.w.a.poll(false)
}

func (s *receiverStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case receiverReady:
		if msg.of != s.w {
			return nil
		}
		s.busy, s.err = "", msg.err
		if msg.err != nil {
			return s.w.a.poll(false)
		}
		s.done, s.addr = true, msg.status.Address
		u := s.w.address
		return tea.Batch(s.w.a.poll(false), s.w.secret.read(), u.test(u.url()))
	case portSaved:
		if msg.of != s.w {
			return nil
		}
		if msg.err != nil {
			return s.w.a.fail(msg.err)
		}
		s.w.a.cfg.Setup.Port, s.err = msg.port, nil
	case urlTested:
		if msg.of == s.w && s.done && msg.answer.ok && s.w.on(stepReceiver) {
			return s.w.forward()
		}
	}
	return nil
}

func (s *receiverStep) next() (bool, tea.Cmd) {
	if s.busy != "" || s.w.address.busy != "" {
		return false, nil
	}
	if s.done {
		return true, nil
	}
	s.err = nil
	s.busy = "starting the receiver"
	if s.w.a.running() {
		s.busy = "telling the receiver"
	}
	w, a, ctx := s.w, s.w.a, s.w.a.ctx
	value := w.value
	saveNotify, address, d := w.notify.saver(), w.address.url(), a.cfg.Setup
	return false, func() tea.Msg {
		m := receiverReady{of: w}
		// Somebody else may have made a secret meanwhile; it stays.
		have, _, err := a.cfg.Store.Current()
		if err == nil && have == "" {
			err = a.cfg.Store.SetCurrent(value)
		}
		if m.err = err; err != nil {
			return m
		}
		if d.SaveURL != nil {
			if m.err = d.SaveURL(ctx, address); m.err != nil {
				return m
			}
		}
		if m.err = saveNotify(ctx); m.err == nil {
			m.status, m.err = startOrReload(ctx, a.cfg.Daemon)
		}
		return m
	}
}

// startOrReload leaves a receiver that runs with the secrets and settings as
// they are now.
func startOrReload(ctx context.Context, cfg daemon.Config) (daemon.Status, error) {
	status, err := daemon.Dial(cfg.Home).Reload(ctx)
	if isNotRunning(err) {
		return daemon.Start(ctx, cfg)
	}
	return status, err
}

func (s *receiverStep) label() string {
	switch {
	case s.busy != "" || s.w.address.busy != "":
		return "wait"
	case s.done:
		return "continue"
	case s.err != nil:
		return "try again"
	case s.w.a.running():
		return "save and go on"
	}
	return "start it"
}

func (s *receiverStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.a.theme
	out := s.w.intro("The receiver is a background process that takes the deliveries in and records them, also while this window is closed.",
		"The receiver takes deliveries in.", w, h)
	running := s.w.a.running()
	switch {
	case s.busy != "":
		out = append(out, s.w.doing(s.busy))
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
		out = append(out, "")
		again := "When the reason is gone, " + t.key.Render("enter") + " tries again."
		if s.w.a.cfg.Setup.SavePort != nil {
			again += " " + t.key.Render("p") + " chooses another port."
		}
		out = append(out, paragraph(again, w)...)
		return out, nil
	case s.done:
		out = append(out, s.w.good("the receiver runs on "+logs.Clean(s.addr)+", with the secret "+secret.Fingerprint(s.w.value), w)...)
	case running:
		out = append(out, s.w.good("the receiver runs on "+logs.Clean(s.w.a.status.Address), w)...)
		out = append(out, paragraph(t.key.Render("enter")+" saves your choices and has it take them.", w)...)
	default:
		out = append(out, paragraph(t.key.Render("enter")+" saves your choices and starts it on port "+fmt.Sprint(s.w.a.cfg.Setup.Port)+". hookctl stop ends it.", w)...)
	}
	u := s.w.address
	answer, known := u.tested[u.url()]
	switch {
	case !s.done:
	case u.busy != "":
		out = append(out, s.w.doing(u.busy))
	case known && answer.ok:
		out = append(out, s.w.good(answer.saw, w)...)
	case known:
		out = append(out, s.w.seen(answer, w)...)
		out = append(out, "")
		out = append(out, paragraph("GitHub may see what this machine cannot; the ping at the end is the proof. "+t.key.Render("enter")+" goes on, "+t.key.Render("esc")+" goes back to choose another address.", w)...)
	}
	return out, nil
}

// askPort asks for a port, and saves it.
func (s *receiverStep) askPort() tea.Cmd {
	a := s.w.a
	pr := newPrompt(a, "port", "port", strconv.Itoa(a.cfg.Setup.Port))
	pr.hint = "the local port of the receiver, 1 to 65535; the tunnel has to lead to it"
	pr.accept = func(text string) tea.Cmd {
		port, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || port < 1 || port > 65535 {
			return a.warn("a port is a number from 1 to 65535")
		}
		save, ctx, w := a.cfg.Setup.SavePort, a.ctx, s.w
		return func() tea.Msg { return portSaved{w, port, save(ctx, port)} }
	}
	a.show(pr)
	return nil
}

func (s *receiverStep) actions() []action {
	off, fixed := "", ""
	if !s.done {
		off = "the receiver does not run yet"
	}
	switch {
	case s.w.a.cfg.Setup.SavePort == nil:
		fixed = "set receiver.port in hookctl.yaml, or WEBHOOK_PORT"
	case s.w.a.running() || s.done:
		fixed = "the receiver runs already; hookctl stop ends it"
	}
	u := s.w.address
	port := action{id: "wizard.port", keys: []string{"p"}, text: "Choose another port for the receiver.", off: fixed, run: s.askPort}
	if fixed == "" {
		port.label = "another port"
	}
	return []action{port, {id: "wizard.test", keys: []string{"ctrl+r"}, label: "test again", text: "Ask the address whether this receiver answers there.", off: off, run: func() tea.Cmd { return u.test(u.url()) }}}
}
