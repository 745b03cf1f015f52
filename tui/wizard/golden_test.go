package wizard

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tunnel"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// at puts the wizard on a step, as if the ones before were answered.
func at(s *wizardScreen, step int) *Wizard {
	s.Press("w")
	w := s.wizard
	s.Settle(w.signIn.found(hooks.SignIn{GH: "/usr/bin/gh", Client: w.client, User: hooks.User{Login: "octocat", Scopes: []string{"repo", "admin:repo_hook"}}}, nil))
	w.value, w.origin = "0123456789abcdef", secret.FromNowhere
	w.address.choose(kittest.PublicURL)
	w.address.offers, w.address.looked = nil, true
	w.address.choose(kittest.PublicURL)
	for w.at < step && step <= stepNotify {
		w.at++
		s.Settle(w.steps[w.at].open())
	}
	w.at = step
	return w
}

// planOf is what setup would do, as GitHub is in these screens.
func planOf(s *wizardScreen, w *Wizard) {
	w.repos.pick.On[kittest.TargetAPI.String()] = true
	w.repos.pick.On["mona/paintings"] = true
	s.Settle(w.review.open())
}

func advance(j *progress, target hooks.Target, id int64, name, state string, err error) {
	s := hooks.Step{Target: target, HookID: id, Name: name, State: state, Err: err}
	if state != hooks.StateFailed {
		s.Detail = map[string]string{"create hook": kittest.PublicURL, "verify": "waiting for a signed ping"}[name]
	}
	j.took(s)
}

// badPing is a ping that did not arrive.
var badPing = &hooks.Error{Op: "verify hook", Target: "octo-org/web", Message: "GitHub's ping was answered with 502: Invalid HTTP Response: 502", Cure: "the tunnel is up but the receiver does not answer; run: hookctl start", Err: hooks.ErrNotDelivered}

// wizardStates are the steps of the wizard.
func wizardStates() map[string]func(*wizardScreen) {
	return map[string]func(*wizardScreen){
		"wizard-1-signin": func(s *wizardScreen) { at(s, stepSignIn) },
		"wizard-1-nobody": func(s *wizardScreen) {
			w := at(s, stepSignIn)
			s.Settle(w.signIn.found(hooks.SignIn{GH: "/usr/bin/gh"}, &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}))
		},
		"wizard-1-no-gh": func(s *wizardScreen) {
			w := at(s, stepSignIn)
			s.Settle(w.signIn.found(hooks.SignIn{}, &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}))
		},
		"wizard-1-scope": func(s *wizardScreen) {
			w := at(s, stepSignIn)
			s.Settle(w.signIn.found(hooks.SignIn{GH: "/usr/bin/gh", Client: w.client, Lacks: hooks.ScopeHooks, User: hooks.User{Login: "octocat", Scopes: []string{"gist"}}}, nil))
		},
		"wizard-2-repositories": func(s *wizardScreen) { at(s, stepRepositories) },
		"wizard-2-many": func(s *wizardScreen) {
			w := at(s, stepRepositories)
			var items []kit.Choice
			for i := range 400 {
				it := kit.Choice{ID: fmt.Sprintf("acme-research-and-development/identity-provider-integration-eu-west-%03d", i)}
				if i%3 == 0 {
					it.Right = "private"
				}
				items = append(items, it)
			}
			w.repos.pick.Set(items)
			s.Typed("west-1")
			s.Press("ctrl+a")
		},
		"wizard-2-search": func(s *wizardScreen) { at(s, stepRepositories); s.Typed("lib") },
		"wizard-2-typed":  func(s *wizardScreen) { at(s, stepRepositories); s.Typed("hub-org/else") },
		"wizard-3-url": func(s *wizardScreen) {
			at(s, stepURL)
			s.Send(kittest.Says(daemon.Status{}, daemon.ErrNotRunning))
			s.wizard.address.choose("")
		},
		"wizard-3-tunnel": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.Settle(w.address.found([]tunnel.Tunnel{{Kind: "ngrok", URL: "https://1a2b-3c4d.ngrok-free.app", Target: "127.0.0.1:9000"}, {Kind: "cloudflared", URL: "https://random-words-here.trycloudflare.com"}}, nil))
		},
		"wizard-3-run": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.Settle(w.address.found(nil, []string{"cloudflared", "tailscale"}))
			s.Press("down")
		},
		"wizard-3-none": func(s *wizardScreen) {
			s.setup.Relayed = func(context.Context, hooks.RelayDelivery) (hooks.RelayAnswer, error) { return hooks.RelayAnswer{}, nil }
			s.setup.URL = ""
			w := at(s, stepURL)
			w.address.input.SetValue("")
			w.address.at, w.address.touched = 0, false
			s.Settle(w.address.found(nil, nil))
		},
		"wizard-3-again": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.review.plan.URL = kittest.PublicURL
			s.Settle(w.address.broken(kittest.PublicURL, badPing))
		},
		"wizard-3-bad": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.address.choose("ftp://files.example.com")
			s.Press("enter")
		},
		"wizard-3-refused": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.address.choose("http://localhost:3000/webhook")
			s.Press("enter")
		},
		"wizard-3-warned": func(s *wizardScreen) {
			w := at(s, stepURL)
			s.Settle(w.address.took(kittest.PublicURL, hooks.WithCure(errors.New("https://hooks.example.com: /healthz answers 502 Bad Gateway"), "the tunnel is up but the receiver does not answer; run: hookctl start")))
		},
		"wizard-4-events": func(s *wizardScreen) { at(s, stepEvents) },
		"wizard-5-secret": func(s *wizardScreen) { at(s, stepSecret) },
		"wizard-5-kept":   func(s *wizardScreen) { at(s, stepSecret).origin = secret.FromEnvFile },
		"wizard-5-open": func(s *wizardScreen) {
			w := at(s, stepSecret)
			s.Settle(w.secret.found("", "", &secret.PermissionError{Path: "~/.atlas/.env", Mode: 0o644}))
		},
		"wizard-6-notify": func(s *wizardScreen) { at(s, stepNotify).notify.answer["orchestrator-amoa"] = nil },
		"wizard-6-absent": func(s *wizardScreen) {
			at(s, stepNotify).notify.answer["orchestrator-amoa"] = errors.New("AI Maestro does not answer at http://127.0.0.1:23000: connection refused")
		},
		"wizard-6-chat": func(s *wizardScreen) {
			n := at(s, stepNotify).notify
			n.answer["orchestrator-amoa"], n.on[notifyAlso] = nil, true
			s.Press("down")
			s.Typed("ntfy://ntfy.sh/octo")
		},
		"wizard-6-chat-refused": func(s *wizardScreen) {
			n := at(s, stepNotify).notify
			n.on[notifyAgent] = false
			s.Press("down")
			s.Typed("slack")
			n.answer["slack"] = errors.New("the URL is not one that shoutrrr understands; see https://shoutrrr.nickfedor.com/services for its form")
		},
		"wizard-6-nobody": func(s *wizardScreen) { at(s, stepNotify); s.Press("space") },
		"wizard-7-receiver": func(s *wizardScreen) {
			at(s, stepReceiver)
			s.Send(kittest.Says(daemon.Status{}, daemon.ErrNotRunning))
		},
		"wizard-7-port": func(s *wizardScreen) {
			w := at(s, stepReceiver)
			s.Settle(w.receiver.ready(daemon.Status{}, "", hooks.WithCure(errors.New("cannot listen on 127.0.0.1:9000: address already in use, nginx (pid 12) uses it"), "stop the program that uses the port, or choose another one: hookctl start --port N, or WEBHOOK_PORT=N in .env")))
		},
		"wizard-7-ask-port": func(s *wizardScreen) {
			s.setup.SavePort = func(context.Context, int) error { return nil }
			at(s, stepReceiver)
			s.Send(kittest.Says(daemon.Status{}, daemon.ErrNotRunning))
			s.Press("ctrl+o")
			s.Typed("x")
		},
		"wizard-7-done": func(s *wizardScreen) {
			w := at(s, stepReceiver)
			w.receiver.done, w.receiver.addr = true, "127.0.0.1:9000"
			w.address.tested[kittest.PublicURL] = hooks.WithCure(errors.New("https://hooks.example.com: /healthz answers 502 Bad Gateway"), "the tunnel is up but the receiver does not answer; run: hookctl start")
		},
		"wizard-8-review": func(s *wizardScreen) { planOf(s, at(s, stepReview)) },
		"wizard-8-relay": func(s *wizardScreen) {
			w := at(s, stepReview)
			w.repos.pick.On[kittest.TargetAPI.String()] = true
			w.address.offers, w.address.at = []tunnel.Offer{{Relay: true}}, 0
			s.Settle(w.review.open())
		},
		"wizard-9-relay": func(s *wizardScreen) { relayed(s, hooks.StateDone, nil) },
		"wizard-9-relay-failed": func(s *wizardScreen) {
			relayed(s, hooks.StateFailed, &hooks.Error{Op: "open relay", Target: "octo-org/web", Message: "GitHub refused", Cure: "ask an owner of octo-org for admin rights"})
		},
		"wizard-9-sync": func(s *wizardScreen) {
			s.setup.SaveSync = func(context.Context, string) error { return nil }
			w := at(s, stepApply)
			w.Over, w.at = true, stepSync
		},
		"wizard-9-working": func(s *wizardScreen) {
			w := at(s, stepApply)
			w.apply.job = &progress{Job: kittest.Job0(), under: true}
			advance(w.apply.job, kittest.TargetAPI, 0, "create hook", hooks.StateDone, nil)
			advance(w.apply.job, kittest.TargetAPI, 4713, "verify", hooks.StateRunning, nil)
			advance(w.apply.job, kittest.TargetWeb, 0, "create hook", hooks.StateRunning, nil)
		},
		"wizard-9-failed": func(s *wizardScreen) {
			w := at(s, stepApply)
			w.apply.job = &progress{Job: kittest.Job0(), under: true}
			advance(w.apply.job, kittest.TargetAPI, 0, "create hook", hooks.StateDone, nil)
			advance(w.apply.job, kittest.TargetAPI, 4713, "verify", hooks.StateDone, nil)
			bad := badPing
			advance(w.apply.job, kittest.TargetWeb, 0, "create hook", hooks.StateDone, nil)
			advance(w.apply.job, kittest.TargetWeb, 4711, "verify", hooks.StateFailed, bad)
			w.apply.job.Drop()
			s.Settle(w.apply.ended(fleet.SetupReport{Results: []hooks.SetupResult{{SetupItem: hooks.SetupItem{Target: kittest.TargetAPI, HookID: 4713}, Verified: true}, {SetupItem: hooks.SetupItem{Target: kittest.TargetWeb, HookID: 4711}, Err: bad}}}, nil))
		},
		"wizard-9-done": func(s *wizardScreen) {
			w := at(s, stepApply)
			w.apply.job = &progress{Job: kittest.Job0(), under: true}
			w.review.plan.Secret = secret.Fingerprint("0123456789abcdef")
			for _, t := range []hooks.Target{kittest.TargetAPI, kittest.TargetWeb} {
				advance(w.apply.job, t, 0, "create hook", hooks.StateDone, nil)
				advance(w.apply.job, t, 4711, "verify", hooks.StateDone, nil)
			}
			w.apply.job.Drop()
			s.Settle(w.apply.ended(fleet.SetupReport{Results: []hooks.SetupResult{{SetupItem: hooks.SetupItem{Target: kittest.TargetAPI, HookID: 4713}, Verified: true}, {SetupItem: hooks.SetupItem{Target: kittest.TargetWeb, HookID: 4711}, Verified: true}}}, nil))
		},
	}
}

// relayed shows a relay of two repositories, the second of which is in a state.
func relayed(s *wizardScreen, state string, err error) {
	w := at(s, stepApply)
	w.repos.pick.On[kittest.TargetAPI.String()], w.repos.pick.On[kittest.TargetWeb.String()] = true, true
	w.address.offers, w.address.at = []tunnel.Offer{{Relay: true}}, 0
	w.apply.relay, w.apply.job = true, &progress{under: true, shown: []hooks.Step{
		{Target: kittest.TargetAPI, Name: relayStep, State: hooks.StateDone}, {Target: kittest.TargetWeb, Name: relayStep, State: state, Err: err}}}
	w.apply.relayed(w.apply.job, false)
}

func shots() kittest.States[*wizardScreen] {
	return kittest.States[*wizardScreen]{List: wizardStates(), Open: wizarded, Of: func(s *wizardScreen) (*kittest.Screen, *kit.Shell) { return s.Screen, s.Shell }}
}

func TestGoldenWizard(t *testing.T) { shots().Golden(t) }

func TestEverySizeOfWizardFits(t *testing.T) { shots().Fit(t) }

func TestStylesOfEveryScreen(t *testing.T) { shots().Styles(t) }
