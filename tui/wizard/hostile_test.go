package wizard

import (
	"errors"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
)

// hostileSteps are steps with every text from outside made nasty, and the same
// with what is left of it. Their screens are the same.
func hostileSteps(text func(string) string) map[string]func(*wizardScreen) {
	bad := &hooks.Error{Op: "list hooks", Target: "octo-org/web", Status: 500, Message: text("broken"), Cure: text("wait")}
	return map[string]func(*wizardScreen){
		"sign-in": func(s *wizardScreen) {
			w := at(s, stepSignIn)
			s.Settle(w.signIn.found(hooks.SignIn{Client: w.client, User: hooks.User{Login: text("octocat")}}, nil))
		},
		"sign-in failed": func(s *wizardScreen) { s.Settle(at(s, stepSignIn).signIn.found(hooks.SignIn{}, bad)) },
		"repositories": func(s *wizardScreen) {
			w := at(s, stepRepositories)
			s.Settle(w.repos.found(w.client, []hooks.Repository{{FullName: text("octo-org/web"), Admin: true}, {FullName: text("octo-org/attic"), Archived: true}}, nil))
		},
		"tunnels": func(s *wizardScreen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.Settle(w.address.found([]tunnel.Tunnel{{Kind: text("ngrok"), URL: text("https://x.ngrok.app"), Target: text("127.0.0.1:9000")}}, nil))
		},
		"notify": func(s *wizardScreen) {
			at(s, stepNotify).notify.answer["orchestrator-amoa"] = errors.New(text("no agent"))
		},
		"receiver": func(s *wizardScreen) {
			s.Settle(at(s, stepReceiver).receiver.ready(daemon.Status{}, "", errors.New(text("exited"))))
		},
		"review": func(s *wizardScreen) {
			w := at(s, stepReview)
			w.review.planned(fleet.SetupPlan{Warnings: []hooks.Warning{{Text: text("plain")}}, SetupPlan: hooks.SetupPlan{URL: text(kittest.PublicURL), Items: []hooks.SetupItem{
				{Target: kittest.TargetWeb, Action: hooks.ActionUpdate, HookID: 1, Changes: []hooks.FieldChange{{Field: "events", From: text("push"), To: text("issues")}}, Warnings: []hooks.Warning{{Text: text("odd"), Cure: text("fix")}}},
				{Target: kittest.TargetAPI, Action: hooks.ActionFail, Err: bad},
				{Target: kittest.TargetLib, Action: hooks.ActionCreate, Events: []string{text("push")}},
			}}}, nil)
		},
		"apply": func(s *wizardScreen) {
			w := at(s, stepApply)
			w.apply.job = &progress{Job: kittest.Job0(), under: true}
			advance(w.apply.job, kittest.TargetAPI, 1, "verify", hooks.StateFailed, bad)
			w.apply.job.Drop()
			s.Settle(w.apply.ended(fleet.SetupReport{Results: []hooks.SetupResult{{SetupItem: hooks.SetupItem{Target: kittest.TargetAPI}, Err: bad}}}, errors.New(text("incomplete"))))
		},
	}
}

// Text from outside that takes terminals over changes nothing.
func TestHostileTextInStepsChangesNothing(t *testing.T) {
	bad := hostileSteps(func(s string) string { return s + kittest.Nasty })
	good := hostileSteps(func(s string) string { return s + text.Clean(kittest.Nasty) })
	for name := range bad {
		t.Run(name, func(t *testing.T) {
			b, g := wizarded(t, 80, 24), wizarded(t, 80, 24)
			bad[name](b)
			good[name](g)
			kittest.RequireHarmless(t, b.Screen, g.Screen)
		})
	}
}
