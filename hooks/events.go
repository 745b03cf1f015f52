package hooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// EventInfo describes one event that a hook can subscribe to.
type EventInfo struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Default  bool   `json:"default"` // chosen by setup, because the default routing table uses it
	OrgOnly  bool   `json:"org_only,omitempty"`
}

// DefaultEvents are the five events that the default routing table knows.
func DefaultEvents() []string {
	return []string{"check_run", "issues", "pull_request", "push", "workflow_run"}
}

// Events is the catalogue of GitHub's events for repositories and organizations, in the order of their names.
// See https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func Events() []EventInfo {
	return []EventInfo{
		{Name: "*", Sentence: "Everything, also events that GitHub adds later."},
		{Name: "branch_protection_configuration", Sentence: "All branch protections of a repository are switched on or off."},
		{Name: "branch_protection_rule", Sentence: "A branch protection rule is created, edited or deleted."},
		{Name: "check_run", Sentence: "One check of a commit starts or ends.", Default: true},
		{Name: "check_suite", Sentence: "All checks of a commit end, or are asked for."},
		{Name: "code_scanning_alert", Sentence: "Code scanning finds, fixes or closes an alert."},
		{Name: "commit_comment", Sentence: "Someone comments on a commit."},
		{Name: "create", Sentence: "A branch or tag is created."},
		{Name: "custom_property", Sentence: "A custom property of repositories is created, changed or deleted.", OrgOnly: true},
		{Name: "custom_property_values", Sentence: "A repository's custom property gets another value."},
		{Name: "delete", Sentence: "A branch or tag is deleted."},
		{Name: "dependabot_alert", Sentence: "Dependabot finds, fixes or closes an alert."},
		{Name: "deploy_key", Sentence: "A deploy key is added or removed."},
		{Name: "deployment", Sentence: "A deployment is created."},
		{Name: "deployment_protection_rule", Sentence: "A deployment waits for a protection rule."},
		{Name: "deployment_review", Sentence: "A deployment is approved, rejected or asked to be reviewed."},
		{Name: "deployment_status", Sentence: "A deployment makes progress, succeeds or fails."},
		{Name: "discussion", Sentence: "A discussion is created, answered, labeled or closed."},
		{Name: "discussion_comment", Sentence: "Someone comments on a discussion."},
		{Name: "fork", Sentence: "Someone forks a repository."},
		{Name: "gollum", Sentence: "A wiki page is created or changed."},
		{Name: "issue_comment", Sentence: "Someone comments on an issue or a pull request."},
		{Name: "issue_dependencies", Sentence: "An issue starts or stops blocking another."},
		{Name: "issues", Sentence: "An issue is opened, closed, labeled or assigned.", Default: true},
		{Name: "label", Sentence: "A label is created, edited or deleted."},
		{Name: "member", Sentence: "A collaborator is added or removed, or gets another role."},
		{Name: "membership", Sentence: "Someone joins or leaves a team.", OrgOnly: true},
		{Name: "merge_group", Sentence: "A merge queue asks for checks."},
		{Name: "meta", Sentence: "The hook itself is deleted."},
		{Name: "milestone", Sentence: "A milestone is created, edited, closed or deleted."},
		{Name: "org_block", Sentence: "An organization blocks or unblocks someone.", OrgOnly: true},
		{Name: "organization", Sentence: "Someone is invited to, joins or leaves an organization.", OrgOnly: true},
		{Name: "package", Sentence: "A package is published or updated."},
		{Name: "page_build", Sentence: "A GitHub Pages site is built."},
		{Name: "personal_access_token_request", Sentence: "Someone asks for access with a fine-grained token.", OrgOnly: true},
		{Name: "projects_v2", Sentence: "A project of an organization is created, edited or closed.", OrgOnly: true},
		{Name: "projects_v2_item", Sentence: "An item of a project is added, moved or edited.", OrgOnly: true},
		{Name: "projects_v2_status_update", Sentence: "A project's status is updated.", OrgOnly: true},
		{Name: "public", Sentence: "A private repository becomes public."},
		{Name: "pull_request", Sentence: "A pull request is opened, changed, labeled, closed or merged.", Default: true},
		{Name: "pull_request_review", Sentence: "A pull request is reviewed."},
		{Name: "pull_request_review_comment", Sentence: "Someone comments on a line of a pull request."},
		{Name: "pull_request_review_thread", Sentence: "A thread of review comments is resolved or reopened."},
		{Name: "push", Sentence: "Commits or tags are pushed, or a branch or tag is deleted.", Default: true},
		{Name: "registry_package", Sentence: "A package is published or updated (older form)."},
		{Name: "release", Sentence: "A release is created, published, edited or deleted."},
		{Name: "repository", Sentence: "A repository is created, renamed, transferred, archived or deleted."},
		{Name: "repository_advisory", Sentence: "A security advisory of a repository is published or reported."},
		{Name: "repository_dispatch", Sentence: "A program sends an event of its own through the API."},
		{Name: "repository_import", Sentence: "A repository's import ends."},
		{Name: "repository_ruleset", Sentence: "A ruleset is created, edited or deleted."},
		{Name: "repository_vulnerability_alert", Sentence: "A dependency's vulnerability is found or closed (older form)."},
		{Name: "secret_scanning_alert", Sentence: "Secret scanning finds or closes an alert."},
		{Name: "secret_scanning_alert_location", Sentence: "A known secret is found in another place."},
		{Name: "secret_scanning_scan", Sentence: "A scan for secrets ends."},
		{Name: "security_and_analysis", Sentence: "Security features are switched on or off."},
		{Name: "star", Sentence: "Someone gives or takes back a star."},
		{Name: "status", Sentence: "A commit gets another status."},
		{Name: "sub_issues", Sentence: "A sub-issue is added to or removed from an issue."},
		{Name: "team", Sentence: "A team is created, edited or deleted.", OrgOnly: true},
		{Name: "team_add", Sentence: "A repository is added to a team."},
		{Name: "watch", Sentence: "Someone stars a repository (older form of star)."},
		{Name: "workflow_dispatch", Sentence: "Someone starts a workflow by hand."},
		{Name: "workflow_job", Sentence: "One job of a workflow is queued, starts or ends."},
		{Name: "workflow_run", Sentence: "A workflow starts or ends.", Default: true},
	}
}

// ChooseEvents reads which events a person wants: names replace those of now, names with + and - are added and left out.
// It returns them sorted. A name that GitHub does not know is an error, unless it is one of now.
func ChooseEvents(now []string, answer string) ([]string, error) {
	words := strings.FieldsFunc(answer, func(r rune) bool { return r == ' ' || r == ',' })
	var chosen []string
	if slices.ContainsFunc(words, func(w string) bool { return w[0] == '+' || w[0] == '-' }) {
		chosen = slices.Clone(now)
	}
	for _, w := range words {
		name := strings.TrimLeft(w, "+-")
		known := slices.Contains(now, name) || slices.ContainsFunc(Events(), func(e EventInfo) bool { return e.Name == name })
		switch {
		case w[0] == '-':
			chosen = slices.DeleteFunc(chosen, func(have string) bool { return have == name })
		case !known:
			return nil, fmt.Errorf("GitHub has no event %q", clean(name))
		case !slices.Contains(chosen, name):
			chosen = append(chosen, name)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("a hook needs at least one event")
	}
	slices.Sort(chosen)
	return chosen, nil
}
