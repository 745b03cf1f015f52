package webhooks

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// shownHook is a healthy hook of ours, as fleet.List gives it.
func shownHook(id int64, t hooks.Target, change ...func(*fleet.Hook)) fleet.Hook {
	h := fleet.Hook{Hook: hooks.Hook{ID: id, Target: t, Name: "web", Active: true, Events: hooks.DefaultEvents(), URL: kittest.PublicURL, ContentType: "json", HasSecret: true,
		LastResponse: hooks.Response{Code: 200, Status: "active", Message: "OK"}, CreatedAt: kittest.Noon.AddDate(0, -2, 0), UpdatedAt: kittest.Noon.AddDate(0, 0, -3)},
		Ours: true, Health: fleet.Healthy, State: "delivers", SecretState: fleet.SecretCurrent, Secret: "a1b2c3d4", SecretSince: kittest.Noon.AddDate(0, 0, -12), Seen: kittest.Noon.Add(-5 * time.Minute)}
	for _, c := range change {
		c(&h)
	}
	return h
}

// others makes a hook another service's.
func others(h *fleet.Hook) {
	h.Ours, h.Health, h.State, h.SecretState, h.Secret, h.Seen = false, "", "another service's", "", "", time.Time{}
}

func warned(h *fleet.Hook, health fleet.Health, state, code, text, cure string) {
	h.Health, h.State = health, state
	h.Warnings = append(h.Warnings, hooks.Warning{Code: code, HookID: h.ID, Text: fmt.Sprintf("hook %d %s", h.ID, text), Cure: cure})
}

func refused(h *fleet.Hook) {
	h.LastResponse, h.SecretState = hooks.Response{Code: 401, Message: "Invalid HTTP Response: 401"}, fleet.SecretRefused
	warned(h, fleet.Failing, "401 signed with another secret", hooks.WarnWrongSecret, "is "+hooks.ErrWrongSecret.Error(), "hookctl rotate "+h.Ref())
}

func paused(h *fleet.Hook) {
	h.Active = false
	warned(h, fleet.Warning, "paused", hooks.WarnInactive, "is paused: GitHub sends nothing", "hookctl hooks enable "+h.Ref())
}

// shownHooks are hooks in every state that the page distinguishes.
func shownHooks() map[hooks.Target][]fleet.Hook {
	return map[hooks.Target][]fleet.Hook{
		kittest.TargetWeb: {shownHook(4711, kittest.TargetWeb), shownHook(4712, kittest.TargetWeb, others, func(h *fleet.Hook) {
			h.URL = "https://ci.example.org/github"
		})},
		kittest.TargetAPI: {shownHook(4713, kittest.TargetAPI, refused), shownHook(4717, kittest.TargetAPI, others, func(h *fleet.Hook) {
			h.Moved, h.URL, h.Secret, h.Seen = true, "https://elsewhere.example.org/hook", "a1b2c3d4", kittest.Noon.AddDate(0, 0, -4)
			warned(h, "", "moved elsewhere", fleet.WarnMoved, "delivered here until 2026-11-20 12:00:00, and sends to https://elsewhere.example.org/hook now", "hookctl setup -R octo-org/api --adopt")
		})},
		kittest.TargetLib: {shownHook(4714, kittest.TargetLib, paused), shownHook(4715, kittest.TargetLib, others, func(h *fleet.Hook) {
			h.Name, h.URL, h.Active, h.State = "cli", "https://webhook-forwarder.github.com/hook", false, "a relay, as of gh webhook forward"
		})},
		kittest.TargetOrg: {shownHook(4716, kittest.TargetOrg, func(h *fleet.Hook) {
			h.LastResponse, h.SecretState, h.Secret, h.SecretSince, h.Seen = hooks.Response{Status: "unused"}, fleet.SecretUnproved, "", time.Time{}, time.Time{}
			warned(h, fleet.Unknown, "no delivery yet", fleet.WarnUnproved, "has not proved its secret since it was changed at GitHub", "hookctl hooks ping "+h.Ref())
		})},
	}
}

// listing shows the Hooks page with hooks of every kind.
func listing(s *pageScreen) {
	s.Press("3")
	for t, list := range shownHooks() {
		s.Settle(s.hooks.again([]listed{{target: t, hooks: list}}))
	}
	s.Send(tea.FocusMsg{})
}

// ours are the listed hooks of this receiver.
func (p *Page) ours() []fleet.Hook {
	return slices.DeleteFunc(slices.Clone(p.rows), func(h fleet.Hook) bool { return !h.Ours })
}

// rotationOf is a rotation of the listed hooks with these steps.
func rotationOf(s *pageScreen, steps ...string) *secret.Rotation {
	r := &secret.Rotation{Old: "0123456789abcdef", New: "fedcba9876543210", Started: kittest.Noon, Grace: time.Hour}
	for i, h := range s.hooks.ours() {
		step := steps[min(i, len(steps)-1)]
		one := secret.RotationHook{Repository: h.Target.String(), HookID: h.ID, Step: step}
		if step == secret.StepFailed || step == secret.StepAside {
			one.Error = "configure hook on " + h.Target.String() + ": 403 Forbidden: Must have admin rights to Repository."
			one.Cure = "ask an owner of " + h.Target.String() + " for the admin role"
		}
		r.Hooks = append(r.Hooks, one)
	}
	return r
}

// stored is a rotation as the disk has it.
func stored(r *secret.Rotation) fleet.Rotation {
	now := fleet.Rotation{State: r, Result: hooks.Result(r), Open: r.Promoted.IsZero()}
	if !now.Open && kittest.Noon.Before(r.Expires) {
		now.UndoUntil = r.Expires
	}
	for _, h := range r.Hooks {
		if h.Step == secret.StepAside {
			now.Aside = append(now.Aside, secret.AsideHook{Repository: h.Repository, HookID: h.HookID, Error: h.Error, Cure: h.Cure})
		}
	}
	if now.Open || len(now.Aside) > 0 {
		now.Next = "hookctl rotate --resume"
	}
	return now
}

// promoted is a rotation that is in its grace period.
func promoted(r *secret.Rotation) *secret.Rotation {
	r.Promoted, r.Expires = kittest.Noon, kittest.Noon.Add(time.Hour)
	return r
}

// counting shows the count-down to the rotation of every listed hook.
func counting(s *pageScreen, plan fleet.RotatePlan) {
	plan.Hooks, plan.Grace = s.hooks.ours(), time.Hour
	s.Settle(s.hooks.planned(planning(s), plan, nil))
}

// planning shows the box before the count-down.
func planning(s *pageScreen) *kit.Countdown {
	s.hooks.rotate() // GitHub is not asked
	return s.Top().(*kit.Countdown)
}

// hookStates are the page and its overlays.
func hookStates() map[string]func(*pageScreen) {
	gone := hooks.Target{Owner: "octo-org", Repo: "gone"}
	notThere := &hooks.Error{Op: "list hooks", Target: "octo-org/gone", Status: http.StatusNotFound, Message: "Not Found", Cure: "check the spelling, and that you may see it: gh repo view octo-org/gone", Err: hooks.ErrNotFound}
	delivery := func(id int64, guid, event, status string, code, minutes int) hooks.Delivery {
		return hooks.Delivery{ID: id, GUID: guid, Event: event, Status: status, StatusCode: code, DeliveredAt: kittest.Noon.Add(-time.Duration(minutes) * time.Minute), Duration: 123 * time.Millisecond}
	}
	deliveriesOf := func(s *pageScreen) *deliveries {
		listing(s)
		s.Press("enter")
		o := s.Top().(*deliveries)
		event := func(file string, attempts ...hooks.Delivery) fleet.Sent {
			e := hooks.GroupByGUID(attempts)[0]
			d := fleet.Sent{ID: e.Latest().ID, GUID: e.GUID, Event: e.Event, Attempts: e.Attempts}
			if file != "" {
				d.File = &file
			}
			d.Outcome, d.Reason = e.Outcome(file != "")
			return d
		}
		const guid = "00000000-0000-4000-8000-00000000000"
		o.took([]fleet.Sent{
			event("20261124_115500_pull_request.json", delivery(1<<60, guid+"5", "pull_request", "OK", 200, 5)),
			event("20261124_114000_push.json", delivery(1<<60+2, guid+"6", "push", "OK", 200, 20), delivery(1<<60+1, guid+"6", "push", "timed out", 504, 30)),
			event("", delivery(1<<60+3, guid+"7", "workflow_run", "Invalid HTTP Response: 502", 502, 90)),
			event("20261124_100000_issues.json", delivery(1<<60+4, guid+"8", "issues", "failed to connect to host", 0, 120)),
			event("", delivery(1<<60+5, guid+"9", "push", "OK", 200, 3000)),
		}, nil)
		return o
	}
	running := func(s *pageScreen) {
		listing(s)
		rot := &s.hooks.rot
		rot.stored(stored(rotationOf(s, secret.StepVerified, secret.StepChanged, secret.StepPending)))
		rot.job, rot.verb = kittest.Job0(), "rotate"
	}
	all := map[string]func(*pageScreen){
		"hooks":        listing,
		"hooks-empty":  func(s *pageScreen) { s.Press("3") },
		"hooks-marked": func(s *pageScreen) { listing(s); s.Press("x", "x") },
		"hooks-broken": func(s *pageScreen) {
			s.Press("3")
			s.Settle(s.hooks.again([]listed{{target: gone, aside: &fleet.Aside{Target: gone, Err: notThere}}}))
		},
		"hooks-problems": func(s *pageScreen) {
			listing(s)
			s.Settle(s.hooks.again([]listed{{target: gone, aside: &fleet.Aside{Target: gone, Err: notThere}}}))
			s.Press("!")
		},
		"hooks-nobody": func(s *pageScreen) {
			s.Press("3")
			s.Settle(s.hooks.ended(fleet.List{}, &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}))
		},
		"hooks-moved":  func(s *pageScreen) { listing(s); s.Press("G", "k", "k") },
		"hooks-paused": func(s *pageScreen) { listing(s); s.Press("j", "j") },
		"hooks-other":  func(s *pageScreen) { listing(s); s.Press("G") },
		"hooks-pinged": func(s *pageScreen) {
			listing(s)
			s.hooks.said[hookKey{kittest.TargetAPI, 4713}] = verdict{"verify hook on octo-org/api: 401 Unauthorized (hint: give it the current secret: hookctl rotate 4713 -R octo-org/api)", true}
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
			s.Show(o.whole(o.list[2], hooks.Delivery{ID: o.list[2].ID, URL: kittest.PublicURL, ResponseBody: "upstream is not there", RequestHeaders: map[string]string{"X-GitHub-Event": "workflow_run"}, ResponseHeaders: map[string]string{"Server": "tunnel"}}, nil))
		},
		"rotating":        func(s *pageScreen) { running(s); s.hooks.watch() },
		"rotating-closed": running,
		"rotate-planning": func(s *pageScreen) { listing(s); planning(s) },
		"rotate-counting": func(s *pageScreen) { listing(s); counting(s, fleet.RotatePlan{}) },
		"rotation-failed": func(s *pageScreen) {
			listing(s)
			s.hooks.rot.stored(stored(rotationOf(s, secret.StepFailed, secret.StepVerified)))
			s.hooks.watch()
		},
		"rotation-refused": func(s *pageScreen) {
			listing(s)
			s.Settle(s.hooks.planned(planning(s), fleet.RotatePlan{}, hooks.WithCure(errors.New("no hook of this receiver was found"), "hookctl setup")))
		},
		"rotated": func(s *pageScreen) {
			listing(s)
			s.hooks.rot.stored(stored(promoted(rotationOf(s, secret.StepVerified))))
			s.hooks.watch()
		},
		"rotated-aside": func(s *pageScreen) {
			listing(s)
			s.hooks.rot.stored(stored(promoted(rotationOf(s, secret.StepVerified, secret.StepAside, secret.StepVerified))))
			s.hooks.rot.leave([]fleet.Aside{{Target: gone, Err: notThere}})
			s.hooks.watch()
		},
		"rotated-aside-closed": func(s *pageScreen) {
			listing(s)
			s.hooks.rot.stored(stored(promoted(rotationOf(s, secret.StepVerified, secret.StepAside, secret.StepVerified))))
		},
	}
	maps.Copy(all, crowdStates())
	return all
}

func shots() kittest.States[*pageScreen] {
	return kittest.States[*pageScreen]{List: hookStates(), Open: hooked, Of: func(s *pageScreen) (*kittest.Screen, *kit.Shell) { return s.Screen, s.Shell }}
}

func TestGoldenHooks(t *testing.T) { shots().Golden(t) }

func TestEverySizeOfHooksFits(t *testing.T) { shots().Fit(t) }

func TestStylesOfEveryScreen(t *testing.T) { shots().Styles(t) }
