package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// startReceiver saves what was chosen for this machine, has the receiver run
// with it, and tests the address.
func (s *lineSetup) startReceiver(ctx context.Context) (int, error) {
	s.say("The receiver is a background process that takes the deliveries in and records them, also when hookctl is not open.")
	question, again := "", false
	for {
		status, err := daemon.Dial(s.cfg.Home).Status(ctx)
		running := err == nil
		switch {
		case again:
			question = "Try again?"
		case running:
			question = "The receiver runs on " + status.Address + ". Save your choices and have it take them?"
		case s.run != "":
			question = "Save your choices and start it together with " + s.run + "?"
		default:
			question = fmt.Sprintf("Save your choices and start it on port %d?", s.cfg.Setup.Port)
		}
		if !running && s.cfg.Setup.SavePort != nil {
			question += " yes, no, or the number of another port"
		} else {
			question += " yes or no"
		}
		text, err := s.ask(ctx, question, "yes")
		if err != nil {
			return s.at, err
		}
		if port, err := strconv.Atoi(text); err == nil && !running && s.cfg.Setup.SavePort != nil {
			if err := s.anotherPort(ctx, port); err != nil {
				s.tell(err)
				continue
			}
		} else if !strings.HasPrefix("yes", strings.ToLower(text)) {
			return s.at, errCancelled
		}
		if err := s.launch(ctx); errors.Is(err, errInterrupted) || ctx.Err() != nil {
			return s.at, err
		} else if err != nil {
			s.tell(err)
			again = true
			continue
		}
		return s.testAddress(ctx)
	}
}

// anotherPort has the receiver listen elsewhere.
func (s *lineSetup) anotherPort(ctx context.Context, port int) error {
	if port < 1 || port > 65535 {
		return errors.New("a port is a number from 1 to 65535")
	}
	if err := s.cfg.Setup.SavePort(ctx, port); err != nil {
		return err
	}
	s.cfg.Setup.Port = port
	s.sayf("Port: %d. The tunnel or proxy has to lead to it.", port)
	return nil
}

// launch does what the wizard's step does.
func (s *lineSetup) launch(ctx context.Context) error {
	l := launch{secret: s.value, url: s.url, run: s.run}
	if !s.nobody {
		l.sink, l.agent = s.sink, s.agent
	}
	if l.run != "" {
		s.say("Starting the receiver and " + l.run + ".")
	}
	return s.work(ctx, func(ctx context.Context) error {
		status, address, err := s.cfg.launch(ctx, l)
		if err != nil {
			return err
		}
		s.sayf("The receiver runs on %s, with the secret %s.", status.Address, status.Secret)
		if l.run != "" {
			s.url, s.run = hookURL(text.Clean(address)), ""
			s.say("URL: " + s.url + ", by " + l.run + ", run by the receiver.")
		}
		return nil
	})
}

// testAddress asks the address for the receiver that runs now; where it does
// not answer another one can be typed.
func (s *lineSetup) testAddress(ctx context.Context) (int, error) {
	for {
		ok, err := s.reaches(ctx)
		if err != nil || ok {
			return stepReview, err
		}
		text, err := s.ask(ctx, "Go on, or type another address", "go on")
		if err != nil {
			return s.at, err
		}
		if strings.HasPrefix("go on", strings.ToLower(text)) || strings.HasPrefix("yes", strings.ToLower(text)) {
			return stepReview, nil
		}
		address := hookURL(text)
		if err := checkHookURL(address); err != nil {
			s.tell(err)
			continue
		}
		s.url = address
		s.say("URL: " + address + ".")
		if err := s.launch(ctx); errors.Is(err, errInterrupted) || ctx.Err() != nil {
			return s.at, err
		} else if err != nil {
			s.tell(err)
		}
	}
}

// review says what will be done at GitHub, and asks for it.
func (s *lineSetup) review(ctx context.Context) (int, error) {
	for {
		err := s.work(ctx, func(ctx context.Context) (err error) {
			s.plan, s.value, err = s.cfg.plan(ctx, s.client, s.targets(), s.url, s.events)
			return err
		})
		switch {
		case errors.Is(err, errInterrupted) || ctx.Err() != nil:
			return s.at, err
		case err != nil:
			s.tell(err)
		default:
			for _, i := range s.plan.Items {
				s.sayItem(i)
			}
		}
		if err != nil || !able(s.plan) {
			if yes, err := s.confirm(ctx, "Look again?", true); err != nil || !yes {
				return s.at, orCancelled(err)
			}
			continue
		}
		s.say("Events: " + strings.Join(s.events, ", ") + ". Nothing is changed at GitHub yet.")
		for {
			answer, err := s.choose(ctx, "Do this? calls tells the same as lines for gh.", "yes", "yes", "no", "calls")
			switch {
			case err != nil:
				return s.at, err
			case answer == "yes":
				return stepApply, nil
			case answer == "no":
				return s.at, errCancelled
			}
			s.say("The secret is in $" + secret.Variable + ".")
			for _, c := range s.plan.Calls() {
				s.say(c)
			}
		}
	}
}

// sayItem tells one repository's part of the plan.
func (s *lineSetup) sayItem(i hooks.SetupItem) {
	name := i.Target.String()
	switch i.Action {
	case hooks.ActionCreate:
		s.say(name + ": a hook is made, delivering to " + s.plan.URL + ".")
	case hooks.ActionUpdate:
		s.sayf("%s: hook %d is changed.", name, i.HookID)
	case hooks.ActionKeep:
		s.sayf("%s: hook %d stays as it is, and is pinged.", name, i.HookID)
	case hooks.ActionFail:
		s.say(name + ": nothing can be done.")
		s.tell(i.Err)
	}
	for _, c := range i.Changes {
		s.say(name + ": " + c.Field + " " + c.From + " becomes " + c.To + ".")
	}
	for _, w := range i.Warnings {
		s.say(sentenceOf("note: " + w.Text))
		if w.Cure != "" {
			s.say("hint: " + w.Cure)
		}
	}
}

// apply does it, step by step, and ends with the proof.
func (s *lineSetup) apply(ctx context.Context) (int, error) {
	var results []hooks.SetupResult
	err := s.work(ctx, func(ctx context.Context) (err error) {
		results, err = s.cfg.carryOut(ctx, s.client, s.log, s.plan, s.progress())
		return err
	})
	var names []string
	for _, r := range results {
		if r.HookID != 0 {
			names = append(names, r.Target.String())
		}
	}
	s.kept = append(s.kept, names...)
	s.cfg.Setup.URL, s.rows = s.url, nil
	if err := s.cfg.keepRepositories(names); err != nil {
		s.tell(err)
	}
	switch {
	case errors.Is(err, errInterrupted) || ctx.Err() != nil:
		return s.at, err
	case err != nil:
		s.failed = true
		s.sayf("%d of %s proved by a signed ping.", proved(results), text.Count(len(results), "hook"))
		if !errors.Is(err, hooks.ErrIncomplete) {
			s.tell(err)
		}
		s.say("Mend what is named above. Trying again does nothing twice.")
		answer, err := s.choose(ctx, "Try again, choose another URL, or leave?", "again", "again", "url", "leave")
		switch {
		case err != nil:
			return s.at, err
		case answer == "url":
			return stepURL, nil
		case answer == "leave":
			return s.at, errCancelled
		}
		return stepReview, nil
	}
	s.prove(results)
	s.saves++
	if err := s.file.put(s.saves, nil); err != nil {
		s.tell(err)
	}
	return stepApply + 1, nil
}

// prove says that it works, and what to do next.
func (s *lineSetup) prove(results []hooks.SetupResult) {
	print := secret.Fingerprint(s.value)
	if n := len(results); n == 1 {
		s.say("It works: a ping signed with " + print + " arrived from " + results[0].Target.String() + ".")
	} else {
		s.sayf("It works: pings signed with %s arrived from all %d.", print, n)
	}
	s.say("follow tells events as they come: push something to hear one. hooks lists the hooks, rotate replaces the secret.")
	if slices.ContainsFunc(results, func(r hooks.SetupResult) bool { return r.Created }) {
		s.say("The receiver keeps running when you leave.")
	}
}
