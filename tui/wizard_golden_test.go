package tui

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// The hooks that the screens show.
var (
	targetAPI = hooks.Target{Owner: "octo-org", Repo: "api"}
	targetWeb = hooks.Target{Owner: "octo-org", Repo: "web"}
	targetLib = hooks.Target{Owner: "octo-org", Repo: "library-with-a-rather-long-name"}
	targetOrg = hooks.Target{Owner: "hub-org"}
)

func shownHook(id int64, t hooks.Target, change ...func(*hooks.Hook)) hooks.Hook {
	h := hooks.Hook{ID: id, Target: t, Name: "web", Active: true, Events: hooks.DefaultEvents(), URL: publicURL, ContentType: "json", HasSecret: true,
		LastResponse: hooks.Response{Code: 200, Status: "active", Message: "OK"}, CreatedAt: noon.AddDate(0, -2, 0), UpdatedAt: noon.AddDate(0, 0, -3)}
	for _, c := range change {
		c(&h)
	}
	return h
}

// shownHooks are hooks in every state that the page tells apart.
func shownHooks() map[hooks.Target][]hooks.Hook {
	return map[hooks.Target][]hooks.Hook{
		targetWeb: {shownHook(4711, targetWeb), shownHook(4712, targetWeb, func(h *hooks.Hook) {
			h.URL, h.LastResponse = "https://ci.example.org/github", hooks.Response{Code: 200, Status: "active"}
		})},
		targetAPI: {shownHook(4713, targetAPI, func(h *hooks.Hook) {
			h.LastResponse = hooks.Response{Code: 401, Message: "Invalid HTTP Response: 401"}
		})},
		targetLib: {shownHook(4714, targetLib, func(h *hooks.Hook) { h.Active = false }), shownHook(4715, targetLib, func(h *hooks.Hook) {
			h.Name, h.URL, h.Active = "cli", "https://webhook-forwarder.github.com/hook", false
		})},
		targetOrg: {shownHook(4716, targetOrg, func(h *hooks.Hook) { h.LastResponse = hooks.Response{Status: "unused"} })},
	}
}

// simulated is a GitHub with a few repositories, for what screens ask of it.
func simulated(t *testing.T) (*githubtest.Server, func() (*hooks.Client, error)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	gh := githubtest.New(githubtest.Options{Now: func() time.Time { return noon }, Resolve: func(string) string { return "" }})
	t.Cleanup(gh.Close)
	for name, r := range map[string]githubtest.Repository{
		"octo-org/web": {}, "octo-org/api": {}, targetLib.String(): {Private: true}, "octocat/dotfiles": {},
		"octo-org/attic": {Archived: true}, "mona/paintings": {Role: "read"},
	} {
		gh.AddRepository(name, r)
	}
	socket := filepath.Join(dir, "s")
	if err := gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	return gh, func() (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: socket})
	}
}

// hooked is a screen on a simulated GitHub.
func hooked(t *testing.T, w, h int, change ...func(*Config)) *screen {
	t.Helper()
	_, dial := simulated(t)
	return full(t, w, h, append([]func(*Config){func(c *Config) {
		c.Hooks = dial
		c.Setup.Port, c.Setup.Agent, c.Setup.Sink = 9000, "orchestrator-amoa", "http://127.0.0.1:23000"
		c.Setup.Repositories = []string{"octo-org/web"}
		c.Setup.Tunnels = hooks.Tunnels{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}}
	}}, change...)...)
}

// listing shows the Hooks page with hooks of every kind.
func listing(s *screen) {
	s.press("3")
	p := s.hooks()
	for t, list := range shownHooks() {
		s.send(hooksListed{target: t, list: list})
	}
	p.secret = secretFacts{fingerprint: "a1b2c3d4", origin: secret.FromEnvFile, changed: noon.AddDate(0, 0, -12)}
	s.send(tea.FocusMsg{})
}

// rotationOf is a rotation of the listed hooks with these steps.
func rotationOf(s *screen, steps ...string) *secret.Rotation {
	r := &secret.Rotation{Old: "0123456789abcdef", New: "fedcba9876543210", Started: noon, Grace: time.Hour}
	for i, row := range s.hooks().mine() {
		step := steps[min(i, len(steps)-1)]
		h := secret.RotationHook{Repository: row.Target.String(), HookID: row.ID, Step: step}
		if step == secret.StepFailed {
			h.Error = "configure hook on " + row.Target.String() + ": 403 Forbidden: Must have admin rights to Repository."
		}
		r.Hooks = append(r.Hooks, h)
	}
	return r
}

// at puts the wizard on a step, as if the ones before were answered.
func at(s *screen, step int) *wizard {
	s.press("w")
	w := s.wizard
	s.send(signedIn{of: w, login: login{gh: "/usr/bin/gh", client: w.client, user: hooks.User{Login: "octocat", Scopes: []string{"repo", "admin:repo_hook"}}}})
	w.value, w.origin = "0123456789abcdef", secret.FromNowhere
	w.address.choose(publicURL)
	w.address.offers, w.address.looked = nil, true
	w.address.choose(publicURL)
	for w.at < step && step <= stepNotify {
		w.at++
		s.settle(w.steps[w.at].open())
	}
	w.at = step
	return w
}

// planOf is what setup would do, as GitHub is in these screens.
func planOf(s *screen, w *wizard) {
	w.repos.pick.on[targetAPI.String()] = true
	w.repos.pick.on["mona/paintings"] = true
	s.settle(w.review.open())
}

// job0 is a job whose steps are told by the test.
func job0() *job { return &job{stop: func() {}, steps: make(chan hooks.Step)} }

func tell(j *job, target hooks.Target, id int64, name, state string, err error) {
	s := hooks.Step{Target: target, HookID: id, Name: name, State: state, Err: err}
	if state != hooks.StateFailed {
		s.Detail = map[string]string{"create hook": publicURL, "verify": "waiting for a signed ping"}[name]
	}
	j.took(s)
}

// hookStates are the Hooks page, its overlays, and every step of the wizard.
func hookStates() map[string]func(*screen) {
	notThere := &hooks.Error{Op: "list hooks", Target: "octo-org/gone", Status: http.StatusNotFound, Message: "Not Found", Cure: "check the spelling, and that you may see it: gh repo view octo-org/gone", Err: hooks.ErrNotFound}
	delivery := func(id int64, guid, event, status string, code, minutes int) hooks.Delivery {
		return hooks.Delivery{ID: id, GUID: guid, Event: event, Status: status, StatusCode: code, DeliveredAt: noon.Add(-time.Duration(minutes) * time.Minute), Duration: 123 * time.Millisecond}
	}
	deliveriesOf := func(s *screen) *deliveries {
		listing(s)
		s.press("enter")
		o := s.top().(*deliveries)
		event := func(file string, attempts ...hooks.Delivery) sent {
			return sent{hooks.GroupByGUID(attempts)[0], file}
		}
		const guid = "00000000-0000-4000-8000-00000000000"
		s.send(deliveriesRead{of: o, gen: o.gen, list: []sent{
			event("20261124_115500_pull_request.json", delivery(1<<60, guid+"5", "pull_request", "OK", 200, 5)),
			event("20261124_114000_push.json", delivery(1<<60+2, guid+"6", "push", "OK", 200, 20), delivery(1<<60+1, guid+"6", "push", "timed out", 504, 30)),
			event("", delivery(1<<60+3, guid+"7", "workflow_run", "Invalid HTTP Response: 502", 502, 90)),
			event("20261124_100000_issues.json", delivery(1<<60+4, guid+"8", "issues", "failed to connect to host", 0, 120)),
			event("", delivery(1<<60+5, guid+"9", "push", "OK", 200, 3000)),
		}})
		return o
	}
	all := map[string]func(*screen){
		"hooks":        listing,
		"hooks-empty":  func(s *screen) { s.press("3") },
		"hooks-marked": func(s *screen) { listing(s); s.press("x", "x") },
		"hooks-broken": func(s *screen) {
			s.press("3")
			s.send(hooksListed{target: hooks.Target{Owner: "octo-org", Repo: "gone"}, err: notThere})
		},
		"hooks-nobody": func(s *screen) {
			s.press("3")
			s.send(targetsFound{gen: s.hooks().gen, err: &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}})
		},
		"hooks-other": func(s *screen) { listing(s); s.press("G") },
		"hooks-pinged": func(s *screen) {
			listing(s)
			s.hooks().told[hookKey{targetAPI, 4713}] = verdict{"GitHub's ping of hook 4713 of octo-org/api: 401 signed with another secret (hint: enter shows the hook's deliveries)", true, noon}
			s.press("j")
		},
		"hooks-delete": func(s *screen) { listing(s); s.press("D") },
		"hooks-events": func(s *screen) {
			listing(s)
			s.press("m")
			s.press("space", "down", "down", "down", "down", "down", "space")
		},
		"hooks-copy":     func(s *screen) { listing(s); s.press("y") },
		"deliveries":     func(s *screen) { deliveriesOf(s) },
		"deliveries-bad": func(s *screen) { deliveriesOf(s); s.press("v") },
		"deliveries-open": func(s *screen) {
			o := deliveriesOf(s)
			s.press("j", "j")
			o.inside = true
			o.open = &hooks.Delivery{ID: o.list[2].Latest().ID, URL: publicURL, ResponseBody: "upstream is not there", RequestHeaders: map[string]string{"X-GitHub-Event": "workflow_run"}, ResponseHeaders: map[string]string{"Server": "tunnel"}}
		},
		"rotating": func(s *screen) {
			listing(s)
			p := s.hooks()
			p.rot.stored(rotationOf(s, secret.StepVerified, secret.StepChanged, secret.StepPending))
			p.rot.job, p.rot.verb = job0(), "rotate"
			p.watch()
		},
		"rotating-closed": func(s *screen) {
			listing(s)
			p := s.hooks()
			p.rot.stored(rotationOf(s, secret.StepVerified, secret.StepChanged, secret.StepPending))
			p.rot.job, p.rot.verb = job0(), "rotate"
		},
		"rotation-failed": func(s *screen) {
			listing(s)
			p := s.hooks()
			p.rot.stored(rotationOf(s, secret.StepFailed, secret.StepVerified))
			p.rot.err = &hooks.Error{Op: "rotate", Message: "1 of 4 hooks do not have the new secret yet; both secrets are accepted", Cure: "when the reason is gone, run: hookctl rotate --resume", Err: hooks.ErrUnfinished}
			p.watch()
		},
		"rotated": func(s *screen) {
			listing(s)
			r := rotationOf(s, secret.StepVerified)
			r.Promoted, r.Expires = noon, noon.Add(time.Hour)
			s.hooks().rot.stored(r)
			s.hooks().watch()
		},
		"wizard-1-signin": func(s *screen) { at(s, stepSignIn) },
		"wizard-1-nobody": func(s *screen) {
			w := at(s, stepSignIn)
			s.send(signedIn{of: w, login: login{gh: "/usr/bin/gh"}, err: &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}})
		},
		"wizard-1-no-gh": func(s *screen) {
			w := at(s, stepSignIn)
			s.send(signedIn{of: w, err: &hooks.Error{Op: "log in", Target: "github.com", Message: "no GitHub login was found", Cure: "run: gh auth login", Err: hooks.ErrNotLoggedIn}})
		},
		"wizard-1-scope": func(s *screen) {
			w := at(s, stepSignIn)
			s.send(signedIn{of: w, login: login{gh: "/usr/bin/gh", client: w.client, lacks: hookScope, user: hooks.User{Login: "octocat", Scopes: []string{"gist"}}}})
		},
		"wizard-2-repositories": func(s *screen) { at(s, stepRepositories) },
		"wizard-2-many": func(s *screen) {
			w := at(s, stepRepositories)
			var items []pickItem
			for i := range 400 {
				it := pickItem{id: fmt.Sprintf("acme-research-and-development/identity-provider-integration-eu-west-%03d", i)}
				if i%3 == 0 {
					it.right = "private"
				}
				items = append(items, it)
			}
			w.repos.pick.set(items)
			s.typed("west-1")
			s.press("ctrl+a")
		},
		"wizard-2-search": func(s *screen) { at(s, stepRepositories); s.typed("lib") },
		"wizard-2-typed":  func(s *screen) { at(s, stepRepositories); s.typed("hub-org/else") },
		"wizard-3-url": func(s *screen) {
			at(s, stepURL)
			s.send(statusMsg{err: daemon.ErrNotRunning})
			s.wizard.address.choose("")
		},
		"wizard-3-tunnel": func(s *screen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.send(tunnelsFound{of: w, list: []hooks.Tunnel{{Kind: "ngrok", URL: "https://1a2b-3c4d.ngrok-free.app", Target: "127.0.0.1:9000"}, {Kind: "cloudflared", URL: "https://random-words-here.trycloudflare.com"}}})
		},
		"wizard-3-run": func(s *screen) {
			w := at(s, stepURL)
			w.address.input.SetValue("")
			s.send(tunnelsFound{of: w, can: []string{"cloudflared", "tailscale"}})
			s.press("down")
		},
		"wizard-3-bad": func(s *screen) { w := at(s, stepURL); w.address.choose("ftp://files.example.com"); s.press("enter") },
		"wizard-3-warned": func(s *screen) {
			w := at(s, stepURL)
			s.send(urlTested{w, publicURL, reached{saw: "https://hooks.example.com: /healthz answers 502 Bad Gateway", cure: "the tunnel is up but the receiver does not answer; run: hookctl start"}})
		},
		"wizard-4-events": func(s *screen) { at(s, stepEvents) },
		"wizard-5-secret": func(s *screen) { at(s, stepSecret) },
		"wizard-5-kept":   func(s *screen) { at(s, stepSecret).origin = secret.FromEnvFile },
		"wizard-5-open": func(s *screen) {
			w := at(s, stepSecret)
			s.send(secretFound{of: w, err: &secret.PermissionError{Path: "~/.atlas/.env", Mode: 0o644}})
		},
		"wizard-6-notify": func(s *screen) { at(s, stepNotify).notify.answer["orchestrator-amoa"] = nil },
		"wizard-6-absent": func(s *screen) {
			at(s, stepNotify).notify.answer["orchestrator-amoa"] = errors.New("AI Maestro does not answer at http://127.0.0.1:23000: connection refused")
		},
		"wizard-7-receiver": func(s *screen) { at(s, stepReceiver); s.send(statusMsg{err: daemon.ErrNotRunning}) },
		"wizard-7-port": func(s *screen) {
			w := at(s, stepReceiver)
			s.send(receiverReady{of: w, err: &daemon.PortError{Address: "127.0.0.1:9000", Holder: "nginx (pid 12)", Err: errors.New("address already in use")}})
		},
		"wizard-7-done": func(s *screen) {
			w := at(s, stepReceiver)
			w.receiver.done, w.receiver.addr = true, "127.0.0.1:9000"
			w.address.tested[publicURL] = reached{saw: "https://hooks.example.com: /healthz answers 502 Bad Gateway", cure: "the tunnel is up but the receiver does not answer; run: hookctl start"}
		},
		"wizard-8-review": func(s *screen) { planOf(s, at(s, stepReview)) },
		"wizard-9-working": func(s *screen) {
			w := at(s, stepApply)
			w.apply.job = job0()
			tell(w.apply.job, targetAPI, 0, "create hook", hooks.StateDone, nil)
			tell(w.apply.job, targetAPI, 4713, "verify", hooks.StateRunning, nil)
			tell(w.apply.job, targetWeb, 0, "create hook", hooks.StateRunning, nil)
		},
		"wizard-9-failed": func(s *screen) {
			w := at(s, stepApply)
			w.apply.job = job0()
			tell(w.apply.job, targetAPI, 0, "create hook", hooks.StateDone, nil)
			tell(w.apply.job, targetAPI, 4713, "verify", hooks.StateDone, nil)
			bad := &hooks.Error{Op: "verify hook", Target: "octo-org/web", Message: "GitHub's ping was answered with 502: Invalid HTTP Response: 502", Cure: "the tunnel is up but the receiver does not answer; run: hookctl start", Err: hooks.ErrNotDelivered}
			tell(w.apply.job, targetWeb, 0, "create hook", hooks.StateDone, nil)
			tell(w.apply.job, targetWeb, 4711, "verify", hooks.StateFailed, bad)
			s.send(applied{w, w.apply.job, []hooks.SetupResult{{Target: targetAPI, HookID: 4713, Verified: true}, {Target: targetWeb, HookID: 4711, Err: bad}}, fmt.Errorf("%w: 1 of 2", hooks.ErrIncomplete)})
		},
		"wizard-9-done": func(s *screen) {
			w := at(s, stepApply)
			w.apply.job = job0()
			for _, t := range []hooks.Target{targetAPI, targetWeb} {
				tell(w.apply.job, t, 0, "create hook", hooks.StateDone, nil)
				tell(w.apply.job, t, 4711, "verify", hooks.StateDone, nil)
			}
			s.send(applied{w, w.apply.job, []hooks.SetupResult{{Target: targetAPI, HookID: 4713, Verified: true}, {Target: targetWeb, HookID: 4711, Verified: true}}, nil})
		},
	}
	maps.Copy(all, crowdStates())
	return all
}

// The screens of hooks and wizard as people see them.
func TestGoldenHooks(t *testing.T) {
	for name, enter := range hookStates() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, sz := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
				s := hooked(t, sz[0], sz[1])
				enter(s)
				fmt.Fprintf(&b, "== %dx%d\n%s", sz[0], sz[1], s.text())
			}
			s := hooked(t, 80, 24, func(c *Config) { c.ASCII = true })
			enter(s)
			fmt.Fprintf(&b, "== 80x24 in ASCII\n%s", s.text())
			golden.RequireEqual(t, []byte(b.String()))
		})
	}
}

// The styles of a light and of a dark terminal.
func TestGoldenHookStyles(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		for _, name := range []string{"hooks", "deliveries", "rotating", "rotation-failed", "wizard-2-search", "wizard-3-warned", "wizard-9-done"} {
			t.Run(theme+"/"+name, func(t *testing.T) {
				s := hooked(t, 80, 24, func(c *Config) { c.Theme = theme })
				hookStates()[name](s)
				golden.RequireEqual(t, []byte(strings.ReplaceAll(s.View().Content, "\x1b", "^[")))
			})
		}
	}
}

// No screen of hooks and wizard is wider or higher than the window, and the
// cursor stays inside, at any size.
func TestEverySizeOfHooksFits(t *testing.T) {
	for name, enter := range hookStates() {
		t.Run(name, func(t *testing.T) {
			s := hooked(t, 80, 24)
			enter(s)
			heights := []int{0, 1, 2, 3, 5, 8, 11, 12, 13, 16, 24, 40, 60}
			n := 0
			for _, w := range []int{0, 1, 2, 5, 10, 19, 20, 30, 39, 40, 47, 56, 60, 79, 80, 90, 99, 110, 120, 160, 200} {
				for range 3 { // each width meets other heights
					n += 5
					h := heights[n%len(heights)]
					s.send(tea.WindowSizeMsg{Width: w, Height: h})
					v := s.View()
					if w == 0 || h == 0 {
						continue
					}
					lines := strings.Split(v.Content, "\n")
					if len(lines) != h {
						t.Fatalf("%dx%d: %d lines", w, h, len(lines))
					}
					for _, l := range lines {
						if n := ansi.StringWidth(l); n != w {
							t.Fatalf("%dx%d: a line of %d columns: %q", w, h, n, ansi.Strip(l))
						}
					}
					if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0 || w >= 10 && c.X > w || h >= 5 && c.Y >= h) {
						t.Fatalf("%dx%d: the cursor is at %d,%d", w, h, c.X, c.Y)
					}
				}
			}
		})
	}
}

// Every action of hooks and wizard is whole, and no key means two things.
func TestActionsOfHooksAreWhole(t *testing.T) {
	for name, enter := range hookStates() {
		t.Run(name, func(t *testing.T) {
			s := hooked(t, 80, 24)
			enter(s)
			keys := map[string]string{}
			for _, a := range s.actions() {
				if a.id == "close" || a.id == "wizard.back" && s.top() == nil {
					continue // esc of the frame, which overlays have of their own
				}
				if a.run == nil || !strings.HasSuffix(a.text, ".") || strings.HasSuffix(a.off, ".") || a.command != "" && !strings.HasPrefix(a.command, "hookctl ") {
					t.Errorf("%s is not whole: %+v", a.id, a)
				}
				for _, k := range a.keys {
					if other, ok := keys[k]; ok {
						t.Errorf("key %q means %s and %s", k, other, a.id)
					}
					keys[k] = a.id
				}
			}
		})
	}
}
