package githubtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Run is a run of a workflow, for RunPayload. Zero fields are those of an ordinary failure on main.
type Run struct {
	ID         int64
	Number     int64
	Attempt    int64
	Workflow   string
	Path       string
	Branch     string
	SHA        string
	Event      string
	Conclusion string
	Fork       bool // of another repository
	At         time.Time
}

// RunPayload is what GitHub sends when a run of a repository has ended.
func (s *Server) RunPayload(repo string, r Run) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(repo)
	r.ID = cmp.Or(r.ID, 9000000000000000+r.Number)
	r.Attempt = cmp.Or(r.Attempt, 1)
	r.Workflow = cmp.Or(r.Workflow, "Tests")
	r.Path = cmp.Or(r.Path, ".github/workflows/tests.yml")
	r.Branch = cmp.Or(r.Branch, "main")
	r.SHA = cmp.Or(r.SHA, fmt.Sprintf("%040x", 0xabc0000+r.Number))
	r.Event = cmp.Or(r.Event, "push")
	r.Conclusion = cmp.Or(r.Conclusion, "failure")
	if r.At.IsZero() {
		r.At = s.now()
	}
	head := map[string]any{"id": t.id, "full_name": t.name(), "fork": false}
	if r.Fork {
		head = map[string]any{"id": t.id + 1000000, "full_name": "somebody/" + t.repo, "fork": true}
	}
	return payload(map[string]any{"action": "completed", "sender": personJSON("octocat", false), "repository": s.eventRepository(t),
		"workflow": map[string]any{"id": 159038, "name": r.Workflow, "path": r.Path, "state": "active"},
		"workflow_run": map[string]any{"id": r.ID, "name": r.Workflow, "path": r.Path, "head_branch": r.Branch, "head_sha": r.SHA, "run_number": r.Number,
			"run_attempt": r.Attempt, "event": r.Event, "status": "completed", "conclusion": r.Conclusion, "updated_at": stamp(r.At), "pull_requests": []any{},
			"html_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d", t.name(), r.ID), "head_repository": head, "actor": personJSON("octocat", false),
			"triggering_actor": personJSON("octocat", false), "display_title": "Make widgets round"}})
}

// IssuePayload is what GitHub sends when an issue is labeled, unlabeled, closed, reopened or deleted.
func (s *Server) IssuePayload(repo string, number int, action, label string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(repo)
	body := map[string]any{"action": action, "sender": personJSON("octocat", false), "repository": s.eventRepository(t)}
	if label != "" {
		body["label"] = map[string]any{"name": label, "color": "d73a4a"}
	}
	for _, i := range t.issues {
		if i.Number == number {
			body["issue"] = s.issueJSON("https://api.github.com", t, i)
		}
	}
	return payload(body)
}

// Pull is a pull request, for PullPayload.
type Pull struct {
	Number      int
	Title, Body string
	Base        string
	Merged      bool
	Draft       bool
}

// PullPayload is what GitHub sends when a pull request was opened or closed.
func (s *Server) PullPayload(repo, action string, p Pull) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(repo)
	state := "open"
	if action == "closed" {
		state = "closed"
	}
	pr := map[string]any{"number": p.Number, "state": state, "title": p.Title, "body": p.Body, "draft": p.Draft, "merged": p.Merged, "merge_commit_sha": nil,
		"html_url": fmt.Sprintf("https://github.com/%s/pull/%d", t.name(), p.Number), "user": personJSON("octocat", false),
		"head": map[string]any{"ref": "feature", "sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"}, "base": map[string]any{"ref": cmp.Or(p.Base, "main")}, "author_association": "MEMBER"}
	if p.Merged {
		pr["merge_commit_sha"] = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
	}
	return payload(map[string]any{"action": action, "number": p.Number, "pull_request": pr, "sender": personJSON("octocat", false), "repository": s.eventRepository(t)})
}

func payload(body map[string]any) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("githubtest: marshal an event: %v", err))
	}
	return data
}
