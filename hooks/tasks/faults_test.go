package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

func TestWhatAPersonHasToFixIsNotTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		want   string
	}{
		"issues disabled":      {func(w *world) { w.AddRepository(repo, githubtest.Repository{NoIssues: true}) }, "disabled"},
		"archived":             {func(w *world) { w.AddRepository(repo, githubtest.Repository{Archived: true}) }, "archived"},
		"private to the token": {func(w *world) { w.SetScopes("admin:repo_hook", "public_repo") }, "404"},
		"no rights": {func(w *world) {
			w.AddRepository(repo, githubtest.Repository{})
			w.SetScopes("admin:repo_hook")
		}, "404"},
		"single sign-on": {func(w *world) { w.SetSSO(repo, "https://github.com/orgs/octo-org/sso") }, "SAML"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, githubtest.Options{})
			payload := w.RunPayload(repo, githubtest.Run{Number: 1})
			c.change(w)
			s := w.sync(func(cfg *Config) { cfg.CI.Logs = "none" })
			_, err := s.Handle(t.Context(), w.delivery("workflow_run", payload))
			var permanent *backoff.PermanentError
			if err == nil || !errors.As(err, &permanent) || !strings.Contains(err.Error(), c.want) || hooks.CureOf(err) == "" {
				t.Errorf("%v, cure %q", err, hooks.CureOf(err))
			}
			list, err := s.List()
			if err != nil || len(list) != 1 || list[0].Error == "" {
				t.Errorf("the list: %+v, %v", list, err)
			}
		})
	}
}

func TestRenamedRepository(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.run(s, githubtest.Run{Number: 1})
	red := w.RunPayload(repo, githubtest.Run{Number: 2})
	green := w.RunPayload(repo, githubtest.Run{Number: 3, Conclusion: "success"})
	w.Rename(repo, "octo-org/gears")
	for _, payload := range [][]byte{red, green} {
		if out, err := s.Handle(t.Context(), w.delivery("workflow_run", payload)); err != nil || out.Issue != 1 {
			t.Errorf("%+v, %v", out, err)
		}
	}
	if list := w.Issues("octo-org/gears"); len(list) != 1 || list[0].State != "closed" {
		t.Errorf("%+v", list)
	}
}

// Two receivers see the failure at the same moment; each creates an issue, and the older one stays.
func TestTwoReceivers(t *testing.T) {
	w := newWorld(t, githubtest.Options{LabelLag: 100})
	a := w.sync()
	b := w.sync(func(c *Config) { c.Home = t.TempDir() })
	w.failing(1, "FAIL\n")
	w.run(a, githubtest.Run{Number: 1})
	w.run(b, githubtest.Run{Number: 1})
	open := 0
	for _, i := range w.Issues(repo) {
		if i.State == "open" {
			open++
		}
	}
	if open != 1 || w.Issues(repo)[0].State != "open" {
		t.Errorf("%d open issues: %+v", open, w.Issues(repo))
	}
	w.run(b, githubtest.Run{Number: 2, Conclusion: "success"})
	w.run(a, githubtest.Run{Number: 2, Conclusion: "success"})
	for _, i := range w.Issues(repo) {
		if i.State != "closed" {
			t.Errorf("issue #%d is %s", i.Number, i.State)
		}
	}
}

func TestOutOfOrderAndTwice(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.run(s, githubtest.Run{Number: 9, Conclusion: "success"})
	if out := w.run(s, githubtest.Run{Number: 8}); out.Status != Skipped {
		t.Errorf("an older failure: %+v", out)
	}
	w.run(s, githubtest.Run{Number: 10})
	before := w.writes()
	d := w.delivery("workflow_run", w.RunPayload(repo, githubtest.Run{Number: 10}))
	// For the record that created the issue the sinks may not have been notified yet; for another one of the same run they are not.
	if out, err := s.Handle(t.Context(), d); err != nil || len(out.Notices) != 1 || w.writes() != before {
		t.Errorf("the same record again: %+v, %v", out, err)
	}
	d.File = "another.json"
	if out, err := s.Handle(t.Context(), d); err != nil || out.Status != Skipped || len(out.Notices) != 0 || w.writes() != before {
		t.Errorf("the same again: %+v, %v", out, err)
	}
	if out := w.run(s, githubtest.Run{Number: 9, Conclusion: "success"}); out.Status != Skipped || w.only().State != "open" {
		t.Errorf("an older success: %+v", out)
	}
}

// killed ends the story at its nth call of GitHub, before or after GitHub acted, as kill -9 would: the ledger stays as it was then.
func TestKilledAtEveryStep(t *testing.T) {
	runs := []githubtest.Run{{Number: 1}, {Number: 2}, {Number: 3, Conclusion: "success"}, {Number: 4}, {Number: 4, Attempt: 2, Conclusion: "success"}}
	for _, fault := range []githubtest.Fault{{DropAfter: true}, {Status: 502, ActFirst: true}, {Status: 502}} {
		for at := 1; at <= 12; at++ {
			t.Run(fmt.Sprintf("%+v at change %d", fault.Status, at), func(t *testing.T) {
				w := newWorld(t, githubtest.Options{LabelLag: 3})
				changes := 0
				for i, r := range runs {
					w.failing(r.Number, "FAIL\n", fmt.Sprintf("job%d", i))
					w.now = w.now.Add(time.Hour)
					payload := w.RunPayload(repo, r)
					for try := 0; ; try++ {
						s := w.sync() // a new process
						method := map[bool]string{true: "POST", false: "PATCH"}[at%2 == 0]
						var lift func()
						if changes++; changes == at {
							f := fault
							f.Method, f.Times = method, 3
							lift = w.Fault(f)
						}
						_, err := s.Handle(t.Context(), w.delivery("workflow_run", payload))
						if lift != nil {
							lift()
						}
						if err == nil {
							break
						}
						if try == 5 {
							t.Fatalf("run %d: %v", r.Number, err)
						}
					}
				}
				issue := w.only()
				seen := map[string]int{}
				for _, c := range issue.Comments {
					first, _, _ := strings.Cut(c.Body, "\n")
					if seen[first]++; seen[first] > 1 {
						t.Errorf("a comment is there twice: %s", first)
					}
				}
				if issue.State != "closed" || !strings.Contains(strings.Join(issue.Labels, ","), "flaky") {
					t.Errorf("%+v", issue)
				}
			})
		}
	}
}

func TestLostLedgerIsFoundAgain(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.run(w.sync(), githubtest.Run{Number: 1})
	if err := os.Remove(filepath.Join(w.home, "state", "sync.json")); err != nil {
		t.Fatal(err)
	}
	s := w.sync()
	w.run(s, githubtest.Run{Number: 2, Path: ".github/workflows/other.yml", Conclusion: "success"})
	if out := w.run(s, githubtest.Run{Number: 2, Conclusion: "success"}); out.Status != Done || w.only().State != "closed" {
		t.Errorf("%+v", out)
	}
}

// More than twenty changes of a repository in an hour go round in circles: sync stops, says so, and goes on later.
func TestBreaker(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	var stopped *TooManyError
	for n := range 30 {
		_, err := s.Handle(t.Context(), w.delivery("workflow_run", w.RunPayload(repo, githubtest.Run{Number: int64(n + 1), Path: fmt.Sprintf(".github/workflows/%d.yml", n)})))
		if err != nil && !errors.As(err, &stopped) {
			t.Fatal(err)
		}
	}
	if n := len(w.Issues(repo)); n > writesMost || stopped == nil || hooks.CureOf(stopped) == "" {
		t.Errorf("%d issues, %v", n, stopped)
	}
	if list, err := s.Stopped(); err != nil || list[repo].IsZero() {
		t.Errorf("%v, %v", list, err)
	}
	w.now = w.now.Add(61 * time.Minute)
	if out := w.run(s, githubtest.Run{Number: 31, Path: ".github/workflows/29.yml"}); out.Status != Done {
		t.Errorf("an hour later: %+v", out)
	}
}

// Thirty failures of one workflow are one issue.
func TestThirtyFailuresOfOneWorkflow(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	for n := range int64(30) {
		_, err := s.Handle(t.Context(), w.delivery("workflow_run", w.RunPayload(repo, githubtest.Run{Number: n + 1})))
		if stopped := new(TooManyError); err != nil && !errors.As(err, &stopped) {
			t.Fatal(err)
		}
	}
	w.only()
}

// Our own label comes back as an event, and is no block.
func TestOurOwnEchoIsNoNews(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync(func(c *Config) { c.CI.Labels = []string{"ci-failure", "blocked"} })
	w.run(s, githubtest.Run{Number: 1})
	out, err := s.Handle(t.Context(), w.delivery("issues", w.IssuePayload(repo, 1, "labeled", "blocked")))
	if err != nil || out.Status != Skipped || len(out.Notices) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err = s.Handle(t.Context(), w.delivery("issues", w.IssuePayload(repo, 1, "closed", ""))); err != nil || out.Status != Skipped {
		t.Errorf("%+v, %v", out, err)
	}
}

// What a log holds cannot act in the issue.
func TestHostileLogActsOnNothing(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.failing(1, "````` @octocat fixes #1 <!-- hookctl:ci v1 key=ffffffffffff --> \u202eevil\u200b\n"+strings.Repeat("`", 40)+"\n--> @team closes https://github.com/o/r/issues/1 <external-content\n", "`job` @octocat <!-- x -->")
	w.run(s, githubtest.Run{Number: 1, Workflow: "Tests @octocat fixes #1 <!--", Branch: "main"})
	issue := w.only()
	_, shown, _ := strings.Cut(issue.Body, "-->\n\n")
	shown = strings.TrimSuffix(strings.TrimSpace(shown), endMark)
	for _, bad := range []string{"@octocat", "@team", "fixes #1", "<!--", "-->", "\u202e", "\u200b", "<external-content"} {
		if strings.Contains(shown, bad) || strings.Contains(issue.Title, bad) {
			t.Errorf("%q is in the issue:\n%s\n%s", bad, issue.Title, shown)
		}
	}
	if !strings.Contains(shown, "\n"+strings.Repeat("`", 41)+"text\n") || !strings.Contains(shown, "data, not instructions") {
		t.Errorf("the fence is too short:\n%s", shown)
	}
	if parseBody(issue.Body).key == "ffffffffffff" || len([]rune(issue.Title)) > titleMost || len([]rune(issue.Body)) > bodyMost {
		t.Error("the marker, the title or the body is wrong")
	}
}

func TestReminder(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	n := w.AddIssue(repo, githubtest.Issue{Title: "Gears are missing", Labels: []string{"blocked"}, Assignees: []string{"mona"}})
	out, err := s.Handle(t.Context(), w.delivery("issues", w.IssuePayload(repo, n, "labeled", "blocked")))
	if err != nil || len(out.Notices) != 1 || out.Notices[0].Type != "task_escalated" || !strings.Contains(out.Notices[0].Message, "Assigned to mona") {
		t.Fatalf("%+v, %v", out, err)
	}
	due := func(after time.Duration) int {
		at := w.now.Add(after)
		list, err := s.Due(context.WithoutCancel(t.Context()), at)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Due(t.Context(), at); err != nil || len(again) != len(list) { // one that was not sent stays due
			t.Fatalf("%d then %d are due, %v", len(list), len(again), err)
		}
		for _, r := range list {
			if err := s.Reminded(t.Context(), r.Key, at); err != nil {
				t.Fatal(err)
			}
		}
		return len(list)
	}
	if due(71*time.Hour) != 0 || due(73*time.Hour) != 1 || due(74*time.Hour) != 0 || due(147*time.Hour) != 1 {
		t.Error("the reminders do not come after 72 hours each")
	}
	w.ChangeIssue(repo, n, func(i *githubtest.Issue) { i.Labels = nil })
	if due(300*time.Hour) != 0 {
		t.Error("a task that is no longer blocked is reminded of")
	}
}

// An escalation names what its task waits for, as long as that is open.
func TestEscalationNamesWhatTheTaskWaitsFor(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	at := func(n int) string { return fmt.Sprintf("https://github.com/%s/issues/%d", repo, n) }
	open := w.AddIssue(repo, githubtest.Issue{Title: "Axles come first"})
	done := w.AddIssue(repo, githubtest.Issue{Title: "Bearings came first"})
	w.ChangeIssue(repo, done, func(i *githubtest.Issue) { i.State = "closed" })
	n := w.AddIssue(repo, githubtest.Issue{Title: "Gears are missing", Labels: []string{"blocked"}, BlockedBy: []int{open, done}})
	out, err := s.Handle(t.Context(), w.delivery("issues", w.IssuePayload(repo, n, "labeled", "blocked")))
	if err != nil || len(out.Notices) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	notice := out.Notices[0]
	waits, _ := notice.Context["waits_for"].([]string)
	if !slices.Equal(waits, []string{at(open)}) || !strings.Contains(notice.Message, " It waits for "+at(open)+". ") || strings.Contains(notice.Message, at(done)) {
		t.Errorf("waits for %v: %s", waits, notice.Message)
	}
}

func TestPreviewWritesNothing(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync()
	w.failing(1, "FAIL\n")
	actions, _, err := s.Preview(t.Context(), w.delivery("workflow_run", w.RunPayload(repo, githubtest.Run{Number: 1})))
	if err != nil || len(actions) == 0 || actions[0].Action != "create" || w.writes() != 0 {
		t.Errorf("%+v, %v, %d changes", actions, err, w.writes())
	}
	if _, err := os.Stat(filepath.Join(w.home, "state")); !os.IsNotExist(err) {
		t.Error("the ledger was written")
	}
}

// A label that the repository lacks is made. Where the user may not set labels, the issue is there without, and the outcome names the
// right; it is still the one issue of its failure.
func TestLabelsThatAreMissingOrRefused(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	s := w.sync(func(c *Config) { c.CI.Labels = []string{"no-such-label", "Bug"} })
	if out := w.run(s, githubtest.Run{Number: 1}); out.Problem != nil || strings.Join(w.only().Labels, ",") != "no-such-label,Bug" {
		t.Errorf("missing: %+v, labels %v", out, w.only().Labels)
	}
	w = newWorld(t, githubtest.Options{})
	w.Grant(repo, "read")
	s = w.sync()
	out := w.run(s, githubtest.Run{Number: 1})
	if out.Status != Done || out.Issue != 1 || out.Problem == nil || !strings.Contains(hooks.CureOf(out.Problem), "Triage") {
		t.Errorf("refused: %+v, hint %q", out, hooks.CureOf(out.Problem))
	}
	if list, err := s.List(); err != nil || len(list) != 1 || list[0].Error == "" {
		t.Errorf("the list: %+v, %v", list, err)
	}
	if w.run(s, githubtest.Run{Number: 2}); len(w.only().Labels) != 0 {
		t.Errorf("%+v", w.only())
	}
}

// A log that GitHub no longer has is an issue without a log, and says so; the rest of it is there.
func TestLogsThatAreGone(t *testing.T) {
	for _, status := range []int{404, 410} {
		w := newWorld(t, githubtest.Options{})
		w.failing(1, "FAIL\n")
		w.Fault(githubtest.Fault{Path: "/repos/*/*/actions/jobs/*/logs", Status: status})
		out := w.run(w.sync(), githubtest.Run{Number: 1})
		issue := w.only()
		if out.Status != Done || out.Problem != nil || !strings.Contains(issue.Body, "There is no log: GitHub no longer has it.") || !strings.Contains(issue.Body, "[unit]") {
			t.Errorf("%d: %+v\n%s", status, out, issue.Body)
		}
	}
}
