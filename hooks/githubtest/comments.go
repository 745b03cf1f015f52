package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
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

func (s *Server) listComments(c *call, t *target, i *Issue) answer {
	list := []map[string]any{}
	for _, m := range i.Comments {
		list = append(list, commentJSON(c.base, t, i, m))
	}
	return paged(c, fmt.Sprintf("%s/issues/%d/comments", t.url(c.base), i.Number), list)
}

func commentJSON(base string, t *target, i *Issue, m Comment) map[string]any {
	return map[string]any{"id": m.ID, "body": m.Body, "user": personJSON(m.User, m.Bot), "created_at": stamp(m.At), "updated_at": stamp(m.At),
		"url": fmt.Sprintf("%s/issues/comments/%d", t.url(base), m.ID), "html_url": fmt.Sprintf("https://github.com/%s/issues/%d#issuecomment-%d", t.name(), i.Number, m.ID),
		"author_association": "MEMBER"}
}

func (s *Server) createComment(c *call, t *target, i *Issue) answer {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil || in.Body == "" || len([]rune(in.Body)) > maxText {
		return refuse(422, "Validation Failed", fieldError{Resource: "IssueComment", Field: "body", Code: "invalid"})
	}
	if i.Locked && !t.mayTriage(c.user.Login) {
		return refuse(403, "Unable to create comment because issue is locked.")
	}
	m := Comment{ID: s.nextID(), User: c.user.Login, Body: in.Body, At: s.now()}
	i.Comments = append(i.Comments, m)
	s.announce(t, "issue_comment", "created", i, c.user.Login, map[string]any{"comment": commentJSON(c.base, t, i, m)})
	a := ok(commentJSON(c.base, t, i, m))
	a.status = http.StatusCreated
	return a
}
