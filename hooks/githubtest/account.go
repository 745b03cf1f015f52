package githubtest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// User is an account with a token.
type User struct {
	Login, Token string
	// Scopes are the token's OAuth scopes. A token that starts with
	// "github_pat_" is fine-grained and has none.
	Scopes []string
}

type user struct {
	User
	id int64
}

// Repository says what AddRepository adds. The zero value is a public
// repository that every account administers.
type Repository struct {
	Private, Archived bool
	// NoIssues is a repository without issues.
	NoIssues    bool
	Topics      []string
	Description string
	// Role is what an account without a grant has: "admin", "write", "read" or
	// "none"; "" is admin.
	Role string
}

// target is what hooks hang on: a repository, or an organization where repo is "".
type target struct {
	Repository
	id          int64
	owner, repo string
	roles       map[string]string // by lower case login
	sso         string            // where to sign on; "" for no need
	hooks       []*hook
	lastPush    []byte

	issues    []*Issue
	lastIssue int
	deleted   []int // numbers of issues
	labels    []string
	commits   map[int][]string // messages, by pull request
	jobs      map[runKey][]Job
}

func (t *target) name() string {
	if t.repo == "" {
		return t.owner
	}
	return t.owner + "/" + t.repo
}

// path is the target's address by number, which GitHub's redirects and Link headers use.
func (t *target) path() string {
	if t.repo == "" {
		return fmt.Sprintf("/organizations/%d", t.id)
	}
	return fmt.Sprintf("/repositories/%d", t.id)
}

// url is the target's address by name.
func (t *target) url(base string) string {
	if t.repo == "" {
		return base + "/orgs/" + url.PathEscape(t.owner)
	}
	return base + "/repos/" + url.PathEscape(t.owner) + "/" + url.PathEscape(t.repo)
}

func (t *target) role(login string) string {
	if r, ok := t.roles[strings.ToLower(login)]; ok {
		return r
	}
	return cmp.Or(t.Role, "admin")
}

// AddUser adds an account, or replaces the one that has this token.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Scopes = slices.Clone(u.Scopes)
	s.lastID++
	s.users[u.Token] = &user{User: u, id: 583231 + s.lastID}
}

// AddRepository adds the repository named "owner/repo". Adding one again
// changes its settings and keeps its hooks. It panics on a name without a slash.
func (s *Server) AddRepository(full string, r Repository) {
	owner, repo, found := strings.Cut(full, "/")
	if !found || owner == "" || repo == "" {
		panic(fmt.Sprintf("githubtest: %q is not owner/repo", full))
	}
	s.add(owner, repo, r)
}

// AddOrg adds an organization. Its repositories are those whose owner has its name.
func (s *Server) AddOrg(login string) { s.add(login, "", Repository{}) }

func (s *Server) add(owner, repo string, r Repository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &target{owner: owner, repo: repo, roles: map[string]string{}, commits: map[int][]string{}, jobs: map[runKey][]Job{}}
	key := strings.ToLower(t.name())
	if old := s.targets[key]; old != nil {
		old.Repository = r
		return
	}
	s.lastID++
	t.id, t.Repository = 1296269+s.lastID, r
	s.targets[key] = t
	delete(s.renamed, key)
}

// Remove deletes a repository or an organization with its hooks.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.targets, strings.ToLower(name))
}

// Rename renames or transfers a repository. Its old name answers as GitHub
// does: 301 for reading and 307 for everything else.
func (s *Server) Rename(from, to string) {
	owner, repo, _ := strings.Cut(to, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(from)]
	if t == nil {
		panic(fmt.Sprintf("githubtest: no repository %q", from))
	}
	delete(s.targets, strings.ToLower(from))
	s.renamed[strings.ToLower(from)] = t
	t.owner, t.repo = owner, repo
	s.targets[strings.ToLower(to)] = t
}

// Grant gives an account a role on a repository or organization: "admin",
// "write", "read" or "none". An account without a grant has the repository's Role.
func (s *Server) Grant(name, login, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustTarget(name).roles[strings.ToLower(login)] = role
}

// SetScopes replaces the scopes of every token of an account.
func (s *Server) SetScopes(login string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		if strings.EqualFold(u.Login, login) {
			u.Scopes = slices.Clone(scopes)
		}
	}
}

// SetSSO makes a repository or organization demand single sign-on at the given
// URL; "" lifts the demand.
func (s *Server) SetSSO(name, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustTarget(name).sso = url
}

// mustTarget finds what a test named. Call it with mu held.
func (s *Server) mustTarget(name string) *target {
	t := s.targets[strings.ToLower(name)]
	if t == nil {
		panic(fmt.Sprintf("githubtest: no repository or organization %q", name))
	}
	return t
}

// Environ returns the variables that make gh and go-gh use this simulation
// through the configuration that WriteGHConfig wrote into dir. Append them to
// an environment: they come last and so win.
func (s *Server) Environ(dir string) []string {
	return []string{"GH_CONFIG_DIR=" + dir, "GH_TOKEN=" + DefaultToken, "GITHUB_TOKEN=", "GH_HOST=github.com",
		"GH_REPO=", "GH_DEBUG=", "GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1"}
}

// WriteGHConfig writes the config.yml that points gh and go-gh at the socket
// given to Start. It makes dir where it is missing.
func (s *Server) WriteGHConfig(dir string) error {
	s.mu.Lock()
	socket := s.socket
	s.mu.Unlock()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the gh configuration directory: %w", err)
	}
	text := fmt.Sprintf("version: \"1\"\nhttp_unix_socket: %q\nprompt: disabled\n", filepath.ToSlash(socket))
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the gh configuration: %w", err)
	}
	return nil
}

// authenticate finds whose token a call carries.
func (c *call) authenticate() {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "token") || strings.EqualFold(scheme, "bearer") {
		c.user = c.s.users[strings.TrimSpace(token)]
	}
}

// fineGrained reports whether the caller's token has permissions instead of scopes.
func (u *user) fineGrained() bool { return strings.HasPrefix(u.Token, "github_pat_") }

// has reports whether the caller's token carries one of the scopes.
func (u *user) has(scopes ...string) bool {
	if u.fineGrained() || len(scopes) == 0 {
		return true
	}
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(u.Scopes, s) })
}

func (c *call) getUser() answer {
	u := c.user
	return ok(map[string]any{"login": u.Login, "id": u.id, "type": "User", "site_admin": false, "name": u.Login,
		"url": c.base + "/users/" + u.Login, "html_url": "https://github.com/" + u.Login})
}

// getRoot answers what gh asks to learn a token's scopes.
func (c *call) getRoot() answer {
	return ok(map[string]any{"current_user_url": c.base + "/user",
		"repository_url": c.base + "/repos/{owner}/{repo}", "user_repositories_url": c.base + "/users/{user}/repos{?type,page,per_page,sort}"})
}

// postGraphQL knows the one question that gh asks in order to name the account.
func (c *call) postGraphQL() answer {
	if !strings.Contains(string(c.body), "viewer") {
		return ok(map[string]any{"errors": []map[string]any{{"type": "undefinedField",
			"message": "The simulated GitHub answers viewer{login} only"}}})
	}
	return ok(map[string]any{"data": map[string]any{"viewer": map[string]any{"login": c.user.Login}}})
}

func (*call) getMeta() answer {
	return ok(map[string]any{"verifiable_password_authentication": false,
		"hooks": []string{"192.30.252.0/22", "185.199.108.0/22", "140.82.112.0/20", "143.55.64.0/20", "127.0.0.0/8", "2a0a:a440::/29", "2606:50c0::/32"}})
}

// redirect is GitHub's answer at a repository's old name.
func redirect(c *call, t *target, rest string) answer {
	status, message := http.StatusTemporaryRedirect, "Temporary Redirect"
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		status, message = http.StatusMovedPermanently, "Moved Permanently"
	}
	to := c.base + t.path() + rest
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	return answer{status: status, body: apiError{Message: message, URL: to,
		Docs: "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"}}.with("Location", to)
}
