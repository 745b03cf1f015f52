package wizard

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// signInStep says who the user is at GitHub, and runs gh where that is nobody,
// or somebody without the permission.
type signInStep struct {
	plain
	who hooks.SignIn
	ran bool // gh was run from here
}

func (s *signInStep) open() tea.Cmd {
	if s.w.client != nil && s.err == nil {
		return s.w.jump()
	}
	return s.ask()
}

// ask finds out who the user is, and reads the secret at the same time.
func (s *signInStep) ask() tea.Cmd {
	s.busy = "asking GitHub who you are"
	return tea.Batch(s.w.secret.find(), kit.Ask(s.w.shell, s.w.cfg.Fleet.SignIn, s.found))
}

func (s *signInStep) found(who hooks.SignIn, err error) tea.Cmd {
	s.busy, s.err, s.who, s.w.client = "", err, who, nil
	if err != nil {
		return nil
	}
	s.w.client = who.Client
	return s.w.jump()
}

// ended asks again after gh was run.
func (s *signInStep) ended(err error) tea.Cmd {
	s.ran = true
	if err != nil {
		return tea.Batch(s.w.shell.Fail(fmt.Errorf("gh did not finish: %w", err)), s.ask())
	}
	return s.ask()
}

func (s *signInStep) ok() bool { return s.w.client != nil && s.err == nil && s.who.Lacks == "" }

func (s *signInStep) next() (bool, tea.Cmd) {
	if s.ok() {
		return true, nil
	}
	args := s.who.Fix(s.err)
	if args == nil {
		return false, s.ask()
	}
	gh := exec.Command(s.who.GH, args...) // #nosec G204 -- the user's own gh
	return false, tea.ExecProcess(gh, func(err error) tea.Msg {
		return kit.Try(s.w.shell, func(context.Context) error { return err }, s.ended)()
	})
}

func (s *signInStep) label() string {
	args := s.who.Fix(s.err)
	switch {
	case s.ok():
		return "continue"
	case args != nil:
		return "run gh auth " + args[1]
	}
	return "try again"
}

func (s *signInStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("GitHub will notify this machine of every push, pull request, issue and check run of the repositories that you choose. It takes about a minute: enter goes on, esc goes back, and nothing is changed at GitHub before you have seen it.",
		"enter goes on, esc goes back.", w, h)
	args := s.who.Fix(s.err)
	switch {
	case s.busy != "":
		return append(out, s.w.doing(s.busy)), nil
	case s.ok():
		return append(out, s.w.good("signed in to "+text.Clean(s.w.client.Host())+" as "+t.Bold.Render(text.Clean(s.who.User.Login)), w)...), nil
	case s.who.Lacks != "":
		out = append(out, s.w.warning("Signed in as "+s.who.User.Login+", but the login lacks the permission "+s.who.Lacks+", which managing webhooks needs.", w)...)
	case errors.Is(s.err, hooks.ErrNotLoggedIn) && s.who.Variable == "":
		out = append(out, s.w.warning("You are not signed in to GitHub.", w)...)
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
	}
	if h >= 12 {
		out = append(out, "")
	}
	switch {
	case args != nil && s.ran:
		out = append(out, kit.Paragraph("Press "+t.Key.Render("enter")+" to run gh auth "+args[1]+" again. If gh reported no problem, leave with ctrl+c and start hookctl again; the wizard goes on here.", w)...)
	case args != nil:
		out = append(out, kit.Paragraph("Press "+t.Key.Render("enter")+" to run gh auth "+args[1]+": it asks you in a browser and brings you back here.", w)...)
	default:
		if text := s.who.ByHand(s.err); text != "" {
			out = append(out, kit.Paragraph(text, w)...)
		}
	}
	return out, nil
}
