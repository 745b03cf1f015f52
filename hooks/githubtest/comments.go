package githubtest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Comment is a comment on an issue.
type Comment struct {
	ID   int64
	User string
	Bot  bool
	Body string
	At   time.Time
}

func (c *call) listComments() answer {
	i := c.issue()
	list := []map[string]any{}
	for _, m := range i.Comments {
		list = append(list, commentJSON(c.base, c.t, i, m))
	}
	return ok(page(c, fmt.Sprintf("%s/issues/%d/comments", c.t.url(c.base), i.Number), list))
}

func commentJSON(base string, t *target, i *Issue, m Comment) map[string]any {
	return map[string]any{"id": m.ID, "body": m.Body, "user": personJSON(m.User, m.Bot), "created_at": stamp(m.At), "updated_at": stamp(m.At),
		"url": fmt.Sprintf("%s/issues/comments/%d", t.url(base), m.ID), "html_url": fmt.Sprintf("https://github.com/%s/issues/%d#issuecomment-%d", t.name(), i.Number, m.ID),
		"author_association": "MEMBER"}
}

func (c *call) createComment() answer {
	i := c.issue()
	var in struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || in.Body == "" || len([]rune(in.Body)) > maxText {
		return invalid("IssueComment", "body", "invalid")
	}
	if i.Locked && !c.mayTriage() {
		return refuse(403, "Unable to create comment because issue is locked.")
	}
	m := Comment{ID: c.s.nextID(), User: c.user.Login, Body: in.Body, At: c.s.now()}
	i.Comments = append(i.Comments, m)
	made := commentJSON(c.base, c.t, i, m)
	c.announce("issue_comment", "created", i, map[string]any{"comment": made})
	return created(made)
}
