package webhooks

import (
	"maps"
	"net/http"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/tui/kittest"
)

func shownHook(id int64, t hooks.Target, change ...func(*hooks.Hook)) hooks.Hook {
	h := hooks.Hook{ID: id, Target: t, Name: "web", Active: true, Events: hooks.DefaultEvents(), URL: kittest.PublicURL, ContentType: "json", HasSecret: true,
		LastResponse: hooks.Response{Code: 200, Status: "active", Message: "OK"}, CreatedAt: kittest.Noon.AddDate(0, -2, 0), UpdatedAt: kittest.Noon.AddDate(0, 0, -3)}
	for _, c := range change {
		c(&h)
	}
	return h
}

// shownHooks are hooks in every state that the page tells apart.
func shownHooks() map[hooks.Target][]hooks.Hook {
	return map[hooks.Target][]hooks.Hook{
		kittest.TargetWeb: {shownHook(4711, kittest.TargetWeb), shownHook(4712, kittest.TargetWeb, func(h *hooks.Hook) {
			h.URL, h.LastResponse = "https://ci.example.org/github", hooks.Response{Code: 200, Status: "active"}
		})},
		kittest.TargetAPI: {shownHook(4713, kittest.TargetAPI, func(h *hooks.Hook) {
			h.LastResponse = hooks.Response{Code: 401, Message: "Invalid HTTP Response: 401"}
		})},
		kittest.TargetLib: {shownHook(4714, kittest.TargetLib, func(h *hooks.Hook) { h.Active = false }), shownHook(4715, kittest.TargetLib, func(h *hooks.Hook) {
			h.Name, h.URL, h.Active = "cli", "https://webhook-forwarder.github.com/hook", false
		})},
		kittest.TargetOrg: {shownHook(4716, kittest.TargetOrg, func(h *hooks.Hook) { h.LastResponse = hooks.Response{Status: "unused"} })},
	}
}

// listing shows the Hooks page with hooks of every kind.
func listing(s *pageScreen) {
	s.Press("3")
	p := s.hooks
	for t, list := range shownHooks() {
		s.Send(hooksListed{target: t, list: list})
	}
	p.secret = secretFacts{fingerprint: "a1b2c3d4", origin: secret.FromEnvFile, changed: kittest.Noon.AddDate(0, 0, -12)}
	s.Send(tea.FocusMsg{})
}

// rotationOf is a rotation of the listed hooks with these steps.
func rotationOf(s *pageScreen, steps ...string) *secret.Rotation {
	r := &secret.Rotation{Old: "0123456789abcdef", New: "fedcba9876543210", Started: kittest.Noon, Grace: time.Hour}
	for i, row := range s.hooks.mine() {
		step := steps[min(i, len(steps)-1)]
		h := secret.RotationHook{Repository: row.Target.String(), HookID: row.ID, Step: step}
		if step == secret.StepFailed {
			h.Error = "configure hook on " + row.Target.String() + ": 403 Forbidden: Must have admin rights to Repository."
		}
		r.Hooks = append(r.Hooks, h)
	}
	return r
}

// hookStates are the page and its overlays.
func hookStates() map[string]func(*pageScreen) {
	notThere := &hooks.Error{Op: "list hooks", Target: "octo-org/gone", Status: http.StatusNotFound, Message: "Not Found", Cure: "check the spelling, and that you may see it: gh repo view octo-org/gone", Err: hooks.ErrNotFound}
	delivery := func(id int64, guid, event, status string, code, minutes int) hooks.Delivery {
		return hooks.Delivery{ID: id, GUID: guid, Event: event, Status: status, StatusCode: code, DeliveredAt: kittest.Noon.Add(-time.Duration(minutes) * time.Minute), Duration: 123 * time.Millisecond}
	}
	deliveriesOf := func(s *pageScreen) *deliveries {
		listing(s)
		s.Press("enter")
		o := s.Top().(*deliveries)
		event := func(file string, attempts ...hooks.Delivery) sent {
			return sent{hooks.GroupByGUID(attempts)[0], file}
		}
		const guid = "00000000-0000-4000-8000-00000000000"
		s.Send(deliveriesRead{of: o, gen: o.gen, list: []sent{
			event("20261124_115500_pull_request.json", delivery(1<<60, guid+"5", "pull_request", "OK", 200, 5)),
			event("20261124_114000_push.json", delivery(1<<60+2, guid+"6", "push", "OK", 200, 20), delivery(1<<60+1, guid+"6", "push", "timed out", 504, 30)),
			event("", delivery(1<<60+3, guid+"7", "workflow_run", "Invalid HTTP Response: 502", 502, 90)),
			event("20261124_100000_issues.json", delivery(1<<60+4, guid+"8", "issues", "failed to connect to host", 0, 120)),
			event("", delivery(1<<60+5, guid+"9", "push", "OK", 200, 3000)),
		}})
		return o
	}
	all := map[string]func(*pageScreen){
		"hooks":        listing,
		"hooks-empty":  func(s *pageScreen) { s.Press("3") },
		"hooks-marked": func(s *pageScreen) { listing(s); s.Press("x", "x") },
		"hooks-broken": func(s *pageScreen) {
			s.Press("3")
			s.Send(hooksListed{target: hooks.Target{Owner: "octo-org", Repo: "gone"}, err: notThere})
		},
		"hooks-nobody": func(s *pageScreen) {
			s.Press("3")
			s.Send(targetsFound{gen: s.hooks.gen, err: &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}})
		},
		"hooks-other": func(s *pageScreen) { listing(s); s.Press("G") },
		"hooks-pinged": func(s *pageScreen) {
			listing(s)
			s.hooks.told[hookKey{kittest.TargetAPI, 4713}] = verdict{"GitHub's ping of hook 4713 of octo-org/api: 401 signed with another secret (hint: enter shows the hook's deliveries)", true, kittest.Noon}
			s.Press("j")
		},
		"hooks-delete": func(s *pageScreen) { listing(s); s.Press("D") },
		"hooks-events": func(s *pageScreen) {
			listing(s)
			s.Press("m")
			s.Press("space", "down", "down", "down", "down", "down", "space")
		},
		"hooks-copy":     func(s *pageScreen) { listing(s); s.Press("y") },
		"deliveries":     func(s *pageScreen) { deliveriesOf(s) },
		"deliveries-bad": func(s *pageScreen) { deliveriesOf(s); s.Press("v") },
		"deliveries-open": func(s *pageScreen) {
			o := deliveriesOf(s)
			s.Press("j", "j")
			o.inside = true
			o.open = &hooks.Delivery{ID: o.list[2].Latest().ID, URL: kittest.PublicURL, ResponseBody: "upstream is not there", RequestHeaders: map[string]string{"X-GitHub-Event": "workflow_run"}, ResponseHeaders: map[string]string{"Server": "tunnel"}}
		},
		"rotating": func(s *pageScreen) {
			listing(s)
			p := s.hooks
			p.rot.stored(rotationOf(s, secret.StepVerified, secret.StepChanged, secret.StepPending))
			p.rot.job, p.rot.verb = kittest.Job0(), "rotate"
			p.watch()
		},
		"rotating-closed": func(s *pageScreen) {
			listing(s)
			p := s.hooks
			p.rot.stored(rotationOf(s, secret.StepVerified, secret.StepChanged, secret.StepPending))
			p.rot.job, p.rot.verb = kittest.Job0(), "rotate"
		},
		"rotation-failed": func(s *pageScreen) {
			listing(s)
			p := s.hooks
			p.rot.stored(rotationOf(s, secret.StepFailed, secret.StepVerified))
			p.rot.err = &hooks.Error{Op: "rotate", Message: "1 of 4 hooks do not have the new secret yet; both secrets are accepted", Cure: "when the reason is gone, run: hookctl rotate --resume", Err: hooks.ErrUnfinished}
			p.watch()
		},
		"rotated": func(s *pageScreen) {
			listing(s)
			r := rotationOf(s, secret.StepVerified)
			r.Promoted, r.Expires = kittest.Noon, kittest.Noon.Add(time.Hour)
			s.hooks.rot.stored(r)
			s.hooks.watch()
		},
	}
	maps.Copy(all, crowdStates())
	return all
}

// The screens as people see them.
func TestGoldenHooks(t *testing.T) {
	for name, enter := range hookStates() {
		t.Run(name, func(t *testing.T) {
			kittest.RequireScreens(t, func(w, h int, ascii bool) *kittest.Screen {
				s := hooked(t, w, h, func(c *kittest.Settings) { c.ASCII = ascii })
				enter(s)
				return s.Screen
			})
		})
	}
}

// The styles of a light and of a dark terminal.
func TestGoldenHookStyles(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, name := range []string{"hooks", "deliveries", "rotating", "rotation-failed"} {
			t.Run(theme+"/"+name, func(t *testing.T) {
				s := hooked(t, 80, 24, func(c *kittest.Settings) { c.Theme = theme })
				hookStates()[name](s)
				kittest.RequireStyles(t, s.Screen)
			})
		}
	}
}

// At any size a screen fits, and every action is whole.
func TestEverySizeOfHooksFits(t *testing.T) {
	for name, enter := range hookStates() {
		t.Run(name, func(t *testing.T) {
			s := hooked(t, 80, 24)
			enter(s)
			kittest.RequireFits(t, s.Screen)
			kittest.RequireWhole(t, s.Actions())
		})
	}
}

// The styles of every screen at every size, as one hash each.
func TestStylesOfEveryScreen(t *testing.T) {
	styles := kittest.NewStyles(t)
	for name, enter := range hookStates() {
		s := hooked(t, 80, 24)
		enter(s)
		styles.Add(name, s.Screen, s.Theme)
	}
	styles.RequireEqual()
}
