package hooks

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookctl/hooks/githubtest"
)

func TestRenamedRepositoriesAreFollowedWithTheSameMethod(t *testing.T) {
	w := newWorld(t, "o/old")
	id := w.AddHook("o/old", githubtest.Hook{Active: true, Config: githubtest.Config{URL: hookURL, Secret: "s1"}})
	w.Rename("o/old", "o/new")
	old, ctx, value := target(t, "o/old"), t.Context(), "s2"
	if list, err := w.client.List(ctx, old); err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("List: %v, %v", list, err)
	}
	if err := w.client.Configure(ctx, old, id, ConfigChange{Secret: &value}); err != nil {
		t.Error(err)
	}
	if at := w.Hooks("o/new"); at[0].Secret != "s2" {
		t.Errorf("the PATCH did not arrive: %+v", at)
	}
	if _, err := w.client.Create(ctx, old, SetupRequest{URL: "https://two.example.com", NewEvents: []string{"push"}, Secret: "x"}); err != nil {
		t.Error(err)
	}
	if err := w.client.Delete(ctx, old, id); err != nil {
		t.Error(err)
	}
	if at := w.Hooks("o/new"); len(at) != 1 || at[0].ID == id {
		t.Errorf("the DELETE did not arrive: %+v", at)
	}
}

// GitHub answers a write at an old name with 307, and some proxies with 301.
func TestAWriteFollowsA301AsAWrite(t *testing.T) {
	w := newWorld(t, "o/r")
	id := w.AddHook("o/r", githubtest.Hook{Active: true, Config: githubtest.Config{URL: hookURL, Secret: "s1"}})
	w.Fault(githubtest.Fault{Method: http.MethodDelete, Path: "/repos/o/moved/**", Status: http.StatusMovedPermanently,
		Header: http.Header{"Location": {"https://api.github.com/repos/o/r/hooks/" + itoa(id)}}})
	if err := w.client.Delete(t.Context(), target(t, "o/moved"), id); err != nil {
		t.Fatal(err)
	}
	if at := w.Hooks("o/r"); len(at) != 0 {
		t.Errorf("the hook is still there: %+v", at)
	}
}

func TestCallsThatMayBeRepeatedAre(t *testing.T) {
	value := "s2"
	for name, fault := range map[string]githubtest.Fault{
		"hung up before": {DropBefore: true, Times: 3}, "hung up after": {DropAfter: true, Times: 3}, "failing": {Status: 500, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "o/r")
			id, ctx, r := w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: hookURL, Secret: "s1"}}), t.Context(), target(t, "o/r")
			for call, do := range map[string]func() error{
				"list":      func() error { return second(w.client.List(ctx, r)) },
				"configure": func() error { return w.client.Configure(ctx, r, id, ConfigChange{Secret: &value}) },
				"ping":      func() error { return w.client.Ping(ctx, r, id) },
				"delete":    func() error { return w.client.Delete(ctx, r, w.AddHook("o/r", githubtest.Hook{})) },
			} {
				lift := w.Fault(fault)
				if err := do(); err != nil {
					t.Errorf("%s: %v", call, err)
				}
				lift()
			}
			if at := w.Hooks("o/r"); len(at) != 1 || at[0].Secret != "s2" {
				t.Errorf("GitHub has %+v", at)
			}
		})
	}
}

func TestListsGoThroughAllPages(t *testing.T) {
	w := newWorld(t)
	w.AddRepository("o/many", githubtest.Repository{})
	for i := range 250 {
		w.AddHook("o/many", githubtest.Hook{Events: []string{"push"}, Config: githubtest.Config{URL: "https://x.example.com/" + itoa(int64(i))}})
	}
	list, err := w.client.List(t.Context(), target(t, "o/many"))
	if err != nil || len(list) != 250 {
		t.Fatalf("%d hooks, %v", len(list), err)
	}
	for i := 1; i < len(list); i++ {
		if list[i].ID <= list[i-1].ID {
			t.Fatal("not in the order of ids")
		}
	}
	w.Rename("o/many", "o/more")
	if list, err = w.client.List(t.Context(), target(t, "o/many")); err != nil || len(list) != 250 {
		t.Errorf("after a renaming: %d hooks, %v", len(list), err)
	}
}

func TestRepositoriesAreSelected(t *testing.T) {
	w := newWorld(t)
	for name, r := range map[string]githubtest.Repository{
		"o/service-a": {Topics: []string{"hooks"}}, "o/service-b": {}, "o/web": {Topics: []string{"hooks"}}, "acme/service-c": {Topics: []string{"hooks"}, Private: true},
		"o/service-old": {Archived: true}, "o/service-foreign": {Role: "read"},
	} {
		w.AddRepository(name, r)
	}
	for _, tt := range []struct {
		query RepositoryQuery
		want  []string
	}{
		{RepositoryQuery{}, []string{"acme/service-c", "o/service-a", "o/service-b", "o/web"}},
		{RepositoryQuery{Owner: "O"}, []string{"o/service-a", "o/service-b", "o/web"}},
		{RepositoryQuery{Owner: "o", Topic: "hooks"}, []string{"o/service-a", "o/web"}},
		{RepositoryQuery{Match: "service-*"}, []string{"acme/service-c", "o/service-a", "o/service-b"}},
		{RepositoryQuery{Match: "o/*", Topic: "hooks", MaxResults: 1}, []string{"o/service-a"}},
		{RepositoryQuery{Match: "service-*", Owner: "o", AnyRole: true, Archived: true}, []string{"o/service-a", "o/service-b", "o/service-foreign", "o/service-old"}},
	} {
		list, err := w.client.Repositories(t.Context(), tt.query)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range list {
			names = append(names, r.FullName)
		}
		if diff := cmp.Diff(tt.want, names); diff != "" {
			t.Errorf("%+v: %s", tt.query, diff)
		}
	}
	if _, err := w.client.Repositories(t.Context(), RepositoryQuery{Match: "["}); err == nil {
		t.Error("a bad pattern is accepted")
	}
}

func TestWhatSingleSignOnHidesIsReported(t *testing.T) {
	w := newWorld(t, "o/a", "acme/b")
	for _, hidden := range []bool{false, true} {
		if hidden {
			w.SetSSO("acme/b", "https://github.com/orgs/acme/sso")
		}
		list, err := w.client.Repositories(t.Context(), RepositoryQuery{})
		if err != nil || w.client.HiddenBySSO() != hidden || (len(list) == 1) != hidden {
			t.Errorf("hidden %v: %v, %v, hidden by SSO %v", hidden, list, err, w.client.HiddenBySSO())
		}
	}
}

func TestUserAndMeta(t *testing.T) {
	w := newWorld(t)
	u, err := w.client.User(t.Context())
	if err != nil || u.Login != githubtest.DefaultLogin || len(u.Scopes) != 6 {
		t.Errorf("User = %+v, %v", u, err)
	}
	prefixes, err := w.client.Meta(t.Context())
	if err != nil || len(prefixes) == 0 {
		t.Errorf("Meta = %v, %v", prefixes, err)
	}
	if at, err := w.client.ServerTime(t.Context()); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("ServerTime = %v, %v", at, err)
	}
}

// A payload is kept as GitHub returns it: go-gh would turn control characters into ^[ and the like.
func TestADeliveryKeepsItsPayloadAndItsBigId(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setSecret("s1")
	h := w.setup("o/r")[0]
	payload := []byte(`{"n":9007199254740993,"title":"a\u001b[31m\u0000b\u202e","z":1,"a":"é"}`)
	if _, err := w.Deliver(t.Context(), "o/r", "push", payload); err != nil {
		t.Fatal(err)
	}
	list, err := w.client.Deliveries(t.Context(), h.Target, h.ID, DeliveryQuery{})
	list = slices.DeleteFunc(list, func(d Delivery) bool { return d.Event != "push" }) // the ping may be recorded later
	if err != nil || len(list) != 1 || list[0].ID <= 1<<53 || list[0].ID%2 == 0 {
		t.Fatalf("Deliveries = %+v, %v", list, err)
	}
	d, err := w.client.Delivery(t.Context(), h.Target, h.ID, list[0].ID)
	if err != nil || d.ID != list[0].ID || !bytes.Equal(d.Payload, payload) {
		t.Errorf("Delivery = %s, %v; want the payload %s", d.Payload, err, payload)
	}
	if err := w.client.Redeliver(t.Context(), h.Target, h.ID, d.ID); err != nil {
		t.Error(err)
	}
}

func TestWhatGitHubSaysIsCleanWhenShown(t *testing.T) {
	w := newWorld(t, "o/r")
	w.odd = true
	id := w.AddHook("o/r", githubtest.Hook{Config: githubtest.Config{URL: "https://x.example.com/\x1b]0;title\x07\u202e"}, Events: []string{"push\n"},
		Last: githubtest.LastResponse{Code: 500, Message: "a\x1b[2Jb\nc"}})
	h, err := w.client.Get(t.Context(), target(t, "o/r"), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(h.Events, h.URL, h.LastResponse.Message) {
		if strings.ContainsAny(s, "\x1b\x07\n\u202e") {
			t.Errorf("unclean: %q", s)
		}
	}
}

// GH_DEBUG=api makes go-gh print request bodies, and they hold secrets.
func TestDebugOutputOfGhIsOff(t *testing.T) {
	t.Setenv("GH_DEBUG", "api")
	stderr := os.Stderr
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = pipe
	defer func() { os.Stderr = stderr }()
	w := newWorld(t, "o/r")
	_, callErr := w.client.Create(t.Context(), target(t, "o/r"), SetupRequest{URL: "https://x.example.com", NewEvents: []string{"push"}, Secret: "hidden"})
	os.Stderr = stderr
	_ = pipe.Close()
	out, err := io.ReadAll(r)
	if err != nil || callErr != nil {
		t.Fatal(err, callErr)
	}
	if len(out) > 0 {
		t.Errorf("printed %q", out)
	}
}

func TestRequestsAreWhatGitHubExpects(t *testing.T) {
	w := newWorld(t, "o/r")
	if _, err := w.client.List(t.Context(), target(t, "o/r")); err != nil {
		t.Fatal(err)
	}
	h := w.Requests()[0].Header
	for name, want := range map[string]string{"Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28", "Authorization": "token " + githubtest.DefaultToken, "User-Agent": "hookctl"} {
		if h.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, h.Get(name), want)
		}
	}
}

func TestAnEnterpriseServerIsReached(t *testing.T) {
	w := newWorldWith(t, githubtest.Options{Enterprise: true}, "o/r")
	c, err := New(Config{Host: "ghe.example.com", Socket: w.socket, Token: githubtest.DefaultToken, Limits: fast()})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := c.List(t.Context(), target(t, "o/r")); err != nil || len(list) != 0 {
		t.Errorf("List = %v, %v", list, err)
	}
	plan := SetupPlan{URL: hookURL, host: c.Host(), Items: []SetupItem{{Target: target(t, "o/r"), Action: ActionCreate, Events: []string{"push"}}}}
	if calls := plan.Calls(); !strings.Contains(calls[0], "gh api --hostname ghe.example.com -X POST repos/o/r/hooks ") {
		t.Errorf("calls %q", calls)
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]string{
		"o/r": "o/r", " o/r ": "o/r", "acme": "acme", "https://github.com/o/r": "o/r", "https://github.com/o/r.git": "o/r", "https://github.com/o/r/settings/hooks": "o/r",
		"git@github.com:o/r.git": "o/r", "ssh://git@github.com/o/r": "o/r", "github.com/o/r": "o/r", "o/.github": "o/.github", "https://github.com/acme": "acme",
	} {
		if got, err := ParseTarget(text); err != nil || got.String() != want {
			t.Errorf("ParseTarget(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/", "o/", "/r", "o/r/settings/hooks", "o/..", "o/.", "o r", "o/r?x", "-R", "o/\x1b[31m", "../../etc"} {
		if got, err := ParseTarget(text); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("ParseTarget(%q) = %q, %v; want an error", text, got, err)
		}
	}
}

func TestAClientRefusesTargetsOfAnotherHost(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"o/r", "github.com/o/r", "https://github.com/o/r", "git@github.com:o/r.git", "https://www.github.com/o/r"} {
		if got, err := w.client.ParseTarget(text); err != nil || got.String() != "o/r" {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, host := range map[string]string{
		"ghe.example.com/o/r": "ghe.example.com", "https://ghe.example.com/o/r": "ghe.example.com", "git@ghe.example.com:o/r.git": "ghe.example.com", "ghe/o/r": "ghe",
	} {
		if got, err := w.client.ParseTarget(text); err == nil || CureOf(err) != "choose the host: GH_HOST="+host {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestEventsAreOnesThatGitHubKnows(t *testing.T) {
	w := newWorld(t, "o/r")
	w.AddOrg("acme")
	var repo, all []string
	known := make(map[string]bool)
	last := ""
	for _, e := range Events() {
		if e.Name <= last || e.Sentence == "" || !strings.HasSuffix(e.Sentence, ".") {
			t.Errorf("%+v is out of order or has no sentence", e)
		}
		last, known[e.Name] = e.Name, e.Default
		if e.Name == "*" {
			continue
		}
		all = append(all, e.Name)
		if !e.OrgOnly {
			repo = append(repo, e.Name)
		}
	}
	for _, name := range DefaultEvents() {
		if !known[name] {
			t.Errorf("%s is not marked as chosen by default", name)
		}
	}
	for name, events := range map[string][]string{"o/r": repo, "acme": all} {
		if _, err := w.client.Create(t.Context(), target(t, name), SetupRequest{URL: hookURL, NewEvents: events, Secret: "s"}); err != nil {
			t.Error(err)
		}
	}
}
