package webhooks

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// withHooks is a rig with a running receiver and a hook on each repository.
func withHooks(t *testing.T, repositories ...string) *pageRig {
	t.Helper()
	r := newHookRig(t, repositories...)
	value, err := secret.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cfg.Store.SetCurrent(value); err != nil {
		t.Fatal(err)
	}
	for _, name := range repositories {
		r.Hook(name)
	}
	r.World.Cfg.URL, r.World.Cfg.Repositories = kittest.PublicURL, repositories
	r.hooks.cfg.Repositories = repositories
	r.Receive()
	r.Start()
	r.Until("the receiver", r.Status.OK)
	r.Press("3")
	r.Until("the hooks", func() bool {
		return r.hooks.loaded && r.hooks.waiting == 0 && r.Log.Value != nil && r.hooks.secret.fingerprint != ""
	})
	return r
}

func (r *pageRig) idle() bool { return len(r.hooks.busy) == 0 }

func TestRotationOfAllHooksAndUndo(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	r.Press("r")
	r.Shows("Rotating the secret")
	r.Shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil || fresh == old {
		t.Fatalf("the secret is the old one (%v)", err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.GitHub.Hooks(name)[0].Secret; got != fresh {
			t.Errorf("%s signs with %s, not with the new secret %s", name, secret.Fingerprint(got), secret.Fingerprint(fresh))
		}
	}
	r.Press("esc")
	r.Shows("rotated, u undoes until")
	r.Press("u")
	r.Shows("Undoing the rotation")
	r.Until("the undo", func() bool { return !r.hooks.rot.busy() })
	if back, _, err := r.cfg.Store.Current(); err != nil || back != old {
		t.Fatalf("the old secret is not back (%v)", err)
	}
	if got := r.GitHub.Hooks("octo-org/web")[0].Secret; got != old {
		t.Errorf("the hook signs with %s", secret.Fingerprint(got))
	}
}

// A hook that GitHub does not let us change leaves both secrets accepted; when
// the reason is gone, the same key goes on.
func TestRotationResumesWhereItStopped(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/api/hooks/*/config", Status: http.StatusUnavailableForLegalReasons})
	r.Press("r")
	r.Shows("r resumes")
	r.Until("the end", func() bool { return !r.hooks.rot.busy() })
	r.Shows("Both secrets are accepted meanwhile")
	state, err := r.cfg.Store.Rotation()
	if err != nil || state == nil || !state.Promoted.IsZero() {
		t.Fatalf("the rotation is %v (%v)", state, err)
	}
	r.Press("esc")
	r.Shows("rotation stopped, 1 failed")
	lift()
	r.Press("r")
	r.Shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.GitHub.Hooks(name)[0].Secret; got != fresh {
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
	r.Press("x", "r")
	r.Shows("Done. u undoes it until")
	if now, _, err := r.cfg.Store.Current(); err != nil || now != old {
		t.Fatalf("the shared secret changed (%v)", err)
	}
	api, web := r.GitHub.Hooks("octo-org/api")[0], r.GitHub.Hooks("octo-org/web")[0]
	if api.Secret == old || web.Secret != old {
		t.Errorf("api signs with %s, web with %s; shared is %s", secret.Fingerprint(api.Secret), secret.Fingerprint(web.Secret), secret.Fingerprint(old))
	}
	r.Press("esc")
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		for _, d := range kittest.Must(r.GitHub.Deliver(context.Background(), name, "push", githubtest.SampleFor("push.main", name)))(t) {
			if !d.OK() {
				t.Errorf("a push of %s is answered with %d", name, d.StatusCode)
			}
		}
	}
}

func TestPingIsProvedByTheLog(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	r.Press("P")
	r.Shows("waiting for a ping")
	r.Shows("arrived, signed with")

	r.GitHub.SetSecret("octo-org/web", r.GitHub.Hooks("octo-org/web")[0].ID, "somebody else's")
	r.Press("P")
	r.Until("the refusal", r.idle)
	r.Shows("401 signed with another secret")
}

func TestPauseResumeEditDelete(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	at := func() githubtest.Hook { return r.GitHub.Hooks("octo-org/web")[0] }
	r.Press("A")
	r.Until("the pause", func() bool { return !at().Active && r.idle() })
	r.Shows("A resumes it")
	r.Press("A")
	r.Until("the resumption", func() bool { return at().Active && r.idle() })

	r.Press("m")
	r.Shows("Events of hook")
	r.Typed("release")
	r.Press("space", "enter")
	r.Until("the edit", r.idle)
	if !slices.Contains(at().Events, "release") || !slices.Contains(at().Events, "push") {
		t.Errorf("the events are %v", at().Events)
	}
	if value, _, err := r.cfg.Store.Current(); err != nil || at().Secret != value {
		t.Errorf("an edit changed the secret (%v)", err)
	}

	r.Press("D")
	r.Shows("Delete hook")
	r.Press("D") // the key that asked does not agree
	if len(r.GitHub.Hooks("octo-org/web")) != 1 {
		t.Fatal("the key that asked deleted the hook")
	}
	r.Press("y")
	r.Until("the deletion", func() bool { return len(r.GitHub.Hooks("octo-org/web")) == 0 && len(r.hooks.rows) == 0 })
	r.Shows("No hook yet")
}

// Deliveries stand beside what the log has, and what was missed can be sent
// again.
func TestDeliveriesBesideTheLog(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	id := r.GitHub.Hooks("octo-org/web")[0].ID
	value, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	push := githubtest.SampleFor("push.main", "octo-org/web")
	kittest.Must(r.GitHub.Deliver(context.Background(), "octo-org/web", "push", push))(t)
	r.GitHub.SetSecret("octo-org/web", id, "somebody else's")
	kittest.Must(r.GitHub.Deliver(context.Background(), "octo-org/web", "push", push))(t)
	r.GitHub.SetSecret("octo-org/web", id, value)
	r.Press("enter")
	r.Shows("1 never arrived")
	r.Shows("401 signed with another")
	r.Shows("a record")
	r.Press("v")
	r.Shows("only what went wrong")
	r.Press("enter")
	r.Shows("401")
	r.Shows("X-Hub-Signature-256")
	r.Press("esc", "B")
	r.Shows("all of them are here")
	r.Press("esc")
	if r.Top() != nil {
		t.Error("the deliveries are still open")
	}
}

// A GitHub that hangs holds no key.
func TestSlowGitHubHoldsNoKey(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Path: "/**", Delay: 1 << 40})
	defer lift()
	r.Press("ctrl+r", "P", "enter")
	r.Shows("asking GitHub")
	r.Press("esc", "?")
	r.Shows("Keys on Hooks")
	r.Press("esc", "2", "3")
	r.Shows("octo-org/web")
}

// An answer to what is no longer asked changes nothing.
func TestLateAnswersAreDropped(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	target := hooks.Target{Owner: "octo-org", Repo: "web"}
	r.Handle(hooksListed{gen: r.hooks.gen + 7, target: target})
	r.Shows("octo-org/web")
	r.Handle(targetsFound{gen: r.hooks.gen + 7})
	r.Shows("octo-org/web")
}

func TestHookWarnings(t *testing.T) {
	target := hooks.Target{Owner: "o", Repo: "r"}
	well := hooks.Hook{ID: 1, Target: target, Name: "web", Active: true, Events: []string{"push"}, URL: kittest.PublicURL, ContentType: "json", HasSecret: true, LastResponse: hooks.Response{Code: 200, Status: "active"}}
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
			public := kittest.PublicURL
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
	r := newHookRig(t, "octo-org/web")
	r.GitHub.AddOrg("octo-org")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.Hook("octo-org")
	r.World.Cfg.URL = kittest.PublicURL
	r.hooks.cfg.Repositories = []string{"octo-org/web"}
	r.Receive()
	r.Start()
	r.Until("the receiver", r.Status.OK)
	r.Press("3")
	r.Until("the answer", func() bool { return r.hooks.loaded })
	// The delivery comes while the page is open, and leads to the hook.
	kittest.Must(r.GitHub.Deliver(context.Background(), "octo-org/web", "push", githubtest.SampleFor("push.main", "octo-org/web")))(t)
	r.Until("the hook", func() bool { return len(r.hooks.rows) == 1 && r.hooks.waiting == 0 })
	r.Shows("octo-org")
	r.Press("T")
	r.Shows("no tests for hooks of organisations")
	r.Press("P")
	r.Shows("arrived, signed with")
	r.Press("r")
	r.Shows("Done. u undoes it until")
	if value, _, err := r.cfg.Store.Current(); err != nil || r.GitHub.Hooks("octo-org")[0].Secret != value {
		t.Errorf("the hook has another secret (%v)", err)
	}
}

// Keys act on all marked hooks.
func TestMarkedHooksTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	active := func() (n int) {
		for _, name := range r.hooks.cfg.Repositories {
			if r.GitHub.Hooks(name)[0].Active {
				n++
			}
		}
		return n
	}
	r.Press("x", "x", "A")
	r.Until("the pause", func() bool { return active() == 1 && r.idle() })
	r.Press("esc", "X")
	r.Shows("3 marked")
	r.Press("m")
	r.Shows("Events of 3 marked hooks")
	r.Typed("release")
	r.Press("space", "enter")
	r.Until("the edit", r.idle)
	for _, name := range r.hooks.cfg.Repositories {
		if !slices.Contains(r.GitHub.Hooks(name)[0].Events, "release") {
			t.Errorf("%s has %v", name, r.GitHub.Hooks(name)[0].Events)
		}
	}
	r.Press("c")
	r.Shows("nothing was missing")
}

// A list that was stopped half way never starts a rotation that would leave
// hooks behind.
func TestNoRotationOfHalfAList(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Path: "/repos/octo-org/web/hooks", Delay: 1 << 40})
	defer lift()
	r.Press("ctrl+r")
	r.Until("the question", func() bool { return r.hooks.waiting == 1 })
	r.Press("r")
	r.Shows("still being asked")
	r.Press("ctrl+x")
	r.Until("the stop", func() bool { return r.hooks.waiting == 0 })
	r.Press("r")
	r.Shows("the list of hooks is not complete")
	if r.Top() != nil {
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
	asked := len(r.GitHub.Requests())
	r.Shows("100 hooks")
	r.Press("1")
	r.Run(r.Poll(false))
	r.Until("another page", func() bool { return r.hooks.away })
	r.Press("3")
	r.Until("the secret", func() bool { return !r.hooks.away })
	r.Press("G", "k", "X")
	r.Shows("100 marked")
	if now := len(r.GitHub.Requests()); now != asked {
		t.Errorf("%d more questions", now-asked)
	}
}

// A login that was mended outside is taken when the list is asked for anew.
func TestMendedLoginIsTaken(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	r.GitHub.SetScopes(githubtest.DefaultLogin, "gist")
	r.Press("ctrl+r")
	r.Until("the refusal", func() bool { return len(r.hooks.broken) == 1 && r.hooks.waiting == 0 })
	dials := 0
	dial := r.cfg.Hooks
	r.hooks.cfg.Dial = func() (*hooks.Client, error) { dials++; return dial() }
	r.GitHub.SetScopes(githubtest.DefaultLogin, "repo", "admin:repo_hook")
	r.Press("ctrl+r")
	r.Until("the hooks", func() bool { return len(r.hooks.broken) == 0 && r.hooks.waiting == 0 })
	if dials != 1 {
		t.Errorf("GitHub was dialled %d times", dials)
	}
}

// A login that is lost does not take away what is listed, and keys that ask
// GitHub tell of it.
func TestHooksOutliveALostLogin(t *testing.T) {
	r := withHooks(t, "octo-org/api")
	r.hooks.broken[hooks.Target{Owner: "octo-org", Repo: "gone"}] = hooks.ErrNotLoggedIn
	r.hooks.cfg.Dial = func() (*hooks.Client, error) { return nil, hooks.ErrNotLoggedIn }
	r.Press("ctrl+r")
	r.Until("the answer", func() bool { return r.hooks.problem != nil })
	r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/api/hooks/*/pings", Status: http.StatusUnauthorized})
	r.Press("P")
	r.Until("the end of the ping", r.idle)
	h, _ := r.hooks.current()
	if v := r.hooks.told[h.key()]; !v.bad {
		t.Fatalf("the ping came to %+v", v)
	}
	r.Press("d")
	r.Shows("Deliveries of hook")
}

// Catching up in a hook's deliveries is about that hook, whatever is marked
// behind the box.
func TestDeliveriesAreOfTheirHook(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	r.Press("x", "d") // the mark is on api, the box on web
	r.Shows("Deliveries of hook")
	if act, ok := kit.Find(r.Actions(), "c"); !ok || act.Command != "hookctl catchup -R octo-org/web" {
		t.Fatalf("catching up is %q", act.Command)
	}
	o := r.Top().(*deliveries)
	r.Until("the deliveries", func() bool { return !o.loading })
	o.all, o.list = nil, nil
	r.Press("v")
	r.Shows("Nothing went wrong; v shows everything.")
}
