package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

func TestSetUpProveAndRemember(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	report := w.setup(SetupRequest{Targets: targets("o/a", "o/b", "O/A")})
	if report.Verified() != 2 || report.Started || report.Receiver.Instance != "this-one" {
		t.Errorf("%+v", report)
	}
	raw, err := json.Marshal(report)
	if err != nil || !strings.HasPrefix(string(raw), `[{"repository":"o/a","hook_id":`) || strings.Contains(string(raw), w.current()) {
		t.Errorf("%s, %v", raw, err)
	}
	l := w.list(ListRequest{})
	for _, h := range l.Ours() {
		if h.Health != Healthy || h.State != "delivers" || h.SecretState != SecretCurrent || len(h.Warnings) > 0 {
			t.Errorf("%s: %s %q, secret %s, %v", h.Target, h.Health, h.State, h.SecretState, h.Warnings)
		}
	}
	if len(l.Ours()) != 2 {
		t.Errorf("%+v", l)
	}
	if again := w.setup(SetupRequest{}); again.Verified() != 2 || len(w.Hooks("o/a")) != 1 {
		t.Errorf("again: %+v", again)
	}
}

// Setup of N hooks lists and creates each, and rotation lists, changes and pings each; the proof is in the log.
func TestSetupAndRotationMakeNoNeedlessCalls(t *testing.T) {
	w := newWorld(t, "o/a", "o/b", "o/c", "o/d", "o/e")
	w.cfg.GitHub = func() (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: "github.com", Socket: w.socket, Token: githubtest.DefaultToken, Limits: hooks.Limits{WritesPerMinute: 1 << 20, Pause: time.Minute}})
	}
	w.again()
	count := func(before int) map[string]int {
		calls := map[string]int{}
		for _, r := range w.Requests()[before:] {
			parts := strings.Split(r.Path, "/")
			calls[r.Method+" "+parts[len(parts)-1]]++
		}
		return calls
	}
	w.setup(SetupRequest{Targets: targets("o/a", "o/b", "o/c", "o/d", "o/e")})
	if calls := count(0); !maps.Equal(calls, map[string]int{"GET hooks": 5, "POST hooks": 5}) {
		t.Errorf("setup: %v", calls)
	}
	before := len(w.Requests())
	w.rotate(RotateRequest{})
	if calls := count(before); !maps.Equal(calls, map[string]int{"GET hooks": 5, "PATCH config": 5, "POST pings": 5}) {
		t.Errorf("rotation: %v", calls)
	}
}

// A target without a hook is not remembered: every later operation would stumble over a name that was mistyped.
func TestMistypedRepositoriesAreNotRemembered(t *testing.T) {
	w := newWorld(t, "o/a")
	report := w.trySetup(SetupRequest{Targets: targets("o/a", "o/mistyped")})
	if !report.Failed() || report.Verified() != 1 {
		t.Errorf("%+v", report)
	}
	if have := w.targets(); !slices.Equal(have, []string{"o/a"}) {
		t.Errorf("targets %v", have)
	}
}

// A hook that someone made by hand for this receiver is adopted, in whatever form its URL is, and becomes the one asked for.
func TestHooksCreatedByHandAreAdopted(t *testing.T) {
	for _, url := range []string{
		public, public + "/", "https://hooks.example.com:443/webhook", "https://HOOKS.example.com/webhook", "https://hooks.example.com./webhook",
		hookURL + "/", hookURL + "?", "https://hooks.example.com/%77ebhook",
	} {
		t.Run(url, func(t *testing.T) {
			w := newWorld(t, "o/r")
			id := w.byHand("o/r", githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: url, Secret: w.current()}})
			report := w.setup(SetupRequest{Targets: targets("o/r"), URL: public})
			if at := w.Hooks("o/r"); len(at) != 1 || at[0].ID != id || at[0].URL != hookURL || report.Results[0].Created {
				t.Errorf("GitHub has %+v", at)
			}
			if writes := w.writes("/config"); len(writes) != 1 {
				t.Errorf("changed by %v", writes)
			}
			if report.Results[0].Events[0] != "push" || len(report.Results[0].Events) != 1 {
				t.Errorf("events %v", report.Results[0].Events)
			}
		})
	}
}

// writes are the PATCH calls whose path ends so.
func (w *world) writes(end string) (paths []string) {
	for _, r := range w.Requests() {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.Path, end) {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// A hook by another way, such as a proxy of its own name, is ours because its deliveries are verified here; once it was changed
// at GitHub and nothing came since it is reported, and taken back only when that is asked for.
func TestHooksAreOursByTheirDeliveries(t *testing.T) {
	w := newWorld(t, "o/r")
	const proxy = "https://proxy.hooks.example.com/webhook"
	id := w.byHand("o/r", githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: proxy, Secret: w.current()}})
	w.until("the ping in the log", func() bool { return len(w.list(ListRequest{Targets: targets("o/r")}).Ours()) == 1 })
	if h := w.one("o/r"); !slices.Equal(codes(h.Warnings), []string{WarnOldAddress}) || h.Warnings[0].Cure != "hookctl setup -R o/r" {
		t.Errorf("%v", h.Warnings)
	}
	w.nextSecond()
	w.patch("o/r", id, hooks.ConfigChange{URL: ptr("https://elsewhere.example.net/webhook")})
	h := w.list(ListRequest{}).Hooks[0]
	if h.Ours || !h.Moved || !slices.Equal(codes(h.Warnings), []string{WarnMoved}) || h.Warnings[0].Cure != "hookctl setup -R o/r --adopt" {
		t.Errorf("%+v", h)
	}
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r")})
	if err != nil || plan.Items[0].Action != hooks.ActionCreate || !slices.Equal(codes(plan.Items[0].Warnings), []string{WarnMoved}) {
		t.Errorf("%+v, %v", plan, err)
	}
	w.setup(SetupRequest{Targets: targets("o/r"), Adopt: true})
	if at := w.Hooks("o/r"); len(at) != 1 || at[0].URL != hookURL {
		t.Errorf("GitHub has %+v", at)
	}
}

func ptr[T any](v T) *T { return &v }

// nextSecond waits until GitHub's clock, which has whole seconds, shows another one.
func (w *world) nextSecond() {
	now := time.Now().Truncate(time.Second)
	w.until("the next second", func() bool { return time.Now().Truncate(time.Second).After(now) })
}

func (w *world) patch(name string, id int64, change hooks.ConfigChange) {
	w.t.Helper()
	client, err := w.client()
	if err == nil {
		err = client.Configure(w.t.Context(), targets(name)[0], id, change)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestAddressesThatGitHubCannotReachAreRefused(t *testing.T) {
	w := newWorld(t, "o/r")
	for _, url := range []string{"http://localhost:3000", "https://10.0.0.7", "https://127.1:9000", "https://receiver", "https://svc.internal"} {
		_, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r"), URL: url})
		if !errors.Is(err, hooks.ErrURLRefused) || hooks.CureOf(err) == "" {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r"), URL: url, AllowUnreachable: true}); err != nil {
			t.Errorf("%s, allowed: %v", url, err)
		}
	}
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r"), URL: "http://hooks.example.com"})
	if err != nil || !slices.Equal(codes(plan.Warnings), []string{WarnPlainHTTP}) {
		t.Errorf("plain http: %v, %v", plan.Warnings, err)
	}
	if len(w.Hooks("o/r")) != 0 {
		t.Error("a plan created a hook")
	}
}

// A wrong address that is corrected updates the hooks that were created a moment ago, also from another process.
func TestAWrongAddressIsCorrected(t *testing.T) {
	w := newWorld(t, "o/a", "o/b", "o/c")
	all := targets("o/a", "o/b", "o/c")
	report := w.trySetup(SetupRequest{Targets: all, URL: "https://hoks.example.org", Wait: 100 * time.Millisecond})
	if !report.Failed() || w.saved != public {
		t.Errorf("%+v, saved %s", report, w.saved)
	}
	w.again()
	w.setup(SetupRequest{Targets: all, URL: public})
	for _, name := range []string{"o/a", "o/b", "o/c"} {
		if at := w.Hooks(name); len(at) != 1 || at[0].URL != hookURL {
			t.Errorf("%s has %+v", name, at)
		}
	}
}

// An address that was proved becomes the public URL, and hooks at the one before are adopted.
func TestAnotherAddressIsKept(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	const other = "https://two.hooks.example.com"
	if w.setup(SetupRequest{Targets: targets("o/a"), URL: other}); w.saved != other {
		t.Errorf("saved is %s", w.saved)
	}
	w.again()
	if h := w.one("o/b"); !slices.Equal(codes(h.Warnings), []string{WarnOldAddress}) {
		t.Errorf("%v", h.Warnings)
	}
	w.setup(SetupRequest{})
	for _, name := range []string{"o/a", "o/b"} {
		if at := w.Hooks(name); len(at) != 1 || at[0].URL != other+"/webhook" {
			t.Errorf("%s has %+v", name, at)
		}
	}
}

func TestPausedHooksAndChosenEventsAreKept(t *testing.T) {
	w := newWorld(t, "o/r")
	w.AddHook("o/r", githubtest.Hook{Events: []string{"*"}, Config: githubtest.Config{URL: hookURL, Secret: w.current()}})
	report := w.setup(SetupRequest{Targets: targets("o/r")})
	at := w.Hooks("o/r")
	if len(at) != 1 || at[0].Active || !slices.Equal(at[0].Events, []string{"*"}) {
		t.Errorf("GitHub has %+v", at)
	}
	if r := report.Results[0]; !r.Paused || !slices.Equal(codes(r.Warnings), []string{hooks.WarnInactive, hooks.WarnEvents}) ||
		r.Warnings[1].Cure != "hookctl setup -R o/r --event issues --event push" {
		t.Errorf("%+v", r)
	}
	w.setup(SetupRequest{Targets: targets("o/r"), Events: []string{"release"}})
	if at := w.Hooks("o/r"); at[0].Active || !slices.Equal(at[0].Events, []string{"release"}) {
		t.Errorf("GitHub has %+v", at)
	}
}

func TestPathsAreHooksOfTheirOwn(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	w.setup(SetupRequest{Targets: targets("o/r"), Path: "frontend"})
	w.setup(SetupRequest{Targets: targets("o/r"), Path: "frontend"})
	w.setup(SetupRequest{Targets: targets("o/r")})
	at := w.Hooks("o/r")
	if len(at) != 2 || at[0].URL != hookURL || at[1].URL != hookURL+"/frontend" {
		t.Errorf("GitHub has %+v", at)
	}
	for _, h := range w.list(ListRequest{}).Ours() {
		if len(h.Warnings) > 0 {
			t.Errorf("%v", h.Warnings)
		}
	}
}

func TestSetupGeneratesASecretWhereThereIsNone(t *testing.T) {
	w := newWorld(t, "o/r")
	if err := w.store.SetCurrent(""); err != nil {
		t.Fatal(err)
	}
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r")})
	if err != nil || !plan.Fresh || w.current() != "" {
		t.Fatalf("%+v, %v", plan, err)
	}
	report, err := w.fleet.Setup(t.Context(), plan, nil)
	if err != nil || report.Secret != plan.Secret || secret.Fingerprint(w.current()) != plan.Secret || report.Verified() != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if strings.Contains(plan.String(), plan.request.Secret) {
		t.Error("a request shows its secret")
	}
}

// A secret that somebody else kept between plan and setup stays, and is what the hooks get.
func TestSetupTakesTheSecretThatIsThere(t *testing.T) {
	w := newWorld(t, "o/r")
	if err := w.store.SetCurrent(""); err != nil {
		t.Fatal(err)
	}
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.SetCurrent("kept in the meantime"); err != nil {
		t.Fatal(err)
	}
	report, err := w.fleet.Setup(t.Context(), plan, nil)
	if err != nil || report.Secret != "" || report.Verified() != 1 || w.Hooks("o/r")[0].Secret != "kept in the meantime" {
		t.Errorf("%+v, %v", report, err)
	}
}

// A receiver that does not accept the secret, as one of another home, is an error before a hook exists.
func TestSetupChecksThatTheReceiverHasTheSecret(t *testing.T) {
	w := newWorld(t, "o/r")
	w.set(func() { w.deaf = true })
	if err := w.store.SetCurrent("another secret"); err != nil {
		t.Fatal(err)
	}
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.fleet.Setup(t.Context(), plan, nil); err == nil || hooks.CureOf(err) == "" || len(w.Hooks("o/r")) != 0 {
		t.Errorf("%v, GitHub has %+v", err, w.Hooks("o/r"))
	}
}

// An interrupt between two calls leaves what was created known.
func TestAnInterruptedSetupIsRemembered(t *testing.T) {
	w := newWorld(t, "o/r")
	plan, err := w.fleet.PlanSetup(t.Context(), SetupRequest{Targets: targets("o/r")})
	if err != nil {
		t.Fatal(err)
	}
	w.set(func() { w.status = http.StatusServiceUnavailable })
	ctx, cancel := context.WithCancel(t.Context())
	report, err := w.fleet.Setup(ctx, plan, func(s hooks.Step) {
		if s.Name == "verify" {
			cancel()
		}
	})
	if !report.Failed() || !errors.Is(report.Results[0].Err, context.Canceled) {
		t.Errorf("%+v, %v", report.Results, err)
	}
	if have := w.targets(); !slices.Equal(have, []string{"o/r"}) {
		t.Errorf("targets %v", have)
	}
}

// A hook that setup pointed to a wrong URL is brought to the right one: no second hook is created, also where the hook was there
// before.
func TestWrongURLIsCorrected(t *testing.T) {
	const wrong = "https://nobody.example.net"
	w := newWorld(t, "o/new", "o/old")
	w.byHand("o/old", githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: hookURL, Secret: w.current()}})
	w.setup(SetupRequest{Targets: targets("o/old")})
	w.nextSecond() // its deliveries are older than the change
	report := w.trySetup(SetupRequest{Targets: targets("o/new", "o/old"), URL: wrong, Wait: time.Millisecond})
	if report.Verified() != 0 || w.Hooks("o/old")[0].URL != wrong+"/webhook" {
		t.Fatalf("%+v", report)
	}
	w.setup(SetupRequest{Targets: targets("o/new", "o/old"), URL: public})
	for _, name := range []string{"o/new", "o/old"} {
		if at := w.Hooks(name); len(at) != 1 || at[0].URL != hookURL {
			t.Errorf("%s has %+v", name, at)
		}
	}
}

// One Fleet serves the whole life of the interface: after setup at another URL that is the public one, and hooks there are
// healthy.
func TestSavedPublicURLIsInForceAtOnce(t *testing.T) {
	const other = "https://b.hooks.example.com"
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	if w.setup(SetupRequest{URL: other}); w.saved != other {
		t.Fatalf("saved is %s", w.saved)
	}
	list := w.list(ListRequest{})
	if h := list.Hooks[0]; list.PublicURL != other || len(h.Warnings) > 0 {
		t.Errorf("%s: %v", list.PublicURL, h.Warnings)
	}
	w.list(ListRequest{Targets: targets("o/other")}) // not all of them
	w.list(ListRequest{Targets: targets("O/R")})     // all by name
	if latest, at := w.fleet.With(nil).Latest(); at.IsZero() || len(latest.Hooks) != 1 {
		t.Errorf("the latest list, of %s, is %+v", at, latest)
	}
	if w.setup(SetupRequest{URL: public}); w.saved != public {
		t.Errorf("back again: saved is %s", w.saved)
	}
}

// What notify_also needs is added to the events of a hook that is there, which keeps the others; a hook of all events has it
// already, and events that are asked for are taken as they are.
func TestSetupAddsWhatIsNeeded(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a"), Events: []string{"star"}})
	w.setup(SetupRequest{Targets: targets("o/b"), Events: []string{"*"}})
	w.fleet.cfg.Needed = []string{"status"}
	events := func(name string) string { return strings.Join(w.Hooks(name)[0].Events, ",") }
	for _, c := range []struct {
		request SetupRequest
		a       string
	}{
		{SetupRequest{}, "star,status"},
		{SetupRequest{Also: []string{"pull_request_review"}}, "pull_request_review,star,status"},
		{SetupRequest{Targets: targets("o/a"), Events: []string{"push"}, Also: []string{"status"}}, "push,status"},
		{SetupRequest{Targets: targets("o/a"), Events: []string{"push"}}, "push"},
	} {
		w.setup(c.request)
		if a, b := events("o/a"), events("o/b"); a != c.a || b != "*" {
			t.Errorf("after %+v the events are %s and %s", c.request, a, b)
		}
	}
}
