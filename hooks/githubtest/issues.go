package githubtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Issue is an issue of a repository, or with Pull a pull request, which GitHub numbers alike.
type Issue struct {
	Number    int
	Title     string
	Body      string
	State     string // open or closed
	Reason    string // completed, not_planned, reopened or ""
	Labels    []string
	Assignees []string
	User      string
	CreatedAt time.Time
	ClosedAt  time.Time
	ClosedBy  string
	Comments  []Comment
	BlockedBy []string // URLs of issues
	Pull      bool
	Locked    bool

	id  int64
	lag int // how many lists by label do not show it yet
}

// issue is the one that a path names.
func (c *call) issue() *Issue {
	n := int(c.id("issue"))
	if slices.Contains(c.t.deleted, n) {
		panic(refuse(http.StatusGone, "This issue was deleted"))
	}
	return pick(c.t.issues, func(i *Issue) bool { return i.Number == n })
}

func (c *call) mayTriage() bool {
	role := c.t.role(c.user.Login)
	return role == "admin" || role == "write"
}

func (c *call) issueJSON(i *Issue) map[string]any { return c.s.issueJSON(c.base, c.t, i) }

func (s *Server) issueJSON(base string, t *target, i *Issue) map[string]any {
	labels := []map[string]any{}
	for _, name := range i.Labels {
		labels = append(labels, map[string]any{"name": name, "color": "d73a4a", "default": false})
	}
	people := []map[string]any{}
	for _, login := range i.Assignees {
		people = append(people, personJSON(login, false))
	}
	kind := "issues"
	if i.Pull {
		kind = "pull"
	}
	j := map[string]any{"id": i.id, "number": i.Number, "title": i.Title, "body": orNull(i.Body), "state": i.State, "state_reason": orNull(i.Reason),
		"labels": labels, "assignees": people, "assignee": nil, "user": personJSON(i.User, false), "comments": len(i.Comments), "locked": i.Locked,
		"url": fmt.Sprintf("%s/issues/%d", t.url(base), i.Number), "html_url": fmt.Sprintf("https://github.com/%s/%s/%d", t.name(), kind, i.Number),
		"repository_url": t.url(base), "created_at": stamp(i.CreatedAt), "updated_at": stamp(s.now()), "closed_at": nil, "closed_by": nil, "author_association": "MEMBER"}
	if !i.ClosedAt.IsZero() {
		j["closed_at"], j["closed_by"] = stamp(i.ClosedAt), personJSON(i.ClosedBy, false)
	}
	if i.Pull {
		j["pull_request"] = map[string]any{"url": fmt.Sprintf("%s/pulls/%d", t.url(base), i.Number)}
	}
	return j
}

func personJSON(login string, bot bool) map[string]any {
	kind := "User"
	if bot {
		kind = "Bot"
	}
	return map[string]any{"login": login, "id": 583231, "type": kind, "html_url": "https://github.com/" + login, "site_admin": false}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// listIssues knows labels, state and since. A new issue is missing from the first lists by label, as at GitHub for a moment.
func (c *call) listIssues() answer {
	q := c.r.URL.Query()
	state := cmp.Or(q.Get("state"), "open")
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return badRequest("state is not one of open, closed, all")
	}
	var want []string
	if q.Get("labels") != "" {
		want = strings.Split(q.Get("labels"), ",")
	}
	found := []map[string]any{}
	for _, i := range slices.Backward(c.t.issues) {
		if state != "all" && i.State != state || !hasAll(i.Labels, want) {
			continue
		}
		if len(want) > 0 && i.lag > 0 {
			i.lag--
			continue
		}
		found = append(found, c.issueJSON(i))
	}
	return ok(page(c, c.t.url(c.base)+"/issues", found))
}

// issueFields are what a caller may set. A nil field stays as it is.
type issueFields struct {
	Title       *string   `json:"title"`
	Body        *string   `json:"body"`
	State       *string   `json:"state"`
	StateReason *string   `json:"state_reason"`
	Labels      *[]string `json:"labels"`
	Assignees   *[]string `json:"assignees"`
}

// maxText is the longest body of an issue or a comment.
const maxText = 65536

// strict reads a body in which every key is known.
func (c *call) strict(into any) error {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (c *call) issueFields() (in issueFields) {
	if err := c.strict(&in); err != nil {
		panic(badRequest("%v", err))
	}
	if in.Title != nil && (*in.Title == "" || len([]rune(*in.Title)) > 256) {
		panic(invalid("Issue", "title", "invalid"))
	}
	if in.Body != nil && len([]rune(*in.Body)) > maxText {
		panic(refuse(422, "Validation Failed", fieldError{Resource: "Issue", Field: "body", Code: "custom", Message: "body is too long (maximum is 65536 characters)"}))
	}
	return in
}

// set changes the words of an issue and, where the caller may, its labels and assignees; else those are dropped silently, as GitHub
// does. A label that is missing is made. It reports whether the body is another one.
func (c *call) set(i *Issue, in issueFields) (edited bool) {
	if in.Title != nil {
		i.Title = *in.Title
	}
	if in.Labels != nil && c.mayTriage() {
		i.Labels = c.t.canonical(*in.Labels)
	}
	if in.Assignees != nil && c.mayTriage() {
		i.Assignees = *in.Assignees
	}
	if in.Body == nil || *in.Body == i.Body {
		return false
	}
	i.Body = *in.Body
	return true
}

func (c *call) createIssue() answer {
	in := c.issueFields()
	if in.Title == nil {
		return invalid("Issue", "title", "missing_field")
	}
	i := &Issue{State: "open", User: c.user.Login}
	c.set(i, in)
	c.s.addIssue(c.t, i)
	c.announce("issues", "opened", i, nil)
	return created(c.issueJSON(i))
}

func (s *Server) addIssue(t *target, i *Issue) {
	for _, have := range t.issues {
		t.lastIssue = max(t.lastIssue, have.Number)
	}
	if i.Number == 0 {
		i.Number = t.lastIssue + 1
	}
	t.lastIssue = max(t.lastIssue, i.Number)
	i.State, i.User = cmp.Or(i.State, "open"), cmp.Or(i.User, DefaultLogin)
	if i.CreatedAt.IsZero() {
		i.CreatedAt = s.now()
	}
	i.id, i.lag = s.nextID(), s.opts.LabelLag
	t.canonical(i.Labels)
	t.issues = append(t.issues, i)
}

func (c *call) getIssue() answer { return ok(c.issueJSON(c.issue())) }

func (c *call) patchIssue() answer {
	i, in := c.issue(), c.issueFields()
	if !c.mayTriage() && i.User != c.user.Login {
		return refuse(403, "Must have admin rights to Repository.")
	}
	if c.set(i, in) {
		c.announce("issues", "edited", i, nil)
	}
	if in.State != nil && *in.State != i.State {
		action := "reopened"
		i.State, i.Reason, i.ClosedAt, i.ClosedBy = *in.State, "reopened", time.Time{}, ""
		if i.State == "closed" {
			action = "closed"
			i.Reason, i.ClosedAt, i.ClosedBy = "completed", c.s.now(), c.user.Login
			if in.StateReason != nil {
				i.Reason = *in.StateReason
			}
		}
		c.announce("issues", action, i, nil)
	}
	return ok(c.issueJSON(i))
}

func (c *call) blockedBy() answer {
	i := c.issue()
	list := []map[string]any{}
	for _, at := range i.BlockedBy {
		for _, other := range c.s.targets {
			for _, o := range other.issues {
				if at == fmt.Sprintf("https://github.com/%s/issues/%d", other.name(), o.Number) {
					list = append(list, c.s.issueJSON(c.base, other, o))
				}
			}
		}
	}
	return ok(page(c, fmt.Sprintf("%s/issues/%d/dependencies/blocked_by", c.t.url(c.base), i.Number), list))
}

func (c *call) listCommits() answer {
	n := int(c.id("pull"))
	list := []map[string]any{}
	for _, message := range c.t.commits[n] {
		list = append(list, map[string]any{"sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c", "commit": map[string]any{"message": message}})
	}
	return ok(page(c, fmt.Sprintf("%s/pulls/%d/commits", c.t.url(c.base), n), list))
}

// announce sends what GitHub sends when an issue changes, to the repository's hooks and its organization's.
func (c *call) announce(event, action string, i *Issue, more map[string]any) {
	body := map[string]any{"action": action, "issue": c.s.issueJSON("https://api.github.com", c.t, i), "sender": personJSON(c.user.Login, false),
		"repository": c.s.eventRepository(c.t)}
	maps.Copy(body, more)
	c.s.ship(c.s.shipments(c.t, event, payload(body))...)
}

// eventRepository is a repository as an event names it.
func (s *Server) eventRepository(t *target) map[string]any {
	return map[string]any{"id": t.id, "name": t.repo, "full_name": t.name(), "private": t.Private, "html_url": "https://github.com/" + t.name(),
		"default_branch": "main", "owner": map[string]any{"login": t.owner, "type": s.ownerType(t.owner)}}
}

// Issues returns the issues of a repository, oldest first, in a copy. One that is gone has none.
func (s *Server) Issues(repo string) []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(repo)]
	if t == nil {
		return nil
	}
	var list []Issue
	for _, i := range t.issues {
		list = append(list, i.copy())
	}
	return list
}

func (i *Issue) copy() Issue {
	c := *i
	c.Labels, c.Assignees, c.Comments = slices.Clone(i.Labels), slices.Clone(i.Assignees), slices.Clone(i.Comments)
	return c
}

// AddIssue adds an issue and returns its number. No event is sent.
func (s *Server) AddIssue(repo string, i Issue) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addIssue(s.mustTarget(repo), &i)
	return i.Number
}

// ChangeIssue changes an issue as a person would in the browser. No event is sent.
func (s *Server) ChangeIssue(repo string, number int, change func(*Issue)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.mustTarget(repo).issues {
		if i.Number == number {
			change(i)
			return
		}
	}
	panic(fmt.Sprintf("githubtest: no issue %d in %s", number, repo))
}

// DeleteIssue deletes an issue for good; GitHub answers 410 for it.
func (s *Server) DeleteIssue(repo string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(repo)
	t.issues = slices.DeleteFunc(t.issues, func(i *Issue) bool { return i.Number == number })
	t.deleted = append(t.deleted, number)
	t.lastIssue = max(t.lastIssue, number)
}

// SetCommits says which commits a pull request has, by their messages.
func (s *Server) SetCommits(repo string, pull int, messages ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustTarget(repo).commits[pull] = messages
}
