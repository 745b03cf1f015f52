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
	var opening, whole time.Duration
	for b.Loop() {
		begun := time.Now()
		ctx, stop := context.WithCancel(context.Background())
		a := newApp(ctx, cfg)
		a.Waits = func(tea.Cmd) tea.Cmd { return nil }
		a.At = 1
		a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		// The list's first page is what the first frame needs.
		out := make(chan tea.Msg, 64)
		begin := time.Now()
		m := a.openLog()()
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
		whole += time.Since(begun)
		runtime.ReadMemStats(&after)
		most = max(most, after.HeapInuse)
		stop()
		a.close()
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms-open")
	b.ReportMetric(float64(whole.Microseconds())/1000/float64(b.N), "ms")
	b.ReportMetric(60, "ms-goal")
	b.ReportMetric(0, "ns/op")
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

// BenchmarkKeyToFrame is a key until its frame, beside the goal, and until the frame with what it asks of the log.
func BenchmarkKeyToFrame(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			s := benchScreen(b, size[0], size[1])
			keys := []string{"j", "j", "pgdown", "k", "pgdown", "pgdown", "ctrl+d", "G", "pgup", "k", "g", "j"}
			var own, whole []time.Duration
			i := 0
			for b.Loop() {
				begin := time.Now()
				_, asks := s.Update(kittest.Key(keys[i%len(keys)]))
				s.View()
				own = append(own, time.Since(begin))
				s.Settle(asks)
				s.View()
				whole = append(whole, time.Since(begin))
				i++
			}
			slices.Sort(own)
			slices.Sort(whole)
			ms := func(took []time.Duration, percent int) float64 {
				return float64(took[len(took)*percent/100].Microseconds()) / 1000
			}
			b.ReportMetric(4, "ms-goal")
			b.ReportMetric(ms(own, 50), "ms-p50")
			b.ReportMetric(ms(own, 99), "ms-p99")
			b.ReportMetric(ms(whole, 50), "ms-with-log-p50")
			b.ReportMetric(ms(whole, 99), "ms-with-log-p99")
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
