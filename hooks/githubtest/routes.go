package githubtest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// access is what a call needs: one of these scopes, and a role on its target.
type access struct {
	scopes []string
	admin  bool
}

// The scopes that GitHub names in X-Accepted-OAuth-Scopes; public_repo opens public repositories only.
var (
	repoHookRead   = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "read:repo_hook", "repo", "write:repo_hook"}}
	repoHookWrite  = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "repo", "write:repo_hook"}}
	repoHookDelete = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "repo"}}
	orgHook        = access{admin: true, scopes: []string{"admin:org_hook"}}
	repoWrite      = access{scopes: []string{"public_repo", "repo"}}
	anyScope       = access{}
)

// routes builds the table of calls. Every repository and organization is also
// reachable by number, where GitHub's redirects and Link headers lead.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	public := func(pattern string, f func(*call) answer) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			c := w.(*call)
			c.answer = f(c)
		})
	}
	user := func(pattern string, f func(*call) answer) {
		public(pattern, func(c *call) answer {
			if !c.signedIn {
				panic(refuse(http.StatusUnauthorized, "Requires authentication"))
			}
			return f(c)
		})
	}
	target := func(bases []string, method, rest string, need access, f func(*call) answer) {
		for _, base := range bases {
			user(method+" "+base+rest, func(c *call) answer {
				c.reach(need, strings.Count(base, "/"))
				return f(c)
			})
		}
	}
	repos, orgs := []string{"/repos/{owner}/{repo}", "/repositories/{number}"}, []string{"/orgs/{org}", "/organizations/{number}"}
	repo := func(method, rest string, need access, f func(*call) answer) { target(repos, method, rest, need, f) }
	issues := func(method, rest string, need access, f func(*call) answer) {
		repo(method, "/issues"+rest, need, func(c *call) answer {
			if c.t.NoIssues {
				return refuse(http.StatusGone, "Issues are disabled for this repo")
			}
			return f(c)
		})
	}
	both := func(method, rest string, need access, f func(*call) answer) {
		repo(method, "/hooks"+rest, need, f)
		target(orgs, method, "/hooks"+rest, orgHook, f)
	}
	both("GET", "", repoHookRead, (*call).listHooks)
	both("POST", "", repoHookWrite, (*call).createHook)
	both("GET", "/{hook}", repoHookRead, (*call).getHook)
	both("PATCH", "/{hook}", repoHookWrite, (*call).patchHook)
	both("DELETE", "/{hook}", repoHookDelete, (*call).deleteHook)
	both("PATCH", "/{hook}/config", repoHookWrite, (*call).patchConfig)
	both("POST", "/{hook}/pings", repoHookRead, (*call).pingHook)
	both("GET", "/{hook}/deliveries", repoHookRead, (*call).listDeliveries)
	both("GET", "/{hook}/deliveries/{delivery}", repoHookRead, (*call).getDelivery)
	both("POST", "/{hook}/deliveries/{delivery}/attempts", repoHookWrite, (*call).redeliver)
	repo("POST", "/hooks/{hook}/tests", repoHookRead, (*call).testHook)

	issues("GET", "", anyScope, (*call).listIssues)
	issues("POST", "", repoWrite, (*call).createIssue)
	issues("GET", "/{issue}", anyScope, (*call).getIssue)
	issues("PATCH", "/{issue}", repoWrite, (*call).patchIssue)
	issues("GET", "/{issue}/comments", anyScope, (*call).listComments)
	issues("POST", "/{issue}/comments", repoWrite, (*call).createComment)
	issues("POST", "/{issue}/labels", repoWrite, (*call).addLabels)
	issues("GET", "/{issue}/dependencies/blocked_by", anyScope, (*call).blockedBy)
	repo("GET", "/pulls/{pull}/commits", anyScope, (*call).listCommits)
	repo("GET", "/actions/runs", anyScope, (*call).listRuns)
	repo("GET", "/actions/runs/{run}/attempts/{attempt}/jobs", anyScope, (*call).listJobs)
	repo("GET", "/actions/jobs/{job}/logs", repoWrite, (*call).jobLog)
	for _, board := range []string{"/orgs/{login}/projectsV2/{project}", "/users/{login}/projectsV2/{project}"} {
		user("GET "+board+"/fields", (*call).projectFields)
		user("POST "+board+"/items", (*call).addProjectItem)
		user("GET "+board+"/items/{item}", (*call).getProjectItem)
		user("PATCH "+board+"/items/{item}", (*call).patchProjectItem)
	}

	repo("GET", "", anyScope, func(c *call) answer { return ok(c.repositoryJSON(c.t)) })
	target(orgs, "GET", "", anyScope, (*call).getOrg)
	public("GET /meta", (*call).getMeta)
	user("GET /{$}", (*call).getRoot)
	user("GET /rate_limit", (*call).getRateLimit)
	user("GET /user", (*call).getUser)
	user("GET /user/repos", (*call).userRepositories)
	user("POST /graphql", (*call).postGraphQL)
	return mux
}

// answer authenticates, counts against the limits, and routes one call. A route panics with the answer that ends it early.
func (s *Server) answer(c *call) (a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		switch early := recover().(type) {
		case nil:
		case answer:
			a = c.decorate(early)
		default:
			panic(early)
		}
	}()
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	c.signedIn = (strings.EqualFold(scheme, "token") || strings.EqualFold(scheme, "bearer")) && token == DefaultToken
	c.limit()
	if !c.signedIn && scheme != "" {
		panic(refuse(http.StatusUnauthorized, "Bad credentials"))
	}
	c.answer = notFound()
	s.mux.ServeHTTP(c, c.r)
	return c.decorate(c.answer)
}

// decorate adds the headers that every answer of GitHub carries.
func (c *call) decorate(a answer) answer {
	a = a.with("X-Github-Media-Type", "github.v3; format=json").with("X-Github-Api-Version-Selected", "2022-11-28").
		with("X-Github-Request-Id", "ABCD:1234:SIMULATED")
	if c.link != "" {
		a = a.with("Link", c.link)
	}
	if c.signedIn {
		a = c.s.limits.header(a).with("X-Oauth-Scopes", strings.Join(c.s.scopes, ", ")).with("X-Accepted-Oauth-Scopes", strings.Join(c.accepted, ", "))
	}
	// A client sees by this how wrong its own clock is.
	return a.with("Date", c.s.now().UTC().Format(http.TimeFormat))
}

// reach finds the repository or organization that a path names, unless the caller may not do there what it wants to. The path's
// first segments lead to it.
func (c *call) reach(need access, segments int) {
	t, moved := c.s.find(c.r)
	c.rest = afterSegments(c.r.URL.Path, segments)
	if t != nil && t.role() != "none" {
		if moved {
			panic(c.redirect(t, c.rest))
		}
		if sso := c.s.ssoOf(t); sso != "" {
			panic(refuse(http.StatusForbidden, "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.").
				with("X-Github-Sso", "required; url="+sso))
		}
	}
	scopes := need.scopes
	c.accepted = scopes
	if t != nil && t.Private {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == "public_repo" })
		if len(scopes) == 0 {
			scopes, c.accepted = []string{"repo"}, []string{"repo"}
		}
	}
	if t == nil || t.role() == "none" || !c.s.has(scopes...) || need.admin && t.role() != "admin" {
		panic(notFound())
	}
	if t.Archived && c.r.Method != http.MethodGet {
		panic(refuse(http.StatusForbidden, "Repository was archived so is read-only."))
	}
	c.t = t
}

// ssoOf is where to sign on for a target: its own demand or its organization's.
func (s *Server) ssoOf(t *target) string {
	if org := s.targets[strings.ToLower(t.owner)]; t.sso == "" && org != nil {
		return org.sso
	}
	return t.sso
}

// find is the target that a path names, and whether the path is its old name.
func (s *Server) find(r *http.Request) (t *target, moved bool) {
	if r.PathValue("number") != "" {
		for _, t := range s.targets {
			if strings.HasPrefix(r.URL.Path+"/", t.path()+"/") {
				return t, false
			}
		}
		return nil, false
	}
	key := strings.ToLower(cmp.Or(r.PathValue("org"), r.PathValue("owner")+"/"+r.PathValue("repo")))
	if t := s.targets[key]; t != nil {
		return t, false
	}
	t = s.renamed[key]
	return t, t != nil
}

// id is the number that a path has in a place.
func (c *call) id(place string) int64 {
	n, err := strconv.ParseInt(c.r.PathValue(place), 10, 64)
	if err != nil {
		panic(notFound())
	}
	return n
}

// pick is the item of a list that a path names.
func pick[T any](list []T, named func(T) bool) T {
	i := slices.IndexFunc(list, named)
	if i < 0 {
		panic(notFound())
	}
	return list[i]
}

// afterSegments is what follows the first n segments of a path.
func afterSegments(path string, n int) string {
	for i := range path {
		if path[i] != '/' {
			continue
		}
		if n == 0 {
			return path[i:]
		}
		n--
	}
	return ""
}
