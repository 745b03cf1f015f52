package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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

// The scopes that GitHub accepts for issues; public_repo opens public repositories only.
var (
	issueRead  = access{}
	issueWrite = access{scopes: []string{"public_repo", "repo"}}
)

// issueRoutes are the calls around issues.
func (s *Server) issueRoutes(both func(method, rest string, need access, f onTarget)) {
	both("GET", "/issues", issueRead, withIssues(s.listIssues))
	both("POST", "/issues", issueWrite, withIssues(s.createIssue))
	both("GET", "/issues/{issue}", issueRead, withIssues(onIssue(s.getIssue)))
	both("PATCH", "/issues/{issue}", issueWrite, withIssues(onIssue(s.patchIssue)))
	both("GET", "/issues/{issue}/comments", issueRead, withIssues(onIssue(s.listComments)))
	both("POST", "/issues/{issue}/comments", issueWrite, withIssues(onIssue(s.createComment)))
	both("POST", "/issues/{issue}/labels", issueWrite, withIssues(onIssue(s.addLabels)))
	both("DELETE", "/issues/{issue}/labels/{label}", issueWrite, withIssues(onIssue(s.removeLabel)))
	both("GET", "/issues/{issue}/dependencies/blocked_by", issueRead, withIssues(onIssue(s.blockedBy)))
	both("GET", "/labels/{label}", issueRead, s.getLabel)
	both("POST", "/labels", issueWrite, s.createLabel)
	both("GET", "/pulls/{issue}/commits", issueRead, s.listCommits)
}

// withIssues refuses what a repository without issues refuses.
func withIssues(f onTarget) onTarget {
	return func(c *call, t *target) answer {
		if t.Private && !c.user.has([]string{"repo"}) {
			return notFound().with("X-Accepted-Oauth-Scopes", "repo")
		}
		if t.NoIssues {
			return refuse(http.StatusGone, "Issues are disabled for this repo")
		}
		return f(c, t)
	}
}

func onIssue(f func(c *call, t *target, i *Issue) answer) onTarget {
	return func(c *call, t *target) answer {
		n, err := strconv.Atoi(c.r.PathValue("issue"))
		if err != nil {
			return notFound()
		}
		if slices.Contains(t.deleted, n) {
			return refuse(http.StatusGone, "This issue was deleted")
		}
		for _, i := range t.issues {
			if i.Number == n {
				return f(c, t, i)
			}
		}
		return notFound()
	}
}

func (t *target) mayTriage(login string) bool {
	return t.role(login) == "admin" || t.role(login) == "write"
}

func (s *Server) issueJSON(base string, t *target, i *Issue) map[string]any {
	labels := []map[string]any{}
	for _, name := range i.Labels {
		labels = append(labels, map[string]any{"name": name, "color": "d73a4a", "default": false})
	}
	people := []map[string]any{}
	for _, login := range i.Assignees {
		people = append(people, personJSON(login, false))
	}
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
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
func (s *Server) listIssues(c *call, t *target) answer {
	q := c.r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return badRequest("state is not one of open, closed, all")
	}
	var want []string
	if q.Get("labels") != "" {
		want = strings.Split(q.Get("labels"), ",")
	}
	found := []map[string]any{}
	for _, i := range slices.Backward(t.issues) {
		if state != "all" && i.State != state || !hasAll(i.Labels, want) {
			continue
		}
		if len(want) > 0 && i.lag > 0 {
			i.lag--
			continue
		}
		found = append(found, s.issueJSON(c.base, t, i))
	}
	return paged(c, t.url(c.base)+"/issues", found)
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

func (c *call) issueFields() (issueFields, *answer) {
	var in issueFields
	d := json.NewDecoder(strings.NewReader(string(c.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		a := badRequest("%v", err)
		return in, &a
	}
	if in.Title != nil && (*in.Title == "" || len([]rune(*in.Title)) > 256) {
		a := refuse(422, "Validation Failed", fieldError{Resource: "Issue", Field: "title", Code: "invalid"})
		return in, &a
	}
	if in.Body != nil && len([]rune(*in.Body)) > maxText {
		a := refuse(422, "Validation Failed", fieldError{Resource: "Issue", Field: "body", Code: "custom", Message: "body is too long (maximum is 65536 characters)"})
		return in, &a
	}
	return in, nil
}

// createIssue drops labels and assignees of who may not set them, silently, as GitHub does. A label that is missing is made.
func (s *Server) createIssue(c *call, t *target) answer {
	in, bad := c.issueFields()
	if bad != nil {
		return *bad
	}
	if in.Title == nil {
		return refuse(422, "Validation Failed", fieldError{Resource: "Issue", Field: "title", Code: "missing_field"})
	}
	i := &Issue{Title: *in.Title, State: "open", User: c.user.Login}
	if in.Body != nil {
		i.Body = *in.Body
	}
	if t.mayTriage(c.user.Login) {
		if in.Labels != nil {
			i.Labels = t.canonical(*in.Labels)
		}
		if in.Assignees != nil {
			i.Assignees = *in.Assignees
		}
	}
	s.addIssue(t, i)
	s.announce(t, "issues", "opened", i, c.user.Login, nil)
	a := ok(s.issueJSON(c.base, t, i))
	a.status = http.StatusCreated
	return a
}

func (s *Server) addIssue(t *target, i *Issue) {
	for _, have := range t.issues {
		t.lastIssue = max(t.lastIssue, have.Number)
	}
	if i.Number == 0 {
		i.Number = t.lastIssue + 1
	}
	t.lastIssue = max(t.lastIssue, i.Number)
	if i.State == "" {
		i.State = "open"
	}
	if i.User == "" {
		i.User = DefaultLogin
	}
	if i.CreatedAt.IsZero() {
		i.CreatedAt = s.now()
	}
	i.id, i.lag = s.nextID(), s.opts.LabelLag
	t.canonical(i.Labels)
	t.issues = append(t.issues, i)
}

func (s *Server) getIssue(c *call, t *target, i *Issue) answer { return ok(s.issueJSON(c.base, t, i)) }

func (s *Server) patchIssue(c *call, t *target, i *Issue) answer {
	in, bad := c.issueFields()
	if bad != nil {
		return *bad
	}
	if !t.mayTriage(c.user.Login) && i.User != c.user.Login {
		return refuse(403, "Must have admin rights to Repository.")
	}
	if in.Title != nil {
		i.Title = *in.Title
	}
	if in.Labels != nil && t.mayTriage(c.user.Login) {
		i.Labels = t.canonical(*in.Labels)
	}
	if in.Assignees != nil && t.mayTriage(c.user.Login) {
		i.Assignees = *in.Assignees
	}
	if in.Body != nil && *in.Body != i.Body {
		i.Body = *in.Body
		s.announce(t, "issues", "edited", i, c.user.Login, nil)
	}
	if in.State != nil && *in.State != i.State {
		action := "reopened"
		i.State, i.Reason, i.ClosedAt, i.ClosedBy = *in.State, "reopened", time.Time{}, ""
		if i.State == "closed" {
			action = "closed"
			i.Reason, i.ClosedAt, i.ClosedBy = "completed", s.now(), c.user.Login
			if in.StateReason != nil {
				i.Reason = *in.StateReason
			}
		}
		s.announce(t, "issues", action, i, c.user.Login, nil)
	}
	return ok(s.issueJSON(c.base, t, i))
}

func (s *Server) blockedBy(c *call, t *target, i *Issue) answer {
	list := []map[string]any{}
	for _, at := range i.BlockedBy {
		for _, other := range s.targets {
			for _, o := range other.issues {
				if at == fmt.Sprintf("https://github.com/%s/issues/%d", other.name(), o.Number) {
					list = append(list, s.issueJSON(c.base, other, o))
				}
			}
		}
	}
	return paged(c, fmt.Sprintf("%s/issues/%d/dependencies/blocked_by", t.url(c.base), i.Number), list)
}

func (s *Server) listCommits(c *call, t *target) answer {
	n, _ := strconv.Atoi(c.r.PathValue("issue"))
	list := []map[string]any{}
	for _, message := range t.commits[n] {
		list = append(list, map[string]any{"sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c", "commit": map[string]any{"message": message}})
	}
	return paged(c, fmt.Sprintf("%s/pulls/%d/commits", t.url(c.base), n), list)
}

// announce sends what GitHub sends when an issue changes, to the repository's hooks and its organization's. Call it with mu held.
func (s *Server) announce(t *target, event, action string, i *Issue, sender string, more map[string]any) {
	body := map[string]any{"action": action, "issue": s.issueJSON("https://api.github.com", t, i), "sender": personJSON(sender, false),
		"repository": s.eventRepository(t)}
	for key, value := range more {
		body[key] = value
	}
	payload, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("githubtest: marshal an event: %v", err))
	}
	guid := newGUID()
	for n, at := range []*target{t, s.targets[strings.ToLower(t.owner)]} {
		if at == nil || n > 0 && at == t {
			continue
		}
		for _, h := range at.hooks {
			if h.Active && h.subscribed(event) {
				s.sendLater(at, h, message{event: event, guid: guid, payload: payload})
			}
		}
	}
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
	t := s.mustTarget(repo)
	if t.commits == nil {
		t.commits = map[int][]string{}
	}
	t.commits[pull] = messages
}
