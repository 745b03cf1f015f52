package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// scratch is a directory that all tests share and none changes.
var scratch string

func TestMain(m *testing.M) {
	time.Local = time.UTC
	var err error
	if scratch, err = os.MkdirTemp("", "hookctl-tui"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// noon is the time in every test.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// screen drives the interface without a program: keys in, screens out.
// Commands run at once, except those that only wait.
type screen struct {
	t testing.TB
	*app
	quit bool // the user has left
}

// testConfig is a home of its own with an empty log.
func testConfig(t *testing.T) Config {
	home := t.TempDir()
	return Config{
		Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs"), Now: func() time.Time { return noon }},
		Store: secret.NewStore(secret.Config{EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "run", "rotation.json"),
			Environ: func(string) string { return "" }}),
		Daemon:  daemon.Config{Home: home},
		Hooks:   func() (*hooks.Client, error) { return nil, hooks.ErrNotLoggedIn },
		Setup:   SetupDefaults{URL: "https://hooks.example.com/webhook", Repositories: []string{"octo-org/web"}},
		Version: "v0.0.0-test", Theme: "dark", Now: func() time.Time { return noon },
		Browse: func(string) error { return nil },
	}
}

func newScreen(t *testing.T, cfg Config, w, h int) *screen {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	a.waits = func(tea.Cmd) tea.Cmd { return nil }
	s := &screen{t: t, app: a}
	t.Cleanup(func() {
		stop()
		a.close()
	})
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	s.settle(a.Init())
	return s
}

// send gives a message to the model and lets everything that follows happen.
func (s *screen) send(msg tea.Msg) {
	s.t.Helper()
	_, cmd := s.Update(msg)
	s.settle(cmd)
}

// settle runs a command and what comes of it, in order.
func (s *screen) settle(cmd tea.Cmd) {
	s.t.Helper()
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		// Commands of one batch may wait for each other; their messages are
		// still taken in the order of the batch.
		results := make([]chan tea.Msg, 0, len(msg))
		for _, c := range msg {
			if c == nil {
				continue
			}
			ch := make(chan tea.Msg, 1)
			results = append(results, ch)
			go func() { ch <- c() }()
		}
		for _, ch := range results {
			m := <-ch
			s.settle(func() tea.Msg { return m })
		}
	case tea.QuitMsg:
		s.quit = true
	default:
		if fmt.Sprintf("%T", msg) == "tea.sequenceMsg" {
			s.t.Fatal("a sequence: the harness does not know it")
		}
		s.send(msg)
	}
}

// press sends keys by their names.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	for _, k := range keys {
		s.send(key(k))
	}
}

// typed sends each character of text as a key.
func (s *screen) typed(text string) {
	s.t.Helper()
	for _, r := range text {
		if r == ' ' {
			s.press("space")
			continue
		}
		s.press(string(r))
	}
}

// text is the screen without styles and without blanks at the line ends.
func (s *screen) text() string {
	lines := strings.Split(ansi.Strip(s.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// shows fails unless the screen has the text.
func (s *screen) shows(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.text(); !strings.Contains(got, w) {
			s.t.Fatalf("the screen lacks %q:\n%s", w, got)
		}
	}
}

// lacks fails when the screen has the text.
func (s *screen) lacks(not ...string) {
	s.t.Helper()
	for _, w := range not {
		if got := s.text(); strings.Contains(got, w) {
			s.t.Fatalf("the screen has %q:\n%s", w, got)
		}
	}
}

// key is a key press by its name in tea.
func key(name string) tea.KeyPressMsg {
	codes := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "space": tea.KeySpace, "tab": tea.KeyTab, "backspace": tea.KeyBackspace,
		"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown}
	var k tea.KeyPressMsg
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: []rune(rest)[0], Mod: tea.ModCtrl}
	}
	if rest, ok := strings.CutPrefix(name, "shift+"); ok {
		k = key(rest)
		k.Mod = tea.ModShift
		return k
	}
	if c, ok := codes[name]; ok {
		k.Code = c
		if name == "space" {
			k.Text = " "
		}
		return k
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// number gives a pointer to n.
func number(n int64) *int64 { return &n }

// sampleRecords are the events of most tests: the newest is the last.
func sampleRecords() []*logs.Record {
	rec := func(minutes int, event string, s logs.Summary, result string, n ...logs.Notification) *logs.Record {
		at := noon.Add(-time.Duration(minutes) * time.Minute)
		return &logs.Record{EventType: event, ReceivedAt: at, Summary: s, Result: result, Source: logs.SourceDelivery, HookID: 4711,
			DeliveryID: fmt.Sprintf("00000000-0000-4000-8000-%012d", minutes), Signature: logs.Signature{Verified: true, Secret: "a1b2c3d4"},
			Headers:       map[string]string{"X-GitHub-Event": event, "Content-Type": "application/json"},
			Notifications: n,
			Payload: []byte(fmt.Sprintf(`{"action":%q,"repository":{"id":1296269,"full_name":%q,"private":false,"topics":["go","web"]},"sender":{"login":%q,"id":9007199254740993},"note":"line one\nline two"}`,
				s.Action, s.Repository, s.Sender)),
		}
	}
	sent := func(kind, priority string) logs.Notification {
		return logs.Notification{Type: kind, Priority: priority, Sink: "aimaestro", To: "orchestrator-amoa", Status: logs.StatusSent, Attempts: 1, At: noon.Add(-time.Minute), MessageID: "msg-1"}
	}
	gaveUp := sent("task_blocked", "high")
	gaveUp.Status, gaveUp.Attempts, gaveUp.Error, gaveUp.MessageID = logs.StatusFailed, 9, "connection refused", ""
	waiting := sent("pr_created", "medium")
	waiting.Status, waiting.Attempts, waiting.MessageID = logs.StatusPending, 2, ""
	waiting.NextAt = noon.Add(time.Minute)
	web := "https://github.com/octo-org/web"
	return []*logs.Record{
		rec(3000, "ping", logs.Summary{Sender: "octocat", Repository: "octo-org/web"}, "ping: Speak like a human."),
		rec(900, "push", logs.Summary{Sender: "mona", Repository: "octo-org/api", Branch: "main", Title: "3 commits", URL: web}, "push to main", sent("push", "low")),
		rec(50, "workflow_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "CI Tests", Branch: "main", Conclusion: "success", URL: web}, "ci_success: CI Tests", sent("ci_success", "low")),
		rec(40, "issues", logs.Summary{Action: "labeled", Sender: "mona", Repository: "octo-org/api", Title: "Database is locked", Number: number(17), URL: web}, "task_blocked: #17", gaveUp),
		rec(30, "star", logs.Summary{Action: "created", Sender: "hubot", Repository: "octo-org/web"}, "recorded"),
		rec(12, "check_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "lint", Branch: "feature/test", Conclusion: "failure"}, "ci_failure: lint failed", sent("ci_failure", "medium")),
		rec(11, "workflow_run", logs.Summary{Action: "completed", Sender: "octocat", Repository: "octo-org/web", Title: "CI Tests", Branch: "feature/test", Conclusion: "failure", URL: web + "/actions/runs/12345"}, "ci_failure: CI Tests failed on feature/test", sent("ci_failure", "high")),
		rec(5, "pull_request", logs.Summary{Action: "opened", Sender: "mona", Repository: "octo-org/api", Title: "Let the parser read what the writer wrote, even where a line is very long", Number: number(1347), Branch: "fix-parser", URL: web}, "pr_created: #1347", waiting),
	}
}

// write puts records into the log of cfg, as the receiver does but without
// waiting for the disk.
func write(t testing.TB, cfg Config, records ...*logs.Record) {
	t.Helper()
	if err := os.MkdirAll(cfg.Logs.Dir, 0o700); err != nil {
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
		if err := os.WriteFile(filepath.Join(cfg.Logs.Dir, r.File), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A reader of its own puts them into the index.
	ctx := context.Background()
	l, err := logs.Open(ctx, cfg.Logs)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Ready(ctx, nil), l.Close()); err != nil {
		t.Fatal(err)
	}
}

// runningStatus is what a receiver that is well says.
func runningStatus() daemon.Status {
	return daemon.Status{Running: true, PID: 4242, Address: "127.0.0.1:9000", Since: noon.Add(-2 * time.Hour), Version: "v0.0.0-test",
		Received: 8, PendingNotifications: 1, FailedNotifications: 1, Secret: "a1b2c3d4", Secrets: []string{"a1b2c3d4"}, PublicURL: "https://hooks.example.com/webhook"}
}

// samples is a log directory with the sample records and its index, made once
// and copied for every test.
var samples struct {
	sync.Once
	dir string
}

func sampleLogs(t *testing.T) string {
	samples.Do(func() {
		samples.dir = filepath.Join(scratch, "samples")
		cfg := testConfig(t)
		cfg.Logs.Dir = samples.dir
		write(t, cfg, sampleRecords()...)
	})
	return samples.dir
}

// full is a screen with events and a receiver that runs.
func full(t *testing.T, w, h int, change ...func(*Config)) *screen {
	t.Helper()
	cfg := testConfig(t)
	for _, c := range change {
		c(&cfg)
	}
	if err := os.CopyFS(cfg.Logs.Dir, os.DirFS(sampleLogs(t))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cfg.Store.SetCurrent("0123456789abcdef"), cfg.Store.NoteChanged(noon)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(cfg.Home, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(daemon.LogFile(cfg.Home), []byte(sampleLog), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Settings = []Setting{{"receiver.port", "9000", "default"}, {"log.keep", "30d", "hookctl.yaml line 3"}, {"watched_branches", "main, develop", "environment"}}
	cfg.Checks = func(_ context.Context, progress func(Check)) {
		progress(Check{Name: "sign-in", Status: "ok", Detail: "octocat, with the scopes repo, admin:repo_hook"})
		progress(Check{Name: "receiver", Status: "fail", Detail: "the receiver is not running", Fix: "hookctl start"})
		progress(Check{Name: "secret age", Status: "warn", Detail: "the secret is 120 days old", Fix: "hookctl rotate --all"})
	}
	s := newScreen(t, cfg, w, h)
	s.send(statusMsg{status: runningStatus()})
	return s
}

// sampleLog is what the receiver writes.
const sampleLog = `time=2026-11-24T10:00:00.000Z level=INFO msg="receiver started" address=127.0.0.1:9000 secret=a1b2c3d4
time=2026-11-24T10:00:01.000Z level=DEBUG msg="accepted a connection" from=127.0.0.1:40000
time=2026-11-24T11:10:00.500Z level=INFO msg=delivery event=workflow_run repository=octo-org/web result="ci_success: CI Tests"
time=2026-11-24T11:20:00.500Z level=WARN msg="notification not delivered" sink=aimaestro attempt=3 error="connection refused"
time=2026-11-24T11:25:00.500Z level=ERROR msg="notification given up" sink=aimaestro type=task_blocked
panic: a line that is not of the log
`
