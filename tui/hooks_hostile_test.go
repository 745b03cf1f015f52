package tui

import (
	"errors"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// nasty is text that takes a terminal over where it is not cleaned.
const nasty = "\x1b[2J\x1b]52;c;aGk=\x07\x1b[31mred\u202e\u2066\x9b31m\r\n\x00\xff"

// hostile are the states of hookStates with every text from outside made
// nasty, and the same with what is left of it. Their screens are the same.
func hostile(text func(string) string) map[string]func(*screen) {
	bad := &hooks.Error{Op: "list hooks", Target: "octo-org/web", Status: 500, Message: text("broken"), Cure: text("wait")}
	nastyHooks := func(s *screen) {
		s.press("3")
		h := shownHook(4711, targetWeb, func(h *hooks.Hook) {
			h.URL, h.Events = text(publicURL), []string{text("push"), "issues"}
			h.LastResponse = hooks.Response{Code: 500, Status: text("bad"), Message: text("failed")}
		})
		s.send(hooksListed{target: targetWeb, list: []hooks.Hook{h}})
		s.hooks().known.hooks = map[int64]seen{4711: {fingerprint: "a1b2c3d4", at: noon}}
		s.hooks().rejudge()
	}
	return map[string]func(*screen){
		"hooks": nastyHooks,
		"broken": func(s *screen) {
			s.press("3")
			s.send(hooksListed{target: targetWeb, err: bad})
		},
		"done": func(s *screen) {
			nastyHooks(s)
			s.send(hookDone{hookKey{targetWeb, 4711}, text("pinged"), nil})
		},
		"failed": func(s *screen) {
			nastyHooks(s)
			s.send(hookDone{hookKey{targetWeb, 4711}, "", errors.New(text("refused"))})
		},
		"deliveries": func(s *screen) {
			nastyHooks(s)
			s.press("enter")
			o := s.top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Action: text("created"), Status: text("failed"), DeliveredAt: noon}
			s.send(deliveriesRead{of: o, gen: o.gen, list: []sent{{Event: hooks.GroupByGUID([]hooks.Delivery{d})[0]}}})
		},
		"delivery": func(s *screen) {
			nastyHooks(s)
			s.press("enter")
			o := s.top().(*deliveries)
			d := hooks.Delivery{ID: 7, GUID: text("guid"), Event: text("push"), Status: text("failed"), StatusCode: 500, DeliveredAt: noon}
			s.send(deliveriesRead{of: o, gen: o.gen, list: []sent{{Event: hooks.GroupByGUID([]hooks.Delivery{d})[0]}}})
			o.inside = true
			o.open = &hooks.Delivery{ID: 7, URL: text(publicURL), ResponseBody: text("body"), RequestHeaders: map[string]string{"X-A": text("a")}, ResponseHeaders: map[string]string{text("X-B"): "b"}}
		},
		"rotation": func(s *screen) {
			nastyHooks(s)
			r := rotationOf(s, secret.StepFailed)
			r.Hooks[0].Error = text("403 Forbidden")
			s.hooks().rot.stored(r)
			s.hooks().watch()
		},
		"sign-in": func(s *screen) {
			w := at(s, stepSignIn)
			s.send(signedIn{of: w, login: login{client: w.client, user: hooks.User{Login: text("octocat")}}})
		},
		"sign-in failed": func(s *screen) { s.send(signedIn{of: at(s, stepSignIn), err: bad}) },
		"repositories": func(s *screen) {
			w := at(s, stepRepositories)
			s.send(reposFound{of: w, client: w.client, list: []hooks.Repository{{FullName: text("octo-org/web"), Admin: true}, {FullName: text("octo-org/attic"), Archived: true}}})
		},
		"tunnels": func(s *screen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.send(tunnelsFound{of: w, list: []hooks.Tunnel{{Kind: text("ngrok"), URL: text("https://x.ngrok.app"), Target: text("127.0.0.1:9000")}}})
		},
		"notify":   func(s *screen) { at(s, stepNotify).notify.answer["orchestrator-amoa"] = errors.New(text("no agent")) },
		"receiver": func(s *screen) { s.send(receiverReady{of: at(s, stepReceiver), err: errors.New(text("exited"))}) },
		"review": func(s *screen) {
			w := at(s, stepReview)
			s.send(planned{w, w.review.gen, hooks.SetupPlan{URL: text(publicURL), Items: []hooks.SetupItem{
				{Target: targetWeb, Action: hooks.ActionUpdate, HookID: 1, Changes: []hooks.FieldChange{{Field: "events", From: text("push"), To: text("issues")}}, Warnings: []hooks.Warning{{Text: text("odd"), Cure: text("mend")}}},
				{Target: targetAPI, Action: hooks.ActionFail, Err: bad},
				{Target: targetLib, Action: hooks.ActionCreate},
			}}, "", nil})
		},
		"apply": func(s *screen) {
			w := at(s, stepApply)
			w.apply.job = job0()
			tell(w.apply.job, targetAPI, 1, "verify", hooks.StateFailed, bad)
			s.send(applied{w, w.apply.job, []hooks.SetupResult{{Target: targetAPI, Err: bad}}, errors.New(text("incomplete"))})
		},
	}
}

// Text from outside that takes terminals over changes nothing: the screen is
// that of its harmless twin, and no byte of it gets out.
func TestHostileTextChangesNothing(t *testing.T) {
	bad := hostile(func(s string) string { return s + nasty })
	good := hostile(func(s string) string { return s + cleaned(nasty) })
	for name := range bad {
		t.Run(name, func(t *testing.T) {
			b, g := hooked(t, 80, 24), hooked(t, 80, 24)
			bad[name](b)
			good[name](g)
			if b.text() != g.text() {
				t.Errorf("hostile:\n%s\nharmless:\n%s", b.text(), g.text())
			}
			v := b.View()
			if v.WindowTitle != "hookctl" {
				t.Errorf("the window title is %q", v.WindowTitle)
			}
			for _, c := range ansi.Strip(v.Content) {
				if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069) {
					t.Fatalf("the screen has %U", c)
				}
			}
			if strings.Contains(v.Content, "\x1b]52") || strings.Contains(v.Content, "\x1b[2J") {
				t.Error("a sequence of the text reached the screen")
			}
		})
	}
}

// cleaned is what the boundary leaves of a text.
func cleaned(s string) string { return text.Clean(s) }
