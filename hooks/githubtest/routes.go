package githubtest

import (
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

// The scopes that GitHub names in X-Accepted-OAuth-Scopes.
var (
	repoHookRead   = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "read:repo_hook", "repo", "write:repo_hook"}}
	repoHookWrite  = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "repo", "write:repo_hook"}}
	repoHookDelete = access{admin: true, scopes: []string{"admin:repo_hook", "public_repo", "repo"}}
	orgHook        = access{admin: true, scopes: []string{"admin:org_hook"}}
	anyScope       = access{}
)

// onTarget is a call about a repository or an organization.
type onTarget func(c *call, t *target) answer

// onHook is a call about one hook of it.
type onHook func(c *call, t *target, h *hook) answer

// routes builds the table of calls. Every repository and organization is also
// reachable by number, where GitHub's redirects and Link headers lead.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	both := func(method, rest string, repo, org access, f onTarget) {
		s.target(mux, method, "/repos/{owner}/{repo}", rest, repo, f)
		s.target(mux, method, "/repositories/{number}", rest, repo, f)
		s.target(mux, method, "/orgs/{org}", rest, org, f)
		s.target(mux, method, "/organizations/{number}", rest, org, f)
	}
	repoOnly := func(method, rest string, need access, f onTarget) {
		s.target(mux, method, "/repos/{owner}/{repo}", rest, need, f)
		s.target(mux, method, "/repositories/{number}", rest, need, f)
	}
	both("GET", "/hooks", repoHookRead, orgHook, s.listHooks)
	both("POST", "/hooks", repoHookWrite, orgHook, s.createHook)
	both("GET", "/hooks/{hook}", repoHookRead, orgHook, hooked(s.getHook))
	both("PATCH", "/hooks/{hook}", repoHookWrite, orgHook, hooked(s.patchHook))
	both("DELETE", "/hooks/{hook}", repoHookDelete, orgHook, hooked(s.deleteHook))
	both("GET", "/hooks/{hook}/config", repoHookRead, orgHook, hooked(s.getConfig))
	both("PATCH", "/hooks/{hook}/config", repoHookWrite, orgHook, hooked(s.patchConfig))
	both("POST", "/hooks/{hook}/pings", repoHookRead, orgHook, hooked(s.pingHook))
	repoOnly("POST", "/hooks/{hook}/tests", repoHookRead, hooked(s.testHook))
	both("GET", "/hooks/{hook}/deliveries", repoHookRead, orgHook, hooked(s.listDeliveries))
	both("GET", "/hooks/{hook}/deliveries/{delivery}", repoHookRead, orgHook, hooked(s.getDelivery))
	both("POST", "/hooks/{hook}/deliveries/{delivery}/attempts", repoHookWrite, orgHook, hooked(s.redeliver))

	repoOnly("GET", "", anyScope, s.getRepository)
	s.issueRoutes(repoOnly)
	s.actionRoutes(repoOnly)
	s.projectRoutes(mux)
	s.target(mux, "GET", "/orgs/{org}", "", anyScope, s.getOrg)
	s.target(mux, "GET", "/orgs/{org}", "/repos", anyScope, s.orgRepositories)
	s.target(mux, "GET", "/organizations/{number}", "/repos", anyScope, s.orgRepositories)

	s.plain(mux, "GET /{$}", true, s.getRoot)
	s.plain(mux, "GET /meta", false, s.getMeta)
	s.plain(mux, "GET /rate_limit", true, s.getRateLimit)
	s.plain(mux, "GET /user", true, s.getUser)
	s.plain(mux, "GET /user/repos", true, s.userRepositories)
	s.plain(mux, "GET /user/orgs", true, s.userOrgs)
	s.plain(mux, "GET /users/{login}/repos", true, s.ownerRepositories)
	s.plain(mux, "GET /search/repositories", true, s.searchRepositories)
	s.plain(mux, "POST /graphql", true, s.postGraphQL)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { put(w, notFound()) })
	return mux
}

// carrier hands a call to a route and takes its answer back through ServeMux,
// which knows only handlers.
type carrier struct {
	call   *call
	answer answer
}

// Header is for what ServeMux says by itself about a path that is not clean;
// GitHub knows no such path, so it is lost.
func (*carrier) Header() http.Header { return http.Header{} }

// Write loses its bytes for the same reason.
func (*carrier) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader loses its status for the same reason.
func (*carrier) WriteHeader(int) {}

func put(w http.ResponseWriter, a answer) {
	if c, ok := w.(*carrier); ok {
		c.answer = a
	}
}

// answer authenticates, counts against the limits, and routes one call.
func (s *Server) answer(c *call) answer {
	s.mu.Lock()
	c.authenticate()
	limited, refused := s.limit(c)
	s.mu.Unlock()
	a := limited
	if !refused {
		w := &carrier{call: c}
		s.mux.ServeHTTP(w, c.r)
		a = w.answer
		if a.status == 0 {
			a = notFound()
		}
	}
	return s.decorate(c, a)
}

// decorate adds the headers that every answer of GitHub carries.
func (s *Server) decorate(c *call, a answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a = a.with("X-Github-Media-Type", "github.v3; format=json").with("X-Github-Api-Version-Selected", "2022-11-28").
		with("X-Github-Request-Id", "ABCD:1234:SIMULATED")
	if c.user != nil && !c.user.fineGrained() {
		a = a.with("X-Oauth-Scopes", strings.Join(c.user.Scopes, ", "))
		if _, set := a.header["X-Accepted-Oauth-Scopes"]; !set {
			a = a.with("X-Accepted-Oauth-Scopes", "")
		}
	}
	// A client sees by this how wrong its own clock is.
	return s.limitHeaders(c, a.with("Date", s.now().UTC().Format(http.TimeFormat)))
}

// plain registers a call that is about no repository or organization.
func (s *Server) plain(mux *http.ServeMux, pattern string, private bool, f func(*call) answer) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := w.(*carrier).call
		c.r = r
		if a, refused := c.unauthenticated(private); refused {
			put(w, a)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		put(w, f(c))
	})
}

// target registers a call about a repository or an organization, with what it needs.
func (s *Server) target(mux *http.ServeMux, method, base, rest string, need access, f onTarget) {
	segments := strings.Count(base, "/")
	mux.HandleFunc(method+" "+base+rest, func(w http.ResponseWriter, r *http.Request) {
		c := w.(*carrier).call
		c.r = r
		put(w, s.answerTarget(c, segments, need, f))
	})
}

func (s *Server) answerTarget(c *call, segments int, need access, f onTarget) answer {
	if a, refused := c.unauthenticated(true); refused {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	accepted := strings.Join(need.scopes, ", ")
	t, moved := s.find(c.r)
	if moved && t.role(c.user.Login) != "none" {
		return redirect(c, t, afterSegments(c.r.URL.Path, segments))
	}
	if t == nil || moved || t.role(c.user.Login) == "none" {
		return notFound().with("X-Accepted-Oauth-Scopes", accepted)
	}
	if sso := s.ssoOf(t); sso != "" {
		return refuse(http.StatusForbidden, "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.").
			with("X-Github-Sso", "required; url="+sso)
	}
	scopes := need.scopes
	if t.Private { // public_repo opens public repositories only
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope == "public_repo" })
	}
	if !c.user.has(scopes) || need.admin && t.role(c.user.Login) != "admin" {
		return notFound().with("X-Accepted-Oauth-Scopes", accepted)
	}
	if t.Archived && c.r.Method != http.MethodGet {
		return refuse(http.StatusForbidden, "Repository was archived so is read-only.").with("X-Accepted-Oauth-Scopes", accepted)
	}
	return f(c, t).with("X-Accepted-Oauth-Scopes", accepted)
}

// ssoOf is where to sign on for a target: its own demand or its organization's.
func (s *Server) ssoOf(t *target) string {
	if t.sso != "" || t.repo == "" {
		return t.sso
	}
	if org := s.targets[strings.ToLower(t.owner)]; org != nil {
		return org.sso
	}
	return ""
}

// find is the target that a path names, and whether the path is its old name.
func (s *Server) find(r *http.Request) (t *target, moved bool) {
	if number := r.PathValue("number"); number != "" {
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, false
		}
		org := strings.HasPrefix(r.URL.Path, "/organizations/")
		for _, t := range s.targets {
			if t.id == id && org == (t.repo == "") {
				return t, false
			}
		}
		return nil, false
	}
	name := r.PathValue("org")
	if name == "" {
		name = r.PathValue("owner") + "/" + r.PathValue("repo")
	}
	key := strings.ToLower(name)
	if t := s.targets[key]; t != nil {
		return t, false
	}
	t = s.renamed[key]
	return t, t != nil
}

// hooked finds the hook that a path names.
func hooked(f onHook) onTarget {
	return func(c *call, t *target) answer {
		id, err := strconv.ParseInt(c.r.PathValue("hook"), 10, 64)
		if err != nil {
			return notFound()
		}
		for _, h := range t.hooks {
			if h.id == id && h.visible(c.user, t) {
				return f(c, t, h)
			}
		}
		return notFound()
	}
}

// unauthenticated refuses a call without a valid token.
func (c *call) unauthenticated(private bool) (answer, bool) {
	if c.user != nil || !private && c.r.Header.Get("Authorization") == "" {
		return answer{}, false
	}
	if c.r.Header.Get("Authorization") == "" {
		return refuse(http.StatusUnauthorized, "Requires authentication"), true
	}
	return refuse(http.StatusUnauthorized, "Bad credentials"), true
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
