package tasks

import (
	"strings"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

func TestFailureBecomesAnIssueThatAGreenRunCloses(t *testing.T) {
	w := newWorld(t, githubtest.Options{LabelLag: 2})
	s := w.sync()
	w.failing(1, "2026-11-28T09:00:00.1Z FAIL widgets are square\n")
	out := w.run(s, githubtest.Run{Number: 1})
	issue := w.only()
	if out.Status != Done || out.Issue != 1 || out.URL != "https://github.com/octo-org/widgets/issues/1" || len(out.Notices) != 1 || out.Notices[0].Type != "task_updated" {
		t.Errorf("%+v", out)
	}
	if issue.Title != "CI: Tests fails on main" || !strings.HasPrefix(issue.Body, "<!-- hookctl:ci v1 key="+out.Key+" -->\n") ||
		!strings.Contains(issue.Body, "FAIL widgets are square") || strings.Join(issue.Labels, ",") != "ci-failure" {
		t.Errorf("%+v", issue)
	}
	// Again: the same issue, edited, without a comment.
	w.now = w.now.Add(time.Hour)
	w.failing(2, "FAIL widgets are still square\n")
	if out := w.run(s, githubtest.Run{Number: 2}); out.Status != Done || len(out.Notices) != 0 {
		t.Errorf("%+v", out)
	}
	if issue = w.only(); !strings.Contains(issue.Body, "still square") || !strings.Contains(issue.Body, "2 times") || len(issue.Comments) != 0 {
		t.Errorf("%+v", issue)
	}
	// Another set of jobs, and 12 hours: a comment.
	w.failing(3, "FAIL\n", "unit", "race")
	w.run(s, githubtest.Run{Number: 3})
	w.now = w.now.Add(13 * time.Hour)
	w.failing(4, "FAIL\n", "unit", "race")
	w.run(s, githubtest.Run{Number: 4})
	if issue = w.only(); len(issue.Comments) != 2 {
		t.Errorf("%d comments: %+v", len(issue.Comments), issue.Comments)
	}
	if out := w.run(s, githubtest.Run{Number: 5, Conclusion: "success"}); out.Status != Done || out.Issue != 1 {
		t.Errorf("%+v", out)
	}
	if issue = w.only(); issue.State != "closed" || issue.Reason != "completed" || len(issue.Comments) != 3 {
		t.Errorf("%+v", issue)
	}
	// Red again: the same issue, open again.
	w.failing(6, "FAIL\n")
	w.run(s, githubtest.Run{Number: 6})
	if issue = w.only(); issue.State != "open" || len(issue.Comments) != 4 {
		t.Errorf("%+v", issue)
	}
	// Long after: a new one that links the old.
	w.run(s, githubtest.Run{Number: 7, Conclusion: "success"})
	w.now = w.now.Add(15 * 24 * time.Hour)
	w.failing(8, "FAIL\n")
	w.run(s, githubtest.Run{Number: 8})
	list := w.Issues(repo)
	if len(list) != 2 || list[0].State != "closed" || !strings.Contains(list[1].Body, "issues/1") {
		t.Errorf("%+v", list)
	}
}

func TestWhatIsNoFailureOfOurs(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	for name, r := range map[string]githubtest.Run{
		"fork": {Fork: true}, "pull request": {Event: "pull_request"}, "from a fork": {Event: "pull_request_target"}, "branch that does not count": {Branch: "feature/x"},
		"cancelled": {Conclusion: "cancelled"}, "skipped": {Conclusion: "skipped"}, "neutral": {Conclusion: "neutral"}, "stale": {Conclusion: "stale"}, "waiting for a person": {Conclusion: "action_required"},
		"green without an issue": {Conclusion: "success"},
	} {
		r.Number = 1
		if out := w.run(s, r); out.Status != Skipped || out.Text == "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if n := w.writes(); n != 0 {
		t.Errorf("%d changes at GitHub", n)
	}
	if v := s.Judge(Delivery{Event: "workflow_run", Source: "test", Payload: w.RunPayload(repo, githubtest.Run{Number: 1})}); v.Matters || v.Why == "" {
		t.Errorf("a sample: %+v", v)
	}
}

func TestEveryConclusionAndEventThatCounts(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	for i, r := range []githubtest.Run{{Conclusion: "failure"}, {Conclusion: "timed_out", Event: "schedule"}, {Conclusion: "startup_failure", Event: "workflow_dispatch"}, {Branch: "develop"}} {
		r.Number, r.Path = int64(i+1), ".github/workflows/"+string(rune('a'+i))+".yml"
		if out := w.run(s, r); out.Status != Done {
			t.Errorf("%+v: %+v", r, out)
		}
	}
	// The branch of a merge queue is the one that it merges into.
	if out := w.run(s, githubtest.Run{Number: 9, Path: ".github/workflows/a.yml", Event: "merge_group", Branch: "gh-readonly-queue/main/pr-12-abc"}); out.Issue != 1 {
		t.Errorf("%+v", out)
	}
	if n := len(w.Issues(repo)); n != 4 {
		t.Errorf("%d issues", n)
	}
}

func TestFlaky(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.failing(1, "FAIL\n")
	w.run(s, githubtest.Run{Number: 1})
	w.run(s, githubtest.Run{Number: 1, Attempt: 2, Conclusion: "success"})
	if issue := w.only(); issue.State != "closed" || strings.Join(issue.Labels, ",") != "ci-failure,flaky" || !strings.Contains(issue.Comments[0].Body, "flaky") {
		t.Errorf("%+v", issue)
	}
	// The same run passes: a person who works on it has nothing to fix.
	w.run(s, githubtest.Run{Number: 2})
	w.ChangeIssue(repo, 1, func(i *githubtest.Issue) { i.Assignees = []string{"mona"} })
	w.run(s, githubtest.Run{Number: 2, Attempt: 2, Conclusion: "success"})
	if issue := w.only(); issue.State != "closed" {
		t.Errorf("%+v", issue)
	}
}

// What a person does decides: the issue stays open.
func TestGreenLeavesOpenWhatAPersonWorksOn(t *testing.T) {
	for name, change := range map[string]func(*githubtest.Issue){
		"hold":     func(i *githubtest.Issue) { i.Labels = append(i.Labels, "hold") },
		"assigned": func(i *githubtest.Issue) { i.Assignees = []string{"mona"} },
		"commented": func(i *githubtest.Issue) {
			i.Comments = append(i.Comments, githubtest.Comment{User: "octocat", Body: "mine"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			s := w.sync()
			w.run(s, githubtest.Run{Number: 1})
			w.ChangeIssue(repo, 1, change)
			before := len(w.only().Comments)
			w.run(s, githubtest.Run{Number: 2, Conclusion: "success"})
			w.run(s, githubtest.Run{Number: 3, Conclusion: "success"})
			issue := w.only()
			if issue.State != "open" || len(issue.Comments) != before+1 || !strings.Contains(issue.Comments[before].Body, "stays open because") {
				t.Errorf("%+v", issue)
			}
		})
	}
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.run(s, githubtest.Run{Number: 1})
	w.ChangeIssue(repo, 1, func(i *githubtest.Issue) {
		i.Comments = append(i.Comments, githubtest.Comment{User: "renovate[bot]", Body: "hello"})
	})
	w.run(s, githubtest.Run{Number: 2, Conclusion: "success"})
	if w.only().State != "closed" {
		t.Error("a comment of a bot keeps it open")
	}
}

// A person closed it: it stays closed until the next run that fails after that.
func TestIssueClosedByAPerson(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.run(s, githubtest.Run{Number: 1})
	w.now = w.now.Add(time.Hour)
	w.ChangeIssue(repo, 1, func(i *githubtest.Issue) {
		i.State, i.Reason, i.ClosedAt, i.ClosedBy = "closed", "not_planned", w.now, "mona"
	})
	w.run(s, githubtest.Run{Number: 2, At: w.now.Add(-time.Minute)})
	if issue := w.only(); issue.State != "closed" || len(issue.Comments) != 0 {
		t.Errorf("a run from before: %+v", issue)
	}
	w.now = w.now.Add(time.Hour)
	w.run(s, githubtest.Run{Number: 3})
	if issue := w.only(); issue.State != "open" {
		t.Errorf("the next run: %+v", issue)
	}
}

func TestWordsOfAPersonSurvive(t *testing.T) {
	for name, edit := range map[string]func(string) string{
		"below":                        func(b string) string { return b + "\n\nMY WORDS: it is the proxy.\n" },
		"below, as a browser sends it": func(b string) string { return strings.ReplaceAll(b+"\n\nMY WORDS: it is the proxy.\n", "\n", "\r\n") },
		"within": func(b string) string {
			return strings.Replace(b, "### Failed", "MY WORDS: it is the proxy.\n\n### Failed", 1)
		},
		"instead of all":  func(string) string { return "MY WORDS: it is the proxy." },
		"without the end": func(b string) string { return strings.Replace(b, endMark, "MY WORDS: it is the proxy.", 1) },
		"with a torn state": func(b string) string {
			return strings.Replace(b, stateBegin, "<!-- hookctl:state x", 1) + "MY WORDS: it is the proxy."
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			s := w.sync()
			w.failing(1, "FAIL\n")
			w.run(s, githubtest.Run{Number: 1})
			w.ChangeIssue(repo, 1, func(i *githubtest.Issue) { i.Body = edit(i.Body) })
			w.failing(2, "FAIL\n", "another")
			w.run(s, githubtest.Run{Number: 2})
			issue := w.only()
			if !strings.Contains(issue.Body, "MY WORDS: it is the proxy.") || strings.Count(issue.Body, "MY WORDS") != 1 {
				t.Errorf("%s", issue.Body)
			}
			w.run(s, githubtest.Run{Number: 3, Conclusion: "success"})
			if issue = w.only(); issue.State != "closed" || !strings.Contains(issue.Body, "MY WORDS") {
				t.Errorf("%+v", issue)
			}
		})
	}
}

func TestIssueDeletedByAPerson(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.run(s, githubtest.Run{Number: 1})
	w.DeleteIssue(repo, 1)
	out := w.run(s, githubtest.Run{Number: 2})
	if out.Issue != 2 || len(w.Issues(repo)) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestAnIssueForEachJob(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync(func(c *Config) { c.CI.PerJob = true })
	w.failing(1, "FAIL\n", "unit", "race")
	w.run(s, githubtest.Run{Number: 1})
	list := w.Issues(repo)
	if len(list) != 2 || list[0].Title != "CI: Tests / unit fails on main" || list[1].Title != "CI: Tests / race fails on main" {
		t.Fatalf("%+v", list)
	}
	w.SetJobs(repo, 9000000000000002, 1, githubtest.Job{Name: "lint", Conclusion: "success"}, githubtest.Job{Name: "unit", Conclusion: "success"},
		githubtest.Job{Name: "race", Conclusion: "failure", Log: []byte("FAIL\n")})
	w.run(s, githubtest.Run{Number: 2})
	if list = w.Issues(repo); list[0].State != "closed" || list[1].State != "open" {
		t.Errorf("%+v", list)
	}
}

// What is open again goes back on the board to where it was before it was done.
func TestReopenedGoesBackOnTheBoard(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.AddProject(userBoard, false, "Status", "Todo", "In Progress", "Done")
	w.SetScopes("admin:repo_hook", "repo", "project")
	s := w.sync(func(c *Config) {
		c.Board = BoardSettings{Project: userBoard, Field: "Status", Todo: "Todo", InProgress: "In Progress", DoneName: "Done"}
	})
	in := func(want string) {
		t.Helper()
		if got := w.only().Column; got != want {
			t.Errorf("it is in column %s, want %s", got, want)
		}
	}
	put := func(column string) {
		w.ChangeIssue(repo, 1, func(i *githubtest.Issue) { i.Column = column })
	}
	w.run(s, githubtest.Run{Number: 1})
	in("Todo")
	put("In Progress")
	w.run(s, githubtest.Run{Number: 2, Conclusion: "success"})
	in("Done")
	w.run(s, githubtest.Run{Number: 3})
	in("In Progress")
	put("Done")
	w.run(s, githubtest.Run{Number: 4, Conclusion: "success"})
	w.run(s, githubtest.Run{Number: 5})
	in("Todo")
	// It is open, and a person says that it is done: that is left alone.
	put("Done")
	w.run(s, githubtest.Run{Number: 6})
	in("Done")
}
