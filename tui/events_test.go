package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
)

func TestEventsFollowAtTheTop(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2")
	s.shows("following", "1/8", "#1347 Let the parser")
	s.arrive("release", "v1.0 is out", 0)
	s.shows("following", "1/9", "v1.0 is out")
	if e, _ := s.events().feed.current(); e.Title != "v1.0 is out" {
		t.Fatalf("the cursor is on %q", e.Title)
	}
}

func TestEventsPauseAndCount(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "j", "j")
	before, _ := s.events().feed.current()
	s.shows("paused", "3/8")
	row := strings.Split(s.text(), "\n")[5]
	s.arrive("release", "v1.0 is out", 0)
	s.arrive("release", "v1.1 is out", 1)
	s.shows("paused, 2 new (f)", "5/10")
	if got := strings.Split(s.text(), "\n")[5]; got != row {
		t.Fatalf("the list moved while paused:\n%s\n%s", row, got)
	}
	if now, _ := s.events().feed.current(); now.File != before.File {
		t.Fatal("the cursor moved while paused")
	}
	s.press("f")
	s.shows("following", "1/10", "v1.1 is out", "v1.0 is out")
}

// arrive writes a record and tells the interface, as Watch would.
func (s *screen) arrive(event, title string, n int) {
	s.t.Helper()
	r := &logs.Record{EventType: event, ReceivedAt: noon.Add(time.Duration(n+1) * time.Second), Summary: logs.Summary{Title: title, Repository: "octo-org/web"},
		DeliveryID: fmt.Sprintf("arrived-%d", n), Payload: json.RawMessage(`{"n":1}`), Source: logs.SourceDelivery}
	write(s.t, s.cfg, r)
	s.send(arrived{entries: []logs.Entry{r.Entry(300)}})
}

func TestEventsFilterAnswersWhileTyping(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "/")
	s.typed("event:workflow_run ")
	s.shows("1/2", "CI Tests")
	s.lacks("#1347")
	s.typed("!conclusion:success")
	s.shows("1/1", "✗ 11:49:00  workflow_run")
	s.press("enter")
	s.shows("filter event:workflow_run !conclusion:success", "1/1")
	s.press("esc")
	s.shows("all events", "/8")
	s.press("/", "up")
	s.shows("event:workflow_run !conclusion:success", "1/1")
	s.press("esc")
	s.shows("all events", "1/8")
}

func TestEventsFilterShowsErrorsAtTheCharacter(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "/")
	s.typed("event:push colour:red")
	lines := strings.Split(s.text(), "\n")
	var at, caret int
	for i, l := range lines {
		if strings.Contains(l, "colour:red") {
			at, caret = strings.Index(l, "colour"), strings.Index(lines[i+1], "^")
		}
	}
	if caret < 0 || caret != at {
		t.Fatalf("the caret is at %d, the fault at %d:\n%s", caret, at, s.text())
	}
	s.press("enter")
	s.shows("colour:red") // a filter with a fault is not accepted
}

func TestEventsKeepThePlaceWhenTheFilterChanges(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "j")
	s.shows("2/8")
	s.press("=")
	s.typed("event:workflow_run")
	s.press("enter")
	s.shows("filter event:workflow_run")
	if e, _ := s.events().feed.current(); e.Conclusion != "failure" {
		t.Fatalf("the cursor left its event for %+v", e)
	}
	s.press("esc")
	if e, _ := s.events().feed.current(); e.Conclusion != "failure" || e.Event != "workflow_run" {
		t.Fatalf("the cursor left its event for %+v", e)
	}
	s.shows("2/8")
}

func TestNextFailure(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2")
	for _, want := range []string{"workflow_run", "check_run", "issues"} {
		s.press("e")
		if e, _ := s.events().feed.current(); e.Event != want {
			t.Fatalf("at %s, want %s", e.Event, want)
		}
	}
	s.press("e")
	s.shows("no older failure here")
	s.press("E")
	if e, _ := s.events().feed.current(); e.Event != "check_run" {
		t.Fatalf("at %s", e.Event)
	}
}

func TestRecordFoldsAndSearches(t *testing.T) {
	s := full(t, 80, 30)
	s.press("2", "enter")
	s.shows("event       pull_request opened", "▸ repository", "pr_created (medium) waiting for aimaestro", "X-GitHub-Event: pull_request")
	s.lacks("1296269")
	s.press("z")
	s.shows("▾ repository", "id 1296269", "9007199254740993")
	s.press("z")
	s.lacks("1296269")
	s.press("/")
	s.typed("1296269")
	s.press("enter")
	s.shows("▾ repository", "id 1296269")
	s.press("y")
	s.shows("value of .repository.id", "path", "delivery id")
	s.press("esc", "h")
	s.shows("▾ repository")
	s.press("h")
	s.shows("▸ repository")
	s.press("esc")
	s.shows("following")
}

func TestRecordAnswersJQ(t *testing.T) {
	s := full(t, 80, 30)
	s.press("2", "enter", "|")
	s.typed(".sender.id")
	s.shows("Payload | .sender.id", "9007199254740993")
	s.typed(" | nosuch")
	s.shows("nosuch")
	s.typed(" | (")
	s.shows("^\n the expression ends too early")
	s.press("esc")
	s.shows("▸ repository")
	s.press("|")
	s.typed(".repository.topics")
	s.press("enter")
	s.shows(`"go"`, `"web"`)
}

func TestMarksAndExport(t *testing.T) {
	t.Chdir(t.TempDir())
	s := full(t, 80, 24)
	s.press("2", "x", "x")
	s.shows("2 marked")
	s.press("W", "enter")
	s.shows("2 records written to events-20261124-120000.ndjson")
	b, err := os.ReadFile("events-20261124-120000.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		var r logs.Record
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
	}
	s.press("W", "enter")
	s.shows("is there already")
	s.press("esc")
	s.lacks("marked")
	s.press("W")
	s.typed("x")
	s.press("enter")
	s.shows("8 records written")
	if left, _ := filepath.Glob("*.part"); len(left) > 0 {
		t.Fatalf("left over: %v", left)
	}
}

func TestReplayNeedsTheReceiver(t *testing.T) {
	s := full(t, 80, 24)
	s.send(statusMsg{err: context.DeadlineExceeded})
	s.press("2", "R")
	s.shows("the receiver is not running")
}

// A hostile record draws the same screen as its harmless twin.
func TestHostileTextDrawsNothing(t *testing.T) {
	draw := func(evil string) string {
		cfg := testConfig(t)
		write(t, cfg, &logs.Record{EventType: "push" + evil, ReceivedAt: noon, DeliveryID: "d" + evil, Source: logs.SourceDelivery,
			Summary: logs.Summary{Title: "title" + evil, Branch: "b" + evil, Sender: "s" + evil, Repository: "o/r" + evil, Action: "a" + evil, Conclusion: "c" + evil},
			Result:  "r" + evil, Headers: map[string]string{"X-GitHub-Event": "push" + evil},
			Notifications: []logs.Notification{{Type: "t" + evil, Status: logs.StatusFailed, Error: "e" + evil, Sink: "s" + evil}},
			Payload:       mustJSON(map[string]any{"k" + evil: "v" + evil})})
		s := newScreen(t, cfg, 120, 40)
		s.press("2", "enter", "z")
		return s.View().Content
	}
	// What is removed leaves nothing behind.
	twin := draw("")
	for _, evil := range []string{"\x1b", "\x07", "\u202e", "\u200b", "\u0090"} {
		if got := draw(evil); got != twin {
			t.Errorf("%q changes the screen:\n%q\n%q", evil, got, twin)
		}
	}
	if got := draw("\x1b]52;c;aGk=\x07\x1b[2J"); strings.ContainsAny(strings.ReplaceAll(got, "\x1b[", ""), "\x07\x1b\u009b") || strings.Contains(got, "\x1b[2J") {
		t.Errorf("a sequence reached the screen: %q", got)
	}
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// What is read stays on the screen, whatever comes in.
func TestRecordStaysWhileEventsArrive(t *testing.T) {
	s := full(t, 80, 30)
	s.press("2", "enter")
	s.shows("#1347 Let the parser")
	s.arrive("release", "v1.0 is out", 0)
	s.shows("#1347 Let the parser")
	s.lacks("v1.0 is out")
	s.press("esc")
	s.shows("paused", "v1.0 is out", "2/9")
	s.press("f")
	s.shows("following", "v1.0 is out")
	s.press("enter", "esc")
	s.shows("following")
}

// What comes in while a filter is typed is there when the typing is given up.
func TestEventsGivenUpFilterKeepsWhatCameIn(t *testing.T) {
	for _, typed := range []string{"", "event:push"} {
		s := full(t, 80, 24)
		s.press("2", "/")
		s.typed(typed)
		s.arrive("release", "v1.0 is out", 0)
		s.press("esc")
		s.shows("following", "1/9", "v1.0 is out")
	}
}

func TestJQTellsWhatIsWrongAfterEnter(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "enter", "|")
	s.typed(".action | keys")
	s.press("enter") // the answer is an error, and the line stays to be mended
	s.shows("jq .action | keys", "keys cannot be applied to")
	s.press("ctrl+u")
	s.typed(".action | (")
	s.press("enter")
	s.shows("jq .action | (", "ends too early")
	s.press("esc")
	s.lacks("jq .action")

	// An answer may also come after the line is gone.
	d := s.events().shown()
	s.send(jqDone{of: d, gen: d.asked, query: ".x.y", err: errors.New("too slow")})
	s.shows("jq .x.y: too slow")
}

// A record is read again when its notifications change; who asks it something
// just then asks the same document.
func TestRereadRecordStaysTheSameDocument(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "enter", "|")
	s.typed(".sen")
	e, _ := s.events().feed.current()
	s.send(arrived{entries: []logs.Entry{e}})
	s.typed("der.login")
	s.press("enter")
	s.shows("Payload | .sender.login", `"mona"`)
}

// Marked records are replayed in the order they came in, whatever the order of
// the marks.
func TestMarkedEventsAreTakenOldestFirst(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2", "x", "x", "x", "x", "x", "x")
	for range 20 {
		if got := s.events().chosen(); len(got) != 6 || !slices.IsSorted(got) {
			t.Fatalf("chosen: %v", got)
		}
	}
}

func TestRecordKeysSayThatItIsBeingRead(t *testing.T) {
	s := full(t, 80, 24)
	s.press("2")
	if _, cmd := s.Update(key("enter")); cmd == nil {
		t.Fatal("enter reads nothing")
	}
	for _, k := range []string{"enter", "/", "|", "z"} {
		s.toast.text = ""
		s.press(k)
		s.shows("the record is being read")
	}
}
