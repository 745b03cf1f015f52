package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// setupLines is the command that sets up webhooks.
func setupLines() []lineCommand {
	return []lineCommand{{name: "setup", text: "Set up webhooks, question by question; goes on where it was left.", does: []string{"wizard", "wizard.", "open"}, asks: true, run: (*lineMode).setUp}}
}

// errLeft ends setup early.
var errLeft = errors.New("setup was left; what you chose is kept, and setup goes on with it")

// lineSetup asks what the wizard asks, in its order, and does it through the
// same functions. It shares the wizard's state too, so that one goes on where
// the other was left.
type lineSetup struct {
	*lineMode
	at    int // the step, as the wizard counts them
	goal  int // the step to go on at, once the sign-in holds
	file  *stateFile
	saves int

	login  login
	chosen []string // repositories and organisations
	url    string
	run    string // the kind of tunnel that the receiver is to run
	events []string
	value  string // the secret, saved or new
	nobody bool   // is notified
	sink   string
	agent  string
	plan   hooks.SetupPlan
}

// setupStep is one step; the number that it returns is the next one.
type setupStep struct {
	name   string
	silent bool // it asks only when something is wrong, so back goes past it
	do     func(context.Context) (next int, err error)
}

func newLineSetup(m *lineMode) *lineSetup {
	d := m.cfg.Setup
	s := &lineSetup{lineMode: m, file: &stateFile{path: m.cfg.wizardFile()}, events: d.Events, sink: d.Sink, agent: d.Agent}
	for _, name := range d.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil {
			s.chosen = append(s.chosen, t.String())
		}
	}
	if len(s.events) == 0 {
		s.events = hooks.DefaultEvents()
	}
	if s.sink == "" {
		s.sink = defaultSink
		s.nobody = d.Agent == ""
	}
	s.restore()
	return s
}

// restore takes up what was chosen before, in a wizard or here.
func (s *lineSetup) restore() {
	was := readWizard(s.file.path)
	if was == nil {
		return
	}
	for _, name := range was.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil && !slices.Contains(s.chosen, t.String()) {
			s.chosen = append(s.chosen, t.String())
		}
	}
	if was.URL != "" {
		s.url = text.Clean(was.URL)
	}
	if len(was.Events) > 0 {
		s.events = nil
		for _, e := range was.Events {
			s.events = append(s.events, text.Clean(e))
		}
	}
	if was.Agent != "" {
		s.agent, s.nobody = text.Clean(was.Agent), false
	}
	s.nobody = s.nobody || was.Nobody
	// The receiver may have stopped since, and GitHub have changed.
	s.goal = min(was.Step, stepReceiver)
	switch {
	case len(s.chosen) == 0:
		s.goal = 0
	case s.url == "": // a tunnel that was to be run is not kept
		s.goal = min(s.goal, stepURL)
	}
}

// keep saves what is chosen.
func (s *lineSetup) keep() error {
	s.saves++
	return s.file.keep(s.saves, wizardState{Step: s.at, Repositories: s.chosen, URL: s.url, Events: s.events, Nobody: s.nobody, Agent: s.agent})
}

// setUp goes through the steps.
func (m *lineMode) setUp(ctx context.Context, _ string) error {
	if m.cfg.Hooks == nil || m.cfg.Store == nil {
		return errors.New("there is no access to GitHub here")
	}
	s := newLineSetup(m)
	steps := []setupStep{{"Sign in", true, s.signIn}, {"Repositories", false, s.askRepositories}, {"URL", false, s.askURL}, {"Events", false, s.chooseEvents},
		{"Secret", true, s.findSecret}, {"Notifications", false, s.askNotify}, {"Receiver", false, s.startReceiver}, {"Review", false, s.review}, {"Proof", false, s.apply}}
	m.say("Setting up webhooks. Enter takes what is in brackets, back goes a step back, cancel leaves and keeps what you chose. Nothing is changed at GitHub before you have heard it.")
	for s.at < len(steps) {
		step := steps[s.at]
		m.sayf("Step %d of %d: %s.", s.at+1, len(steps), step.name)
		next, err := step.do(ctx)
		switch {
		case errors.Is(err, errBack):
			for next = s.at - 1; next >= 0 && steps[next].silent; next-- {
			}
			if next < 0 {
				m.say(sentenceOf(errBack.Error()))
				next = s.at
			}
		case errors.Is(err, errCancelled), errors.Is(err, errInterrupted):
			return errors.Join(s.keep(), errLeft)
		case err != nil:
			return err
		}
		if s.at = next; s.at < len(steps) {
			if err := s.keep(); err != nil {
				m.tell(err)
			}
		}
	}
	return nil
}

// signIn says who the user is at GitHub, and offers gh where that is nobody,
// or somebody without the permission.
func (s *lineSetup) signIn(ctx context.Context) (int, error) {
	for ran := false; ; {
		err := s.work(ctx, func(ctx context.Context) (err error) {
			s.login, err = s.cfg.logIn(ctx)
			return err
		})
		switch {
		case errors.Is(err, errInterrupted) || ctx.Err() != nil:
			return s.at, err
		case err == nil && s.login.lacks == "":
			s.client = s.login.client
			s.say("Signed in to " + s.client.Host() + " as " + s.login.user.Login + ".")
			if s.goal <= stepRepositories {
				return stepRepositories, nil
			}
			next := s.goal
			s.goal = 0
			s.say("Going on where you left. Repositories: " + strings.Join(s.chosen, ", ") + ". back changes what you chose.")
			if next > stepSecret { // it was not saved
				if _, err := s.findSecret(ctx); err != nil {
					return s.at, err
				}
			}
			return next, nil
		case err == nil:
			s.say(s.login.lacking())
		case errors.Is(err, hooks.ErrNotLoggedIn) && s.login.env == "":
			s.say("You are not signed in to GitHub.")
		default:
			s.tell(err)
		}
		if ran, err = s.mendLogin(ctx, err, ran); err != nil {
			return s.at, err
		}
	}
}

// mendLogin runs gh where that helps, or says what does and waits.
func (s *lineSetup) mendLogin(ctx context.Context, problem error, ran bool) (bool, error) {
	args := s.login.mend(problem)
	if text := s.login.byHand(problem); text != "" {
		s.say(text)
	}
	if args == nil || !s.person {
		if args != nil {
			s.say("In a terminal: gh " + strings.Join(args, " "))
		}
		yes, err := s.confirm(ctx, "Look again?", true)
		if err == nil && !yes {
			err = errCancelled
		}
		return ran, err
	}
	if ran {
		s.say("If gh said that all is well, type cancel, leave with quit and start hookctl anew; setup goes on here.")
	}
	yes, err := s.confirm(ctx, "Run gh auth "+args[1]+"? It asks you in a browser and brings you back here.", true)
	if err != nil || !yes {
		return ran, orCancelled(err)
	}
	err = s.work(ctx, func(ctx context.Context) error {
		gh := exec.CommandContext(ctx, s.login.gh, args...) // #nosec G204 -- the user's own gh
		gh.Stdin, gh.Stdout, gh.Stderr = os.Stdin, os.Stdout, os.Stderr
		// Its prompts have a form for screen readers too.
		gh.Env = append(os.Environ(), "GH_ACCESSIBLE_PROMPTER=enabled", "GH_SPINNER_DISABLED=1")
		return gh.Run()
	})
	if err != nil && !errors.Is(err, errInterrupted) {
		s.tell(fmt.Errorf("gh did not finish: %w", err))
		err = nil
	}
	return true, err
}

// targets are the chosen repositories and organisations.
func (s *lineSetup) targets() []hooks.Target {
	var out []hooks.Target
	for _, name := range s.chosen {
		if t, err := hooks.ParseTarget(name); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// onlyOrgs reports whether nothing but organisations is chosen.
func (s *lineSetup) onlyOrgs() bool {
	return !slices.ContainsFunc(s.targets(), func(t hooks.Target) bool { return !t.IsOrg() })
}

func (s *lineSetup) chooseEvents(ctx context.Context) (int, error) {
	s.say("The five of the default can notify an agent; any others are recorded too.")
	events, err := s.askEvents(ctx, s.events, s.onlyOrgs())
	if err != nil {
		return s.at, err
	}
	s.events = events
	s.say("Events: " + strings.Join(events, ", ") + ".")
	return stepSecret, nil
}

// askEvents asks for events, from those of now.
func (m *lineMode) askEvents(ctx context.Context, now []string, org bool) ([]string, error) {
	all := eventItems(org)
	known := func(name string) bool {
		return slices.ContainsFunc(all, func(i pickItem) bool { return i.id == name })
	}
	for {
		text, err := m.ask(ctx, "Which events? Names, or +name and -name to add and leave out; list tells all", strings.Join(now, ", "))
		if err != nil {
			return nil, err
		}
		if text == "list" {
			for _, i := range all {
				m.say(i.id + ": " + i.right)
			}
			continue
		}
		chosen, wrong := chooseEvents(now, text, known)
		switch {
		case wrong != "":
			m.sayf("There is no event %q. list tells all.", wrong)
		case len(chosen) == 0:
			m.say("A hook needs at least one event.")
		default:
			return chosen, nil
		}
	}
}

// chooseEvents reads names of events: those alone replace what is chosen now,
// those with + or - are added and left out. wrong is one that does not exist.
func chooseEvents(now []string, text string, known func(string) bool) (chosen []string, wrong string) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	if slices.ContainsFunc(words, func(w string) bool { return w[0] == '+' || w[0] == '-' }) {
		chosen = slices.Clone(now)
	}
	for _, w := range words {
		name := strings.TrimLeft(w, "+-")
		at := slices.Index(chosen, name)
		switch {
		case w[0] == '-' && at >= 0:
			chosen = slices.Delete(chosen, at, at+1)
		case w[0] == '-':
		case !known(name) && !slices.Contains(now, name):
			return nil, name
		case at < 0:
			chosen = append(chosen, name)
		}
	}
	slices.Sort(chosen)
	return chosen, ""
}
