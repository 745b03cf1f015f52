package logs

import (
	"cmp"
	"strconv"

	"hookctl/logs/jsonscan"
)

// Run is what a payload says of one run of CI, and of a branch that is gone: what [Log.CI] is derived from. It is part of
// the record's payload_summary.
type Run struct {
	// Workflow is the workflow's name, the name of a check of another app than GitHub Actions, or the context of a status;
	// "" for what says nothing of a branch of this repository: runs of forks, the checks of Actions, which the run of
	// their workflow sums up, and all other events.
	Workflow string
	ID       int64  // of the workflow's run, the check run or the status; higher is newer
	Attempt  int64  // of the workflow's run, from 1
	SHA      string // of the commit
	Branch   string // of a status: one of the branches that it names, the default branch if it is among them
	Deleted  bool   // the branch is gone
}

// RunObject is what matters of the object workflow_run, check_run, workflow_job or check_suite of a payload, as it came.
type RunObject struct {
	ID, RunID, Attempt                       int64
	Name, Path, Branch, SHA, Conclusion, URL string
	SuiteBranch, HeadRepository, App         string // of the check suite; owner/name; the app's slug
}

// ReadRunObject reads such an object; a field that is missing or of another type than GitHub documents stays empty.
func ReadRunObject(b []byte) RunObject {
	var r RunObject
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "id":
			r.ID = wholeOf(v)
		case "run_id":
			r.RunID = wholeOf(v)
		case "run_attempt":
			r.Attempt = wholeOf(v)
		case "name":
			r.Name, _ = jsonscan.Text(v)
		case "path":
			r.Path, _ = jsonscan.Text(v)
		case "head_branch":
			r.Branch, _ = jsonscan.Text(v)
		case "head_sha":
			r.SHA, _ = jsonscan.Text(v)
		case "conclusion":
			r.Conclusion, _ = jsonscan.Text(v)
		case "html_url":
			r.URL, _ = jsonscan.Text(v)
		case "head_repository":
			r.HeadRepository = textMember(v, "full_name")
		case "app":
			r.App = textMember(v, "slug")
		case "check_suite":
			r.SuiteBranch = textMember(v, "head_branch")
		}
	})
	return r
}

// RunParts are the parts of a payload that a [Run] is made of, for those who walk it anyway.
type RunParts struct {
	Object        RunObject // workflow_run or check_run
	Workflow      string    // workflow.name
	Repository    string    // repository.full_name
	DefaultBranch string    // repository.default_branch
	ID            int64     // id, of a status
	Context       string    // context
	SHA, After    string    // sha, after
	Branches      []string  // branches[].name
	RefType       string    // ref_type
	Deleted       bool      // deleted
}

// Run is what the parts of a payload of workflow_run, check_run, status, push or delete give; other events give nothing.
// See https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func (p RunParts) Run(event string) Run {
	o := p.Object
	switch event {
	case "workflow_run":
		r := Run{Workflow: cmp.Or(o.Name, p.Workflow, o.Path), ID: o.ID, Attempt: o.Attempt, SHA: o.SHA}
		if o.HeadRepository != "" && asciiLower(o.HeadRepository) != asciiLower(p.Repository) {
			r.Workflow = ""
		}
		return r
	case "check_run":
		r := Run{Workflow: o.Name, ID: o.ID, SHA: o.SHA}
		if o.App == "github-actions" {
			r.Workflow = ""
		}
		return r
	case "status":
		r := Run{Workflow: p.Context, ID: p.ID, SHA: p.SHA}
		for i, name := range p.Branches {
			if i == 0 || name == p.DefaultBranch {
				r.Branch = name
			}
		}
		return r
	case "push":
		return Run{SHA: p.After, Deleted: p.Deleted}
	case "delete":
		return Run{Deleted: p.RefType == "branch"}
	}
	return Run{}
}

// runOf reads a payload.
func runOf(event string, payload []byte) Run {
	var p RunParts
	jsonscan.Members(payload, func(key, v []byte) {
		switch string(key) {
		case "workflow_run", "check_run":
			p.Object = ReadRunObject(v)
		case "workflow":
			p.Workflow = textMember(v, "name")
		case "repository":
			p.Repository, p.DefaultBranch = textMember(v, "full_name"), textMember(v, "default_branch")
		case "id":
			p.ID = wholeOf(v)
		case "context":
			p.Context, _ = jsonscan.Text(v)
		case "sha":
			p.SHA, _ = jsonscan.Text(v)
		case "after":
			p.After, _ = jsonscan.Text(v)
		case "branches":
			p.Branches = Names(v)
		case "ref_type":
			p.RefType, _ = jsonscan.Text(v)
		case "deleted":
			p.Deleted = string(v) == "true"
		}
	})
	return p.Run(event)
}

// Names are the names of the objects in an array.
func Names(b []byte) []string {
	var names []string
	jsonscan.Elements(b, func(v []byte) { names = append(names, textMember(v, "name")) })
	return names
}

func textMember(b []byte, name string) (s string) {
	s, _ = jsonscan.Text(jsonscan.At(b, name))
	return s
}

// wholeOf reads a whole number; anything else gives 0.
func wholeOf(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// ciEvent says whether a [Run] is made of an event.
func ciEvent(event string) bool {
	switch event {
	case "workflow_run", "check_run", "status", "push", "delete":
		return true
	}
	return false
}

// Verdicts of a run.
const (
	undecided = iota // it is under way, or says nothing: cancelled, skipped, stale, action_required
	passed
	failed
)

// verdict says what a conclusion decides, and whether the run has ended.
func verdict(conclusion string) (verdict int, done bool) {
	switch asciiLower(conclusion) {
	case "", "pending":
		return undecided, false
	case "success", "neutral":
		return passed, true
	case "failure", "timed_out", "startup_failure", "error":
		return failed, true
	}
	return undecided, true
}
