package route

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"hookctl/logs/text"
	"hookctl/server/sink"
)

// rule is one row of the default table.
type rule struct {
	name     string // what explanations call it
	event    string
	also     string               // the entry of notify_also that switches it on; "" for always on
	keys     func(Event) []string // of the priorities map, the most special first
	priority string               // where the map has none of them
	match    func(Table, Event) (bool, string)
	notice   func(Event) Notice
	result   func(Event) string // the record's result line without the type
}

// defaultRules is the default table, row by row; the first that matches wins.
var defaultRules = []rule{
	ofRun("workflow_run succeeded", "workflow_run", "low", "ci_success", "success"),
	ofRun("workflow_run failed", "workflow_run", "high", "ci_failure", "failure", "timed_out", "startup_failure"),
	ofRun("check_run failed", "check_run", "medium", "ci_failure", "failure", "timed_out"),
	{
		name: "pull_request opened", event: "pull_request", priority: "medium",
		keys: func(e Event) []string { return []string{"pull_request." + e.Action, "pull_request.opened"} },
		match: func(_ Table, e Event) (bool, string) {
			return action(e, "opened", "reopened", "ready_for_review")
		},
		notice: func(e Event) Notice { return pullRequestNotice(e, "pr_created") },
		result: func(e Event) string { return "#" + number(e) + " " + e.Title },
	},
	{
		name: "pull_request merged", event: "pull_request", priority: "low",
		keys: func(Event) []string { return []string{"pull_request.merged", "pull_request.closed"} },
		match: func(_ Table, e Event) (bool, string) {
			if ok, why := action(e, "closed"); !ok {
				return false, why
			}
			if !e.Merged {
				return false, "it was closed without being merged"
			}
			return true, "it was closed and merged"
		},
		notice: func(e Event) Notice { return pullRequestNotice(e, "pr_merged") },
		result: func(e Event) string { return "#" + number(e) + " " + e.Title + " into " + e.Base },
	},
	ofTask("issue labeled blocked", "labeled", "high", "task_blocked"),
	ofTask("issue no longer labeled blocked", "unlabeled", "low", "task_unblocked"),
	{
		name: "push to a watched branch", event: "push", priority: "low",
		keys:   func(Event) []string { return []string{"push"} },
		match:  watchedPush,
		notice: pushNotice,
		result: func(e Event) string {
			return text.Count(e.Commits, "commit") + " to " + e.Branch + " by " + orNobody(e.Pusher)
		},
	},
	ofReview("review asks for changes", "medium", "pr_changes_requested", "changes_requested", "asks for changes"),
	ofReview("review approves", "low", "pr_approved", "approved", "approves it"),
	{
		name: "status failed", event: "status", also: AlsoStatuses, priority: "medium",
		keys: func(e Event) []string { return []string{"status." + e.Conclusion, "status.failure"} },
		match: func(_ Table, e Event) (bool, string) {
			if e.Conclusion != "failure" && e.Conclusion != "error" {
				return false, fmt.Sprintf("the state is %q, not failure or error", e.Conclusion)
			}
			return true, "the state is " + e.Conclusion
		},
		notice: func(e Event) Notice { return ciNotice(e, "ci_failure") },
		result: func(e Event) string { return ran(e, "failed") },
	},
}

// ofRun is the rule of a run of CI that ended with one of these conclusions.
func ofRun(name, event, priority, kind string, conclusions ...string) rule {
	return rule{
		name: name, event: event, priority: priority,
		keys: func(e Event) []string { return []string{event + "." + e.Conclusion, event + "." + conclusions[0]} },
		match: func(_ Table, e Event) (bool, string) {
			if ok, why := action(e, "completed"); !ok {
				return false, why
			}
			if !slices.Contains(conclusions, e.Conclusion) {
				return false, fmt.Sprintf("the conclusion is %q, not %s", e.Conclusion, strings.Join(conclusions, ", "))
			}
			return true, "completed with the conclusion " + e.Conclusion
		},
		notice: func(e Event) Notice { return ciNotice(e, kind) },
		result: func(e Event) string { return ran(e, ended(kind)) },
	}
}

// ofTask is the rule of an issue that got the label blocked, or lost it.
func ofTask(name, happened, priority, kind string) rule {
	return rule{
		name: name, event: "issues", priority: priority,
		keys: func(Event) []string { return []string{"issues." + happened + ".blocked", "issues." + happened} },
		match: func(_ Table, e Event) (bool, string) {
			if ok, why := action(e, happened); !ok {
				return false, why
			}
			if !strings.EqualFold(e.Label, "blocked") {
				return false, fmt.Sprintf("the label is %q, not blocked", e.Label)
			}
			return true, "it was " + happened + " blocked"
		},
		notice: func(e Event) Notice { return taskNotice(e, kind) },
		result: func(e Event) string { return "GH-" + number(e) + " " + e.Title },
	}
}

// ofReview is the rule of a review with a verdict; words say what it does.
func ofReview(name, priority, kind, verdict, words string) rule {
	return rule{
		name: name, event: "pull_request_review", also: AlsoReviews, priority: priority,
		keys: func(Event) []string { return []string{"pull_request_review." + verdict} },
		match: func(_ Table, e Event) (bool, string) {
			if ok, why := action(e, "submitted"); !ok {
				return false, why
			}
			if !strings.EqualFold(e.Conclusion, verdict) {
				return false, fmt.Sprintf("the verdict is %q, not %s", e.Conclusion, verdict)
			}
			return true, "the verdict is " + verdict
		},
		notice: func(e Event) Notice { return reviewNotice(e, kind, words) },
		result: func(e Event) string { return "#" + number(e) + " by " + orNobody(e.Sender) },
	}
}

// The entries of [Rules.NotifyAlso], which switch on rules of the default table that are off by default.
const (
	AlsoReviews  = "reviews"
	AlsoStatuses = "statuses"
)

// AlsoEvents are the events that a hook has to subscribe to for entries of [Rules.NotifyAlso], each once.
func AlsoEvents(also []string) []string {
	var events []string
	for _, r := range defaultRules {
		if r.also != "" && slices.Contains(also, r.also) && !slices.Contains(events, r.event) {
			events = append(events, r.event)
		}
	}
	return events
}

// itsAction begins what [action] says.
const itsAction = "the action is "

// ofAction reports whether a rule did not match because of the action.
func ofAction(why string) bool { return strings.HasPrefix(why, itsAction) }

func action(e Event, actions ...string) (bool, string) {
	if !slices.Contains(actions, e.Action) {
		return false, fmt.Sprintf(itsAction+"%q, not %s", e.Action, strings.Join(actions, ", "))
	}
	return true, itsAction + e.Action
}

func watchedPush(t Table, e Event) (bool, string) {
	switch {
	case strings.HasPrefix(e.Ref, "refs/tags/"):
		return false, "a tag was pushed, not a branch"
	case e.Branch == "":
		return false, "the push names no branch"
	case e.Deleted:
		return false, "the branch was deleted"
	}
	for _, pattern := range t.WatchedBranches {
		if ok, err := path.Match(pattern, e.Branch); err == nil && ok {
			return true, fmt.Sprintf("the branch %q is watched", e.Branch)
		}
	}
	return false, fmt.Sprintf("the branch %q is not watched", e.Branch)
}

// priority looks the rule's keys up in the settings, then the type of the notification.
func (t Table) priority(r rule, kind string, e Event) string {
	for _, key := range append(r.keys(e), kind) {
		if p, ok := t.Priorities[key]; ok {
			return p
		}
	}
	return r.priority
}

// priorityKeys are the keys that the priorities map may have, besides the types that routes make.
var priorityKeys = []string{
	"workflow_run.success", "workflow_run.failure", "workflow_run.timed_out", "workflow_run.startup_failure",
	"check_run.failure", "check_run.timed_out",
	"pull_request.opened", "pull_request.reopened", "pull_request.ready_for_review", "pull_request.merged", "pull_request.closed",
	"issues.labeled", "issues.labeled.blocked", "issues.unlabeled", "issues.unlabeled.blocked", "push",
	"pull_request_review.changes_requested", "pull_request_review.approved", "status.failure", "status.error",
	"ci_success", "ci_failure", "pr_created", "pr_merged", "task_blocked", "task_unblocked", "pr_changes_requested", "pr_approved",
}

func (t Table) checkPriorities() error {
	for _, key := range slices.Sorted(maps.Keys(t.Priorities)) {
		known := slices.Contains(priorityKeys, key) ||
			slices.ContainsFunc(t.routes, func(r compiledRoute) bool { return r.Notify == key })
		if !known {
			return fmt.Errorf("priorities: unknown key %q; known are %s and the types that routes make", key, strings.Join(priorityKeys, ", "))
		}
		if !slices.Contains(sink.Priorities(), t.Priorities[key]) {
			return fmt.Errorf("priorities: %s: %q is none of %s", key, t.Priorities[key], strings.Join(sink.Priorities(), ", "))
		}
	}
	return nil
}

// ran is "CI Tests failed on main", with what the payload has of it.
func ran(e Event, how string) string {
	words := cmp.Or(e.Title, e.Name) + " " + how
	if e.Branch != "" {
		words += " on " + e.Branch
	}
	return words
}

// ended is how a run ended, by the type of its notification.
func ended(kind string) string {
	if kind == "ci_failure" {
		return "failed"
	}
	return "passed"
}

func number(e Event) string {
	if e.Number == nil {
		return "?"
	}
	return fmt.Sprint(*e.Number)
}

func orNobody(s string) string { return cmp.Or(s, "unknown") }
