package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Repository says what AddRepository adds. The zero value is a public
// repository that the account administers.
type Repository struct {
	Private, Archived bool
	// NoIssues is a repository without issues.
	NoIssues bool
	Topics   []string
	// Role is the account's: "admin", "write", "read" or "none"; "" is admin.
	Role string
}

// target is what hooks hang on: a repository, or an organization where repo is "".
type target struct {
	Repository
	id          int64
	owner, repo string
	sso         string // where to sign on; "" for no need
	hooks       []*hook
	lastPush    []byte

	issues    []*Issue
	lastIssue int
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

// kind is what GitHub calls such a target, in a header of its deliveries among others.
func (t *target) kind() string {
	if t.repo == "" {
		return "organization"
	}
	return "repository"
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

func (t *target) role() string { return cmp.Or(t.Role, "admin") }

// mayTriage reports whether the account may label and assign.
func (t *target) mayTriage() bool { return t.role() == "admin" || t.role() == "write" }

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
	t := &target{owner: owner, repo: repo, commits: map[int][]string{}, jobs: map[runKey][]Job{}}
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
	s.change(from, func(t *target) {
		delete(s.targets, strings.ToLower(from))
		s.renamed[strings.ToLower(from)] = t
		t.owner, t.repo, _ = strings.Cut(to, "/")
		s.targets[strings.ToLower(to)] = t
	})
}

// Grant gives the account a role on a repository or organization: "admin", "write", "read" or "none".
func (s *Server) Grant(name, role string) { s.change(name, func(t *target) { t.Role = role }) }

// SetSSO makes a repository or organization demand single sign-on at the given
// URL; "" lifts the demand.
func (s *Server) SetSSO(name, url string) { s.change(name, func(t *target) { t.sso = url }) }

// change does something to the repository or organization that a test names.
func (s *Server) change(name string, do func(*target)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(name)]
	if t == nil {
		panic(fmt.Sprintf("githubtest: no repository or organization %q", name))
	}
	do(t)
}

// repositoryJSON is what GitHub says about a repository, as far as hooks and project sync need it.
func (c *call) repositoryJSON(t *target) map[string]any {
	j := c.s.eventRepository(t)
	maps.Copy(j, map[string]any{"url": t.url(c.base), "hooks_url": t.url(c.base) + "/hooks", "archived": t.Archived, "has_issues": !t.NoIssues,
		"topics":      append([]string{}, t.Topics...),
		"permissions": map[string]bool{"admin": t.role() == "admin", "maintain": t.role() == "admin", "push": t.mayTriage(), "triage": t.mayTriage(), "pull": true}})
	return j
}

// eventRepository is a repository as an event names it.
func (s *Server) eventRepository(t *target) map[string]any {
	owner := map[string]any{"login": t.owner, "type": "User"}
	if s.targets[strings.ToLower(t.owner)] != nil {
		owner["type"] = "Organization"
	}
	return map[string]any{"id": t.id, "name": t.repo, "full_name": t.name(), "private": t.Private, "html_url": "https://github.com/" + t.name(),
		"default_branch": "main", "owner": owner}
}

// userRepositories lists, by full name, what the account owns or works on; what single sign-on hides is left out, and a header
// says so.
func (c *call) userRepositories() answer {
	list := []map[string]any{}
	var hidden []string
	for _, name := range slices.Sorted(maps.Keys(c.s.targets)) {
		t := c.s.targets[name]
		switch {
		case t.repo == "" || t.role() == "none" || t.Private && !c.s.has("repo"):
		case c.s.ssoOf(t) != "":
			hidden = append(hidden, t.owner)
		default:
			list = append(list, c.repositoryJSON(t))
		}
	}
	a := ok(c.page(list))
	if len(hidden) > 0 {
		a = a.with("X-Github-Sso", "partial-results; organizations="+strings.Join(slices.Compact(hidden), ","))
	}
	return a
}

func (c *call) getOrg() answer {
	return ok(map[string]any{"login": c.t.owner, "id": c.t.id, "url": c.t.url(c.base), "hooks_url": c.t.url(c.base) + "/hooks"})
}

// redirect is GitHub's answer at a repository's old name.
func (c *call) redirect(t *target, rest string) answer {
	status, message := http.StatusTemporaryRedirect, "Temporary Redirect"
	if c.r.Method == http.MethodGet {
		status, message = http.StatusMovedPermanently, "Moved Permanently"
	}
	to := c.base + t.path() + rest
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	return answer{status: status, body: apiError{Message: message, URL: to,
		Docs: "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"}}.with("Location", to)
}
