package githubtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Issue is an issue of a repository.
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
	BlockedBy []int  // issues of the same repository
	Column    string // of the board; "" for none

	id      int64
	lag     int // how many lists by label do not show it yet
	onBoard bool
}

// Comment is a comment on an issue. The logins of bots end with [bot].
type Comment struct {
	ID   int64
	User string
	Body string
	At   time.Time
}

// issue is the one that a path names.
func (c *call) issue() *Issue {
	n := int(c.id("issue"))
	i := c.t.issue(n)
	switch {
	case i == nil && n <= c.t.lastIssue:
		panic(refuse(http.StatusGone, "This issue was deleted"))
	case i == nil:
		panic(notFound())
	}
	return i
}

// issue is the one with a number; nil for none.
func (t *target) issue(number int) *Issue {
	if at := slices.IndexFunc(t.issues, func(i *Issue) bool { return i.Number == number }); at >= 0 {
		return t.issues[at]
	}
	return nil
}

func (s *Server) issueJSON(t *target, i *Issue) map[string]any {
	labels, people := []map[string]any{}, []map[string]any{}
	for _, name := range i.Labels {
		labels = append(labels, map[string]any{"name": name, "color": "d73a4a", "default": false})
	}
	for _, login := range i.Assignees {
		people = append(people, personJSON(login))
	}
	j := map[string]any{"id": i.id, "number": i.Number, "title": i.Title, "body": orNull(i.Body), "state": i.State, "state_reason": orNull(i.Reason),
		"labels": labels, "assignees": people, "user": personJSON(i.User), "comments": len(i.Comments), "html_url": issueURL(t, i.Number),
		"created_at": stamp(i.CreatedAt), "updated_at": stamp(s.now()), "closed_at": nil, "closed_by": nil, "author_association": "MEMBER"}
	if !i.ClosedAt.IsZero() {
		j["closed_at"], j["closed_by"] = stamp(i.ClosedAt), personJSON(i.ClosedBy)
	}
	return j
}

func issueURL(t *target, number int) string {
	return fmt.Sprintf("https://github.com/%s/issues/%d", t.name(), number)
}

func personJSON(login string) map[string]any {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "id": accountID, "type": kind, "html_url": "https://github.com/" + login}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// listIssues knows labels and state. A new issue is missing from the first lists by label, as at GitHub for a moment.
func (c *call) listIssues() answer {
	q := c.r.URL.Query()
	state := cmp.Or(q.Get("state"), "open")
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return badRequest("state is not one of open, closed, all")
	}
	want := strings.FieldsFunc(q.Get("labels"), func(r rune) bool { return r == ',' })
	found := []map[string]any{}
	for _, i := range slices.Backward(c.t.issues) {
		lacks := slices.ContainsFunc(want, func(name string) bool { return indexLabel(i.Labels, name) < 0 })
		switch {
		case lacks || state != "all" && i.State != state:
		case len(want) > 0 && i.lag > 0:
			i.lag--
		default:
			found = append(found, c.s.issueJSON(c.t, i))
		}
	}
	return ok(c.page(found))
}

// issueFields are what a caller may set. A nil field stays as it is.
type issueFields struct {
	Title       *string   `json:"title"`
	Body        *string   `json:"body"`
	State       string    `json:"state"`
	StateReason string    `json:"state_reason"`
	Labels      *[]string `json:"labels"`
	Assignees   *[]string `json:"assignees"`
}

// strict reads a body in which every key is known.
func (c *call) strict(into any) {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		panic(badRequest("%v", err))
	}
}

// long reports whether text is longer than GitHub takes as a body of an issue or a comment.
func long(text string) bool { return utf8.RuneCountInString(text) > 65536 }

// setIssue changes an issue as the call's body says: its words and, where the caller may, its labels and assignees; else those are
// dropped silently, as GitHub does. A label that is missing is made.
func (c *call) setIssue(i *Issue) (in issueFields) {
	c.strict(&in)
	if in.Title != nil && (*in.Title == "" || utf8.RuneCountInString(*in.Title) > 256) {
		panic(invalid("Issue", "title", "invalid"))
	}
	if in.Body != nil && long(*in.Body) {
		panic(refuse(422, "Validation Failed", fieldError{Resource: "Issue", Field: "body", Code: "custom", Message: "body is too long (maximum is 65536 characters)"}))
	}
	if !c.t.mayTriage() && i.User != DefaultLogin {
		panic(refuse(403, "Must have admin rights to Repository."))
	}
	if in.Title != nil {
		i.Title = *in.Title
	}
	if in.Body != nil {
		i.Body = *in.Body
	}
	if in.Labels != nil && c.t.mayTriage() {
		i.Labels = c.t.canonical(*in.Labels)
	}
	if in.Assignees != nil && c.t.mayTriage() {
		i.Assignees = *in.Assignees
	}
	return in
}

func (c *call) createIssue() answer {
	i := &Issue{User: DefaultLogin}
	if c.setIssue(i).Title == nil {
		return invalid("Issue", "title", "missing_field")
	}
	c.s.addIssue(c.t, i)
	c.announce("issues", "opened", i, nil)
	return created(c.s.issueJSON(c.t, i))
}

func (s *Server) addIssue(t *target, i *Issue) {
	t.lastIssue++
	i.Number, i.State, i.User, i.CreatedAt = t.lastIssue, "open", DefaultLogin, s.now()
	i.id, i.lag = s.nextID(), s.opts.LabelLag
	t.canonical(i.Labels)
	t.issues = append(t.issues, i)
}

func (c *call) getIssue() answer { return ok(c.s.issueJSON(c.t, c.issue())) }

func (c *call) patchIssue() answer {
	i := c.issue()
	before := i.Body
	in := c.setIssue(i)
	if i.Body != before {
		c.announce("issues", "edited", i, nil)
	}
	if in.State != "" && in.State != i.State {
		action := "reopened"
		i.State, i.Reason, i.ClosedAt, i.ClosedBy = in.State, "reopened", time.Time{}, ""
		if i.State == "closed" {
			action = "closed"
			i.Reason, i.ClosedAt, i.ClosedBy = cmp.Or(in.StateReason, "completed"), c.s.now(), DefaultLogin
		}
		c.announce("issues", action, i, nil)
	}
	return ok(c.s.issueJSON(c.t, i))
}

func (c *call) addLabels() answer {
	i := c.issue()
	var in struct {
		Labels []string `json:"labels"`
	}
	if c.strict(&in); len(in.Labels) == 0 {
		return badRequest("labels is missing")
	}
	if !c.t.mayTriage() {
		return refuse(403, "Must have admin rights to Repository.")
	}
	for _, name := range c.t.canonical(in.Labels) {
		if !slices.Contains(i.Labels, name) {
			i.Labels = append(i.Labels, name)
			c.announce("issues", "labeled", i, map[string]any{"label": map[string]any{"name": name}})
		}
	}
	return ok(c.s.issueJSON(c.t, i)["labels"])
}

// canonical are the labels as the repository spells them; it gets those that it lacks.
func (t *target) canonical(names []string) (list []string) {
	for _, name := range names {
		at := indexLabel(t.labels, name)
		if at < 0 {
			at = len(t.labels)
			t.labels = append(t.labels, name)
		}
		list = append(list, t.labels[at])
	}
	return list
}

// indexLabel is where a label is in a list, in any case; -1 for nowhere.
func indexLabel(labels []string, name string) int {
	return slices.IndexFunc(labels, func(have string) bool { return strings.EqualFold(have, name) })
}

func (c *call) listComments() answer {
	i := c.issue()
	list := []map[string]any{}
	for _, m := range i.Comments {
		list = append(list, commentJSON(c.t, i, m))
	}
	return ok(c.page(list))
}

func commentJSON(t *target, i *Issue, m Comment) map[string]any {
	return map[string]any{"id": m.ID, "body": m.Body, "user": personJSON(m.User), "created_at": stamp(m.At), "updated_at": stamp(m.At),
		"html_url": fmt.Sprintf("%s#issuecomment-%d", issueURL(t, i.Number), m.ID), "author_association": "MEMBER"}
}

func (c *call) createComment() answer {
	i := c.issue()
	var in struct {
		Body string `json:"body"`
	}
	if c.strict(&in); in.Body == "" || long(in.Body) {
		return invalid("IssueComment", "body", "invalid")
	}
	m := Comment{ID: c.s.nextID(), User: DefaultLogin, Body: in.Body, At: c.s.now()}
	i.Comments = append(i.Comments, m)
	made := commentJSON(c.t, i, m)
	c.announce("issue_comment", "created", i, map[string]any{"comment": made})
	return created(made)
}

func (c *call) blockedBy() answer {
	list := []map[string]any{}
	for _, n := range c.issue().BlockedBy {
		list = append(list, c.s.issueJSON(c.t, c.t.issue(n)))
	}
	return ok(c.page(list))
}

func (c *call) listCommits() answer {
	list := []map[string]any{}
	for _, message := range c.t.commits[int(c.id("pull"))] {
		list = append(list, map[string]any{"sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c", "commit": map[string]any{"message": message}})
	}
	return ok(c.page(list))
}

// Issues returns the issues of a repository, oldest first, in a copy. One that is gone has none.
func (s *Server) Issues(repo string) (list []Issue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[strings.ToLower(repo)]
	if t == nil {
		return nil
	}
	for _, i := range t.issues {
		one := *i
		one.Labels, one.Assignees, one.Comments = slices.Clone(i.Labels), slices.Clone(i.Assignees), slices.Clone(i.Comments)
		list = append(list, one)
	}
	return list
}

// AddIssue adds an open issue and returns its number. No event is sent.
func (s *Server) AddIssue(repo string, i Issue) int {
	s.change(repo, func(t *target) { s.addIssue(t, &i) })
	return i.Number
}

// ChangeIssue changes an issue as a person would in the browser. No event is sent.
func (s *Server) ChangeIssue(repo string, number int, change func(*Issue)) {
	s.change(repo, func(t *target) { change(t.issue(number)) })
}

// DeleteIssue deletes an issue for good; GitHub answers 410 for it.
func (s *Server) DeleteIssue(repo string, number int) {
	s.change(repo, func(t *target) {
		t.issues = slices.DeleteFunc(t.issues, func(i *Issue) bool { return i.Number == number })
	})
}

// SetCommits says which commits a pull request has, by their messages.
func (s *Server) SetCommits(repo string, pull int, messages ...string) {
	s.change(repo, func(t *target) { t.commits[pull] = messages })
}
