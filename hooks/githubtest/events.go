package githubtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// repositoryEvents are the events that a hook of a repository may subscribe to;
// a hook of an organization may have these and organizationEvents.
const repositoryEvents = `branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert
 commit_comment create custom_property_values delete dependabot_alert deploy_key deployment deployment_protection_rule
 deployment_review deployment_status discussion discussion_comment fork gollum issue_comment issue_dependencies issues label
 member merge_group meta milestone package page_build project project_card project_column public pull_request
 pull_request_review pull_request_review_comment pull_request_review_thread push registry_package release repository
 repository_advisory repository_dispatch repository_import repository_ruleset repository_vulnerability_alert
 secret_scanning_alert secret_scanning_alert_location secret_scanning_scan security_and_analysis star status sub_issues
 team_add watch workflow_dispatch workflow_job workflow_run `

const organizationEvents = `custom_property membership org_block organization personal_access_token_request projects_v2
 projects_v2_item projects_v2_status_update team`

// Events lists every event that a hook of a repository or of an organization may subscribe to.
func Events() []string { return strings.Fields(repositoryEvents + organizationEvents) }

// knownEvent reports whether GitHub has an event for hooks of a target. "*" is all of them.
func knownEvent(name string, t *target) bool {
	known := Events()
	if t.repo != "" {
		known = strings.Fields(repositoryEvents)
	}
	return name == "*" || slices.Contains(known, name)
}

// event is the payload of an event of a repository or organization, with what this one has more.
func (s *Server) event(t *target, action string, more map[string]any) []byte {
	body := map[string]any{"sender": personJSON(DefaultLogin)}
	if action != "" {
		body["action"] = action
	}
	if t.repo == "" {
		body["organization"] = map[string]any{"login": t.owner, "id": t.id}
	} else {
		body["repository"] = s.eventRepository(t)
	}
	maps.Copy(body, more)
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("githubtest: marshal an event: %v", err))
	}
	return data
}

// issueEvent is the payload of an event of an issue.
func (s *Server) issueEvent(t *target, action string, i *Issue, more map[string]any) []byte {
	body := map[string]any{"issue": s.issueJSON(t, i)}
	maps.Copy(body, more)
	return s.event(t, action, body)
}

// announce sends what GitHub sends when an issue changes, to the repository's hooks and its organization's.
func (c *call) announce(event, action string, i *Issue, more map[string]any) {
	c.s.ship(c.s.shipments(c.t, event, c.s.issueEvent(c.t, action, i, more))...)
}

// IssuePayload is what GitHub sends when an issue is labeled, unlabeled, closed, reopened or deleted.
func (s *Server) IssuePayload(repo string, number int, action, label string) (payload []byte) {
	more := map[string]any{}
	if label != "" {
		more["label"] = map[string]any{"name": label, "color": "d73a4a"}
	}
	s.change(repo, func(t *target) { payload = s.issueEvent(t, action, t.issue(number), more) })
	return payload
}

// Run is a run of a workflow, for RunPayload. Zero fields are those of an ordinary failure on main.
type Run struct {
	Number     int64
	Attempt    int64
	Workflow   string
	Path       string
	Branch     string
	Event      string
	Conclusion string
	Fork       bool // of another repository
	At         time.Time
}

// RunPayload is what GitHub sends when a run of a repository has ended. Its id is 9000000000000000 and its number.
func (s *Server) RunPayload(repo string, r Run) (payload []byte) {
	name, path, id := cmp.Or(r.Workflow, "Tests"), cmp.Or(r.Path, ".github/workflows/tests.yml"), 9000000000000000+r.Number
	if r.At.IsZero() {
		r.At = s.now()
	}
	s.change(repo, func(t *target) {
		head := map[string]any{"id": t.id, "full_name": t.name(), "fork": false}
		if r.Fork {
			head = map[string]any{"id": t.id + 1000000, "full_name": "somebody/" + t.repo, "fork": true}
		}
		payload = s.event(t, "completed", map[string]any{
			"workflow": map[string]any{"id": 159038, "name": name, "path": path, "state": "active"},
			"workflow_run": map[string]any{"id": id, "name": name, "path": path, "head_branch": cmp.Or(r.Branch, "main"),
				"head_sha": fmt.Sprintf("%040x", 0xabc0000+r.Number), "run_number": r.Number, "run_attempt": cmp.Or(r.Attempt, 1),
				"event": cmp.Or(r.Event, "push"), "status": "completed", "conclusion": cmp.Or(r.Conclusion, "failure"), "updated_at": stamp(r.At),
				"pull_requests": []any{}, "html_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d", t.name(), id), "head_repository": head,
				"actor": personJSON(DefaultLogin), "triggering_actor": personJSON(DefaultLogin), "display_title": "Make widgets round"}})
	})
	return payload
}

// MergedPayload is what GitHub sends when a pull request was merged.
func (s *Server) MergedPayload(repo string, number int, base, body string) (payload []byte) {
	s.change(repo, func(t *target) {
		payload = s.event(t, "closed", map[string]any{"number": number, "pull_request": map[string]any{"number": number, "state": "closed", "title": "",
			"body": body, "draft": false, "merged": true, "merge_commit_sha": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d",
			"html_url": fmt.Sprintf("https://github.com/%s/pull/%d", t.name(), number), "user": personJSON(DefaultLogin), "author_association": "MEMBER",
			"head": map[string]any{"ref": "feature", "sha": "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"}, "base": map[string]any{"ref": base}}})
	})
	return payload
}
