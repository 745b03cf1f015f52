package tui

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"hookctl/logs"
	"hookctl/tui/kittest"
)

// terminal runs the interface in its real loop, seen through an emulator.
type terminal struct {
	t       testing.TB
	screen  *vt.SafeEmulator
	keys    io.Writer
	program *tea.Program
	ended   chan error
}

func startTerminal(t testing.TB, cfg Config, w, h int) *terminal {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	em := vt.NewSafeEmulator(w, h)
	in, keys := io.Pipe()
	a := newApp(ctx, cfg)
	// A pipe has no line discipline, so a line feed must also return.
	if _, err := em.Write([]byte("\x1b[20h")); err != nil {
		t.Fatal(err)
	}
	p := tea.NewProgram(a, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(em), tea.WithWindowSize(w, h), tea.WithoutSignals(),
		tea.WithEnvironment([]string{"TERM=xterm-256color", "COLORTERM=truecolor"}))
	a.pace = &pace{program: p}
	term := &terminal{t, em, keys, p, make(chan error, 1)}
	replied := make(chan struct{})
	var over atomic.Bool
	go func() {
		defer close(replied)
		// The emulator's answers to questions. Closing an emulator races with
		// reading from it, so a last answer wakes the reader at the end.
		for buf := make([]byte, 256); ; {
			n, err := em.Read(buf)
			if err != nil || over.Load() {
				return
			}
			keys.Write(buf[:n])
		}
	}()
	go func() {
		_, err := p.Run()
		term.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		<-term.ended
		a.close()
		in.Close()
		over.Store(true)
		em.Write([]byte("\x1b[c"))
		<-replied
	})
	return term
}

// text is what the emulator shows.
func (s *terminal) text() string {
	lines := strings.Split(ansi.Strip(s.screen.Render()), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// await waits until the screen has, or lacks, a text.
func (s *terminal) await(has bool, text string) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * time.Minute)
	for strings.Contains(s.text(), text) != has {
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("waited for %q (%v) without success:\n%s", text, has, s.text())
		}
	}
}

func (s *terminal) press(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.t.Fatal(err)
	}
}

// The real loop: events appear as they are written, a small window and back
// loses nothing, and leaving restores the screen.
func TestLoop(t *testing.T) {
	cfg := testConfig(t)
	kittest.Write(t, cfg.Logs, kittest.SampleRecords()...)
	ctx := context.Background()
	w, err := logs.OpenWriter(ctx, cfg.Logs)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := startTerminal(t, cfg, 80, 24)
	s.press("2")
	s.await(true, "1/8")
	for i := range 3 {
		r := &logs.Record{EventType: "release", ReceivedAt: kittest.Noon.Add(time.Duration(i+1) * time.Second), DeliveryID: fmt.Sprint("release-", i),
			Summary: logs.Summary{Title: fmt.Sprintf("v1.%d is out", i)}, Payload: []byte(`{}`)}
		if err := w.Append(ctx, r); err != nil {
			t.Fatal(err)
		}
		s.await(true, fmt.Sprintf("v1.%d is out", i))
	}
	s.await(true, "following  1/11")
	s.press("jj")
	s.await(true, "3/11")
	s.screen.Resize(20, 5)
	s.program.Send(tea.WindowSizeMsg{Width: 20, Height: 5})
	s.await(false, "v1.2 is out")
	s.screen.Resize(80, 24)
	s.program.Send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.await(true, "3/11")
	s.await(true, "v1.2 is out")
	s.press("q")
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	s.ended <- nil
	s.await(false, "v1.2 is out")
}
