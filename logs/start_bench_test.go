package logs

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// BenchmarkFirstAnswer starts a Writer that finds a full spool, as after
// kill -9, and takes one delivery. Beside it stands what a start cost that
// waits for the files, and what it takes to end with so many unfiled.
// HOOKCTL_BENCH_SPOOL is the size of the spool in MiB, HOOKCTL_BENCH_KNOWN how many deliveries the ledger knows.
func BenchmarkFirstAnswer(b *testing.B) {
	most := int64(benchSize(b, "HOOKCTL_BENCH_SPOOL", 256)) << 20
	payload := benchPayload()
	var first, all, end time.Duration
	for b.Loop() {
		b.StopTimer()
		dir := filepath.Join(b.TempDir(), "log")
		var f faults
		w, err := OpenWriter(b.Context(), Config{Dir: dir, fault: f.check})
		if err != nil {
			b.Fatal(err)
		}
		f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
		n := int(most / int64(len(payload)+1300))
		hammer(b, 64, n, func() error {
			return w.Append(b.Context(), &Record{EventType: "push", DeliveryID: fmt.Sprint(time.Now().UnixNano(), &f), Payload: payload,
				Headers: map[string]string{"User-Agent": "GitHub-Hookshot/044aadd", "Content-Type": "application/json"}})
		})
		start := time.Now()
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		end += time.Since(start)
		knowing(b, dir, benchSize(b, "HOOKCTL_BENCH_KNOWN", 100_000))
		b.StartTimer()
		start = time.Now()
		if w, err = OpenWriter(b.Context(), Config{Dir: dir}); err != nil {
			b.Fatal(err)
		}
		if err := w.Append(b.Context(), &Record{EventType: "push", DeliveryID: "first", Payload: payload}); err != nil {
			b.Fatal(err)
		}
		first += time.Since(start)
		if err := w.Log().Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
		all += time.Since(start)
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(b.N) }
	b.ReportMetric(ms(first), "first-answer-ms")
	b.ReportMetric(250, "goal-first-answer-ms")
	b.ReportMetric(ms(all), "all-filed-ms")
	b.ReportMetric(ms(end), "close-ms")
	b.ReportMetric(0, "ns/op")
}

// knowing writes a ledger that knows n deliveries of this week.
func knowing(tb testing.TB, dir string, n int) {
	tb.Helper()
	g := newLedger(&disk.FS{}, Config{Dir: dir}.withDefaults(), func() uint64 { return 0 })
	notes, now := make([]note, n), time.Now()
	for i := range notes {
		at := now.Truncate(time.Second).Add(-time.Duration(i) * 500 * time.Millisecond)
		notes[i] = note{file: []byte(numbered(stem(at, "push"), 1+i%2)), duty: duty{at: orderKey(at)}, upTo: place{1, int64(i)},
			guid: fmt.Appendf(nil, "%08x-0000-11f1-8000-%012x", i, i)}
	}
	if err := g.write(notes, true); err != nil {
		tb.Fatal(err)
	}
	g.close()
}
