package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/server/fleet"
)

// Setup is what the dialogue of setup starts from.
type Setup struct {
	fleet.SetupDefaults
	Fleet   *fleet.Fleet
	Home    string        // where run/wizard.json keeps what was answered: the wizard of the full screen goes on with it
	Tunnels tunnel.Finder // where tunnels are looked for; zero for the usual places
	// Hidden reads an answer that is not shown; nil where nobody types.
	Hidden func(ctx context.Context, what string) (string, error)
}

// dialogue asks for everything that setting up takes, and then has the command setup do it.
type dialogue struct {
	*mode
	fleet.Draft
	file   *fleet.DraftFile
	saves  int
	from   Setup
	signIn hooks.SignIn
	tunnel string       // the kind of tunnel that the receiver is to run
	relay  bool         // deliveries are to come through GitHub's relay
	anyway bool         // the address is one that GitHub cannot reach
	chat   fleet.Notify // only the chat
	at     int          // the step
}

// step is one question.
type step struct {
	number int // as the wizard counts
	name   string
	ask    func(*dialogue, context.Context) error
}

// The steps as the wizard of the full screen counts them; the first ones have the same place here. The command setup looks
// after the secret, the receiver, the review and the proof.
const (
	stepSignIn = iota
	stepRepositories
	stepURL
	stepEvents
	_
	stepNotify
	stepApply
)

func steps() []step {
	return []step{
		{stepSignIn, "Sign in", (*dialogue).askSignIn},
		{stepRepositories, "Repositories", (*dialogue).askRepositories},
		{stepURL, "URL", (*dialogue).askURL},
		{stepEvents, "Events", (*dialogue).askEvents},
		{stepNotify, "Notifications", (*dialogue).askNotify},
		{stepApply, "Set up", (*dialogue).apply},
	}
}

// errAgain goes to the step that the dialogue has been set to.
var errAgain = errors.New("go on elsewhere")

// setup goes through the steps. Its error has been printed.
func (m *mode) setup(ctx context.Context) error {
	s, err := m.Setup()
	if err != nil {
		return m.report(err)
	}
	d := &dialogue{mode: m, from: s, file: fleet.NewDraftFile(s.Home)}
	goal := d.begin()
	m.say("Setting up webhooks. Enter accepts the answer in brackets, back returns to the previous question, cancel leaves and saves your answers. Nothing changes at GitHub before you confirm the plan.")
	all := steps()
	for d.at = 0; d.at < len(all); {
		m.say(fmt.Sprintf("Step %d of %d: %s.", d.at+1, len(all), all[d.at].name))
		switch err := all[d.at].ask(d, ctx); {
		case errors.Is(err, errAgain):
		case errors.Is(err, errBack) && d.at <= stepRepositories: // signing in asks only when something is wrong
			m.say("This is the first question; cancel leaves.")
			continue
		case errors.Is(err, errBack):
			d.at--
		case err != nil:
			err = errors.Join(err, d.save(all[d.at].number))
			if ctx.Err() == nil {
				m.say("Setup was cancelled. Your answers are saved; setup continues with them.")
			}
			return err
		case d.at == 0 && goal > stepRepositories:
			m.say("Continuing with your saved answers. Repositories: " + strings.Join(d.Repositories, ", ") + ". Type back to change them.")
			for d.at = 1; d.at < len(all)-1 && all[d.at].number < goal; d.at++ {
			}
		default:
			d.at++
		}
		if d.at < len(all) {
			if err := d.save(all[d.at].number); err != nil {
				m.say("warning: " + err.Error())
			}
		}
	}
	return d.file.Save(d.saves+1, nil)
}

// usual are the events that are chosen at first.
func (d *dialogue) usual() []string {
	if len(d.from.Events) > 0 {
		return d.from.Events
	}
	return hooks.DefaultEvents()
}

// begin takes up what the settings say and what was answered before, and returns the step to continue with.
func (d *dialogue) begin() (goal int) {
	was, found := d.file.Read()
	d.Add(d.from.Repositories...)
	d.Add(was.Repositories...)
	d.URL, d.Agent, d.Events = was.URL, cmp.Or(was.Agent, d.from.Agent), was.Events
	d.Nobody, d.Also, d.chat.Chat = was.Nobody || d.Agent == "", was.Also, d.from.Chat
	if !found {
		d.Also = d.from.Also
	}
	if len(d.Events) == 0 {
		d.Events = d.usual()
	}
	switch {
	case len(d.Repositories) == 0:
		return stepSignIn
	case d.URL == "": // a tunnel that was to be run is not kept
		return min(was.Step, stepURL)
	}
	return was.Step
}

// save keeps the answers up to a step.
func (d *dialogue) save(step int) error {
	d.Step = step
	d.saves++
	return d.file.Save(d.saves, &d.Draft)
}

// askSignIn says who the user is at GitHub. Where that is nobody, or the login lacks a permission, it offers to run gh.
func (d *dialogue) askSignIn(ctx context.Context) error {
	for {
		err := d.work(ctx, func(ctx context.Context) (err error) {
			d.signIn, err = d.from.Fleet.SignIn(ctx)
			return err
		})
		switch {
		case errors.Is(err, errInterrupted):
			return err
		case err == nil && d.signIn.Lacks == "":
			d.say("Signed in to " + d.signIn.Client.Host() + " as " + d.signIn.User.Login + ".")
			return nil
		case err == nil:
			d.say("Signed in as " + d.signIn.User.Login + ", but the login lacks the permission " + d.signIn.Lacks + ", which managing webhooks needs.")
		case errors.Is(err, hooks.ErrNotLoggedIn):
			d.say("You are not signed in to GitHub.")
		default:
			_ = d.report(err)
		}
		if advice := d.signIn.ByHand(err); advice != "" {
			d.say(advice)
		}
		args, question := d.signIn.Fix(err), "Try again?"
		switch {
		case args == nil:
		case d.Interactive:
			question = "Run gh " + strings.Join(args, " ") + "? It continues in a browser and comes back here."
		default:
			d.say("In a terminal: gh " + strings.Join(args, " "))
			args = nil
		}
		if yes, err := d.confirm(ctx, question, true); err != nil || !yes {
			return cmp.Or(err, ErrCancelled)
		}
		if args == nil {
			continue
		}
		err = d.work(ctx, func(ctx context.Context) error {
			gh := exec.CommandContext(ctx, d.signIn.GH, args...) // #nosec G204 -- the user's own gh
			gh.Stdin, gh.Stdout, gh.Stderr = os.Stdin, os.Stdout, os.Stderr
			// Its prompts have a form for screen readers too.
			gh.Env = append(os.Environ(), "GH_ACCESSIBLE_PROMPTER=enabled", "GH_SPINNER_DISABLED=1")
			return gh.Run()
		})
		if err != nil && !errors.Is(err, errInterrupted) {
			_ = d.report(fmt.Errorf("gh did not finish: %w", err))
		}
	}
}

// apply saves what was chosen for this machine and executes setup, which prints the plan, asks, and proves each hook by a
// signed ping. What fails is asked about until it works or is left.
func (d *dialogue) apply(ctx context.Context) error {
	err := d.report(d.work(ctx, d.prepare))
	if err == nil {
		request := fleet.SetupRequest{Targets: d.Targets(), URL: d.URL, AllowUnreachable: d.anyway}
		if !slices.Equal(d.Events, d.usual()) { // without --event, hooks that are there keep theirs
			request.Events = d.Events
		}
		err = d.execute(ctx, request.Args(d.relay))
	}
	switch {
	case err == nil:
		if err := d.askSync(ctx); err != nil {
			return err
		}
		d.say("It works. Type follow to print events as they arrive, hooks to list the hooks, rotate to change the secret. The receiver keeps running when you leave.")
		return nil
	case errors.Is(err, errInterrupted), errors.Is(err, ErrCancelled), ctx.Err() != nil:
		return err
	}
	d.say("again runs the setup once more; what is done stays done.")
	d.say("fix lets doctor repair what it can, then runs the setup once more.")
	d.say("url asks for another public URL.")
	d.say("port asks for another port of the receiver.")
	d.say("leave ends the setup; your answers are saved.")
	answer, err := d.choose(ctx, "What next?", "again", "again", "fix", "url", "port", "leave")
	switch {
	case err != nil:
		return err
	case answer == "leave":
		return ErrCancelled
	case answer == "fix":
		_ = d.execute(ctx, []string{"doctor", "--fix"}) // what it could not fix it has printed
	case answer == "port":
		if err := d.askPort(ctx); err != nil {
			return err
		}
	case answer == "url":
		d.at = stepURL
	}
	return errAgain
}

// prepare saves who is notified. Where the receiver is to run a tunnel, it starts it and waits for the address.
func (d *dialogue) prepare(ctx context.Context) error {
	notify := d.chat
	if notify.Also = d.Also; !d.Nobody {
		notify.Sink, notify.Agent = d.from.Sink, d.Agent
	}
	if d.tunnel == "" {
		return d.from.SaveNotify(ctx, notify)
	}
	d.say("Starting the receiver and " + d.tunnel + ".")
	status, err := d.from.Fleet.Launch(ctx, d.from.SetupDefaults, "", d.tunnel, notify)
	if err != nil {
		return err
	}
	address, err := hooks.HookURL(status.PublicURL, "")
	if err != nil {
		return fmt.Errorf("%s has no public address: %w", d.tunnel, err)
	}
	d.URL, d.tunnel = address, ""
	d.say("The receiver runs on " + status.Address + ". URL: " + address + ".")
	return nil
}

// askPort has the receiver listen elsewhere.
func (d *dialogue) askPort(ctx context.Context) error {
	for {
		answer, err := d.ask(ctx, "Port of the receiver", strconv.Itoa(d.from.Port))
		if err != nil {
			return err
		}
		port, err := strconv.Atoi(answer)
		if err != nil || port < 1 || port > 65535 {
			d.say("A port is a number from 1 to 65535.")
			continue
		}
		if err := d.from.SavePort(ctx, port); err != nil {
			return d.report(err)
		}
		d.from.Port = port
		d.say(fmt.Sprintf("Port: %d. The tunnel or proxy has to lead to it.", port))
		return nil
	}
}
