package tasks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
)

// Kinds of triggers. The first three are what an entry of the ledger is about.
const (
	kindCI      = "ci_failure"
	kindMerged  = "merged"
	kindBlocked = "blocked" // or no longer
	kindOurs    = "ours"    // a person closed, reopened or deleted an issue of ours
)

// trigger is what a delivery says, as far as sync cares. Its texts are cleaned.
type trigger struct {
	kind   string
	repo   repository
	sender string
	ci     ciRun
	number int64 // of the issue or pull request
	pull   pull
	issue  issueEvent
}

type repository struct {
	id            int64
	host          string
	name          string // owner/name
	private       bool
	defaultBranch string
}

func (r repository) target() hooks.Target {
	t, _ := hooks.ParseTarget(r.name) // "" where it is none, and then nothing is triggered
	return t
}

// ciRun is a finished run of CI, of any system.
type ciRun struct {
	system          string // workflow, check or status
	name            string // the title of the workflow, check or status
	path            string // what identifies it
	branch, sha     string
	id, n, attempt  int64 // n and attempt order the runs of one path and branch
	conclusion, url string
	actor           string
	green           bool
	finished        time.Time
	summary         string // of a check or a status, in its own words
}

// compare is negative for a run that came before one of (n, attempt), positive for a later one.
func (c ciRun) compare(n, attempt int64) int {
	return cmp.Or(cmp.Compare(c.n, n), cmp.Compare(c.attempt, attempt))
}

// pull is a pull request that moved.
type pull struct {
	action, title, body, base, url, mergeSHA string
	merged                                   bool
	closes                                   bool // its merge closes issues, since GitHub closes none for that branch
}

// issueEvent is an issue that was labeled, or one of ours that a person changed.
type issueEvent struct {
	action, title, url, body, label string
	at                              time.Time
}

type wirePerson struct{ Login string }

type wirePayload struct {
	Action     string
	Repository struct {
		ID            int64
		FullName      string `json:"full_name"`
		Private       bool
		DefaultBranch string `json:"default_branch"`
		HTMLURL       string `json:"html_url"`
	}
	Sender      wirePerson
	WorkflowRun *struct {
		ID         int64
		Name       string
		Path       string
		HeadBranch string `json:"head_branch"`
		HeadSHA    string `json:"head_sha"`
		RunNumber  int64  `json:"run_number"`
		RunAttempt int64  `json:"run_attempt"`
		Event      string
		Conclusion string
		HTMLURL    string              `json:"html_url"`
		UpdatedAt  string              `json:"updated_at"`
		HeadRepo   *struct{ ID int64 } `json:"head_repository"`
		Actor      *wirePerson         `json:"triggering_actor"`
	} `json:"workflow_run"`
	Workflow *struct{ Name, Path string }
	CheckRun *struct {
		ID          int64
		Name        string
		HeadSHA     string `json:"head_sha"`
		Conclusion  string
		HTMLURL     string `json:"html_url"`
		CompletedAt string `json:"completed_at"`
		App         *struct{ Slug string }
		Output      *struct{ Summary string }
		CheckSuite  *struct {
			HeadBranch string `json:"head_branch"`
		} `json:"check_suite"`
	} `json:"check_run"`
	// status
	ID          int64
	SHA         string
	State       string
	Context     string
	Description string
	TargetURL   string `json:"target_url"`
	UpdatedAt   string `json:"updated_at"`
	Branches    []struct{ Name string }

	PullRequest *struct {
		Number   int64
		Title    string
		Body     string
		HTMLURL  string `json:"html_url"`
		Merged   bool
		Draft    bool
		MergeSHA string `json:"merge_commit_sha"`
		Base     struct{ Ref string }
	} `json:"pull_request"`
	Issue *struct {
		Number    int64
		Title     string
		Body      string
		HTMLURL   string          `json:"html_url"`
		UpdatedAt string          `json:"updated_at"`
		Pull      json.RawMessage `json:"pull_request"`
	}
	Label *struct{ Name string }
}

// read makes a trigger of a delivery, nil for one that does not matter. why is the reason of a near miss, which the record says; ""
// for a delivery that has nothing to do with sync.
func (s *Sync) read(event string, payload []byte) (t *trigger, why string) {
	read, known := map[string]func(*trigger, *wirePayload) (bool, string){
		"workflow_run": s.readWorkflow, "check_run": s.readCheck, "status": s.readStatus, "pull_request": s.readPull, "issues": s.readIssue,
	}[event]
	if !known {
		return nil, ""
	}
	var p wirePayload
	if err := json.Unmarshal(payload, &p); err != nil {
		// A field of another type than GitHub documents: nothing can be concluded from the rest.
		return nil, "the payload cannot be read"
	}
	target, err := hooks.ParseTarget(p.Repository.FullName)
	if err != nil || target.IsOrg() || p.Repository.ID == 0 {
		return nil, ""
	}
	t = &trigger{sender: line(p.Sender.Login, 64), repo: repository{id: p.Repository.ID, name: target.String(), private: p.Repository.Private, defaultBranch: line(p.Repository.DefaultBranch, 255)}}
	t.repo.host = "github.com"
	if u, err := url.Parse(p.Repository.HTMLURL); err == nil && u.Host != "" {
		t.repo.host = strings.ToLower(u.Host)
	}
	if matters, why := read(t, &p); !matters {
		return nil, why
	}
	return t, ""
}

func (s *Sync) readWorkflow(t *trigger, p *wirePayload) (matters bool, why string) {
	r := p.WorkflowRun
	if p.Action != "completed" || r == nil {
		return false, ""
	}
	c := ciRun{system: "workflow", name: line(r.Name, 100), path: line(r.Path, 300), branch: line(r.HeadBranch, 255), sha: line(r.HeadSHA, 64),
		id: r.ID, n: r.RunNumber, attempt: max(r.RunAttempt, 1), conclusion: r.Conclusion, url: address(r.HTMLURL), finished: timeOf(r.UpdatedAt), actor: t.sender}
	if r.Actor != nil {
		c.actor = line(r.Actor.Login, 64)
	}
	if p.Workflow != nil {
		c.name, c.path = cmp.Or(c.name, line(p.Workflow.Name, 100)), cmp.Or(c.path, line(p.Workflow.Path, 300))
	}
	if c.path, _, _ = strings.Cut(c.path, "@"); c.path == "" { // a called workflow's path has its ref
		return false, "the run names no workflow file"
	}
	if !slices.Contains([]string{"push", "schedule", "workflow_dispatch", "merge_group"}, r.Event) {
		return false, fmt.Sprintf("the run was started by %s: only pushes, schedules, merge queues and people count", named(r.Event))
	}
	if r.HeadRepo == nil || r.HeadRepo.ID != t.repo.id {
		return false, "the commit is in a fork"
	}
	if rest, ok := strings.CutPrefix(c.branch, "gh-readonly-queue/"); ok && r.Event == "merge_group" {
		if at := strings.LastIndex(rest, "/pr-"); at > 0 {
			c.branch = rest[:at] // the branch that the merge queue is for
		}
	}
	return s.takeRun(t, c)
}

func (s *Sync) readCheck(t *trigger, p *wirePayload) (matters bool, why string) {
	r := p.CheckRun
	if p.Action != "completed" || r == nil {
		return false, ""
	}
	if r.App == nil || r.App.Slug == "github-actions" {
		return false, "" // its workflow run says more
	}
	c := ciRun{system: "check", name: line(r.Name, 100), path: "check:" + line(r.App.Slug, 100) + "/" + line(r.Name, 100), sha: line(r.HeadSHA, 64), id: r.ID, n: r.ID, attempt: 1,
		conclusion: r.Conclusion, url: address(r.HTMLURL), finished: timeOf(r.CompletedAt), actor: t.sender}
	if r.CheckSuite != nil {
		c.branch = line(r.CheckSuite.HeadBranch, 255)
	}
	if r.Output != nil {
		c.summary = r.Output.Summary
	}
	if c.branch == "" {
		return false, "the commit is in a fork, or on no branch"
	}
	return s.takeRun(t, c)
}

func (s *Sync) readStatus(t *trigger, p *wirePayload) (matters bool, why string) {
	if p.State == "pending" || p.Context == "" {
		return false, ""
	}
	c := ciRun{system: "status", name: line(p.Context, 100), path: "status:" + line(p.Context, 200), sha: line(p.SHA, 64), id: p.ID, n: p.ID, attempt: 1,
		conclusion: p.State, url: address(p.TargetURL), finished: timeOf(p.UpdatedAt), actor: t.sender, summary: p.Description}
	for _, b := range p.Branches {
		if name := line(b.Name, 255); c.branch == "" || s.branchCounts(t, name) && !s.branchCounts(t, c.branch) {
			c.branch = name
		}
	}
	if c.branch == "" {
		return false, "the commit is the newest of no branch"
	}
	return s.takeRun(t, c)
}

// takeRun judges what is the same for every system.
func (s *Sync) takeRun(t *trigger, c ciRun) (matters bool, why string) {
	c.green = c.conclusion == "success"
	if !c.green && !isFailure(c.conclusion) {
		return false, fmt.Sprintf("the run ended with %s, which is neither a failure nor a success", named(c.conclusion))
	}
	if !s.branchCounts(t, c.branch) {
		return false, fmt.Sprintf("the branch %q is neither the default branch nor in sync.ci.branches", c.branch)
	}
	t.kind, t.ci = kindCI, c
	return true, ""
}

// branchCounts reports whether failures on a branch are issues.
func (s *Sync) branchCounts(t *trigger, branch string) bool {
	return branch != "" && (branch == t.repo.defaultBranch || slices.ContainsFunc(s.cfg.CI.Branches, func(p string) bool {
		if p == "watched" {
			return matches(s.cfg.Watched, branch)
		}
		return p == "all" || matches([]string{p}, branch)
	}))
}

func (s *Sync) readPull(t *trigger, p *wirePayload) (matters bool, why string) {
	r := p.PullRequest
	if r == nil || !slices.Contains([]string{"opened", "reopened", "ready_for_review", "closed"}, p.Action) {
		return false, ""
	}
	t.kind, t.number = kindMerged, r.Number
	t.pull = pull{action: p.Action, title: r.Title, body: r.Body, base: line(r.Base.Ref, 255), url: address(r.HTMLURL), mergeSHA: line(r.MergeSHA, 64), merged: r.Merged && p.Action == "closed"}
	t.pull.closes = t.pull.merged && t.pull.base != t.repo.defaultBranch && matches(s.cfg.Merged.Close, t.pull.base)
	if !t.pull.closes && s.cfg.Board.Project == "" {
		return false, ""
	}
	if r.Draft && p.Action != "closed" {
		return false, "the pull request is a draft"
	}
	return true, ""
}

func (s *Sync) readIssue(t *trigger, p *wirePayload) (matters bool, why string) {
	r := p.Issue
	if r == nil || len(r.Pull) > 0 && string(r.Pull) != "null" {
		return false, ""
	}
	t.number = r.Number
	t.issue = issueEvent{action: p.Action, title: line(r.Title, 200), url: address(r.HTMLURL), body: r.Body, at: timeOf(r.UpdatedAt)}
	switch p.Action {
	case "labeled", "unlabeled":
		if p.Label == nil || !strings.EqualFold(p.Label.Name, s.cfg.Blocked.Label) {
			return false, ""
		}
		t.kind, t.issue.label = kindBlocked, line(p.Label.Name, 50)
		return true, ""
	case "closed", "reopened", "deleted":
		t.kind = kindOurs
		return true, ""
	}
	return false, ""
}

// matches reports whether a name is one of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}

// named is a word from outside for a sentence.
func named(s string) string { return cmp.Or(line(s, 40), "nothing") }
