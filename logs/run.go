package logs

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
	Deleted  bool   // the branch is gone
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
