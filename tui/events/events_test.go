package events

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

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

func TestEventsFollowAtTheTop(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2")
	s.Shows("following", "1/8", "#1347 Let the parser")
	s.arrive("release", "v1.0 is out", 0)
	s.Shows("following", "1/9", "v1.0 is out")
	if e, _ := s.events.feed.current(); e.Title != "v1.0 is out" {
		t.Fatalf("the cursor is on %q", e.Title)
	}
}

func TestEventsPauseAndCount(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "j", "j")
	before, _ := s.events.feed.current()
	s.Shows("paused", "3/8")
	row := strings.Split(s.Text(), "\n")[5]
	s.arrive("release", "v1.0 is out", 0)
	s.arrive("release", "v1.1 is out", 1)
	s.Shows("paused, 2 new (f)", "5/10")
	// What changes later, as notifications are sent, is no new event, whether it is on screen or not.
	for range 3 {
		for _, e := range append(s.arrived, before) {
			e.Notification = &logs.EntryNotification{Status: logs.StatusSent}
			s.Send(kit.News[logs.Entry]([]logs.Entry{e}))
		}
	}
	s.Shows("paused, 2 new (f)", "5/10")
	if got := strings.Split(s.Text(), "\n")[5]; got != row {
		t.Fatalf("the list moved while paused:\n%s\n%s", row, got)
	}
	if now, _ := s.events.feed.current(); now.File != before.File {
		t.Fatal("the cursor moved while paused")
	}
	s.Press("f")
	s.Shows("following", "1/10", "v1.1 is out", "v1.0 is out")
}

// Repositories of one name and several owners are distinguished at every width, long event names are whole where there is
// room, and an event of another day has its hour.
func TestEventsAreDistinguished(t *testing.T) {
	for _, w := range []int{80, 100, 120, 200} {
		s := eventful(t, w, 40)
		s.Press("2")
		for i, repository := range []string{"acme/api", "octo-org/api"} {
			r := &logs.Record{EventType: "deployment_status", ReceivedAt: kittest.Noon.Add(time.Duration(i+1) * time.Second), Summary: logs.Summary{Title: "deployed", Repository: repository, Action: "created"},
				DeliveryID: repository, Source: logs.SourceDelivery}
			kittest.Write(t, s.Cfg.Logs, r)
			s.Send(kit.News[logs.Entry]([]logs.Entry{r.Entry(300)}))
		}
		s.Press("ctrl+r")
		s.Shows("acme/api", "octo-org/api", "Mon 21:00")
		if w == 200 {
			s.Shows("deployment_status created")
		}
	}
}

// The live list takes in what a filter on payloads chooses, and nothing else.
func TestEventsThatArriveAreFilteredByPayload(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "/")
	s.Typed("payload:needle")
	s.Press("enter")
	s.Shows("No event matches the filter")
	s.arrive("release", "hay is out", 0)
	s.arrive("release", "needle is out", 1)
	s.arrive("release", "straw is out", 2)
	s.Shows("following", "1/1", "needle is out")
	s.Lacks("hay is out", "straw is out")
	s.Press("/")
	s.Typed(" event:push")
	s.arrive("release", "a second needle", 3)
	s.Press("esc")
	s.Shows("1/2", "a second needle", "needle is out")
}

// arrive writes a record and notifies the interface, as Watch would.
func (s *pageScreen) arrive(event, title string, n int) {
	s.T.Helper()
	r := &logs.Record{EventType: event, ReceivedAt: kittest.Noon.Add(time.Duration(n+1) * time.Second), Summary: logs.Summary{Title: title, Repository: "octo-org/web"},
		DeliveryID: fmt.Sprintf("arrived-%d", n), Payload: json.RawMessage(fmt.Sprintf(`{"title":%q}`, title)), Source: logs.SourceDelivery}
	kittest.Write(s.T, s.Cfg.Logs, r)
	s.arrived = append(s.arrived, r.Entry(300))
	s.Send(kit.News[logs.Entry](s.arrived[len(s.arrived)-1:]))
}

// Deliveries that come in at once do not come in the order of their times; each is counted.
func TestEventsOutOfOrderAreCountedWhilePaused(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "j", "j")
	s.Shows("paused", "3/8")
	for _, n := range []int{3, 1, 4, 2, 0} {
		s.arrive("push", "at once", n)
	}
	s.Shows("paused, 5 new (f)", "8/13")
	s.Press("f")
	s.Shows("following", "1/13")
}

func TestEventsFilterAnswersWhileTyping(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "/")
	s.Typed("event:workflow_run ")
	s.Shows("1/2", "CI Tests")
	s.Lacks("#1347")
	s.Typed("!conclusion:success")
	s.Shows("1/1", "✗ 11:49:00 workflow_run")
	s.Press("enter")
	s.Shows("filter event:workflow_run !conclusion:success", "1/1")
	s.Press("esc")
	s.Shows("all events", "/8")
	s.Press("/", "up")
	s.Shows("event:workflow_run !conclusion:success", "1/1")
	s.Press("esc")
	s.Shows("all events", "1/8")
}

func TestEventsFilterShowsErrorsAtTheCharacter(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "/")
	s.Typed("event:push colour:red")
	lines := strings.Split(s.Text(), "\n")
	var at, caret int
	for i, l := range lines {
		if strings.Contains(l, "colour:red") {
			at, caret = strings.Index(l, "colour"), strings.Index(lines[i+1], "^")
		}
	}
	if caret < 0 || caret != at {
		t.Fatalf("the caret is at %d, the fault at %d:\n%s", caret, at, s.Text())
	}
	s.Press("enter")
	s.Shows("colour:red") // a filter with a fault is not accepted
}

func TestEventsKeepThePlaceWhenTheFilterChanges(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "j")
	s.Shows("2/8")
	s.Press("=")
	s.Typed("event:workflow_run")
	s.Press("enter")
	s.Shows("filter event:workflow_run")
	if e, _ := s.events.feed.current(); e.Conclusion != "failure" {
		t.Fatalf("the cursor left its event for %+v", e)
	}
	s.Press("esc")
	if e, _ := s.events.feed.current(); e.Conclusion != "failure" || e.Event != "workflow_run" {
		t.Fatalf("the cursor left its event for %+v", e)
	}
	s.Shows("2/8")
}

func TestNextFailure(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2")
	for _, want := range []string{"workflow_run", "check_run", "issues"} {
		s.Press("e")
		if e, _ := s.events.feed.current(); e.Event != want {
			t.Fatalf("at %s, want %s", e.Event, want)
		}
	}
	s.Press("e")
	s.Shows("no older failure here")
	s.Press("E")
	if e, _ := s.events.feed.current(); e.Event != "check_run" {
		t.Fatalf("at %s", e.Event)
	}
}

func TestRecordFoldsAndSearches(t *testing.T) {
	s := eventful(t, 80, 30)
	s.Press("2", "enter")
	s.Shows("event       pull_request opened", "▸ repository", "pr_created (medium) waiting for aimaestro", "X-GitHub-Event: pull_request")
	s.Lacks("1296269")
	s.Press("z")
	s.Shows("▾ repository", "id 1296269", "9007199254740993")
	s.Press("z")
	s.Lacks("1296269")
	s.Press("/")
	s.Typed("1296269")
	s.Press("enter")
	s.Shows("▾ repository", "id 1296269")
	s.Press("y")
	s.Shows("value of .repository.id", "path", "delivery id")
	s.Press("esc", "h")
	s.Shows("▾ repository")
	s.Press("h")
	s.Shows("▸ repository")
	s.Press("esc")
	s.Shows("following")
}

func TestRecordAnswersJQ(t *testing.T) {
	s := eventful(t, 80, 30)
	s.Press("2", "enter", "|")
	s.Typed(".sender.id")
	s.Shows("Payload | .sender.id", "9007199254740993")
	s.Typed(" | nosuch")
	s.Shows("nosuch")
	s.Typed(" | (")
	s.Shows("^\n the expression ends too early")
	s.Press("esc")
	s.Shows("▸ repository")
	s.Press("|")
	s.Typed(".repository.topics")
	s.Press("enter")
	s.Shows(`"go"`, `"web"`)
}

func TestMarksAndExport(t *testing.T) {
	t.Chdir(t.TempDir())
	s := eventful(t, 80, 24)
	s.Press("2", "x", "x")
	s.Shows("2 marked")
	s.Press("W", "enter")
	s.Shows("2 records written to events-20261124-120000.ndjson")
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
	s.Press("W", "enter")
	s.Shows("is there already")
	s.Press("esc")
	s.Lacks("marked")
	s.Press("W")
	s.Typed("x")
	s.Press("enter")
	s.Shows("8 records written")
	if left, _ := filepath.Glob("*.part"); len(left) > 0 {
		t.Fatalf("left over: %v", left)
	}
}

func TestReplayNeedsTheReceiver(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Send(kittest.Says(daemon.Status{}, context.DeadlineExceeded))
	s.Press("2", "R")
	s.Shows("the receiver is not running")
}

// A hostile record draws the same screen as its harmless twin.
func TestHostileTextDrawsNothing(t *testing.T) {
	draw := func(evil string) string {
		cfg := kittest.QuietSettings(t)
		kittest.Write(t, cfg.Logs, &logs.Record{EventType: "push" + evil, ReceivedAt: kittest.Noon, DeliveryID: "d" + evil, Source: logs.SourceDelivery,
			Summary: logs.Summary{Title: "title" + evil, Branch: "b" + evil, Sender: "s" + evil, Repository: "o/r" + evil, Action: "a" + evil, Conclusion: "c" + evil},
			Result:  "r" + evil, Headers: map[string]string{"X-GitHub-Event": "push" + evil},
			Notifications: []logs.Notification{{Type: "t" + evil, Status: logs.StatusFailed, Error: "e" + evil, Sink: "s" + evil}},
			Payload:       kittest.Must(json.Marshal(map[string]any{"k" + evil: "v" + evil}))(t)})
		s := newEventScreen(t, cfg, 120, 40, nil, nil)
		s.Press("2", "enter", "z")
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

// What is read stays on the screen, whatever comes in.
func TestRecordStaysWhileEventsArrive(t *testing.T) {
	s := eventful(t, 80, 30)
	s.Press("2", "enter")
	s.Shows("#1347 Let the parser")
	s.arrive("release", "v1.0 is out", 0)
	s.Shows("#1347 Let the parser")
	s.Lacks("v1.0 is out")
	s.Press("esc")
	s.Shows("paused", "v1.0 is out", "2/9")
	s.Press("f")
	s.Shows("following", "v1.0 is out")
	s.Press("enter", "esc")
	s.Shows("following")
}

// What comes in while a filter is typed is there when the typing is cancelled.
func TestEventsOfACancelledFilterStay(t *testing.T) {
	for _, typed := range []string{"", "event:push"} {
		s := eventful(t, 80, 24)
		s.Press("2", "/")
		s.Typed(typed)
		s.arrive("release", "v1.0 is out", 0)
		s.Press("esc")
		s.Shows("following", "1/9", "v1.0 is out")
	}
}

func TestJQShowsWhatIsWrongAfterEnter(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "enter", "|")
	s.Typed(".action | keys")
	s.Press("enter") // the answer is an error, and the line stays to be fixed
	s.Shows("jq .action | keys", "keys cannot be applied to")
	s.Press("ctrl+u")
	s.Typed(".action | (")
	s.Press("enter")
	s.Shows("jq .action | (", "ends too early")
	s.Press("esc")
	s.Lacks("jq .action")

	// An answer may also come after the line is gone.
	d := s.events.shown()
	s.Settle(s.events.jqAnswered(d, nil, ".x.y", nil, errors.New("too slow")))
	s.Shows("jq .x.y: too slow")
}

// A record is read again when its notifications change; who asks it something
// just then asks the same document.
func TestRereadRecordStaysTheSameDocument(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "enter", "|")
	s.Typed(".sen")
	e, _ := s.events.feed.current()
	s.Send(kit.News[logs.Entry]([]logs.Entry{e}))
	s.Typed("der.login")
	s.Press("enter")
	s.Shows("Payload | .sender.login", `"mona"`)
}

// Marked records are replayed in the order they came in, whatever the order of
// the marks.
func TestMarkedEventsAreTakenOldestFirst(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2", "x", "x", "x", "x", "x", "x")
	for range 20 {
		if got := s.events.chosen(); len(got) != 6 || !slices.IsSorted(got) {
			t.Fatalf("chosen: %v", got)
		}
	}
}

func TestRecordKeysSayThatItIsBeingRead(t *testing.T) {
	s := eventful(t, 80, 24)
	s.Press("2")
	if _, cmd := s.Update(kittest.Key("enter")); cmd == nil {
		t.Fatal("enter reads nothing")
	}
	for _, k := range []string{"enter", "/", "|", "z"} {
		s.Toast.Text = ""
		s.Press(k)
		s.Shows("the record is being read")
	}
}

func TestMouse(t *testing.T) {
	s := eventful(t, 120, 40)
	click := func(x, y int) {
		t.Helper()
		s.Send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	}
	x := strings.Index(strings.Split(s.Text(), "\n")[0], "2 Events")
	click(x+1, 0)
	s.Shows("all events")
	click(10, 5)
	if s.events.feed.At != 2 {
		t.Fatalf("a click on the third row leads to %d", s.events.feed.At)
	}
	click(10, 5) // twice opens
	if !s.events.inside {
		t.Fatal("a double click does not open")
	}
	click(10, 4)
	if s.events.inside || s.events.feed.At != 1 {
		t.Fatal("a click on the list does not go back to it")
	}
	s.Send(tea.MouseWheelMsg{X: 10, Y: 10, Button: tea.MouseWheelDown})
	if s.events.feed.At != 4 {
		t.Fatalf("the wheel leads to %d", s.events.feed.At)
	}
	if s.View().MouseMode == tea.MouseModeNone {
		t.Fatal("the mouse is off")
	}
	s.Press("M")
	if s.View().MouseMode != tea.MouseModeNone {
		t.Fatal("the mouse does not go off")
	}
}

// The age of a record that stays open goes on.
func TestAgeOfAnOpenRecordGoesOn(t *testing.T) {
	now := kittest.Noon
	s := eventful(t, 80, 24, func(c *kittest.Settings) { c.Now = func() time.Time { return now } })
	s.Press("2", "enter")
	before := s.Text()
	now = now.Add(90 * time.Minute)
	if s.Text() == before {
		t.Errorf("it is as old as before:\n%s", before)
	}
}

// The key that sends notifications again is shown where one failed.
func TestSendAgainIsOfferedWhereANotificationFailed(t *testing.T) {
	s := eventful(t, 120, 40)
	labels := map[bool]string{}
	for i, e := range s.events.feed.entries {
		s.events.feed.goTo(i)
		for _, a := range s.events.Actions() {
			if a.ID == "resend" {
				labels[e.Failed > 0] = a.Label
			}
		}
	}
	if labels[true] != "send again" || labels[false] != "" {
		t.Errorf("the labels are %v", labels)
	}
}

// A list that cannot be read any more says so once, and does not ask again by itself.
func TestAListThatCannotBeReadIsNotAskedForMore(t *testing.T) {
	cfg := kittest.QuietSettings(t)
	if err := logs.Generate(t.Context(), cfg.Logs.Dir, feedPage+50, kittest.Noon, time.Hour, 1, nil); err != nil {
		t.Fatal(err)
	}
	s := newEventScreen(t, cfg, 80, 24, nil, nil)
	s.Press("2")
	s.Log.Value.Close() //nolint:errcheck,gosec // only read from
	s.events.feed.goTo(feedPage - feedNear)
	asked := 0
	for cmd := s.events.after(); cmd != nil && asked < 5; asked++ {
		msg := kittest.Messages(cmd)
		if len(msg) == 0 {
			break
		}
		_, cmd = s.Update(msg[0])
	}
	if s.events.feed.err == nil || asked > 2 {
		t.Errorf("asked %d times: %v", asked, s.events.feed.err)
	}
}
