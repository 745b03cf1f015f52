package githubtest

import "strings"

// repositoryEvents are the events that a hook of a repository may subscribe to;
// a hook of an organization may have these and organizationEvents.
const repositoryEvents = ` branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert
 commit_comment create custom_property_values delete dependabot_alert deploy_key deployment deployment_protection_rule
 deployment_review deployment_status discussion discussion_comment fork gollum issue_comment issue_dependencies issues label
 member merge_group meta milestone package page_build project project_card project_column public pull_request
 pull_request_review pull_request_review_comment pull_request_review_thread push registry_package release repository
 repository_advisory repository_dispatch repository_import repository_ruleset repository_vulnerability_alert
 secret_scanning_alert secret_scanning_alert_location secret_scanning_scan security_and_analysis star status sub_issues
 team_add watch workflow_dispatch workflow_job workflow_run `

const organizationEvents = ` custom_property membership org_block organization personal_access_token_request projects_v2
 projects_v2_item projects_v2_status_update team `

// Events lists every event that a hook of a repository or of an organization may subscribe to.
func Events() []string { return strings.Fields(repositoryEvents + organizationEvents) }

// knownEvent reports whether GitHub has an event. "*" is all of them.
func knownEvent(name string, org bool) bool {
	if name == "" || strings.ContainsAny(name, " \n") {
		return false
	}
	listed := func(list string) bool { return strings.Contains(strings.ReplaceAll(list, "\n", ""), " "+name+" ") }
	return name == "*" || listed(repositoryEvents) || org && listed(organizationEvents)
}
