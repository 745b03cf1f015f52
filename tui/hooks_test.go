package tui

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// withHooks is a rig with a running receiver and a hook on each repository.
func withHooks(t *testing.T, repositories ...string) *rig {
	t.Helper()
	r := newRig(t, repositories...)
	value, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cfg.Store.SetCurrent(value); err != nil {
		t.Fatal(err)
	}
	for _, name := range repositories {
		r.hook(name)
	}
	r.cfg.Setup.Repositories, r.cfg.Setup.URL = repositories, publicURL
	r.receive()
	r.start()
	r.until("the receiver", r.running)
	r.press("3")
	r.until("the hooks", func() bool {
		return r.hooks().loaded && r.hooks().waiting == 0 && r.log != nil && r.hooks().secret.fingerprint != ""
	})
	return r
}

func (r *rig) idle() bool { return len(r.hooks().busy) == 0 }

func TestRotationOfAllHooksAndUndo(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	r.press("r")
	r.shows("Rotating the secret")
	r.shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil || fresh == old {
		t.Fatalf("the secret is the old one (%v)", err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.gh.Hooks(name)[0].Secret; got != fresh {
			t.Errorf("%s signs with %s, not with the new secret %s", name, secret.Fingerprint(got), secret.Fingerprint(fresh))
		}
	}
	r.press("esc")
	r.shows("rotated, u undoes until")
	r.press("u")
	r.shows("Undoing the rotation")
	r.until("the undo", func() bool { return !r.hooks().rot.busy() })
	if back, _, err := r.cfg.Store.Current(); err != nil || back != old {
		t.Fatalf("the old secret is not back (%v)", err)
	}
	if got := r.gh.Hooks("octo-org/web")[0].Secret; got != old {
		t.Errorf("the hook signs with %s", secret.Fingerprint(got))
	}
}

// A hook that GitHub does not let us change leaves both secrets accepted; when
// the reason is gone, the same key goes on.
func TestRotationResumesWhereItStopped(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	lift := r.gh.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/api/hooks/*/config", Status: http.StatusUnavailableForLegalReasons})
	r.press("r")
	r.shows("r resumes")
	r.until("the end", func() bool { return !r.hooks().rot.busy() })
	r.shows("Both secrets are accepted meanwhile")
	state, err := r.cfg.Store.Rotation()
	if err != nil || state == nil || !state.Promoted.IsZero() {
		t.Fatalf("the rotation is %v (%v)", state, err)
	}
	r.press("esc")
	r.shows("rotation stopped, 1 failed")
	lift()
	r.press("r")
	r.shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.gh.Hooks(name)[0].Secret; got != fresh {
			t.Errorf("%s signs with %s", name, secret.Fingerprint(got))
		}
	}
}

// Some hooks of many get a secret of their own, so that the others keep theirs.
func TestRotationOfMarkedHooks(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	r.press("x", "r")
	r.shows("Done. u undoes it until")
	if now, _, err := r.cfg.Store.Current(); err != nil || now != old {
		t.Fatalf("the shared secret changed (%v)", err)
	}
	api, web := r.gh.Hooks("octo-org/api")[0], r.gh.Hooks("octo-org/web")[0]
	if api.Secret == old || web.Secret != old {
		t.Errorf("api signs with %s, web with %s; shared is %s", secret.Fingerprint(api.Secret), secret.Fingerprint(web.Secret), secret.Fingerprint(old))
	}
	r.press("esc")
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		for _, d := range must(r.gh.Deliver(context.Background(), name, "push", githubtest.SampleFor("push.main", name)))(t) {
			if !d.OK() {
				t.Errorf("a push of %s is answered with %d", name, d.StatusCode)
			}
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPingIsProvedByTheLog(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	r.press("P")
	r.shows("waiting for a ping")
	r.shows("arrived, signed with")

	r.gh.SetSecret("octo-org/web", r.gh.Hooks("octo-org/web")[0].ID, "somebody else's")
	r.press("P")
	r.until("the refusal", r.idle)
	r.shows("401 signed with another secret")
}

func TestPauseResumeEditDelete(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	at := func() githubtest.Hook { return r.gh.Hooks("octo-org/web")[0] }
	r.press("A")
	r.until("the pause", func() bool { return !at().Active && r.idle() })
	r.shows("A resumes it")
	r.press("A")
	r.until("the resumption", func() bool { return at().Active && r.idle() })

	r.press("m")
	r.shows("Events of hook")
	r.typed("release")
	r.press("space", "enter")
	r.until("the edit", r.idle)
	if !slices.Contains(at().Events, "release") || !slices.Contains(at().Events, "push") {
		t.Errorf("the events are %v", at().Events)
	}
	if value, _, err := r.cfg.Store.Current(); err != nil || at().Secret != value {
		t.Errorf("an edit changed the secret (%v)", err)
	}

	r.press("D")
	r.shows("Delete hook")
	r.press("D") // the key that asked does not agree
	if len(r.gh.Hooks("octo-org/web")) != 1 {
		t.Fatal("the key that asked deleted the hook")
	}
	r.press("y")
	r.until("the deletion", func() bool { return len(r.gh.Hooks("octo-org/web")) == 0 && len(r.hooks().rows) == 0 })
	r.shows("No hook yet")
}

// Deliveries stand beside what the log has, and what was missed can be sent
// again.
func TestDeliveriesBesideTheLog(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	id := r.gh.Hooks("octo-org/web")[0].ID
	value, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	push := githubtest.SampleFor("push.main", "octo-org/web")
	must(r.gh.Deliver(context.Background(), "octo-org/web", "push", push))(t)
	r.gh.SetSecret("octo-org/web", id, "somebody else's")
	must(r.gh.Deliver(context.Background(), "octo-org/web", "push", push))(t)
	r.gh.SetSecret("octo-org/web", id, value)
	r.press("enter")
	r.shows("1 never arrived")
	r.shows("401 signed with another")
	r.shows("a record")
	r.press("v")
	r.shows("only what went wrong")
	r.press("enter")
	r.shows("401")
	r.shows("X-Hub-Signature-256")
	r.press("esc", "B")
	r.shows("all of them are here")
	r.press("esc")
	if r.top() != nil {
		t.Error("the deliveries are still open")
	}
}

// A GitHub that hangs holds no key.
func TestSlowGitHubHoldsNoKey(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	lift := r.gh.Fault(githubtest.Fault{Path: "/**", Delay: 1 << 40})
	defer lift()
	r.press("ctrl+r", "P", "enter")
	r.shows("asking GitHub")
	r.press("esc", "?")
	r.shows("Keys on Hooks")
	r.press("esc", "2", "3")
	r.shows("octo-org/web")
}

// An answer to what is no longer asked changes nothing.
func TestLateAnswersAreDropped(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	target := hooks.Target{Owner: "octo-org", Repo: "web"}
	r.handle(hooksListed{gen: r.hooks().gen + 7, target: target})
	r.shows("octo-org/web")
	r.handle(targetsFound{gen: r.hooks().gen + 7})
	r.shows("octo-org/web")
}

func TestHookWarnings(t *testing.T) {
	target := hooks.Target{Owner: "o", Repo: "r"}
	well := hooks.Hook{ID: 1, Target: target, Name: "web", Active: true, Events: []string{"push"}, URL: publicURL, ContentType: "json", HasSecret: true, LastResponse: hooks.Response{Code: 200, Status: "active"}}
	change := func(f func(*hooks.Hook)) hooks.Hook { h := well; f(&h); return h }
	for _, c := range []struct {
		name   string
		hook   hooks.Hook
		others []hooks.Hook
		level  int
		says   string
	}{
		{"well", well, nil, healthGood, "delivers"},
		{"unused", change(func(h *hooks.Hook) { h.LastResponse = hooks.Response{Status: "unused"} }), nil, healthNone, "no delivery yet"},
		{"paused", change(func(h *hooks.Hook) { h.Active = false }), nil, healthWarn, "paused"},
		{"another secret", change(func(h *hooks.Hook) { h.LastResponse.Code = 401 }), nil, healthBad, "signed with another secret"},
		{"tunnel without receiver", change(func(h *hooks.Hook) { h.LastResponse.Code = 502 }), nil, healthBad, "receiver down"},
		{"unknown answer", change(func(h *hooks.Hook) { h.LastResponse.Code = 418 }), nil, healthBad, "418 not accepted"},
		{"not reached", change(func(h *hooks.Hook) { h.LastResponse = hooks.Response{Message: "failed to connect to host"} }), nil, healthBad, "not reached: failed to connect"},
		{"left over", change(func(h *hooks.Hook) { h.Name = "cli"; h.URL = "" }), nil, healthWarn, "a relay left this hook behind"},
		{"elsewhere", change(func(h *hooks.Hook) { h.URL = "https://ci.example.org/hook" }), nil, healthGood, "delivers to another receiver"},
		{"twice", well, []hooks.Hook{change(func(h *hooks.Hook) { h.ID = 2 })}, healthWarn, "events come twice"},
		{"unsigned", change(func(h *hooks.Hook) { h.HasSecret = false }), nil, healthWarn, "it has no secret"},
		{"form", change(func(h *hooks.Hook) { h.ContentType = "form" }), nil, healthWarn, "it sends forms"},
		{"certificate", change(func(h *hooks.Hook) { h.InsecureSSL = true }), nil, healthWarn, "does not check the certificate"},
		{"plain", change(func(h *hooks.Hook) { h.URL = "http://hooks.example.com/webhook" }), nil, healthWarn, "not encrypted"},
		{"nothing", change(func(h *hooks.Hook) { h.Events = nil }), nil, healthWarn, "subscribed to nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			public := publicURL
			if c.name == "plain" {
				public = c.hook.URL
			}
			rows := judge(append([]hooks.Hook{c.hook}, c.others...), public, nil)
			i := slices.IndexFunc(rows, func(r hookRow) bool { return r.ID == c.hook.ID })
			r := rows[i]
			if r.level != c.level {
				t.Errorf("the level is %d, not %d", r.level, c.level)
			}
			all := r.health
			for _, n := range r.notes {
				all += "\n" + n.pressed()
			}
			if !strings.Contains(all, c.says) {
				t.Errorf("it says %q, and not %q", all, c.says)
			}
		})
	}
}

// A hook of an organisation is found through its deliveries, and treated like
// any other.
func TestHooksOfOrganisations(t *testing.T) {
	r := newRig(t, "octo-org/web")
	r.gh.AddOrg("octo-org")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.hook("octo-org")
	r.cfg.Setup.Repositories, r.cfg.Setup.URL = []string{"octo-org/web"}, publicURL
	r.receive()
	r.start()
	r.until("the receiver", r.running)
	r.press("3")
	r.until("the answer", func() bool { return r.hooks().loaded })
	// The delivery comes while the page is open, and leads to the hook.
	must(r.gh.Deliver(context.Background(), "octo-org/web", "push", githubtest.SampleFor("push.main", "octo-org/web")))(t)
	r.until("the hook", func() bool { return len(r.hooks().rows) == 1 && r.hooks().waiting == 0 })
	r.shows("octo-org")
	r.press("T")
	r.shows("no tests for hooks of organisations")
	r.press("P")
	r.shows("arrived, signed with")
	r.press("r")
	r.shows("Done. u undoes it until")
	if value, _, err := r.cfg.Store.Current(); err != nil || r.gh.Hooks("octo-org")[0].Secret != value {
		t.Errorf("the hook has another secret (%v)", err)
	}
}

// Keys act on all marked hooks.
func TestMarkedHooksTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	active := func() (n int) {
		for _, name := range r.cfg.Setup.Repositories {
			if r.gh.Hooks(name)[0].Active {
				n++
			}
		}
		return n
	}
	r.press("x", "x", "A")
	r.until("the pause", func() bool { return active() == 1 && r.idle() })
	r.press("esc", "X")
	r.shows("3 marked")
	r.press("m")
	r.shows("Events of 3 marked hooks")
	r.typed("release")
	r.press("space", "enter")
	r.until("the edit", r.idle)
	for _, name := range r.cfg.Setup.Repositories {
		if !slices.Contains(r.gh.Hooks(name)[0].Events, "release") {
			t.Errorf("%s has %v", name, r.gh.Hooks(name)[0].Events)
		}
	}
	r.press("c")
	r.shows("nothing was missing")
}

// A list that was stopped half way never starts a rotation that would leave
// hooks behind.
func TestNoRotationOfHalfAList(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	lift := r.gh.Fault(githubtest.Fault{Path: "/repos/octo-org/web/hooks", Delay: 1 << 40})
	defer lift()
	r.press("ctrl+r")
	r.until("the question", func() bool { return r.hooks().waiting == 1 })
	r.press("r")
	r.shows("still being asked")
	r.press("ctrl+x")
	r.until("the stop", func() bool { return r.hooks().waiting == 0 })
	r.press("r")
	r.shows("the list of hooks is not complete")
	if r.top() != nil {
		t.Error("something opened")
	}
}

// A hundred repositories cost what they must: one question each, and none
// again when the page comes back to the front.
func TestHundredRepositories(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = "octo-org/service-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	r := withHooks(t, names...)
	asked := len(r.gh.Requests())
	r.shows("100 hooks")
	r.press("1")
	r.run(r.poll(false))
	r.until("another page", func() bool { return r.hooks().away })
	r.press("3")
	r.until("the secret", func() bool { return !r.hooks().away })
	r.press("G", "k", "X")
	r.shows("100 marked")
	if now := len(r.gh.Requests()); now != asked {
		t.Errorf("%d more questions", now-asked)
	}
}

// A login that was mended outside is taken when the list is asked for anew.
func TestMendedLoginIsTaken(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	r.gh.SetScopes(githubtest.DefaultLogin, "gist")
	r.press("ctrl+r")
	r.until("the refusal", func() bool { return len(r.hooks().broken) == 1 && r.hooks().waiting == 0 })
	dials := 0
	dial := r.cfg.Hooks
	r.cfg.Hooks = func() (*hooks.Client, error) { dials++; return dial() }
	r.gh.SetScopes(githubtest.DefaultLogin, "repo", "admin:repo_hook")
	r.press("ctrl+r")
	r.until("the hooks", func() bool { return len(r.hooks().broken) == 0 && r.hooks().waiting == 0 })
	if dials != 1 {
		t.Errorf("GitHub was dialled %d times", dials)
	}
}

// A login that is lost does not take away what is listed, and keys that ask
// GitHub tell of it.
func TestHooksOutliveALostLogin(t *testing.T) {
	r := withHooks(t, "octo-org/api")
	r.hooks().broken[hooks.Target{Owner: "octo-org", Repo: "gone"}] = hooks.ErrNotLoggedIn
	r.cfg.Hooks = func() (*hooks.Client, error) { return nil, hooks.ErrNotLoggedIn }
	r.press("ctrl+r")
	r.until("the answer", func() bool { return r.hooks().problem != nil })
	r.gh.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/api/hooks/*/pings", Status: http.StatusUnauthorized})
	r.press("P")
	r.until("the end of the ping", r.idle)
	h, _ := r.hooks().current()
	if v := r.hooks().told[h.key()]; !v.bad {
		t.Fatalf("the ping came to %+v", v)
	}
	r.press("d")
	r.shows("Deliveries of hook")
}

// Catching up in a hook's deliveries is about that hook, whatever is marked
// behind the box.
func TestDeliveriesAreOfTheirHook(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	r.press("x", "d") // the mark is on api, the box on web
	r.shows("Deliveries of hook")
	if act, ok := find(r.actions(), "c"); !ok || act.command != "hookctl catchup -R octo-org/web" {
		t.Fatalf("catching up is %q", act.command)
	}
	o := r.top().(*deliveries)
	r.until("the deliveries", func() bool { return !o.loading })
	o.all, o.list = nil, nil
	r.press("v")
	r.shows("Nothing went wrong; v shows everything.")
}
