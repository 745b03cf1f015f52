package receiver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/daemon"
	"hookctl/tui/kittest"
)

func TestReceiverShowsItsLog(t *testing.T) {
	s := receiving(t, 80, 24)
	s.Press("4")
	s.Shows("running on 127.0.0.1:9000", "following", "receiver started address=127.0.0.1:9000", "ERROR a notification failed", "panic: a line that is not of the log")
	s.Lacks("accepted a connection") // debug
	s.Press("V", "V")
	s.Shows("a notification failed")
	s.Lacks("receiver started", "panic")
	s.Press("V")
	s.Shows("accepted a connection")
}

func TestReceiverLogFollowsAndPauses(t *testing.T) {
	s := receiving(t, 80, 24)
	s.Press("4")
	f, err := os.OpenFile(daemon.LogFile(s.Cfg.Home), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	add := func(n int) {
		for i := range n {
			if _, err := f.WriteString("time=2026-11-24T11:30:00Z level=INFO msg=line" + string(rune('a'+i)) + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		s.Settle(s.receiver.read())
	}
	add(26)
	s.Shows("linez", "following")
	s.Press("k")
	s.Lacks("linez")
	s.Shows("paused, f follows", "liney")
	before := s.Text()
	add(3)
	if after := s.Text(); after != before {
		t.Fatalf("the log moved while paused:\n%s\n%s", before, after)
	}
	s.Press("f")
	s.Shows("linec", "following")
}

func TestReceiverIsOffWhereItMakesNoSense(t *testing.T) {
	s := receiving(t, 80, 24)
	s.Press("4", "s")
	s.Shows("the receiver is running already")
	s.Press("t")
	s.Shows("Stop the receiver on 127.0.0.1:9000?", "y stop it", "esc leave it")
	s.Press("t", "enter") // neither the key that asked nor enter agrees
	s.Shows("Stop the receiver on 127.0.0.1:9000?")
	s.Press("esc")
	s.Send(kittest.Says(daemon.Status{}, daemon.ErrNotRunning))
	s.Shows("stopped", "press s to start it", "receiver stopped")
	s.Press("t")
	s.Shows("the receiver is not running; s starts it")
}

func TestReceiverStartShowsWhyItFails(t *testing.T) {
	s := receiving(t, 80, 24, func(c *kittest.Settings) { c.Daemon.Executable = filepath.Join(c.Home, "no-such-program") })
	s.Send(kittest.Says(daemon.Status{}, daemon.ErrNotRunning))
	s.Press("4", "s")
	s.Shows("no-such-program")
}

func TestParseLogLine(t *testing.T) {
	for in, want := range map[string]string{
		`time=2026-11-24T10:00:00.000Z level=INFO msg="receiver started" address=127.0.0.1:9000`: "INFO|receiver started address=127.0.0.1:9000",
		`time=2026-11-24T10:00:00.000Z level=WARN msg=short error="a \"quoted\" text"`:           `WARN|short error="a \"quoted\" text"`,
		`panic: runtime error`:           "|panic: runtime error",
		`goroutine 1 [running]: a=b`:     "|goroutine 1 [running]: a=b",
		"level=INFO msg=\"\x1b[2Jx\"":    "INFO|x",
		`level=INFO msg="torn`:           `|level=INFO msg="torn`,
		`time=never level=DEBUG+1 msg=x`: "DEBUG+1|x",
	} {
		l := parseLogLine(in)
		if got := l.level + "|" + l.text; got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func FuzzParseLogLine(f *testing.F) {
	f.Add(kittest.SampleLog)
	f.Add(`a="b`)
	f.Fuzz(func(t *testing.T, s string) {
		l := parseLogLine(s)
		if strings.ContainsAny(l.text+l.level, "\x1b\n\r\x07") {
			t.Fatalf("%q is not clean", l.text)
		}
	})
}

// What the edge of a narrow window cuts is there in full in a box.
func TestCutLinesAreShownInFull(t *testing.T) {
	s := receiving(t, 40, 12)
	s.Press("4")
	s.Lacks("not delivered")
	s.Press("enter")
	s.Shows("type=task_blocked", "not of the log", "scroll") // the newest line is at the end
	s.Press("pgup")
	s.Shows("event=workflow_run")
	s.Press("esc", "v")
	s.receiver.rejected = []daemon.Rejected{{Time: kittest.Noon, Address: "140.82.112.3:40000", Reason: "the signature does not match", Event: "push", Former: "0f1e2d3c"}}
	s.Press("enter")
	s.Shows("Rejected requests", "secret 0f1e2d3c: a hook", "140.82.112.3:40000")
}

func TestClicksTurnToTheViewsOfTheReceiver(t *testing.T) {
	s := receiving(t, 80, 24)
	s.Press("4")
	lines := strings.Split(s.Text(), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "Refused (0)") })
	for _, c := range []struct{ name, shows string }{{"Refused", "no request was refused"}, {"Log", "receiver started"}} {
		s.Send(tea.MouseClickMsg{X: strings.Index(lines[y], c.name) + 1, Y: y, Button: tea.MouseLeft})
		s.Shows(c.shows)
	}
	s.Send(tea.WindowSizeMsg{Width: 80, Height: 8})
	s.Send(tea.MouseWheelMsg{X: 10, Y: 5, Button: tea.MouseWheelUp})
	s.Shows("paused")
	if p := s.receiver; p.see != viewLog || p.at != 2 {
		t.Errorf("the wheel turned up leads to line %d of view %d", p.at, p.see)
	}
}

// Nobody follows the log of a page that is not in front.
func TestLogIsFollowedInFrontOnly(t *testing.T) {
	s := receiving(t, 80, 24)
	waits := 0
	s.Waits = func(tea.Cmd) tea.Cmd { waits++; return nil }
	s.Press("4", "1")
	waits = 0
	s.Settle(s.receiver.read())
	if waits != 0 {
		t.Error("the receiver's log is followed where nobody sees it")
	}
}
