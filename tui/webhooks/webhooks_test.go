package webhooks

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/fleet"
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
	r.Receive()
	r.Start()
	r.Until("the receiver", r.Status.OK)
	r.Press("3")
	r.Until("the hooks", func() bool {
		return r.hooks.loaded && !r.hooks.loading() && r.Log.Value != nil
	})
	return r
}

// start presses a key that counts down, and does not wait for the end of it.
func (r *pageRig) start(key string) {
	r.T.Helper()
	r.Press(key)
	r.Shows("enter starts now")
	r.Press("enter")
}

func (r *pageRig) idle() bool { return len(r.hooks.busy) == 0 }

func TestRotationOfAllHooksAndUndo(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	r.start("r")
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
	r.start("u")
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
	r.start("r")
	r.Shows("r resumes")
	r.Until("the end", func() bool { return !r.hooks.rot.busy() })
	r.Shows("Both secrets are accepted, and no delivery is lost.")
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
	r.Press("x")
	r.start("r")
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
	r.Shows("signed with a secret that the receiver does not have")
}

func TestPauseResumeEditDelete(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	at := func() githubtest.Hook { return r.GitHub.Hooks("octo-org/web")[0] }
	r.Press("A", "enter")
	r.Until("the pause", func() bool { return !at().Active && r.idle() })
	r.Shows("A resume")
	r.Press("A", "enter")
	r.Until("the end of the pause", func() bool { return at().Active && r.idle() })

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
	r.Shows("only failed")
	r.Press("enter")
	r.Shows("401")
	r.Shows("X-Hub-Signature-256")
	r.Press("esc", "B", "enter")
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
	r.Run(r.hooks.planned(&kit.Countdown{Shell: r.Shell}, fleet.RotatePlan{}, hooks.ErrNotLoggedIn))
	if r.Top() != nil || r.hooks.rot.err != nil {
		t.Error("a plan that nobody waits for is shown")
	}
}

// The page shows what the fleet says of every hook, and judges none itself.
func TestPageShowsWhatTheFleetSays(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	add := func(repository string, h githubtest.Hook) {
		h.Active = h.Last.Status != "paused"
		r.GitHub.AddHook(repository, h)
	}
	add("octo-org/api", githubtest.Hook{Config: githubtest.Config{URL: "https://ci.example.org/github"}, Last: githubtest.LastResponse{Code: 500, Status: "bad"}})
	add("octo-org/api", githubtest.Hook{Config: githubtest.Config{URL: "https://HOOKS.example.com:443/webhook/", Secret: "another"}, Last: githubtest.LastResponse{Code: 401, Message: "Invalid HTTP Response: 401"}})
	add("octo-org/web", githubtest.Hook{Config: githubtest.Config{URL: "https://hooks.example.com/webhook/ci"}, Last: githubtest.LastResponse{Status: "paused"}})
	add("octo-org/web", githubtest.Hook{Name: "cli", Config: githubtest.Config{URL: "https://webhook-forwarder.github.com/hook"}})
	r.Press("ctrl+r")
	r.Until("the list", func() bool { return !r.hooks.loading() && len(r.hooks.rows) == 6 })
	list := kittest.Must(r.Fleet.List(t.Context(), fleet.ListRequest{}))(t)
	if !reflect.DeepEqual(r.hooks.rows, list.Hooks) {
		t.Errorf("the page has %+v,\nthe fleet says %+v", r.hooks.rows, list.Hooks)
	}
	r.Press("g")
	for _, h := range list.Hooks {
		r.Shows(title(h))
		if shown := r.Text(); !strings.Contains(shown, h.State) {
			t.Errorf("%s is not shown as %q:\n%s", title(h), h.State, shown)
		}
		remove, _ := kit.Find(r.Actions(), "D")
		if offered := remove.Off == "" || remove.Command != ""; offered != h.Ours {
			t.Errorf("%s (ours %v) can be deleted: %v", title(h), h.Ours, offered)
		}
		if !h.Ours && len(h.Warnings) > 0 {
			t.Errorf("%s of another service has the warnings %v", title(h), h.Warnings)
		}
		r.Press("j")
	}
}

// A hook of an organization is found through its pings, and treated like any
// other.
func TestHooksOfOrganizations(t *testing.T) {
	r := newHookRig(t, "octo-org/web")
	r.GitHub.AddOrg("octo-org")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.Hook("octo-org")
	r.Receive()
	r.Start()
	r.Until("the receiver", r.Status.OK)
	r.Press("3")
	r.Until("the answer", func() bool { return r.hooks.loaded })
	// Its ping comes while the page is open, and leads to the hook.
	client := kittest.Must(r.cfg.GitHub())(t)
	if err := client.Ping(t.Context(), hooks.Target{Owner: "octo-org"}, r.GitHub.Hooks("octo-org")[0].ID); err != nil {
		t.Fatal(err)
	}
	r.Until("the hook", func() bool { return len(r.hooks.rows) == 1 && !r.hooks.loading() })
	r.Shows("octo-org")
	r.Press("T")
	r.Until("the answer", r.idle)
	r.Shows("no tests for hooks of organizations")
	r.Press("P")
	r.Shows("arrived, signed with")
	r.start("r")
	r.Shows("Done. u undoes it until")
	if value, _, err := r.cfg.Store.Current(); err != nil || r.GitHub.Hooks("octo-org")[0].Secret != value {
		t.Errorf("the hook has another secret (%v)", err)
	}
}

// Keys act on all marked hooks.
func TestMarkedHooksTogether(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	active := func() (n int) {
		for _, name := range r.World.Cfg.Repositories {
			if r.GitHub.Hooks(name)[0].Active {
				n++
			}
		}
		return n
	}
	r.Press("x", "x", "A", "enter")
	r.Until("the pause", func() bool { return active() == 1 && r.idle() })
	r.Press("esc", "X")
	r.Shows("3 marked")
	r.Press("m")
	r.Shows("Events of 3 marked hooks")
	r.Typed("release")
	r.Press("space", "enter")
	r.Until("the edit", r.idle)
	for _, name := range r.World.Cfg.Repositories {
		if !slices.Contains(r.GitHub.Hooks(name)[0].Events, "release") {
			t.Errorf("%s has %v", name, r.GitHub.Hooks(name)[0].Events)
		}
	}
	r.Press("c")
	r.Shows("no event was missing")
}

// A list that was stopped half way is not what a rotation goes by: it asks for
// every hook itself.
func TestRotationGoesByItsOwnList(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	lift := r.GitHub.Fault(githubtest.Fault{Path: "/repos/octo-org/web/hooks", Delay: 1 << 40})
	r.Press("ctrl+r")
	r.Until("the question", r.hooks.loading)
	r.Press("ctrl+x")
	r.Shows("stopped asking GitHub")
	r.Press("r")
	r.Shows("asking GitHub which hooks there are")
	r.Press("esc")
	if r.Top() != nil || r.hooks.rot.busy() {
		t.Fatal("the question cannot be cancelled")
	}
	lift()
	r.hooks.rows = nil
	r.Press("r")
	r.Shows("new secret for 2 hooks")
	r.Press("esc")
	// Where GitHub does not answer, hooks would lose their secret unseen.
	r.GitHub.Fault(githubtest.Fault{Path: "/repos/octo-org/web/hooks", Status: http.StatusInternalServerError})
	r.Press("r")
	r.Shows("see which hooks there are")
	if r.hooks.rot.busy() {
		t.Error("it goes on anyway")
	}
}

// A hundred repositories cost one request each, and none when the page comes
// back to the front.
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
		t.Errorf("%d more requests", now-asked)
	}
}

// A login that was fixed outside is used when the list is reloaded, and one
// that is lost does not take away what is listed.
func TestLoginIsAskedForAgain(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	r.GitHub.SetScopes("gist")
	r.Press("ctrl+r")
	r.Until("the refusal", func() bool { return len(r.hooks.aside) == 1 && !r.hooks.loading() })
	r.GitHub.SetScopes("repo", "admin:repo_hook")
	r.Press("ctrl+r")
	r.Until("the hooks", func() bool { return len(r.hooks.aside) == 0 && len(r.hooks.rows) == 1 && !r.hooks.loading() })
	r.Run(r.hooks.ended(fleet.List{}, hooks.ErrNotLoggedIn))
	r.Shows("octo-org/web")
	r.GitHub.Fault(githubtest.Fault{Method: "POST", Path: "/repos/octo-org/web/hooks/*/pings", Status: http.StatusUnauthorized})
	r.Press("P")
	r.Until("the end of the ping", r.idle)
	h, _ := r.hooks.current()
	if v := r.hooks.said[keyOf(h)]; !v.bad {
		t.Fatalf("the ping came to %+v", v)
	}
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
	r.Until("the deliveries", func() bool { return !o.asking.Busy() })
	o.all, o.list = nil, nil
	r.Press("v")
	r.Shows("No delivery failed; v shows all.")
}

// Asking for what a repository missed opens the failed deliveries of its hook.
func TestMissedDeliveriesOpenAtTheirHook(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	r.hooks.Open(kit.Missed{Target: "octo-org/web"})
	o, ok := r.Top().(*deliveries)
	if !ok || o.row.Target.String() != "octo-org/web" || !o.bad {
		t.Fatalf("the box is %+v", r.Top())
	}
	r.hooks.Open(kit.Missed{Target: "octo-org/gone"})
	if r.Top() != o {
		t.Errorf("a repository without a hook opened %+v", r.Top())
	}
	r.Shut(o)

	// Where GitHub has not answered yet, they open once it has.
	p := r.hooks
	p.loaded, p.rows, p.shown = false, nil, nil
	if p.openMissed("octo-org/web"); r.Top() != nil {
		t.Fatalf("without a list the box is %+v", r.Top())
	}
	r.Run(p.load(false))
	r.Until("the deliveries", func() bool { _, ok := r.Top().(*deliveries); return ok })
}

// What GitHub calls delivered and the log lacks is fetched by a key of its own.
func TestCatchingUpCanIncludeWhatGitHubCallsDelivered(t *testing.T) {
	r := withHooks(t, "octo-org/api")
	asked := make(chan fleet.CatchUpRequest, 2)
	r.hooks.cfg.CatchUp = func(_ context.Context, request fleet.CatchUpRequest) (fleet.CatchUpReport, error) {
		asked <- request
		return fleet.CatchUpReport{}, nil
	}
	r.Press("c")
	r.Until("the first request", func() bool { return len(asked) == 1 && r.idle() })
	r.Press("U")
	r.Until("the second request", func() bool { return len(asked) == 2 && r.idle() })
	if first, second := <-asked, <-asked; first.Taken || !second.Taken || len(second.Targets) != 1 {
		t.Errorf("asked for %+v and %+v", first, second)
	}
}

// Repositories with hooks of ours that were found on the page are known to
// every later operation.
func TestFoundRepositoriesAreRemembered(t *testing.T) {
	rig := kittest.NewRig(t, "octo-org/api", "octo-org/docs", "octo-org/web")
	if err := rig.Cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	rig.Cfg.PublicURL, rig.Cfg.Repositories = kittest.PublicURL, []string{"octo-org/api"}
	rig.Hook("octo-org/api")
	rig.Hook("octo-org/web")
	r := hooksOn(t, rig, *rig.Cfg)
	r.Start()
	r.Until("the log", func() bool { return r.Log.Value != nil })
	r.Press("3")
	r.Until("the known hook", func() bool { return r.hooks.loaded && len(r.hooks.rows) == 1 })
	r.Press("a")
	r.Until("the other one", func() bool { return len(r.hooks.rows) == 2 && !r.hooks.loading() })
	targets := kittest.Must(r.Fleet.Targets(t.Context()))(t)
	if !slices.Contains(targets, hooks.Target{Owner: "octo-org", Repo: "web"}) || slices.Contains(targets, hooks.Target{Owner: "octo-org", Repo: "docs"}) {
		t.Errorf("remembered are %v", targets)
	}
}

// A delivery of a hook that was not healthy has the fleet judge it again.
func TestHookIsJudgedAgainAfterADelivery(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	if h := r.hooks.rows[0]; h.Health == fleet.Healthy {
		t.Fatalf("a hook without a delivery is %s", h.Health)
	}
	kittest.Must(r.GitHub.Deliver(t.Context(), "octo-org/web", "push", githubtest.SampleFor("push.main", "octo-org/web")))(t)
	r.Until("the judgement", func() bool { return r.hooks.rows[0].Health == fleet.Healthy })
	r.Shows("the current secret")
}
