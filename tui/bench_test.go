package tui

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/logs"
)

// large is a log of HOOKCTL_BENCH_RECORDS records (20,000 by default; the bars
// are for 1,000,000), made once. HOOKCTL_BENCH_DIR keeps it between runs.
var large struct {
	sync.Once
	cfg Config
	n   int
}

func largeLog(b *testing.B) Config {
	b.Helper()
	large.Do(func() {
		large.n, _ = strconv.Atoi(cmp.Or(os.Getenv("HOOKCTL_BENCH_RECORDS"), "20000"))
		home := cmp.Or(os.Getenv("HOOKCTL_BENCH_DIR"), filepath.Join(scratch, "large"))
		large.cfg = Config{Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}, Theme: "dark"}
		if _, err := os.Stat(large.cfg.Logs.Dir); err == nil {
			return
		}
		if err := logs.Generate(context.Background(), large.cfg.Logs.Dir, large.n, time.Now(), time.Duration(large.n)*time.Second, 1, nil); err != nil {
			b.Fatal(err)
		}
		l, err := logs.Open(context.Background(), large.cfg.Logs)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		if err := l.Ready(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	})
	return large.cfg
}

// benchScreen is a screen on the large log.
func benchScreen(b *testing.B, w, h int) *screen {
	b.Helper()
	cfg := largeLog(b)
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	a.waits = func(tea.Cmd) tea.Cmd { return nil }
	a.at = 1
	s := &screen{t: b, app: a}
	b.Cleanup(func() {
		stop()
		a.close()
	})
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	s.settle(a.Init())
	return s
}

// BenchmarkFirstFrame is from nothing to a screen that shows the newest events
// of a log with a warm index.
func BenchmarkFirstFrame(b *testing.B) {
	cfg := largeLog(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	var opening time.Duration
	for b.Loop() {
		ctx, stop := context.WithCancel(context.Background())
		a := newApp(ctx, cfg)
		a.waits = func(tea.Cmd) tea.Cmd { return nil }
		a.at = 1
		a.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		// The list's first page is what the first frame needs.
		out := make(chan tea.Msg, 64)
		begin := time.Now()
		m := a.openLog()
		opening += time.Since(begin)
		_, cmd := a.Update(m)
		start(out, cmd)
		for len(a.events().feed.entries) == 0 {
			select {
			case m := <-out:
				_, cmd := a.Update(m)
				start(out, cmd)
			case <-time.After(time.Minute):
				b.Fatal("no first page within a minute")
			}
		}
		if v := a.View(); len(a.events().feed.entries) == 0 || v.Content == "" {
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
				s.press(keys[i%len(keys)])
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

// BenchmarkFilter is from the accepted filter to the frame with its first
// results; their number comes later.
func BenchmarkFilter(b *testing.B) {
	for _, text := range []string{"event:push", "database", "nosuchtextanywhere", "conclusion:failure repo:octo-org/web"} {
		b.Run(text, func(b *testing.B) {
			s := benchScreen(b, 80, 24)
			f, err := logs.ParseFilter(text, noon)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s.Update(s.events().setFilter(f)())
				s.View()
			}
		})
	}
}

// BenchmarkHome is what Home asks of the log every two seconds while events
// come in.
func BenchmarkHome(b *testing.B) {
	s := benchScreen(b, 80, 24)
	for b.Loop() {
		if f := askHome(s.ctx, s.log, nil, time.Now(), homeFacts{total: 1}); f.err != nil || f.total == 0 {
			b.Fatal(f.err)
		}
	}
}

// BenchmarkFrameOfManyHooks is a frame of Hooks with two thousand of them, all
// marked, and the judging of them after an event came in.
func BenchmarkFrameOfManyHooks(b *testing.B) {
	a := newApp(b.Context(), Config{Home: b.TempDir(), Theme: "dark", Setup: SetupDefaults{URL: "https://hooks.example.com/webhook"}})
	a.w, a.h, a.at = 120, 40, 2
	p := a.hooks()
	for i := range 2000 {
		t := hooks.Target{Owner: "octo-org", Repo: fmt.Sprint("service-", i)}
		p.listed[t] = []hooks.Hook{{ID: int64(i + 1), Target: t, Active: true, HasSecret: true, Events: hooks.DefaultEvents(), URL: "https://hooks.example.com/webhook"}}
	}
	p.loaded = true
	p.rejudge()
	p.markShown(false)
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			a.View()
		}
	})
	b.Run("judge", func(b *testing.B) {
		for b.Loop() {
			p.rejudge()
		}
	})
}
