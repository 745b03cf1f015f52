package kittest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// Noon is the time in every test.
var Noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// SampleRecords are the events of most tests: the newest is the last.
func SampleRecords() []*logs.Record {
	rec := func(minutes int, event string, s logs.Summary, result string, n ...logs.Notification) *logs.Record {
		at := Noon.Add(-time.Duration(minutes) * time.Minute)
		return &logs.Record{EventType: event, ReceivedAt: at, Summary: s, Result: result, Source: logs.SourceDelivery, HookID: 4711,
			DeliveryID: fmt.Sprintf("00000000-0000-4000-8000-%012d", minutes), Signature: logs.Signature{Verified: true, Secret: "a1b2c3d4"},
			Headers:       map[string]string{"X-GitHub-Event": event, "Content-Type": "application/json"},
			Notifications: n,
			Payload: fmt.Appendf(nil, `{"action":%q,"repository":{"id":1296269,"full_name":%q,"private":false,"topics":["go","web"]},"sender":{"login":%q,"id":9007199254740993},"note":"line one\nline two"}`,
				s.Action, s.Repository, s.Sender),
		}
	}
	sent := func(kind, priority string) logs.Notification {
		return logs.Notification{Type: kind, Priority: priority, Sink: "aimaestro", To: "orchestrator-amoa", Status: logs.StatusSent, Attempts: 1, At: Noon.Add(-time.Minute), MessageID: "msg-1"}
	}
	gaveUp := sent("task_blocked", "high")
	gaveUp.Status, gaveUp.Attempts, gaveUp.Error, gaveUp.MessageID = logs.StatusFailed, 9, "connection refused", ""
	waiting := sent("pr_created", "medium")
	waiting.Status, waiting.Attempts, waiting.MessageID = logs.StatusPending, 2, ""
	waiting.NextAt = Noon.Add(time.Minute)
	web := "https://github.com/octo-org/web"
	run := func(workflow string, id int64) logs.Run { return logs.Run{Workflow: workflow, ID: id, Attempt: 1} }
	return []*logs.Record{
		rec(3000, "ping", logs.Summary{Sender: "octocat", Repository: "octo-org/web"}, "ping: Speak like a human."),
		rec(900, "push", logs.Summary{Sender: "mona", Repository: "octo-org/api", Branch: "main", Title: "3 commits", URL: web}, "push to main", sent("push", "low")),
		rec(50, "workflow_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "CI Tests", Branch: "main", Conclusion: "success", URL: web, Run: run("CI Tests", 12340)}, "ci_success: CI Tests", sent("ci_success", "low")),
		rec(40, "issues", logs.Summary{Action: "labeled", Sender: "mona", Repository: "octo-org/api", Title: "Database is locked", Number: new(int64(17)), URL: web}, "task_blocked: #17", gaveUp),
		rec(30, "star", logs.Summary{Action: "created", Sender: "hubot", Repository: "octo-org/web"}, "recorded"),
		rec(12, "check_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "lint", Branch: "feature/test", Conclusion: "failure", Run: run("lint", 77)}, "ci_failure: lint failed", sent("ci_failure", "medium")),
		rec(11, "workflow_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "CI Tests", Branch: "feature/test", Conclusion: "failure", URL: web + "/actions/runs/12345", Run: run("CI Tests", 12345)}, "ci_failure: CI Tests failed on feature/test", sent("ci_failure", "high")),
		rec(5, "pull_request", logs.Summary{Action: "opened", Sender: "mona", Repository: "octo-org/api", Title: "Let the parser read what the writer wrote, even where a line is very long", Number: new(int64(1347)), Branch: "fix-parser", URL: web}, "pr_created: #1347", waiting),
	}
}

// Write puts records into the log of cfg, as the receiver does but without
// waiting for the disk.
func Write(t testing.TB, cfg logs.Config, records ...*logs.Record) {
	t.Helper()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		r.Timestamp = r.ReceivedAt.Format("20060102_150405")
		name := "unknown"
		if !strings.ContainsFunc(r.EventType, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') }) {
			name = r.EventType
		}
		r.File = r.Timestamp + "_" + name + ".json"
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cfg.Dir, r.File), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index(t, cfg)
}

// RunningStatus is what a receiver that works says.
func RunningStatus() daemon.Status {
	return daemon.Status{Running: true, PID: 4242, Address: "127.0.0.1:9000", Since: Noon.Add(-2 * time.Hour), Version: "v0.0.0-test",
		Received: 8, PendingNotifications: 1, FailedNotifications: 1, Secret: "a1b2c3d4", Secrets: []string{"a1b2c3d4"}, PublicURL: "https://hooks.example.com/webhook"}
}

// sampled is when the sample records are written.
var sampled sync.Once

// SampleLogs is a directory with the sample records and their index, made once; copy it.
func SampleLogs(t testing.TB) string {
	dir := filepath.Join(temp, "samples")
	sampled.Do(func() { Write(t, logs.Config{Dir: dir, Now: func() time.Time { return Noon }}, SampleRecords()...) })
	return dir
}

// SampleLog is what the receiver writes.
const SampleLog = `time=2026-11-24T10:00:00.000Z level=INFO msg="receiver started" address=127.0.0.1:9000 secret=a1b2c3d4
time=2026-11-24T10:00:01.000Z level=DEBUG msg="accepted a connection" from=127.0.0.1:40000
time=2026-11-24T11:10:00.500Z level=INFO msg=delivery event=workflow_run repository=octo-org/web result="ci_success: CI Tests"
time=2026-11-24T11:20:00.500Z level=WARN msg="notification not delivered" sink=aimaestro attempt=3 error="connection refused"
time=2026-11-24T11:25:00.500Z level=ERROR msg="a notification failed; hookctl events resend sends it again" sink=aimaestro type=task_blocked
panic: a line that is not of the log
`

// Job0 is a job whose steps the test reports.
func Job0() *kit.Job { return &kit.Job{Stop: func() {}} }
