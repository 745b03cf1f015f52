package wizard

import (
	"errors"
	"fmt"
	"os/exec"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// signInStep says who the user is at GitHub, and sends for gh where that is
// nobody, or somebody without the permission.
type signInStep struct {
	w     *Wizard
	busy  bool
	err   error
	login login
	ran   bool // gh was run from here
}

type (
	signedIn struct {
		of    *Wizard
		login login
		err   error
	}
	ghDone struct {
		of  *Wizard
		err error
	}
)

func (s *signInStep) name() string { return "Sign in" }

func (s *signInStep) open() tea.Cmd {
	if s.w.client != nil && s.err == nil {
		return nil
	}
	return s.ask()
}

// ask finds out who the user is, and reads the secret meanwhile.
func (s *signInStep) ask() tea.Cmd {
	s.busy = true
	w, ctx, cfg := s.w, s.w.shell.Ctx, s.w.cfg
	return tea.Batch(s.w.secret.find(), func() tea.Msg {
		l, err := cfg.logIn(ctx)
		return signedIn{of: w, login: l, err: err}
	})
}

func (s *signInStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case signedIn:
		if msg.of != s.w {
			return nil
		}
		s.busy, s.err, s.login = false, msg.err, msg.login
		s.w.client, s.w.user = nil, msg.login.user
		if msg.err != nil {
			return nil
		}
		s.w.client = msg.login.client
		if s.login.lacks == "" && s.w.at == stepSignIn && s.w.goal > stepSignIn {
			return s.w.jump()
		}
	case ghDone:
		if msg.of != s.w {
			return nil
		}
		s.ran = true
		if msg.err != nil {
			return tea.Batch(s.w.shell.Fail(fmt.Errorf("gh did not finish: %w", msg.err)), s.ask())
		}
		return s.ask()
	}
	return nil
}

// canRun says with what gh mends the sign-in, nil where it cannot.
func (s *signInStep) canRun() []string { return s.login.mend(s.err) }

func (s *signInStep) well() bool { return s.w.client != nil && s.err == nil && s.login.lacks == "" }

func (s *signInStep) next() (bool, tea.Cmd) {
	if s.busy {
		return false, nil
	}
	if s.well() {
		return true, nil
	}
	args := s.canRun()
	if args == nil {
		return false, s.ask()
	}
	w := s.w
	return false, tea.ExecProcess(exec.Command(s.login.gh, args...), func(err error) tea.Msg { return ghDone{w, err} }) // #nosec G204 -- the user's own gh
}

func (s *signInStep) label() string {
	args := s.canRun()
	switch {
	case s.busy:
		return "wait"
	case s.well():
		return "continue"
	case args != nil:
		return "run gh auth " + args[1]
	}
	return "try again"
}

func (s *signInStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("GitHub will tell this machine about every push, pull request, issue and check run of the repositories that you choose. It takes about a minute: enter goes on, esc goes back, and nothing is changed at GitHub before you have seen it.",
		"enter goes on, esc goes back.", w, h)
	args := s.canRun()
	switch {
	case s.busy:
		return append(out, s.w.doing("asking GitHub who you are")), nil
	case s.well():
		return append(out, s.w.good("signed in to "+text.Clean(s.w.client.Host())+" as "+t.Bold.Render(text.Clean(s.w.user.Login)), w)...), nil
	case s.login.lacks != "":
		out = append(out, s.w.warning(s.login.lacking(), w)...)
	case errors.Is(s.err, hooks.ErrNotLoggedIn) && s.login.env == "":
		out = append(out, s.w.warning("You are not signed in to GitHub.", w)...)
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
	}
	if h >= 12 {
		out = append(out, "")
	}
	switch {
	case args != nil && s.ran:
		out = append(out, kit.Paragraph("Press "+t.Key.Render("enter")+" to run gh auth "+args[1]+" again. If gh said that all is well, leave with ctrl+c and start hookctl anew; the wizard goes on here.", w)...)
	case args != nil:
		out = append(out, kit.Paragraph("Press "+t.Key.Render("enter")+" to run gh auth "+args[1]+": it asks you in a browser and brings you back here.", w)...)
	default:
		if text := s.login.byHand(s.err); text != "" {
			out = append(out, kit.Paragraph(text, w)...)
		}
	}
	return out, nil
}

func (s *signInStep) actions() []kit.Action { return nil }
