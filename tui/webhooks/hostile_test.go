package webhooks

import (
	"errors"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
)

// hostile are the states of hookStates with every text from outside made
// nasty, and the same with what is left of it. Their screens are the same.
func hostile(text func(string) string) map[string]func(*pageScreen) {
	bad := &hooks.Error{Op: "list hooks", Target: "octo-org/web", Status: 500, Message: text("broken"), Cure: text("wait")}
	nastyHooks := func(s *pageScreen) {
		s.Press("3")
		h := shownHook(4711, kittest.TargetWeb, func(h *fleet.Hook) {
			h.URL, h.Events, h.Secret = text(kittest.PublicURL), []string{text("push"), "issues"}, text("a1b2c3d4")
			h.LastResponse = hooks.Response{Code: 500, Status: text("bad"), Message: text("failed")}
			warned(h, fleet.Failing, text("500 failed"), hooks.WarnFailing, text("got 500"), text("hookctl start"))
		})
		s.Settle(s.hooks.again([]listed{{target: kittest.TargetWeb, hooks: []fleet.Hook{h}}}))
	}
	return map[string]func(*pageScreen){
		"hooks": nastyHooks,
		"broken": func(s *pageScreen) {
			s.Press("3")
			s.Settle(s.hooks.again([]listed{{target: kittest.TargetWeb, aside: &fleet.Aside{Target: kittest.TargetWeb, Err: bad}}}))
		},
		"done": func(s *pageScreen) {
			nastyHooks(s)
			s.Settle(s.hooks.done(hookKey{kittest.TargetWeb, 4711}, text("pinged"), nil))
		},
		"failed": func(s *pageScreen) {
			nastyHooks(s)
			s.Settle(s.hooks.done(hookKey{kittest.TargetWeb, 4711}, "", errors.New(text("refused"))))
		},
		"deliveries": func(s *pageScreen) {
			nastyHooks(s)
			s.Press("enter")
			o := s.Top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Action: text("created"), Status: text("failed"), DeliveredAt: kittest.Noon}
			o.took([]fleet.Sent{{GUID: d.GUID, Event: d.Event, Action: d.Action, Reason: text("failed"), Attempts: []hooks.Delivery{d}}}, nil)
		},
		"delivery": func(s *pageScreen) {
			nastyHooks(s)
			s.Press("enter")
			o := s.Top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Status: text("failed"), StatusCode: 500, DeliveredAt: kittest.Noon}
			o.took([]fleet.Sent{{GUID: d.GUID, Event: d.Event, Action: d.Action, Reason: text("failed"), Attempts: []hooks.Delivery{d}}}, nil)
			s.Show(o.whole(o.list[0], hooks.Delivery{ID: 7, URL: text(kittest.PublicURL), ResponseBody: text("body"), RequestHeaders: map[string]string{"X-A": text("a")}, ResponseHeaders: map[string]string{text("X-B"): "b"}}, nil))
		},
		"rotation": func(s *pageScreen) {
			nastyHooks(s)
			r := rotationOf(s, secret.StepFailed)
			r.Hooks[0].Error, r.Hooks[0].Cure = text("403 Forbidden"), text("ask for it")
			s.hooks.rot.stored(stored(r))
			s.hooks.watch()
		},
	}
}

// Text from outside that takes terminals over changes nothing.
func TestHostileTextChangesNothing(t *testing.T) {
	bad := hostile(func(s string) string { return s + kittest.Nasty })
	good := hostile(func(s string) string { return s + text.Clean(kittest.Nasty) })
	for name := range bad {
		t.Run(name, func(t *testing.T) {
			b, g := hooked(t, 80, 24), hooked(t, 80, 24)
			bad[name](b)
			good[name](g)
			kittest.RequireHarmless(t, b.Screen, g.Screen)
		})
	}
}
