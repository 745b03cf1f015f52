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

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
)

// messages runs a command and everything that it is made of, and gives what
// comes of it without handing it to the model.
func messages(cmd tea.Cmd) []tea.Msg {
	if cmd == nil {
		return nil
	}
	switch m := cmd().(type) {
	case nil:
		return nil
	case tea.BatchMsg:
		var all []tea.Msg
		for _, c := range m {
			all = append(all, messages(c)...)
		}
		return all
	default:
		return []tea.Msg{m}
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
				s.send(m)
			}
			_, cmd := s.Update(arrived{entries: c.batch})
			var raw []string
			for _, m := range messages(cmd) {
				if r, ok := m.(tea.RawMsg); ok {
					raw = append(raw, fmt.Sprint(r.Msg))
				}
			}
			if got := len(raw) > 0; got != c.want {
				t.Fatalf("told %q", raw)
			}
			if c.want && (len(raw) != 1 || raw[0] != "\x1b]9;hookctl: a failure arrived\x07") {
				t.Fatalf("told %q", raw)
			}
		})
	}
}

func TestSuspend(t *testing.T) {
	s := full(t, 80, 24)
	for _, where := range []string{"a page", "a prompt"} {
		_, cmd := s.Update(key("ctrl+z"))
		if m := messages(cmd); len(m) != 1 || m[0] != (tea.SuspendMsg{}) {
			t.Errorf("ctrl+z on %s gives %v", where, m)
		}
		s.press("2", "/")
	}
}

func TestCopyGoesToTheClipboard(t *testing.T) {
	s := full(t, 80, 24)
	_, cmd := s.Update(clip{"the \x1b[31mrecord", "{\n\t\"a\": 1\n}"})
	want := fmt.Sprint(tea.SetClipboard("{\n\t\"a\": 1\n}")())
	found := false
	for _, m := range messages(cmd) {
		found = found || reflect.TypeOf(m) == reflect.TypeOf(tea.SetClipboard("")()) && fmt.Sprint(m) == want
	}
	if !found {
		t.Fatal("nothing for the clipboard")
	}
	s.shows("copied the record")

	// What GitHub sent comes to the terminal as base64 in OSC 52 only.
	cfg := testConfig(t)
	write(t, cfg, &logs.Record{EventType: "push", ReceivedAt: noon, DeliveryID: "id\x1b]0;evil\x07", Payload: []byte(`{}`)})
	var out guarded
	run(t, cfg, &out, "TERM=xterm-256color", "2", "1/1", "y", "delivery id", "\r", "\x1b]52;c;")
	out.lacks(t, "\x1b]0;evil")
}

// Work that takes long shows in the terminal's own progress bar, and leaves
// nothing there when it is over, whether well, badly or by a person.
func TestProgressBar(t *testing.T) {
	shown := func(s *screen) bool { return s.View().ProgressBar != nil }
	many := func(t *testing.T) *screen {
		cfg := testConfig(t)
		if err := logs.Generate(context.Background(), cfg.Logs.Dir, exportBatch+10, noon, time.Hour, 1, nil); err != nil {
			t.Fatal(err)
		}
		s := newScreen(t, cfg, 80, 24)
		s.press("2")
		return s
	}
	// One batch of the export, and no more.
	half := func(t *testing.T, s *screen, name string) tea.Cmd {
		_, next := s.Update(messages(s.events().startExport(name))[0])
		if !shown(s) {
			t.Fatal("no progress while it is at work")
		}
		return next
	}
	t.Run("export", func(t *testing.T) {
		s := many(t)
		name := filepath.Join(t.TempDir(), "out.ndjson")
		s.settle(half(t, s, name))
		if b, err := os.ReadFile(name); err != nil || bytes.Count(b, []byte("\n")) != exportBatch+10 {
			t.Fatalf("%d lines, %v", bytes.Count(b, []byte("\n")), err)
		}
		if shown(s) {
			t.Fatal("the bar is left")
		}
	})
	t.Run("export cancelled", func(t *testing.T) {
		s := many(t)
		dir := t.TempDir()
		next := half(t, s, filepath.Join(dir, "out.ndjson"))
		s.settle(s.events().openExport())
		if shown(s) {
			t.Fatal("the bar is left")
		}
		s.settle(next)
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || shown(s) {
			t.Fatalf("left: %v %v", left, err)
		}
	})
	t.Run("rotation", func(t *testing.T) {
		s := hooked(t, 80, 24)
		hookStates()["rotating"](s)
		j := s.hooks().rot.job
		close(j.steps)
		s.send(stepped{j, hooks.Step{Target: targetAPI, HookID: 4713, Name: secret.StepVerified, State: hooks.StateDone}})
		if !shown(s) {
			t.Fatal("no progress while it is at work")
		}
		s.send(rotateMsg{})
		if shown(s) {
			t.Fatal("the bar is left")
		}
	})
	t.Run("set up", func(t *testing.T) {
		s := hooked(t, 80, 24)
		hookStates()["wizard-9-working"](s)
		w := s.wizard
		close(w.apply.job.steps)
		s.send(stepped{w.apply.job, hooks.Step{Target: targetWeb, HookID: 4711, Name: "verify", State: hooks.StateRunning}})
		if !shown(s) {
			t.Fatal("no progress while it is at work")
		}
		s.send(applied{w, w.apply.job, nil, hooks.ErrIncomplete})
		if shown(s) {
			t.Fatal("the bar is left")
		}
	})
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
	limit := time.After(20 * time.Second)
	for !strings.Contains(g.String(), text) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited for %q in vain: %q", text, g.String())
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
		if got := coloured(out.String()); got != c.want {
			t.Errorf("%s: colours %v", c.env, got)
		}
	}
}

// Leaving does not wait for a check that hangs, and tells it to end.
func TestQuitWhileTheDoctorHangs(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	began, told := make(chan struct{}), make(chan error, 1)
	cfg := testConfig(t)
	cfg.Checks = func(ctx context.Context, progress func(Check)) {
		close(began)
		<-ctx.Done()
		progress(Check{Name: "late"}) // nobody takes it any more
		told <- ctx.Err()
	}
	a := newApp(ctx, cfg)
	a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	out := make(chan tea.Msg, 8)
	start(out, a.turn(4))
	<-began
	if !strings.Contains(a.View().Content, "looking") {
		t.Error("the checks do not show")
	}
	_, cmd := a.Update(key("q"))
	if m := messages(cmd); len(m) != 1 || m[0] != (tea.QuitMsg{}) {
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
	case <-time.After(20 * time.Second):
		t.Fatal("close waits for the checks")
	}
	if err := <-told; err != context.Canceled {
		t.Fatal(err)
	}
}

// An interface that nobody touches waits for the log's next batch and for the
// next question to the receiver, for nothing else, on every page but the
// Receiver's, which follows a file. A frame that nothing changed is the same.
func TestIdleAsksForNothing(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	waits := 0
	a.waits = func(tea.Cmd) tea.Cmd { waits++; return nil }
	s := &screen{t: t, app: a}
	t.Cleanup(func() {
		stop()
		a.close()
	})
	s.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	s.settle(a.Init())
	if waits != 2 {
		t.Fatalf("it waits for %d things at first", waits)
	}
	for i, p := range a.pages {
		waits = 0
		s.press(fmt.Sprint(i + 1))
		want := 0
		if p.name() == "Receiver" {
			want = 1
		}
		if waits != want {
			t.Errorf("%s waits for %d things", p.name(), waits)
		}
		waits = 0
		s.send(pollMsg{})
		if waits != 1 {
			t.Errorf("%s: the receiver's answer makes %d things to wait for", p.name(), waits)
		}
		if first, second := a.View().Content, a.View().Content; first != second {
			t.Errorf("%s: two frames differ though nothing happened", p.name())
		}
	}
	waits = 0
	s.send(tailTick{})
	if waits != 0 {
		t.Error("the receiver's log is followed where nobody sees it")
	}
	// Time is only asked for in one place, which the lines above count.
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "app.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, timer := range []string{"tea.Tick", "tea.Every", "spinner", "cursor.Blink", "time.AfterFunc"} {
			if bytes.Contains(b, []byte(timer)) {
				t.Errorf("%s uses %s; use app.later", name, timer)
			}
		}
	}
}
