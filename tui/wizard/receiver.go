package wizard

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// receiverStep saves what was chosen for this machine and has the receiver
// run with it; then it tests the address.
type receiverStep struct {
	plain
	done bool
	addr string
}

func (s *receiverStep) open() tea.Cmd {
	s.done, s.err = false, nil
	return s.w.cfg.Poll(false)
}

// ready takes up a receiver that runs with the secret and the settings, and with the tunnel that it was to run.
func (s *receiverStep) ready(status daemon.Status, run string, err error) tea.Cmd {
	s.busy, s.err = "", err
	if err != nil {
		return s.w.cfg.Poll(false)
	}
	s.done, s.addr = true, status.Address
	u := s.w.address
	if run != "" {
		u.opened(run, text.Clean(status.PublicURL))
	}
	cmds := []tea.Cmd{s.w.cfg.Poll(false), s.w.secret.find(), s.w.save()}
	switch {
	case !u.relay():
		cmds = append(cmds, u.test(u.url()))
	case s.w.on(stepReceiver):
		cmds = append(cmds, s.w.forward())
	}
	return tea.Batch(cmds...)
}

func (s *receiverStep) working() string { return cmp.Or(s.busy, s.w.address.busy) }

func (s *receiverStep) next() (bool, tea.Cmd) {
	if s.done {
		return true, nil
	}
	s.err = nil
	s.busy = "starting the receiver"
	if s.w.cfg.Receiver.OK() {
		s.busy = "reloading the receiver"
	}
	f, d, value, run, notify := s.w.cfg.Fleet, s.w.cfg.Setup.SetupDefaults, s.w.value, s.w.address.run(), s.w.notify.chosen()
	if run != "" {
		s.busy = "starting the receiver and " + run
	}
	return false, kit.Ask(s.w.shell, func(ctx context.Context) (daemon.Status, error) {
		return f.Launch(ctx, d, value, run, notify)
	}, func(status daemon.Status, err error) tea.Cmd { return s.ready(status, run, err) })
}

func (s *receiverStep) label() string {
	switch {
	case s.done:
		return "continue"
	case s.err != nil:
		return s.plain.label()
	case s.w.cfg.Receiver.OK():
		return "save and go on"
	}
	return "start it"
}

func (s *receiverStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("The receiver is a background process that records deliveries, also while this window is closed.",
		"The receiver records deliveries.", w, h)
	switch {
	case s.busy != "":
		out = append(out, s.w.doing(s.busy))
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
		out = append(out, "")
		again := "When that is fixed, " + t.Key.Render("enter") + " tries again."
		if s.w.cfg.Setup.SavePort != nil {
			again += " " + t.Key.Render(kit.KeyName("ctrl+o", t.Ascii)) + " chooses another port."
		}
		out = append(out, kit.Paragraph(again, w)...)
		return out, nil
	case s.done:
		out = append(out, s.w.good("the receiver runs on "+text.Clean(s.addr)+", with the secret "+secret.Fingerprint(s.w.value), w)...)
	default:
		starts := "starts it on port " + fmt.Sprint(s.w.cfg.Setup.Port) + ". hookctl stop ends it."
		switch run := s.w.address.run(); {
		case run != "":
			starts = "starts it together with " + run + "."
		case s.w.cfg.Receiver.OK():
			out = append(out, s.w.good("the receiver runs on "+text.Clean(s.w.cfg.Receiver.Value.Address), w)...)
			starts = "reloads it."
		}
		out = append(out, kit.Paragraph(t.Key.Render("enter")+" saves your choices and "+starts, w)...)
	}
	u := s.w.address
	switch {
	case !s.done:
	case u.busy != "":
		out = append(out, s.w.doing(u.busy))
	default:
		if out = append(out, u.seen(w)...); u.tested[u.url()] != nil {
			out = append(append(out, ""), kit.Paragraph("GitHub may see what this machine cannot; the ping at the end is the proof. "+t.Key.Render("enter")+" goes on, "+t.Key.Render("esc")+" goes back to choose another URL.", w)...)
		}
	}
	return out, nil
}

// askPort asks for a port, and saves it.
func (s *receiverStep) askPort() tea.Cmd {
	a := s.w.shell
	pr := kit.NewPrompt(a, "port", strconv.Itoa(s.w.cfg.Setup.Port))
	pr.Hint = "the local port of the receiver, 1 to 65535; the tunnel has to lead to it"
	pr.Accept = func(text string) tea.Cmd {
		port, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || port < 1 || port > 65535 {
			return a.Warn("a port is a number from 1 to 65535")
		}
		save := s.w.cfg.Setup.SavePort
		return kit.Try(s.w.shell, func(ctx context.Context) error { return save(ctx, port) }, func(err error) tea.Cmd {
			if err == nil {
				s.w.cfg.Setup.Port, s.err = port, nil
			}
			return a.Fail(err)
		})
	}
	a.Show(pr)
	return nil
}

func (s *receiverStep) actions() []kit.Action {
	off, fixed := "", ""
	switch {
	case !s.done:
		off = "the receiver is not running yet"
	case s.w.address.relay():
		off = "the relay has no URL"
	}
	switch {
	case s.w.cfg.Setup.SavePort == nil:
		fixed = "set receiver.port in hookctl.yaml, or WEBHOOK_PORT"
	case s.w.cfg.Receiver.OK() || s.done:
		fixed = "the receiver is running; hookctl stop ends it"
	}
	u := s.w.address
	port := kit.Action{ID: "wizard.port", Keys: []string{"ctrl+o"}, Text: "Choose another port for the receiver.", Command: "hookctl config edit", Off: fixed, Run: s.askPort}
	if fixed == "" {
		port.Label = "another port"
	}
	return []kit.Action{port, {ID: "wizard.test", Keys: []string{"ctrl+r"}, Label: "test again", Text: "Ask the URL whether this receiver answers there.", Command: "hookctl doctor", Off: off, Run: func() tea.Cmd { return u.test(u.url()) }}}
}
