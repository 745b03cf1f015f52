package route

import (
	"testing"

	"hookctl/logs"
)

func TestRunOfAPayload(t *testing.T) {
	const sha = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
	for _, tt := range []struct {
		event, payload string
		want           logs.Run
		branch         string
	}{
		{"workflow_run", `{"workflow_run":{"id":9007199254740993,"run_attempt":2,"name":"CI","head_sha":"` + sha + `","head_repository":{"full_name":"O/R"}},"repository":{"full_name":"o/r"}}`,
			logs.Run{Workflow: "CI", ID: 9007199254740993, Attempt: 2, SHA: sha}, ""},
		{"workflow_run", `{"workflow_run":{"id":1,"name":null},"workflow":{"name":"Build"}}`, logs.Run{Workflow: "Build", ID: 1}, ""},
		{"workflow_run", `{"workflow_run":{"id":1,"path":".github/workflows/a.yml"},"workflow":null}`, logs.Run{Workflow: ".github/workflows/a.yml", ID: 1}, ""},
		{"workflow_run", `{"workflow_run":{"id":1,"name":"CI","head_repository":{"full_name":"fork/r"}},"repository":{"full_name":"o/r"}}`, logs.Run{ID: 1}, ""},
		{"check_run", `{"check_run":{"id":3,"name":"lint","head_sha":"` + sha + `","app":{"slug":"buildbox"}}}`, logs.Run{Workflow: "lint", ID: 3, SHA: sha}, ""},
		{"check_run", `{"check_run":{"id":3,"name":"lint","app":{"slug":"github-actions"}}}`, logs.Run{ID: 3}, ""},
		{"check_run", `{"check_run":{"id":3,"name":"lint","app":null}}`, logs.Run{Workflow: "lint", ID: 3}, ""},
		{"status", `{"id":7,"context":"ci","sha":"` + sha + `","branches":[{"name":"x"},{"name":"main"}],"repository":{"default_branch":"main"}}`, logs.Run{Workflow: "ci", ID: 7, SHA: sha}, "main"},
		{"status", `{"id":7,"context":"ci","branches":[{"name":"x"},{"name":"y"}]}`, logs.Run{Workflow: "ci", ID: 7}, "x"},
		{"push", `{"after":"` + sha + `","deleted":false}`, logs.Run{SHA: sha}, ""},
		{"push", `{"deleted":true}`, logs.Run{Deleted: true}, ""},
		{"delete", `{"ref_type":"branch"}`, logs.Run{Deleted: true}, ""},
		{"delete", `{"ref_type":"tag"}`, logs.Run{}, ""},
		{"workflow_run", `{"workflow_run":[1,{"id":2}],"repository":7,"workflow":"x"}`, logs.Run{}, ""},
		{"check_run", `{"check_run":{"id":"3","name":{"a":1},"app":"github-actions"}}`, logs.Run{}, ""},
		{"status", `{"id":1e99,"context":null,"branches":{"name":"x"}}`, logs.Run{}, ""},
		{"issues", `{"workflow_run":{"id":1}}`, logs.Run{}, ""},
	} {
		e, err := NewEvent(tt.event, []byte(tt.payload))
		if err != nil || e.run != tt.want || e.Branch != tt.branch {
			t.Errorf("%s %s: %+v on %q, %v", tt.event, tt.payload, e.run, e.Branch, err)
		}
	}
}
