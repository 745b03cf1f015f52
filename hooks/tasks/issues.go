package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
)

// ghIssue is an issue as GitHub answers it.
type ghIssue struct {
	Number    int64
	Title     string
	Body      string
	State     string
	HTMLURL   string `json:"html_url"`
	ClosedAt  string `json:"closed_at"`
	Labels    []struct{ Name string }
	Assignees []wirePerson
	CreatedAt string `json:"created_at"`
}

func (i *ghIssue) open() bool { return i.State == "open" }

func (i *ghIssue) has(label string) bool {
	return slices.ContainsFunc(i.Labels, func(l struct{ Name string }) bool { return strings.EqualFold(l.Name, label) })
}

// comment is a comment as GitHub answers it.
type comment struct {
	Body  string
	User  struct{ Login, Type string }
	At    string `json:"created_at"`
	Assoc string `json:"author_association"`
}

// issues are the calls about the issues of one repository.
type issues struct {
	client *hooks.Client
	repo   hooks.Target
}

func (w *work) issues() issues { return issues{w.client, w.t.repo.target()} }

// call is one about issues, for which a token needs these rights.
func (i issues) call(op, method, path string, body any) hooks.Call {
	return hooks.Call{Op: op, Target: i.repo.String(), Method: method, Path: "repos/" + url.PathEscape(i.repo.Owner) + "/" + url.PathEscape(i.repo.Repo) + path,
		Body: body, Scope: "repo", Permission: "Issues: read and write"}
}

// get reads one issue; nil where it is gone.
func (i issues) get(ctx context.Context, number int64) (*ghIssue, error) {
	var found ghIssue
	err := i.client.Do(ctx, i.call("read the issue", "GET", fmt.Sprintf("/issues/%d", number), nil), &found)
	var e *hooks.Error // a 410 may also be that of a repository without issues
	if errors.As(err, &e) && (e.Status == 404 && !errors.Is(err, hooks.ErrScope) || e.Status == 410 && !strings.Contains(strings.ToLower(e.Message), "disabled")) {
		return nil, nil
	}
	if err == nil && found.Number != number {
		return nil, nil // it was moved to another repository
	}
	return &found, err
}

// list lists the issues with a label, open and closed, newest first, at most 500. Without a label it lists the newest hundred: a
// label may be missing from GitHub's lists for a moment.
func (i issues) list(ctx context.Context, label string) ([]ghIssue, error) {
	which, enough := "", 1
	if label != "" {
		which, enough = "labels="+url.QueryEscape(label)+"&", 500
	}
	return hooks.All[ghIssue](ctx, i.client, i.call("list issues", "GET", "/issues?"+which+"state=all&sort=created&direction=desc&per_page=100", nil), enough)
}

// comments lists the comments of an issue.
func (i issues) comments(ctx context.Context, number int64) ([]comment, error) {
	return hooks.All[comment](ctx, i.client, i.call("list comments", "GET", fmt.Sprintf("/issues/%d/comments?per_page=100", number), nil), 1000)
}

// noteFormat is the first line of a comment of ours.
const noteFormat = "<!-- hookctl:note v1 key=%s about=%s -->"

// isOurs reports whether a text begins with a marker of ours.
func isOurs(body string) bool { return strings.HasPrefix(body, "<!-- hookctl:") }

// comment adds a step that comments once.
func (w *work) comment(about, body, why string) {
	w.add(step{Action: Action{Action: "comment", Body: body}, did: why, do: w.noteOnce(about, body)})
}

// noteOnce comments on the issue of a work. about names what the comment says; where there is one about the same, it is enough.
func (w *work) noteOnce(about, body string) func(context.Context) error {
	mark := fmt.Sprintf(noteFormat, w.key, about)
	return func(ctx context.Context) error {
		list, err := w.issues().comments(ctx, w.issue)
		if err != nil {
			return err
		}
		for _, c := range list {
			if first, _, _ := strings.Cut(strings.ReplaceAll(c.Body, "\r\n", "\n"), "\n"); strings.TrimSpace(first) == mark {
				return nil
			}
		}
		call := w.issues().call("comment", "POST", fmt.Sprintf("/issues/%d/comments", w.issue), map[string]string{"body": mark + "\n" + body})
		call.Once = true
		return w.change(ctx, "commented", call, nil)
	}
}

// label adds a step that sets a label, which GitHub makes where it is missing.
func (w *work) label(name, why string) {
	w.add(step{Action: Action{Action: "label", Title: name}, did: why, do: func(ctx context.Context) error {
		return w.change(ctx, "labeled:"+strings.ToLower(name), w.issues().call("label", "POST", fmt.Sprintf("/issues/%d/labels", w.issue), map[string][]string{"labels": {name}}), nil)
	}})
}

// patch changes the issue that a work is about.
func (w *work) patch(ctx context.Context, event string, fields map[string]any) error {
	return w.change(ctx, event, w.issues().call("change the issue", "PATCH", fmt.Sprintf("/issues/%d", w.issue), fields), nil)
}

// end closes the issue that a work is about.
func (w *work) end(reason string) func(context.Context) error {
	return func(ctx context.Context) error {
		return w.patch(ctx, "closed", map[string]any{"state": "closed", "state_reason": reason})
	}
}

// closedAt is when an issue was closed.
func (i *ghIssue) closedAt() time.Time { return timeOf(i.ClosedAt) }
