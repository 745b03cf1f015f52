package hooks

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

func (w *world) plan(r SetupRequest) SetupPlan {
	w.t.Helper()
	plan, err := w.client.PlanSetup(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func (w *world) writes() (list []string) {
	for _, r := range w.Requests() {
		if r.Method != http.MethodGet {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return list
}

func TestSetupCreatesAndVerifiesHooks(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s1")
	plan := w.plan(w.request("o/a", "o/b", "O/A"))
	if len(plan.Items) != 2 || plan.Items[0].Action != ActionCreate {
		t.Fatalf("plan:\n%s", plan)
	}
	var mu sync.Mutex
	var steps []string
	results, err := w.client.Apply(t.Context(), plan, w.receiver.confirm, func(s Step) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, s.Target.String()+" "+s.Name+" "+s.State)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"o/a", "o/b"} {
		at := w.Hooks(name)
		if len(at) != 1 || at[0].Secret != "s1" || at[0].ContentType != "json" || at[0].InsecureSSL != "0" || !at[0].Active {
			t.Errorf("%s has %+v", name, at)
		}
		if r := results[i]; !r.Created || !r.Verified || r.HookID != at[0].ID || r.Err != nil {
			t.Errorf("result %+v", r)
		}
		for _, step := range []string{"create hook running", "create hook done", "verify running", "verify done"} {
			if !slices.Contains(steps, name+" "+step) {
				t.Errorf("no step %q in %q", name+" "+step, steps)
			}
		}
	}
	raw, err := json.Marshal(results[:1])
	if err != nil {
		t.Fatal(err)
	}
	var shape []map[string]any
	if err := json.Unmarshal(raw, &shape); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"repository", "hook_id", "url", "events", "created", "changed", "verified"} {
		if _, ok := shape[0][key]; !ok {
			t.Errorf("no %q in %s", key, raw)
		}
	}
}

func TestSetupAgainChangesNothing(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	w.setup("o/a")
	before := len(w.writes())
	plan := w.plan(w.request("o/a"))
	if plan.Items[0].Action != ActionKeep {
		t.Fatalf("plan:\n%s", plan)
	}
	results, err := w.client.Apply(t.Context(), plan, w.receiver.confirm, nil)
	if err != nil || !results[0].Verified || results[0].Created || len(results[0].Changed) != 0 {
		t.Errorf("results %+v, %v", results, err)
	}
	for _, call := range w.writes()[before:] {
		if !strings.HasSuffix(call, "/pings") {
			t.Errorf("setup again made the call %s", call)
		}
	}
	if n := len(w.Hooks("o/a")); n != 1 {
		t.Errorf("%d hooks", n)
	}
}

func TestSetupChangesOnlyWhatDiffers(t *testing.T) {
	tests := []struct {
		name    string
		hook    githubtest.Hook
		changed []string
		calls   []string // what is called, without pings
	}{
		{"events", githubtest.Hook{Active: true, Events: []string{"push"}, Config: githubtest.Config{Secret: "s1"}}, []string{"events"}, []string{"PATCH"}},
		{"url", githubtest.Hook{Active: true, Events: []string{"push", "issues"}, Config: githubtest.Config{Secret: "s1", URL: "https://HOOKS.example.com:443/webhook/"}}, []string{"url"}, []string{"PATCH/config"}},
		{"form", githubtest.Hook{Active: true, Events: []string{"push", "issues"}, Config: githubtest.Config{Secret: "s1", ContentType: "form"}}, []string{"content_type"}, []string{"PATCH/config"}},
		{"insecure", githubtest.Hook{Active: true, Events: []string{"push", "issues"}, Config: githubtest.Config{Secret: "s1", InsecureSSL: "1"}}, []string{"insecure_ssl"}, []string{"PATCH/config"}},
		{"no secret", githubtest.Hook{Active: true, Events: []string{"push", "issues"}}, []string{"secret"}, []string{"PATCH/config"}},
		{"another secret", githubtest.Hook{Active: true, Events: []string{"push", "issues"}, Config: githubtest.Config{Secret: "changed behind our back"}}, []string{"secret"}, []string{"PATCH/config"}},
		{"everything", githubtest.Hook{Active: true, Events: []string{"release"}, Config: githubtest.Config{URL: "https://hooks.example.com./webhook", ContentType: "form", InsecureSSL: "1"}}, []string{"url", "events", "content_type", "insecure_ssl", "secret"}, []string{"PATCH/config", "PATCH"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "o/a")
			w.setSecret("s1")
			tt.hook.URL = cmp.Or(tt.hook.URL, hookURL)
			id := w.AddHook("o/a", tt.hook)
			results, err := w.client.Apply(t.Context(), w.plan(w.request("o/a")), w.receiver.confirm, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r := results[0]; r.HookID != id || r.Created || !r.Verified || !slices.Equal(r.Changed, tt.changed) {
				t.Errorf("result %+v, want changes %v", r, tt.changed)
			}
			at := w.Hooks("o/a")
			slices.Sort(at[0].Events)
			if len(at) != 1 || at[0].Secret != "s1" || !at[0].Active || at[0].ContentType != "json" || at[0].InsecureSSL != "0" || !slices.Equal(at[0].Events, []string{"issues", "push"}) || at[0].URL != hookURL {
				t.Errorf("GitHub has %+v", at)
			}
			var calls []string
			for _, r := range w.Requests() {
				if r.Method == http.MethodPatch {
					_, rest, _ := strings.Cut(strings.TrimPrefix(r.Path, "/repos/o/a/hooks/"), "/")
					calls = append(calls, strings.TrimSuffix("PATCH/"+rest, "/"))
				}
			}
			if !slices.Equal(calls, tt.calls) {
				t.Errorf("calls %v, want %v", calls, tt.calls)
			}
		})
	}
}

// No path of the client may send a config in a PATCH of the hook itself: GitHub would drop the secret.
func TestNoCallCanDropASecret(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s1")
	w.AddHook("o/a", githubtest.Hook{Events: []string{"release"}, Config: githubtest.Config{URL: hookURL, ContentType: "form", Secret: "s1"}})
	hooks := w.setup("o/a", "o/b")
	ctx := t.Context()
	off, form, insecure, other := false, "form", "1", "https://hooks.example.com/webhook/"
	for _, h := range hooks {
		for _, err := range []error{
			second(w.client.Edit(ctx, h.Target, h.ID, Change{Active: &off, Events: []string{"push"}})),
			w.client.Configure(ctx, h.Target, h.ID, ConfigChange{URL: &other, ContentType: &form, InsecureSSL: &insecure}),
			w.client.Ping(ctx, h.Target, h.ID),
			w.client.Test(ctx, h.Target, h.ID),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	w.setup("o/a", "o/b")
	if _, err := w.rotator().Rotate(ctx, hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	current, _, err := w.store.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"o/a", "o/b"} {
		for _, h := range w.Hooks(name) {
			if h.Secret != current {
				t.Errorf("%s: the secret is %q", name, h.Secret)
			}
		}
	}
	for _, r := range w.Requests() {
		if r.Method == http.MethodPatch && !strings.HasSuffix(r.Path, "/config") && strings.Contains(string(r.Body), "config") {
			t.Errorf("%s %s sends %s", r.Method, r.Path, r.Body)
		}
		if strings.Contains(string(r.Body), "********") {
			t.Errorf("%s %s sends a masked secret back", r.Method, r.Path)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSetupCreatesNoDuplicateHook(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"answer lost after acting":  {DropAfter: true, Times: 1},
		"answers lost twice":        {DropAfter: true, Times: 2},
		"call lost before acting":   {DropBefore: true, Times: 1},
		"failed with 502":           {Status: http.StatusBadGateway, Times: 1},
		"limited, then let through": {Status: http.StatusForbidden, Header: http.Header{"Retry-After": {"0"}}, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "o/a")
			w.setSecret("s1")
			fault.Method, fault.Path = http.MethodPost, "/repos/*/*/hooks"
			w.Fault(fault)
			results, err := w.client.Apply(t.Context(), w.plan(w.request("o/a")), w.receiver.confirm, nil)
			if err != nil || !results[0].Verified || !results[0].Created {
				t.Errorf("results %+v, %v", results, err)
			}
			if at := w.Hooks("o/a"); len(at) != 1 || at[0].Secret != "s1" {
				t.Errorf("GitHub has %+v", at)
			}
		})
	}
}

func TestSetupSaysWhyAHookIsNotVerified(t *testing.T) {
	tests := []struct {
		name   string
		status int
		reason error
		cure   string
	}{
		{"the tunnel is up but no receiver", http.StatusBadGateway, ErrNotDelivered, "hookctl start"},
		{"wrong path", http.StatusNotFound, ErrNotDelivered, "/webhook"},
		{"refused signature", http.StatusUnauthorized, ErrWrongSecret, "hookctl rotate"},
		{"another receiver takes it", http.StatusOK, ErrOtherReceiver, "hookctl status"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "o/a")
			w.setSecret("s1")
			w.receiver.answer(tt.status)
			r := w.request("o/a")
			r.Wait = time.Second // a busy machine needs some
			results, err := w.client.Apply(t.Context(), w.plan(r), w.receiver.confirm, nil)
			if !errors.Is(err, ErrIncomplete) || results[0].Verified || !errors.Is(results[0].Err, tt.reason) {
				t.Fatalf("results %+v, %v", results, err)
			}
			raw, _ := json.Marshal(results)
			if !strings.Contains(string(raw), tt.cure) || !strings.Contains(string(raw), `"error":`) {
				t.Errorf("JSON %s", raw)
			}
		})
	}
}

func TestSetupGoesOnPastAFailure(t *testing.T) {
	w := newWorld(t, "o/a", "o/c")
	w.setSecret("s1")
	results, err := w.client.Apply(t.Context(), w.plan(w.request("o/a", "o/missing", "o/c")), w.receiver.confirm, nil)
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("error %v", err)
	}
	for i, want := range []bool{true, false, true} {
		if results[i].Verified != want {
			t.Errorf("result %d: %+v", i, results[i])
		}
	}
	if !errors.Is(results[1].Err, ErrNotFound) {
		t.Errorf("the missing one: %v", results[1].Err)
	}
}

func TestSetupOfOrganizationsAndRenamedRepositories(t *testing.T) {
	w := newWorld(t, "o/old")
	w.AddOrg("acme")
	w.Rename("o/old", "acme/new")
	w.setSecret("s1")
	results, err := w.client.Apply(t.Context(), w.plan(w.request("acme", "o/old")), w.receiver.confirm, nil)
	if err != nil || !results[0].Verified || !results[1].Verified {
		t.Fatalf("results %+v, %v", results, err)
	}
	if len(w.Hooks("acme")) != 1 || len(w.Hooks("acme/new")) != 1 {
		t.Errorf("hooks: %v, %v", w.Hooks("acme"), w.Hooks("acme/new"))
	}
}

// Hooks of other services are nobody's business here: they are neither warned about nor offered for deletion.
func TestPlanLeavesHooksOfOthersAlone(t *testing.T) {
	w := newWorld(t, "o/a")
	w.odd = true // the hook of the old kind has no URL, which the published schema does not know
	w.setSecret("s1")
	w.AddHook("o/a", githubtest.Hook{Name: "cli", Config: githubtest.Config{URL: "https://webhook-forwarder.github.com/hook"}})
	w.AddHook("o/a", githubtest.Hook{Name: "travis", Active: true})
	w.AddHook("o/a", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/webhook"}})
	w.AddHook("o/a", githubtest.Hook{Active: true, Events: []string{"issues", "push"}, Config: githubtest.Config{URL: hookURL, Secret: "s1"},
		Last: githubtest.LastResponse{Code: 502, Message: "Invalid HTTP Response: 502"}})
	second := w.AddHook("o/a", githubtest.Hook{Active: true, Config: githubtest.Config{URL: hookURL + "/", Secret: "s1"}})
	plan := w.plan(w.request("o/a"))
	if item := plan.Items[0]; item.Action != ActionKeep || len(item.Warnings) != 1 || item.Warnings[0].Code != WarnDuplicate || item.Warnings[0].HookID != second {
		t.Errorf("plan:\n%s", plan)
	}
}

// A hook that someone paused, or chose events for, stays so unless setup is asked to change that.
func TestSetupKeepsWhatSomeoneChose(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	w.AddHook("o/a", githubtest.Hook{Events: []string{"*"}, Config: githubtest.Config{URL: hookURL, Secret: "s1"}})
	r := w.request("o/a")
	r.NewEvents, r.Events = r.Events, nil
	plan := w.plan(r)
	var codes []string
	for _, warning := range plan.Items[0].Warnings {
		codes = append(codes, warning.Code)
	}
	if want := []string{WarnInactive, WarnEvents}; !slices.Equal(codes, want) || plan.Items[0].Action != ActionKeep {
		t.Errorf("warnings %v, want %v, plan:\n%s", codes, want, plan)
	}
	results, err := w.client.Apply(t.Context(), plan, w.receiver.confirm, nil)
	if err != nil || !results[0].Paused || !slices.Equal(results[0].Events, []string{"*"}) {
		t.Errorf("results %+v, %v", results, err)
	}
	if at := w.Hooks("o/a")[0]; at.Active || !slices.Equal(at.Events, []string{"*"}) {
		t.Errorf("GitHub has %+v", at)
	}
}

func TestPlanNeverShowsTheSecret(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("hidden-secret")
	w.AddHook("o/b", githubtest.Hook{Events: []string{"release"}, Config: githubtest.Config{URL: hookURL}})
	r := w.request("o/a", "o/b")
	plan := w.plan(r)
	raw, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	calls := strings.Join(plan.Calls(), "\n")
	for _, out := range []string{plan.String(), string(raw), calls, r.String(), ConfigChange{Secret: &r.Secret}.String()} {
		if strings.Contains(out, "hidden-secret") {
			t.Errorf("shows the secret: %s", out)
		}
	}
	want := []string{
		`printf %s "$GITHUB_WEBHOOK_SECRET" | gh api -X POST repos/o/a/hooks -f name=web -F active=true -f 'events[]=issues' -f 'events[]=push' -f 'config[url]=https://hooks.example.com/webhook' -f 'config[content_type]=json' -f 'config[insecure_ssl]=0' -F 'config[secret]=@-'`,
		`printf %s "$GITHUB_WEBHOOK_SECRET" | gh api -X PATCH repos/o/b/hooks/504000004/config -F 'secret=@-'`,
		`gh api -X PATCH repos/o/b/hooks/504000004 -f 'events[]=issues' -f 'events[]=push'`,
		`gh api -X POST repos/o/b/hooks/504000004/pings`,
	}
	if calls != strings.Join(want, "\n") {
		t.Errorf("calls:\n%s\nwant:\n%s", calls, strings.Join(want, "\n"))
	}
	if !strings.Contains(plan.String(), "secret: none -> "+secret.Fingerprint("hidden-secret")) {
		t.Errorf("plan:\n%s", plan)
	}
}

func TestPlanRefusesWhatCannotBe(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	for name, change := range map[string]func(*SetupRequest){
		"no URL":      func(r *SetupRequest) { r.URL = "" },
		"a path":      func(r *SetupRequest) { r.URL = "/webhook" },
		"a file":      func(r *SetupRequest) { r.URL = "file://host/x" },
		"no secret":   func(r *SetupRequest) { r.Secret = "" },
		"no targets":  func(r *SetupRequest) { r.Targets = nil },
		"escape code": func(r *SetupRequest) { r.URL = "x\x1b[31m" },
	} {
		r := w.request("o/a")
		change(&r)
		_, err := w.client.PlanSetup(t.Context(), r)
		if err == nil || CureOf(err) == "" || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
