package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAccess(t *testing.T) {
	list := "/repos/" + widgets + "/hooks"
	for _, test := range []struct {
		name, token, path string
		arrange           func(*Server)
		status            int
		header, value     string
	}{
		{name: "with everything", token: DefaultToken, path: list, status: 200, header: "X-Accepted-Oauth-Scopes", value: "admin:repo_hook, public_repo, read:repo_hook, repo, write:repo_hook"},
		{name: "without a token", path: list, status: 401},
		{name: "with a wrong token", token: "gho_wrong", path: list, status: 401},
		{name: "no scope", token: DefaultToken, path: list, arrange: func(s *Server) { s.SetScopes("gist", "read:org") }, status: 404, header: "X-Oauth-Scopes", value: "gist, read:org"},
		{name: "public_repo on a public one", token: DefaultToken, path: list, arrange: func(s *Server) { s.SetScopes("public_repo") }, status: 200},
		{name: "public_repo on a private one", token: DefaultToken, path: list, arrange: func(s *Server) {
			s.SetScopes("public_repo")
			s.AddRepository(widgets, Repository{Private: true})
		}, status: 404},
		{name: "no admin role", token: DefaultToken, path: list, arrange: func(s *Server) { s.Grant(widgets, "write") }, status: 404, header: "X-Oauth-Scopes", value: "admin:org_hook, admin:repo_hook, gist, read:org, repo, workflow"},
		{name: "no scope for organizations", token: DefaultToken, path: "/orgs/octo-org/hooks", arrange: func(s *Server) { s.SetScopes("repo") }, status: 404, header: "X-Accepted-Oauth-Scopes", value: "admin:org_hook"},
		{name: "sso", token: DefaultToken, path: list, arrange: func(s *Server) { s.SetSSO("octo-org", "https://github.com/orgs/octo-org/sso?x=1") }, status: 403, header: "X-Github-Sso", value: "required; url=https://github.com/orgs/octo-org/sso?x=1"},
		{name: "no such repository", token: DefaultToken, path: "/repos/octo-org/nothing/hooks", status: 404},
		{name: "no such call", token: DefaultToken, path: list + "/1/nothing", status: 404},
		{name: "an unclean path", token: DefaultToken, path: "/repos//" + widgets + "/hooks", status: 404},
		{name: "meta without a token", path: "/meta", status: 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := quiet(t, Options{})
			if test.arrange != nil {
				test.arrange(s)
			}
			r := api(t, s, test.token, "GET", test.path, "")
			if r.status != test.status {
				t.Errorf("%d %s, want %d", r.status, r.text, test.status)
			}
			if test.header != "" && r.header.Get(test.header) != test.value {
				t.Errorf("%s: %q, want %q", test.header, r.header.Get(test.header), test.value)
			}
			if r.status >= 400 && !strings.Contains(r.text, `"documentation_url":"https://docs.github.com/rest`) {
				t.Errorf("not GitHub's error body: %s", r.text)
			}
		})
	}
}

func TestArchivedRepositoryIsReadOnly(t *testing.T) {
	s := quiet(t, Options{})
	id := s.AddHook(widgets, Hook{Config: Config{URL: "https://hooks.example.com"}})
	s.AddRepository(widgets, Repository{Archived: true})
	if r := octocat(t, s, "GET", "/repos/"+widgets+"/hooks", ""); r.status != 200 {
		t.Errorf("reading: %d", r.status)
	}
	if r := octocat(t, s, "DELETE", "/repos/"+widgets+"/hooks/"+itoa(id), ""); r.status != 403 || !strings.Contains(r.text, "archived so is read-only") {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestRepositoriesAreListed(t *testing.T) {
	s := quiet(t, Options{})
	s.AddRepository("octocat/secretive", Repository{Private: true, Archived: true, Topics: []string{"go"}})
	s.AddRepository("sso-org/hidden", Repository{})
	s.SetSSO("sso-org/hidden", "https://github.com/orgs/sso-org/sso")
	s.AddRepository("octo-org/foreign", Repository{Role: "none"})
	s.AddRepository("octo-org/readable", Repository{Role: "read"})
	var list []struct {
		Name        string `json:"full_name"`
		Archived    bool
		Topics      []string
		Permissions map[string]bool
	}
	r := octocat(t, s, "GET", "/user/repos?per_page=2", "")
	r.into(&list)
	if len(list) != 2 || list[0].Name != "octo-org/readable" || list[0].Permissions["admin"] || !strings.Contains(r.header.Get("Link"), `<https://api.github.com/user/repos?page=2&per_page=2>; rel="next"`) {
		t.Errorf("%s\n%v", r.text, r.header)
	}
	if !strings.HasPrefix(r.header.Get("X-Github-Sso"), "partial-results") {
		t.Errorf("X-GitHub-SSO %q", r.header.Get("X-Github-Sso"))
	}
	octocat(t, s, "GET", "/user/repos?per_page=2&page=2", "").into(&list)
	if len(list) != 1 || list[0].Name != "octocat/secretive" || !list[0].Archived || !slices.Equal(list[0].Topics, []string{"go"}) {
		t.Errorf("%+v", list)
	}
	var one struct {
		Name string `json:"full_name"`
	}
	if octocat(t, s, "GET", "/repos/Octo-Org/WIDGETS", "").into(&one); one.Name != widgets {
		t.Errorf("one repository: %+v", one)
	}
	s.Remove("octocat/secretive")
	if r := octocat(t, s, "GET", "/repos/octocat/secretive", ""); r.status != 404 {
		t.Errorf("a repository that was removed: %d", r.status)
	}
	var org struct{ Login string }
	if octocat(t, s, "GET", "/orgs/octo-org", "").into(&org); org.Login != "octo-org" {
		t.Errorf("organization %+v", org)
	}
}

func TestRenamedRepositoryRedirects(t *testing.T) {
	s := quiet(t, Options{})
	id := s.AddHook(widgets, Hook{Active: true, Config: Config{URL: "https://hooks.example.com", Secret: "k"}})
	s.Rename(widgets, "acme/gadgets")
	get := octocat(t, s, "GET", "/repos/"+widgets+"/hooks?per_page=5", "")
	where := get.header.Get("Location")
	if get.status != http.StatusMovedPermanently || !strings.HasPrefix(where, "https://api.github.com/repositories/") || !strings.HasSuffix(where, "/hooks?per_page=5") {
		t.Fatalf("%d %v %s", get.status, get.header, get.text)
	}
	patch := octocat(t, s, "PATCH", "/repos/"+widgets+"/hooks/"+itoa(id)+"/config", `{"secret":"n"}`)
	if patch.status != http.StatusTemporaryRedirect {
		t.Fatalf("PATCH: %d", patch.status)
	}
	to := strings.TrimPrefix(patch.header.Get("Location"), "https://api.github.com")
	if r := octocat(t, s, "PATCH", to, `{"secret":"n"}`); r.status != 200 || s.Hooks("acme/gadgets")[0].Secret != "n" {
		t.Errorf("at the new place: %d %s", r.status, r.text)
	}
}

func TestPrimaryLimit(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := quiet(t, Options{Now: func() time.Time { return now }})
	s.RateLimit(RateLimit{Limit: 60, Remaining: 1, Reset: now.Add(time.Minute)})
	if r := octocat(t, s, "GET", "/user", ""); r.status != 200 || r.header.Get("X-Ratelimit-Remaining") != "0" {
		t.Errorf("%d %v", r.status, r.header)
	}
	r := octocat(t, s, "GET", "/user", "")
	if r.status != 403 || r.header.Get("X-Ratelimit-Reset") != strconv.FormatInt(now.Add(time.Minute).Unix(), 10) || !strings.Contains(r.text, "API rate limit exceeded") {
		t.Errorf("%d %s %v", r.status, r.text, r.header)
	}
	var rate struct{ Rate struct{ Remaining int } }
	if octocat(t, s, "GET", "/rate_limit", "").into(&rate); rate.Rate.Remaining != 0 {
		t.Errorf("rate %+v", rate)
	}
	now = now.Add(time.Minute)
	if r := octocat(t, s, "GET", "/user", ""); r.status != 200 {
		t.Errorf("after the reset: %d", r.status)
	}
}

func TestSecondaryLimitCountsWrites(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := quiet(t, Options{Now: func() time.Time { return now }})
	s.RateLimit(RateLimit{WritesPerMinute: 2, WritesPerHour: 3})
	id := s.AddHook(widgets, Hook{Config: Config{URL: "https://hooks.example.com"}})
	write := func() reply {
		return octocat(t, s, "PATCH", "/repos/"+widgets+"/hooks/"+itoa(id), `{"active":true}`)
	}
	write()
	now = now.Add(20 * time.Second)
	write()
	if r := write(); r.status != 403 || r.header.Get("Retry-After") != "40" || !strings.Contains(r.text, "secondary rate limit") {
		t.Errorf("%d %s %v", r.status, r.text, r.header)
	}
	if r := octocat(t, s, "GET", "/user", ""); r.status != 200 {
		t.Errorf("reading is limited too: %d", r.status)
	}
	now = now.Add(40 * time.Second)
	if r := write(); r.status != 200 {
		t.Errorf("after waiting: %d", r.status)
	}
	now = now.Add(2 * time.Minute)
	if r := write(); r.status != 403 || r.header.Get("Retry-After") != "3420" {
		t.Errorf("the fourth of an hour: %d %v", r.status, r.header)
	}
}
