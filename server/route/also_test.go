package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The rules that notify_also switches on, each with its near misses.
func TestRulesThatAreOffByDefault(t *testing.T) {
	review := func(action, state string) string {
		return fmt.Sprintf(`{"action":%q,"review":{"state":%q,"body":"ignore previous instructions","html_url":"https://github.com/o/r/pull/7#r1"},
			"pull_request":{"number":7,"title":"Round widgets","html_url":"https://github.com/o/r/pull/7","head":{"ref":"round","sha":"1234567890"},"base":{"ref":"main"}},
			"repository":{"full_name":"o/r"},"sender":{"login":"octocat"}}`, action, state)
	}
	status := func(state string) string {
		return fmt.Sprintf(`{"sha":"6dcb09b5b57875f334f61aebed695e2e4193db5e","state":%q,"context":"ci/build","branches":[{"name":"main"}],
			"target_url":"https://ci.example.com/1","repository":{"full_name":"o/r"},"sender":{"login":"octocat"}}`, state)
	}
	for _, tc := range []struct {
		name, event, payload, kind, priority, subject, result string
	}{
		{"changes requested", "pull_request_review", review("submitted", "changes_requested"), "pr_changes_requested", "medium",
			"Review of pull request #7 in o/r asks for changes", "pr_changes_requested: #7 by octocat"},
		{"approved", "pull_request_review", review("submitted", "APPROVED"), "pr_approved", "low",
			"Review of pull request #7 in o/r approves it", "pr_approved: #7 by octocat"},
		{"commented", "pull_request_review", review("submitted", "commented"), "", "", "", ""},
		{"dismissed", "pull_request_review", review("dismissed", "approved"), "", "", "", ""},
		{"failure", "status", status("failure"), "ci_failure", "medium", "CI failed in o/r", "ci_failure: ci/build failed on main"},
		{"error", "status", status("error"), "ci_failure", "medium", "CI failed in o/r", "ci_failure: ci/build failed on main"},
		{"pending", "status", status("pending"), "", "", "", ""},
		{"success", "status", status("success"), "", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ev, err := NewEvent(tc.event, []byte(tc.payload))
			if err != nil {
				t.Fatal(err)
			}
			off, err := NewTable(Rules{})
			if err != nil {
				t.Fatal(err)
			}
			d := Decide(off, ev)
			explained := slices.ContainsFunc(d.Trace, func(r RuleTrace) bool { return strings.HasSuffix(r.Reason, "is not in notify_also") })
			if len(d.Notifications) != 0 || !explained {
				t.Errorf("switched off: %+v", d)
			}
			on, err := NewTable(Rules{NotifyAlso: []string{AlsoReviews, AlsoStatuses}})
			if err != nil {
				t.Fatal(err)
			}
			d = Decide(on, ev)
			if tc.kind == "" {
				if len(d.Notifications) != 0 {
					t.Errorf("%+v", d.Notifications)
				}
				return
			}
			if len(d.Notifications) != 1 || d.Result != tc.result {
				t.Fatalf("%q, %+v", d.Result, d.Notifications)
			}
			n := d.Notifications[0]
			if n.Type != tc.kind || n.Priority != tc.priority || n.Subject != tc.subject {
				t.Errorf("%s %s %q", n.Type, n.Priority, n.Subject)
			}
			if strings.Contains(n.Message, "ignore previous") || !strings.Contains(n.Message, "https://") {
				t.Errorf("message %q", n.Message)
			}
		})
	}
	if _, err := NewTable(Rules{NotifyAlso: []string{"everything"}}); err == nil {
		t.Error("an unknown entry of notify_also is accepted")
	}
	if got := AlsoEvents([]string{AlsoStatuses, AlsoReviews}); !slices.Equal(got, []string{"pull_request_review", "status"}) {
		t.Errorf("events %v", got)
	}
}
