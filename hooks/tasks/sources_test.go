package tasks

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

// payload is an event of the repository with these fields.
func (w *world) payload(fields map[string]any) []byte {
	w.t.Helper()
	var run map[string]any
	if err := json.Unmarshal(w.RunPayload(repo, githubtest.Run{Number: 1}), &run); err != nil {
		w.t.Fatal(err)
	}
	body := map[string]any{"repository": run["repository"], "sender": run["sender"]}
	maps.Copy(body, fields)
	data, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// A check of another app and the status of a commit are CI as a workflow is: red, red again, flaky, closed.
func TestChecksAndStatuses(t *testing.T) {
	check := func(app, branch, conclusion string, id int) map[string]any {
		return map[string]any{"action": "completed", "check_run": map[string]any{"id": id, "name": "build", "head_sha": "0d1a26e", "conclusion": conclusion,
			"html_url": "https://github.com/octo-org/widgets/runs/1", "app": map[string]any{"slug": app}, "output": map[string]any{"summary": "2 tests failed"},
			"check_suite": map[string]any{"head_branch": branch}}}
	}
	status := func(branch, state string, id int) map[string]any {
		branches := []map[string]any{{"name": "feature"}}
		if branch != "" {
			branches = append(branches, map[string]any{"name": branch})
		}
		return map[string]any{"id": id, "sha": "0d1a26e", "state": state, "context": "ci/circleci", "description": "2 tests failed", "branches": branches}
	}
	for event, c := range map[string]struct{ red, again, green, other, pending map[string]any }{
		"check_run": {check("circleci", "main", "failure", 1), check("circleci", "main", "timed_out", 2), check("circleci", "main", "success", 3),
			check("circleci", "", "failure", 4), check("github-actions", "main", "failure", 5)},
		"status": {status("main", "failure", 1), status("main", "error", 2), status("main", "success", 3), status("", "failure", 4), status("main", "pending", 5)},
	} {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			s := w.sync()
			handle := func(fields map[string]any) Outcome {
				out, err := s.Handle(t.Context(), w.delivery(event, w.payload(fields)))
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			for _, none := range []map[string]any{c.other, c.pending, c.green} {
				if out := handle(none); out.Status != Skipped || w.writes() != 0 {
					t.Errorf("%v: %+v", none, out)
				}
			}
			w = newWorld(t, githubtest.Options{})
			s = w.sync()
			if out := handle(c.red); out.Status != Done || out.Issue != 1 {
				t.Errorf("%+v", out)
			}
			if out := handle(c.again); out.Issue != 1 {
				t.Errorf("%+v", out)
			}
			if issue := w.only(); !strings.Contains(issue.Body, "2 tests failed") || !strings.Contains(issue.Body, "2 times") {
				t.Errorf("%s", issue.Body)
			}
			handle(c.green)
			if issue := w.only(); issue.State != "closed" || strings.Join(issue.Labels, ",") != "ci-failure,flaky" {
				t.Errorf("%+v", issue)
			}
		})
	}
}

// A merge closes what its text and its commits name, here and in repositories of the fleet, and nothing anywhere else.
func TestMergeClosesWhatItNames(t *testing.T) {
	const known, stranger = "octo-org/gears", "someone/else"
	w := newWorld(t, githubtest.Options{})
	for _, name := range []string{known, stranger} {
		w.AddRepository(name, githubtest.Repository{})
	}
	for _, name := range []string{repo, repo, repo, known, stranger} {
		w.AddIssue(name, githubtest.Issue{Title: "A task"})
	}
	w.SetCommits(repo, 90, "Square the widgets\n\nCloses #2", "See #3, which stays")
	s := w.sync(func(c *Config) {
		c.Targets = func(context.Context) ([]hooks.Target, error) {
			return []hooks.Target{{Owner: "octo-org", Repo: "widgets"}, {Owner: "octo-org", Repo: "gears"}}, nil
		}
	})
	pull := w.MergedPayload(repo, 90, "develop", "Fixes #1, fixes "+known+"#1, fixes "+stranger+"#1, resolves #90000")
	for range 2 { // it comes twice
		if _, err := s.Handle(t.Context(), w.delivery("pull_request", pull)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{repo: "closed closed open", known: "closed", stranger: "open"} {
		var states []string
		for _, i := range w.Issues(name) {
			states = append(states, i.State)
			if n := len(i.Comments); n > 1 || (n == 1) != (i.State == "closed") {
				t.Errorf("%s#%d is %s and has %d comments", name, i.Number, i.State, n)
			}
		}
		if got := strings.Join(states, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
