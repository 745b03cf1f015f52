package logs

import (
	"context"
	"slices"
	"testing"
	"time"
)

// BenchmarkWatch measures how long after Append a reader of its own, as the
// TUI is, hears of the record: at twenty deliveries a second, every third
// of which waits for the outcome of a notification.
func BenchmarkWatch(b *testing.B) {
	dir := b.TempDir()
	w, err := OpenWriter(b.Context(), Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	l, err := Open(b.Context(), Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	batches, err := l.Watch(ctx)
	if err != nil {
		b.Fatal(err)
	}
	count := benchSize(b, "HOOKCTL_BENCH_WATCH", 60)
	var took []time.Duration
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for b.Loop() {
		appended := map[string]time.Time{}
		seen := 0
		for i := 0; seen < count; {
			select {
			case <-pace.C:
				if i == count {
					continue
				}
				r := &Record{EventType: "push", Payload: benchPayload()}
				if i%3 == 0 {
					r.Notifications = []Notification{{Type: "push", Status: StatusPending}}
				}
				i++
				if err := w.Append(ctx, r); err != nil {
					b.Fatal(err)
				}
				appended[r.File] = time.Now()
			case batch := <-batches:
				for _, e := range batch {
					if at, ok := appended[e.File]; ok {
						took = append(took, time.Since(at))
						delete(appended, e.File)
						seen++
					}
				}
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(100, "goal-p99-ms")
	b.ReportMetric(0, "ns/op")
}
