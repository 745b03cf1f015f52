package tui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/daemon"
)

func TestReceiverShowsItsLog(t *testing.T) {
	s := full(t, 80, 24)
	s.press("4")
	s.shows("running on 127.0.0.1:9000", "following", "receiver started address=127.0.0.1:9000", "ERROR notification given up", "panic: a line that is not of the log")
	s.lacks("accepted a connection") // debug
	s.press("V", "V")
	s.shows("notification given up")
	s.lacks("receiver started", "panic")
	s.press("V")
	s.shows("accepted a connection")
}

func TestReceiverLogFollowsAndPauses(t *testing.T) {
	s := full(t, 80, 24)
	s.press("4")
	f, err := os.OpenFile(daemon.LogFile(s.cfg.Home), os.O_APPEND|os.O_WRONLY, 0)
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
		s.send(tailTick{})
	}
	add(26)
	s.shows("linez", "following")
	s.press("k")
	s.lacks("linez")
	s.shows("paused, f follows", "liney")
	before := s.text()
	add(3)
	if after := s.text(); after != before {
		t.Fatalf("the log moved while paused:\n%s\n%s", before, after)
	}
	s.press("f")
	s.shows("linec", "following")
}

func TestReceiverIsOffWhereItMakesNoSense(t *testing.T) {
	s := full(t, 80, 24)
	s.press("4", "s")
	s.shows("the receiver is running already")
	s.press("t")
	s.shows("Stop the receiver on 127.0.0.1:9000?", "y stop it", "esc leave it")
	s.press("t", "enter") // neither the key that asked nor enter agrees
	s.shows("Stop the receiver on 127.0.0.1:9000?")
	s.press("esc")
	s.send(statusMsg{err: daemon.ErrNotRunning})
	s.shows("stopped", "press s to start it", "receiver stopped")
	s.press("t")
	s.shows("the receiver is not running; s starts it")
}

func TestReceiverStartTellsWhyItFails(t *testing.T) {
	s := full(t, 80, 24, func(c *Config) { c.Daemon.Executable = filepath.Join(c.Home, "no-such-program") })
	s.send(statusMsg{err: daemon.ErrNotRunning})
	s.press("4", "s")
	s.shows("no-such-program")
}

func TestTailReadsWhatIsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receiver.log")
	tl := tail{path: path}
	read := func() string {
		t.Helper()
		next, lines, err := tl.more()
		if err != nil {
			t.Fatal(err)
		}
		tl = next
		var out []string
		for _, l := range lines {
			out = append(out, l.text)
		}
		return strings.Join(out, "|")
	}
	put := func(text string, flag int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(); got != "" {
		t.Errorf("a missing file has %q", got)
	}
	put("one\ntwo\nthr", os.O_APPEND)
	if got := read(); got != "one|two" {
		t.Errorf("got %q", got)
	}
	put("ee\n", os.O_APPEND)
	if got := read(); got != "three" {
		t.Errorf("got %q", got)
	}
	if got := read(); got != "" {
		t.Errorf("read twice: %q", got)
	}
	put("new\n", os.O_TRUNC) // cut by a rotation that copies
	if got := read(); got != "new" {
		t.Errorf("after a cut: %q", got)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put("other file\n", 0)
	if got := read(); got != "other file" {
		t.Errorf("after a rotation: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(strings.Repeat("x", tailStart)+"\nlast\n", 0)
	tl = tail{path: path}
	if got := read(); got != "last" {
		t.Errorf("a large file begins with %d bytes", len(got))
	}
}

func TestParseLogLine(t *testing.T) {
	for in, want := range map[string]string{
		`time=2026-11-24T10:00:00.000Z level=INFO msg="receiver started" address=127.0.0.1:9000`: "INFO|receiver started address=127.0.0.1:9000",
		`time=2026-11-24T10:00:00.000Z level=WARN msg=short error="a \"quoted\" text"`:           `WARN|short error="a \"quoted\" text"`,
		`panic: runtime error`:           "|panic: runtime error",
		`goroutine 1 [running]: a=b`:     "|goroutine 1 [running]: a=b",
		"level=INFO msg=\"\x1b[2Jx\"":    "INFO|x",
		`level=INFO msg="torn`:           `INFO|msg="torn`,
		`time=never level=DEBUG+1 msg=x`: "DEBUG+1|x time=never",
	} {
		l := parseLogLine(in)
		if got := l.level + "|" + l.text; got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func FuzzParseLogLine(f *testing.F) {
	f.Add(sampleLog)
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
	s := full(t, 40, 12)
	s.press("4")
	s.lacks("not delivered")
	s.press("enter")
	s.shows("type=task_blocked", "not of the log", "scroll") // the newest line is at the end
	s.press("pgup")
	s.shows("event=workflow_run")
	s.press("esc", "v")
	s.send(rejectedMsg{list: []daemon.Rejected{{Time: noon, Address: "140.82.112.3:40000", Reason: "the signature does not match", Event: "push", Former: "0f1e2d3c"}}})
	s.press("enter")
	s.shows("Rejected requests", "secret 0f1e2d3c: a hook", "140.82.112.3:40000")
	s.press("esc", "v", "enter")
	s.shows("watched_branches: main, develop,")
}

func TestClicksTurnToTheViewsOfTheReceiver(t *testing.T) {
	s := full(t, 80, 24)
	s.press("4")
	lines := strings.Split(s.text(), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "Rejected (0)") })
	for _, c := range []struct{ name, shows string }{{"Settings", "receiver.port"}, {"Rejected", "no request was refused"}, {"Log", "receiver started"}} {
		s.send(tea.MouseClickMsg{X: strings.Index(lines[y], c.name) + 1, Y: y, Button: tea.MouseLeft})
		s.shows(c.shows)
	}
	s.press("v", "v")
	s.send(tea.MouseWheelMsg{X: 10, Y: 10, Button: tea.MouseWheelDown})
	s.shows("watched_branches")
	if p := s.receiver(); p.see != viewSettings || p.at != 2 {
		t.Errorf("the wheel turned down leads to line %d of view %d", p.at, p.see)
	}
}
