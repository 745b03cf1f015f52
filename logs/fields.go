package logs

import (
	"fmt"
	"slices"
	"strings"
)

// field is a field of the filter grammar.
type field struct {
	name, about string // about explains it to who completes one
	// column is what the index has for it, and value the same of an entry. Fields without them are treated by themselves.
	column  string
	value   func(*Entry) string
	choices []choice // values that are known without a record, in the order to offer them
	closed  bool     // there are no other values
	single  bool     // it takes one value
	open    bool     // it takes any value, and those of the records are no help
}

// choice is a value of a field, with a few words about it. cond and match are its condition where the field has no value to
// compare.
type choice struct {
	text, about string
	cond        string
	match       func(*Entry) bool
}

// fields are those of the filter grammar, sorted. A run and a notification both fail: their fields are easily confused.
func fields() []field {
	return []field{
		{name: "action", about: "what was done: opened, labeled", column: "r.action", value: func(e *Entry) string { return e.Action }},
		{name: "branch", about: "the branch", column: "r.branch", value: func(e *Entry) string { return e.Branch }},
		{name: "conclusion", about: "how the CI run ended: success, failure", column: "r.conclusion", value: func(e *Entry) string { return e.Conclusion },
			choices: []choice{{text: "failure", about: "the run failed"}, {text: "success", about: "the run succeeded"}, {text: "cancelled", about: "the run was cancelled"},
				{text: "timed_out", about: "the run took too long"}, {text: "action_required", about: "the run waits for someone"},
				{text: "neutral", about: "the run ended without a verdict"}, {text: "skipped", about: "the run was skipped"},
				{text: "stale", about: "the run never ended"}, {text: "startup_failure", about: "the run could not start"}}},
		{name: "event", about: "what GitHub sent: push, workflow_run", column: "r.event", value: func(e *Entry) string { return e.Event }},
		{name: "hook", about: "the hook's number at GitHub", column: "CAST(r.hook AS TEXT)", value: func(e *Entry) string { return fmt.Sprint(e.HookID) }},
		{name: "id", about: "the delivery's id (GUID)", column: "r.delivery", value: func(e *Entry) string { return e.DeliveryID }, open: true},
		{name: "number", about: "number of the issue or pull request", column: "ifnull(CAST(r.number AS TEXT), '')", value: func(e *Entry) string {
			if e.Number == nil {
				return ""
			}
			return fmt.Sprint(*e.Number)
		}},
		{name: "payload", about: "text anywhere in the payload; reads the files", open: true},
		{name: "priority", about: "priority of the notification", column: "r.npriority", value: func(e *Entry) string { return deref(e.Notification).Priority },
			choices: []choice{{text: "urgent"}, {text: "high"}, {text: "medium"}, {text: "low"}}},
		{name: "repo", about: "owner/name; * matches anything", column: "r.repo", value: func(e *Entry) string { return e.Repository }},
		{name: "result", about: "the line that says what happened", column: "r.result", value: func(e *Entry) string { return e.Result }},
		{name: "sender", about: "who caused it", column: "r.sender", value: func(e *Entry) string { return e.Sender }},
		{name: "since", about: "received after: an age or a date", single: true, open: true,
			choices: []choice{{text: "15m", about: "the last 15 minutes"}, {text: "1h", about: "the last hour"}, {text: "24h", about: "the last day"}, {text: "7d", about: "the last week"}}},
		{name: "source", about: "how it arrived: delivery, catchup, test", column: "r.source", value: func(e *Entry) string { return e.Source }, closed: true,
			choices: []choice{{text: SourceDelivery, about: "delivered by GitHub"}, {text: SourceCatchup, about: "fetched by catchup"}, {text: SourceRelay, about: "arrived through the relay"},
				{text: SourceTest, about: "sent by hookctl test"}, {text: SourceReplay, about: "a record that was replayed"}, {text: SourceSelf, about: "written by hookctl itself"}}},
		{name: "status", about: "how the notification went: sent, failed", closed: true, choices: []choice{
			// The first two are rare, and their small indexes must lead.
			{StatusFailed, "the notification failed; a failed run is conclusion:failure", "r.id IN (SELECT id FROM record INDEXED BY record_failed WHERE failed > 0)",
				func(e *Entry) bool { return e.Failed > 0 }},
			{StatusPending, "the notification waits to be sent", "r.id IN (SELECT id FROM record INDEXED BY record_pending WHERE pending > 0)",
				func(e *Entry) bool { return e.Pending > 0 }},
			{StatusSent, "the notification was sent", "(r.notified AND r.pending = 0 AND r.failed = 0)",
				func(e *Entry) bool { return e.Notification != nil && e.Pending == 0 && e.Failed == 0 }},
			{"none", "nobody was notified", "NOT r.notified", func(e *Entry) bool { return e.Notification == nil }}}},
		{name: "title", about: "title of the issue, commit or run", column: "r.title", value: func(e *Entry) string { return e.Title }},
		{name: "type", about: "type of the notification", column: "r.ntype", value: func(e *Entry) string { return deref(e.Notification).Type }},
		{name: "until", about: "received before: an age or a date", single: true, open: true,
			choices: []choice{{text: "15m", about: "older than 15 minutes"}, {text: "1h", about: "older than an hour"}, {text: "24h", about: "older than a day"}, {text: "7d", about: "older than a week"}}},
		{name: "verified", about: "whether the signature was right", closed: true, single: true, choices: []choice{
			{"yes", "the signature was right", "r.verified", func(e *Entry) bool { return e.Verified }},
			{"no", "the signature was wrong or missing", "NOT r.verified", func(e *Entry) bool { return !e.Verified }}}},
	}
}

// fieldNamed is the field that is called so, in any case; ok is false if it is missing.
func fieldNamed(name string) (f field, ok bool) {
	name = strings.ToLower(name)
	switch name {
	case "repository":
		name = "repo"
	case "delivery":
		name = "id"
	}
	all := fields()
	at := slices.IndexFunc(all, func(f field) bool { return f.name == name })
	if at < 0 {
		return f, false
	}
	return all[at], true
}

// choice is the one of a field that is called so.
func (f *field) choice(text string) choice {
	at := slices.IndexFunc(f.choices, func(c choice) bool { return c.text == text })
	if at < 0 {
		return choice{}
	}
	return f.choices[at]
}
