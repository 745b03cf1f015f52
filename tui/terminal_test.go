package tui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server/doctor"
	"hookctl/tui/kittest"
)

// A task that project sync escalates, or reminds of, notifies the desktop once; those of before the start do not.
func TestAlarmForEscalations(t *testing.T) {
	issue, at := int64(17), kittest.Noon
	cfg := testConfig(t)
	list := []tasks.Item{{Kind: "blocked", State: "open", Issue: &issue, Last: at}}
	cfg.Notify, cfg.Tasks.List = true, func() ([]tasks.Item, error) { return list, nil }
	s := newScreen(t, cfg, 80, 24)
	s.Settle(s.escalations())
	alarms := func(event string) (raw []string) {
		for _, m := range kittest.Messages(s.arrived([]logs.Entry{{Event: event}})) {
			_, cmd := s.Update(m)
			for _, m := range kittest.Messages(cmd) {
				if r, ok := m.(tea.RawMsg); ok {
					raw = append(raw, fmt.Sprint(r.Msg))
				}
			}
		}
		return raw
	}
	s.Send(tea.BlurMsg{})
	if got := alarms("issues"); len(got) != 0 {
		t.Errorf("what was there at the start: %q", got)
	}
	list[0].Last = at.Add(time.Minute)
	if got := alarms("push"); len(got) != 0 {
		t.Errorf("a push: %q", got)
	}
	if got := alarms("issues"); len(got) != 1 || got[0] != "\x1b]9;hookctl: a task is blocked\x07" {
		t.Errorf("an escalation: %q", got)
	}
	if got := alarms("issues"); len(got) != 0 {
		t.Errorf("the same again: %q", got)
	}
	s.Send(tea.FocusMsg{})
	list[0].Last = at.Add(2 * time.Minute)
	if got := alarms("issues"); len(got) != 0 {
		t.Errorf("while somebody looks: %q", got)
	}
}

func TestAlarmOnlyForFailuresThatNobodySees(t *testing.T) {
	failed, passed := logs.Entry{Event: "workflow_run", Conclusion: "failure", Title: "\x1b]9;evil\x07"}, logs.Entry{Event: "push"}
	for _, c := range []struct {
		name   string
		notify bool
		before []tea.Msg
		batch  []logs.Entry
		want   bool
	}{
		{"unfocused", true, []tea.Msg{tea.BlurMsg{}}, []logs.Entry{passed, failed}, true},
		{"focused", true, nil, []logs.Entry{failed}, false},
		{"focused again", true, []tea.Msg{tea.BlurMsg{}, tea.FocusMsg{}}, []logs.Entry{failed}, false},
		{"off", false, []tea.Msg{tea.BlurMsg{}}, []logs.Entry{failed}, false},
		{"no failure", true, []tea.Msg{tea.BlurMsg{}}, []logs.Entry{passed}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScreen(t, testConfig(t), 80, 24)
			s.cfg.Notify = c.notify
			for _, m := range c.before {
				s.Send(m)
			}
			var raw []string
			for _, m := range kittest.Messages(s.arrived(c.batch)) {
				if r, ok := m.(tea.RawMsg); ok {
					raw = append(raw, fmt.Sprint(r.Msg))
				}
			}
			if got := len(raw) > 0; got != c.want {
				t.Fatalf("the terminal got %q", raw)
			}
			if c.want && (len(raw) != 1 || raw[0] != "\x1b]9;hookctl: a failure arrived\x07") {
				t.Fatalf("the terminal got %q", raw)
			}
		})
	}
}

func TestSuspend(t *testing.T) {
	s := Full(t, 80, 24)
	for _, where := range []string{"a page", "a prompt"} {
		_, cmd := s.Update(kittest.Key("ctrl+z"))
		if m := kittest.Messages(cmd); len(m) != 1 || m[0] != (tea.SuspendMsg{}) {
			t.Errorf("ctrl+z on %s gives %v", where, m)
		}
		s.Press("2", "/")
	}
}

func TestCopyGoesToTheClipboard(t *testing.T) {
	s := Full(t, 80, 24)
	cmd := s.Copy("the \x1b[31mrecord", "{\n\t\"a\": 1\n}")
	want := fmt.Sprint(tea.SetClipboard("{\n\t\"a\": 1\n}")())
	found := false
	for _, m := range kittest.Messages(cmd) {
		found = found || reflect.TypeOf(m) == reflect.TypeOf(tea.SetClipboard("")()) && fmt.Sprint(m) == want
	}
	if !found {
		t.Fatal("nothing for the clipboard")
	}
	s.Shows("copied the record")

	// What GitHub sent comes to the terminal as base64 in OSC 52 only.
	cfg := testConfig(t)
	kittest.Write(t, cfg.Logs, &logs.Record{EventType: "push", ReceivedAt: kittest.Noon, DeliveryID: "id\x1b]0;evil\x07", Payload: []byte(`{}`)})
	var out guarded
	run(t, cfg, &out, "TERM=xterm-256color", "2", "1/1", "y", "delivery id", "\r", "\x1b]52;c;")
	out.lacks(t, "\x1b]0;evil")
}

// guarded collects what a program writes to its terminal.
type guarded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

func (g *guarded) await(t *testing.T, text string) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * time.Minute)
	for !strings.Contains(g.String(), text) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited for %q without success: %q", text, g.String())
		}
	}
}

func (g *guarded) lacks(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(g.String(), text) {
		t.Fatalf("the terminal was sent %q", text)
	}
}

// run is the real loop writing to out; it ends with the test. Of keys, every
// second one is the text to wait for before the next is typed.
func run(t *testing.T, cfg Config, out *guarded, env string, keys ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	in, typed := io.Pipe()
	a := newApp(ctx, cfg)
	p := tea.NewProgram(a, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(80, 24), tea.WithoutSignals(),
		tea.WithEnvironment(append(strings.Fields(env), "TTY_FORCE=1")))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = p.Run() // a killed program is an error
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		a.close()
		_ = in.Close()
	})
	out.await(t, "Home")
	for i := 0; i < len(keys); i += 2 {
		if _, err := io.WriteString(typed, keys[i]); err != nil {
			t.Fatal(err)
		}
		out.await(t, keys[i+1])
	}
}

func TestNoColour(t *testing.T) {
	for _, c := range []struct {
		env  string
		want bool
	}{{"TERM=xterm-256color COLORTERM=truecolor", true}, {"TERM=xterm-256color COLORTERM=truecolor NO_COLOR=1", false}} {
		var out guarded
		run(t, testConfig(t), &out, c.env)
		out.await(t, "Hooks")
		if got := kittest.Coloured(out.String()); got != c.want {
			t.Errorf("%s: colours %v", c.env, got)
		}
	}
}

// Leaving does not wait for a check that hangs, and makes it end.
func TestQuitWhileTheDoctorHangs(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	began, ended := make(chan struct{}), make(chan error, 1)
	cfg := testConfig(t)
	cfg.Checks = func(ctx context.Context, progress func(doctor.Check)) {
		close(began)
		<-ctx.Done()
		progress(doctor.Check{Name: "late"}) // nobody takes it any more
		ended <- ctx.Err()
	}
	a := newApp(ctx, cfg)
	a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	out := make(chan tea.Msg, 8)
	start(out, a.Turn(4))
	<-began
	if !strings.Contains(a.View().Content, "checking") {
		t.Error("the checks do not show")
	}
	_, cmd := a.Update(kittest.Key("q"))
	if m := kittest.Messages(cmd); len(m) != 1 || m[0] != (tea.QuitMsg{}) {
		t.Fatalf("q gives %v", m)
	}
	// As Run does when the loop is over.
	stop()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		a.close()
	}()
	select {
	case <-closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("close waits for the checks")
	}
	if err := <-ended; err != context.Canceled {
		t.Fatal(err)
	}
}

// An interface that nobody touches waits for the log's next batch and for the
// next question to the receiver, for nothing else, on every page but the
// Receiver's, which follows a file. A frame that nothing changed is the same.
func TestIdleAsksForNothing(t *testing.T) {
	cfg := testConfig(t)
	kittest.Write(t, cfg.Logs, kittest.SampleRecords()...)
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	waits := 0
	a.Waits = func(tea.Cmd) tea.Cmd { waits++; return nil }
	t.Cleanup(func() {
		stop()
		a.close()
	})
	s := newAppScreen(t, a, 120, 40)
	if waits != 2 {
		t.Fatalf("it waits for %d things at first", waits)
	}
	for i, p := range a.Pages {
		waits = 0
		s.Press(fmt.Sprint(i + 1))
		want := 0
		if p.Name() == "Receiver" {
			want = 1
		}
		if waits != want {
			t.Errorf("%s waits for %d things", p.Name(), waits)
		}
		waits = 0
		s.Send(a.poll(true)())
		if waits != 1 {
			t.Errorf("%s: the receiver's answer makes %d things to wait for", p.Name(), waits)
		}
		if first, second := a.View().Content, a.View().Content; first != second {
			t.Errorf("%s: two frames differ though nothing happened", p.Name())
		}
	}
	// Time is only asked for in one place, which the lines above count.
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == filepath.Join("kit", "shell.go") || strings.HasPrefix(name, "kittest") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, timer := range []string{"tea.Tick", "tea.Every", "spinner", "cursor.Blink", "time.AfterFunc"} {
			if bytes.Contains(b, []byte(timer)) {
				t.Errorf("%s uses %s; use kit.Shell.Later", name, timer)
			}
		}
	}
}
