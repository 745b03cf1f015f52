package tui

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/tui/kittest"
)

// benchScreen is a screen on the large log.
func benchScreen(b *testing.B, w, h int) *appScreen {
	b.Helper()
	cfg := Config{Home: b.TempDir(), Logs: kittest.LargeLog(b), Theme: "dark"}
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	a.At = 1

	b.Cleanup(func() {
		stop()
		a.close()
	})
	return newAppScreen(b, a, w, h)
}

// BenchmarkFirstFrame is from nothing to a screen that shows the newest events
// of a log with a warm index.
func BenchmarkFirstFrame(b *testing.B) {
	cfg := Config{Home: b.TempDir(), Logs: kittest.LargeLog(b), Theme: "dark"}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	var opening time.Duration
	for b.Loop() {
		ctx, stop := context.WithCancel(context.Background())
		a := newApp(ctx, cfg)
		a.Waits = func(tea.Cmd) tea.Cmd { return nil }
		a.At = 1
		a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		// The list's first page is what the first frame needs.
		out := make(chan tea.Msg, 64)
		begin := time.Now()
		m := a.openLog()
		opening += time.Since(begin)
		_, cmd := a.Update(m)
		start(out, cmd)
		for !strings.Contains(a.View().Content, "following") {
			select {
			case m := <-out:
				_, cmd := a.Update(m)
				start(out, cmd)
			case <-time.After(time.Minute):
				b.Fatal("no first page within a minute")
			}
		}
		if v := a.View(); !strings.Contains(v.Content, "following") || v.Content == "" {
			b.Fatal("nothing is shown")
		}
		runtime.ReadMemStats(&after)
		most = max(most, after.HeapInuse)
		stop()
		a.close()
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms-open")
}

// start runs the commands of a batch at the same time; their messages come out
// as they are ready.
func start(out chan<- tea.Msg, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		switch m := cmd().(type) {
		case nil:
		case tea.BatchMsg:
			for _, c := range m {
				start(out, c)
			}
		default:
			out <- m
		}
	}()
}

// BenchmarkKeyToFrame is a key, what it asks of the log, and the frame.
func BenchmarkKeyToFrame(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			s := benchScreen(b, size[0], size[1])
			keys := []string{"j", "j", "pgdown", "k", "pgdown", "pgdown", "ctrl+d", "G", "pgup", "k", "g", "j"}
			var took []time.Duration
			i := 0
			for b.Loop() {
				begin := time.Now()
				s.Press(keys[i%len(keys)])
				s.View()
				took = append(took, time.Since(begin))
				i++
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}

// BenchmarkFrame is View alone.
func BenchmarkFrame(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			s := benchScreen(b, size[0], size[1])
			b.ReportAllocs()
			for b.Loop() {
				s.View()
			}
		})
	}
}
