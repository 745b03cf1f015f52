package route

// wording says what an event is about, in templates that fill expands: its title, the line that says what happened, and
// where the payload has them, its branch and outcome. url has the paths of its page, the first valid one counts.
type wording struct{ title, line, url, branch, outcome string }

// wordings has a row for every event type of GitHub. A title is used where readEvent finds none (of an issue, a pull
// request, a run, a commit); the event and its action stand before the line.
// See https://docs.github.com/en/webhooks/webhook-events-and-payloads.
var wordings = map[string]wording{
	"branch_protection_configuration": {title: "branch protection", line: "branch protection of {repository.full_name}"},
	"branch_protection_rule":          {title: "{rule.name}", line: "the rule for {rule.name}"},
	"check_run": {
		title: "{check_run.app.name}",
		line:  "{Title}[ of {check_run.app.name}][ {Conclusion|check_run.status:words}][ on {Branch}][: {check_run.output.title}]",
	},
	"check_suite": {
		title: "{check_suite.app.name}", line: "{Title|check_suite.status}[ {Conclusion|check_suite.status:words}][ on {Branch}][ at {SHA}]",
	},
	"code_scanning_alert": {
		title: "{alert.rule.description|alert.rule.id}", url: "alert.html_url", branch: "{ref|alert.most_recent_instance.ref}",
		line: "[{alert.rule.security_severity_level|alert.rule.severity} severity, ]{alert.rule.description|alert.rule.id}[ ({alert.tool.name})]" +
			"[ in {alert.most_recent_instance.location.path}][, line {alert.most_recent_instance.location.start_line}][ on {ref}]",
	},
	"commit_comment": {title: "{comment.body}", line: "[on {comment.commit_id}][, {comment.path}][: {comment.body}]"},
	"create":         {title: "{ref}", line: "{ref_type} {ref}"},
	"custom_property": {
		title: "{definition.property_name}", line: "{definition.property_name}[ ({definition.value_type:words})]",
	},
	"custom_property_values": {
		title: "{new_property_values.0.property_name}",
		line:  "{new_property_values.0.property_name}[ is {new_property_values.0.value}][ ({new_property_values.#} values)]",
	},
	"delete": {title: "{ref}", line: "{ref_type} {ref}"},
	"dependabot_alert": {
		title: "{alert.security_advisory.summary|alert.dependency.package.name}", url: "alert.html_url",
		line: "[{alert.security_vulnerability.severity|alert.security_advisory.severity} severity, ]{alert.dependency.package.name}" +
			"[ ({alert.dependency.package.ecosystem})][ in {alert.dependency.manifest_path}][: {alert.security_advisory.summary}]" +
			"[, fixed in {alert.security_vulnerability.first_patched_version.identifier}]",
	},
	"deploy_key": {title: "{key.title}", line: "{key.title}{key.read_only?, read-only}"},
	"deployment": {
		title: "{deployment.environment}", branch: "{deployment.ref}",
		line: "{deployment.task} to {deployment.environment}[ from {deployment.ref}][ at {deployment.sha}][: {deployment.description}]",
	},
	"deployment_protection_rule": {
		title: "{environment}", branch: "{deployment.ref}", line: "{environment} waits for approval[, {deployment.ref}][ at {deployment.sha}]",
	},
	"deployment_review": {
		title: "{workflow_job_runs.0.environment|environment}", line: "{Title}[ to {workflow_job_runs.0.environment|environment}][ by {approver.login}][: {comment}]",
	},
	"deployment_status": {
		title: "{deployment_status.environment|deployment.environment}", branch: "{deployment.ref}", outcome: "{deployment_status.state}",
		url: "deployment_status.log_url|deployment_status.target_url|deployment_status.environment_url",
		line: "{deployment_status.environment|deployment.environment}: {deployment_status.state:words}[, {deployment.ref}][ at {deployment.sha}]" +
			"[: {deployment_status.description}]",
	},
	"discussion":         {title: "{discussion.category.name}", line: "[#{Number} ]{Title}[ in {discussion.category.name}]"},
	"discussion_comment": {title: "{comment.body}", line: "[on #{Number} ]{Title}[: {comment.body}]"},
	"fork":               {title: "{forkee.full_name}", line: "to {forkee.full_name}", url: "forkee.html_url"},
	"github_app_authorization": {
		title: "{Sender}", line: "of {Sender}",
	},
	"gollum": {
		title: "{pages.0.title|pages.0.page_name}", url: "pages.0.html_url",
		line: "page {pages.0.title|pages.0.page_name}[ {pages.0.action}][, {pages.#} pages in all]",
	},
	"installation": {
		title: "{installation.app_slug|installation.account.login}", url: "installation.html_url",
		line: "[app {installation.app_slug} ]on {installation.account.login}[, {installation.repository_selection} repositories]",
	},
	"installation_repositories": {
		title: "{installation.app_slug|installation.account.login}", url: "installation.html_url",
		line: "{repositories_added.0.full_name|repositories_removed.0.full_name}[ ({repositories_added.#|repositories_removed.#} repositories)][, app {installation.app_slug}]",
	},
	"installation_target": {title: "{account.login}", line: "[{changes.login.from} is now ]{account.login}"},
	"issue_comment":       {title: "{comment.body}", line: "[on #{Number} ]{Title}[: {comment.body}]"},
	"issue_dependencies": {
		title: "{blocked_issue.title}", url: "blocked_issue.html_url",
		line: "[#{blocked_issue.number} ]{blocked_issue.title}[, blocked by #{blocking_issue.number}][ {blocking_issue.title}]",
	},
	"issues": {
		line: "[#{Number} ]{Title}[, label {Label}][, assignee {assignee.login}][, milestone {milestone.title}]",
	},
	"label": {title: "{label.name}", line: "{label.name}[, was {changes.name.from}]"},
	"marketplace_purchase": {
		title: "{marketplace_purchase.plan.name}", line: "[{marketplace_purchase.plan.name} ]by {marketplace_purchase.account.login}",
	},
	"member": {
		title: "{member.login}", url: "member.html_url", line: "{member.login}[ as {changes.role_name.to|changes.permission.to}]",
	},
	"membership": {title: "{member.login}", line: "{member.login}[ in team {team.name}]", url: "team.html_url"},
	"merge_group": {
		title: "{merge_group.head_commit.message}", branch: "{merge_group.base_ref}", outcome: "{reason}",
		line: "into {merge_group.base_ref}[: {merge_group.head_commit.message}][ ({reason:words})]",
	},
	"meta": {title: "hook {hook_id}", line: "hook {hook_id}"},
	"milestone": {
		title: "{milestone.title}", url: "milestone.html_url", line: "{milestone.title}[, {milestone.open_issues} open issues][, due {milestone.due_on}]",
	},
	"org_block": {title: "{blocked_user.login}", line: "{blocked_user.login}", url: "blocked_user.html_url"},
	"organization": {
		title: "{membership.user.login|invitation.login|invitation.email|organization.login}",
		line:  "{membership.user.login|invitation.login|invitation.email|organization.login}[ as {membership.role|invitation.role:words}][ in {organization.login}]",
	},
	"package": {
		title: "{package.name}", url: "package.html_url", line: "{package.name}[ {package.package_version.version}][ ({package.package_type|package.ecosystem})]",
	},
	"page_build": {title: "{build.status}", line: "the site is {build.status}[: {build.error.message}]", outcome: "{build.status}"},
	"personal_access_token_request": {
		title: "{personal_access_token_request.owner.login}",
		line:  "by {personal_access_token_request.owner.login}[, token {personal_access_token_request.token_name}][, {personal_access_token_request.repository_count} repositories]",
	},
	"ping":           {title: "{zen}", line: "hook {hook_id}[: {zen}]"},
	"project":        {title: "{project.name}", line: "{project.name}", url: "project.html_url"},
	"project_card":   {title: "{project_card.note}", line: "[{project_card.note}][, was in column {changes.column_id.from}]"},
	"project_column": {title: "{project_column.name}", line: "{project_column.name}[, was {changes.name.from}]"},
	"projects_v2":    {title: "{projects_v2.title}", line: "[#{projects_v2.number} ]{projects_v2.title}"},
	"projects_v2_item": {
		title: "{projects_v2_item.content_type}",
		line: "{projects_v2_item.content_type}[ in project {changes.field_value.project_number}][, {changes.field_value.field_name}]" +
			"[ was {changes.field_value.from.name}][, is {changes.field_value.to.name}]",
	},
	"projects_v2_status_update": {
		title: "{projects_v2_status_update.status:words}", line: "[{projects_v2_status_update.status:words}][: {projects_v2_status_update.body}]",
	},
	"public": {title: "{repository.full_name}", line: "{repository.full_name} is public now"},
	"pull_request": {
		line: "[#{Number} ]{Title}[, {Head}][ into {Base}][, label {Label}][, reviewer {requested_reviewer.login|requested_team.name}]",
	},
	"pull_request_review": {
		title: "{review.state}", outcome: "{review.state}", url: "review.html_url",
		line: "{review.state:words} [#{Number} ]{Title}[: {review.body}]",
	},
	"pull_request_review_comment": {title: "{comment.body}", line: "[on #{Number} ]{Title}[, {comment.path}][: {comment.body}]"},
	"pull_request_review_thread": {
		title: "{thread.comments.0.body}", url: "thread.comments.0.html_url",
		line: "[#{Number} ]{Title}[, {thread.comments.0.path}][: {thread.comments.0.body}]",
	},
	"push": {title: "{ref}", line: "[{Commits} to ]{Ref}{Deleted? deleted}[: {Title}]"},
	"registry_package": {
		title: "{registry_package.name}", url: "registry_package.html_url",
		line: "{registry_package.name}[ {registry_package.package_version.version}][ ({registry_package.package_type|registry_package.ecosystem})]",
	},
	"release": {title: "{release.tag_name}", line: "{Title}[, tag {release.tag_name}]{release.draft?, draft}{release.prerelease?, pre-release}"},
	"repository": {
		title: "{repository.full_name}",
		line: "{repository.full_name}[, was {changes.repository.name.from}][, from {changes.owner.from.user.login|changes.owner.from.organization.login}]" +
			"[, default branch was {changes.default_branch.from}]",
	},
	"repository_advisory": {
		title: "{repository_advisory.summary}", url: "repository_advisory.html_url",
		line: "[{repository_advisory.severity} severity, ][{repository_advisory.ghsa_id}: ]{repository_advisory.summary}",
	},
	"repository_dispatch": {title: "{action}", line: "[on {branch}]", branch: "{branch}"},
	"repository_import":   {title: "import {status}", line: "{status}", outcome: "{status}"},
	"repository_ruleset": {
		title: "{repository_ruleset.name}", line: "{repository_ruleset.name}[, {repository_ruleset.target}][, {repository_ruleset.enforcement:words}]",
	},
	"repository_vulnerability_alert": {
		title: "{alert.affected_package_name}",
		line:  "[{alert.severity} severity, ]{alert.affected_package_name}[ {alert.affected_range}][: {alert.external_identifier|alert.ghsa_id}][, fixed in {alert.fixed_in}]",
	},
	"secret_scanning_alert": {
		title: "{alert.secret_type_display_name|alert.secret_type}", url: "alert.html_url",
		line: "{alert.secret_type_display_name|alert.secret_type}[, {alert.validity}]{alert.publicly_leaked?, publicly leaked}" +
			"{alert.push_protection_bypassed?, push protection bypassed}[, {alert.resolution:words}]",
	},
	"secret_scanning_alert_location": {
		title: "{alert.secret_type_display_name|alert.secret_type}", url: "alert.html_url",
		line: "{alert.secret_type_display_name|alert.secret_type}[ in {location.details.path|location.type:words}][, line {location.details.start_line}]",
	},
	"secret_scanning_scan": {
		title: "{type:words} scan", line: "{type:words} scan[ of {source:words}][, for {secret_types.#} types of secrets]",
	},
	"security_advisory": {
		title: "{security_advisory.summary}", url: "security_advisory.html_url",
		line: "[{security_advisory.severity} severity, ][{security_advisory.ghsa_id}: ]{security_advisory.summary}[ ({security_advisory.vulnerabilities.0.package.name})]",
	},
	"security_and_analysis": {
		title: "security features",
		line: "security features[, secret scanning {repository.security_and_analysis.secret_scanning.status}]" +
			"[, push protection {repository.security_and_analysis.secret_scanning_push_protection.status}]",
	},
	"sponsorship": {
		title: "{sponsorship.sponsor.login}", line: "by {sponsorship.sponsor.login}[ for {sponsorship.sponsorable.login}][, {sponsorship.tier.name}]",
	},
	"star": {title: "stars: {repository.stargazers_count}", line: "by {Sender}[, stars: {repository.stargazers_count}]"},
	"status": {
		title: "{context}", line: "{context} {state}[ on {Branch}][ at {SHA}][: {description}]",
	},
	"sub_issues": {
		title: "{sub_issue.title}", url: "sub_issue.html_url",
		line: "[#{sub_issue.number} ]{sub_issue.title}[, parent #{parent_issue.number}][ {parent_issue.title}]",
	},
	"team":     {title: "{team.name}", line: "{team.name}[, was {changes.name.from}][, {repository.full_name}]", url: "team.html_url"},
	"team_add": {title: "{team.name}", line: "{repository.full_name} to team {team.name}", url: "team.html_url"},
	"watch":    {title: "stars: {repository.stargazers_count}", line: "by {Sender}[, stars: {repository.stargazers_count}]"},
	"workflow_dispatch": {
		title: "{workflow}", branch: "{ref}", line: "{workflow}[ on {ref}]",
	},
	"workflow_job": {
		title: "{workflow_job.workflow_name}",
		line:  "{Title}[ of {workflow_job.workflow_name}][ {Conclusion|workflow_job.status:words}][ on {Branch}]",
	},
	"workflow_run": {title: "{workflow.name|workflow_run.path}", line: "{Title}[ {Conclusion:words}][ on {Branch}]"},
}
