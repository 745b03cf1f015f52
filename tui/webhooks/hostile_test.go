package webhooks

import (
	"errors"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/tui/kittest"
)

// hostile are the states of hookStates with every text from outside made
// nasty, and the same with what is left of it. Their screens are the same.
func hostile(text func(string) string) map[string]func(*pageScreen) {
	bad := &hooks.Error{Op: "list hooks", Target: "octo-org/web", Status: 500, Message: text("broken"), Cure: text("wait")}
	nastyHooks := func(s *pageScreen) {
		s.Press("3")
		h := shownHook(4711, kittest.TargetWeb, func(h *hooks.Hook) {
			h.URL, h.Events = text(kittest.PublicURL), []string{text("push"), "issues"}
			h.LastResponse = hooks.Response{Code: 500, Status: text("bad"), Message: text("failed")}
		})
		s.Send(hooksListed{target: kittest.TargetWeb, list: []hooks.Hook{h}})
		s.hooks.known.hooks = map[int64]seen{4711: {fingerprint: "a1b2c3d4", at: kittest.Noon}}
		s.hooks.rejudge()
	}
	return map[string]func(*pageScreen){
		"hooks": nastyHooks,
		"broken": func(s *pageScreen) {
			s.Press("3")
			s.Send(hooksListed{target: kittest.TargetWeb, err: bad})
		},
		"done": func(s *pageScreen) {
			nastyHooks(s)
			s.Send(hookDone{hookKey{kittest.TargetWeb, 4711}, text("pinged"), nil})
		},
		"failed": func(s *pageScreen) {
			nastyHooks(s)
			s.Send(hookDone{hookKey{kittest.TargetWeb, 4711}, "", errors.New(text("refused"))})
		},
		"deliveries": func(s *pageScreen) {
			nastyHooks(s)
			s.Press("enter")
			o := s.Top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Action: text("created"), Status: text("failed"), DeliveredAt: kittest.Noon}
			s.Send(deliveriesRead{of: o, gen: o.gen, list: []sent{{Event: hooks.GroupByGUID([]hooks.Delivery{d})[0]}}})
		},
		"delivery": func(s *pageScreen) {
			nastyHooks(s)
			s.Press("enter")
			o := s.Top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Status: text("failed"), StatusCode: 500, DeliveredAt: kittest.Noon}
			s.Send(deliveriesRead{of: o, gen: o.gen, list: []sent{{Event: hooks.GroupByGUID([]hooks.Delivery{d})[0]}}})
			o.inside = true
			o.open = &hooks.Delivery{ID: 7, URL: text(kittest.PublicURL), ResponseBody: text("body"), RequestHeaders: map[string]string{"X-A": text("a")}, ResponseHeaders: map[string]string{text("X-B"): "b"}}
		},
		"rotation": func(s *pageScreen) {
			nastyHooks(s)
			r := rotationOf(s, secret.StepFailed)
			r.Hooks[0].Error = text("403 Forbidden")
			s.hooks.rot.stored(r)
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
