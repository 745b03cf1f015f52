package logs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

func parsed(t testing.TB, text string) Filter {
	t.Helper()
	f, err := ParseFilter(text, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPayloadsAreSearchedNewestFirst(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	var all []string // newest first
	for i := range 120 {
		r := &Record{EventType: []string{"push", "issues"}[i%2], ReceivedAt: testTime.Add(time.Duration(i) * time.Minute), Result: "needle in the result",
			Payload: fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, i, []string{"Some HAY", "a Needle"}[i/2%2])}
		all = append([]string{mustAppend(t, w, r).File}, all...)
	}
	if err := w.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	pick := func(keep func(i int) bool) (list []string) {
		for k, file := range all {
			if keep(len(all) - 1 - k) {
				list = append(list, file)
			}
		}
		return list
	}
	for who, l := range map[string]*Log{"the writer": w.Log(), "a reader": openLog(t, dir)} {
		ready(t, l)
		for text, want := range map[string][]string{
			"payload:needle":               pick(func(i int) bool { return i/2%2 == 1 }),
			"payload:needle event:push":    pick(func(i int) bool { return i/2%2 == 1 && i%2 == 0 }),
			"!payload:needle":              pick(func(i int) bool { return i/2%2 == 0 }),
			"payload:nowhere":              nil,
			"payload:nowhere,\"some hay\"": pick(func(i int) bool { return i/2%2 == 0 }),
			"payload:needle payload:99":    pick(func(i int) bool { return i == 99 && i/2%2 == 1 }),
			"payload:result":               nil, // that is not in the payload
		} {
			f := parsed(t, text)
			var got []string
			var last Progress
			for e, err := range l.All(t.Context(), f, func(p Progress) { last = p }) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e.File)
			}
			if !slices.Equal(got, want) || last.Total == 0 || last.Done != last.Total {
				t.Errorf("%s: %s: %d found, want %d; progress %v", who, text, len(got), len(want), last)
			}
			if n, err := l.Count(t.Context(), f); err != nil || n != len(want) {
				t.Errorf("%s: %s: count %d, %v", who, text, n, err)
			}
			if p, err := l.Page(t.Context(), Query{Filter: f, Limit: 7}); err != nil || !slices.Equal(files(p.Entries), want[:min(7, len(want))]) || p.HasOlder != (len(want) > 7) {
				t.Errorf("%s: %s: page %v, %v", who, text, files(p.Entries), err)
			}
		}
	}
	e := (&Record{File: all[0], EventType: "push"}).Entry(0)
	for text, want := range map[string]bool{"payload:needle": true, "payload:hay": false, "event:issues payload:needle": false, "event:push": true} {
		if got, err := w.Log().Match(t.Context(), parsed(t, text), e); err != nil || got != want {
			t.Errorf("%s matches %v, %v", text, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range w.Log().All(ctx, parsed(t, "payload:text"), nil) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			break
		}
		n++
		cancel()
	}
	if n == 0 || n == 120 {
		t.Errorf("%d were found before and after it was cancelled", n)
	}
}

func TestAllTakesMemoryForAFewPagesOnly(t *testing.T) {
	const rows = 30_000
	dir := t.TempDir()
	if err := fillIndex(t.Context(), dir, rows); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir)
	ready(t, l)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, n := heap(), uint64(0), 0
	for _, err := range l.All(t.Context(), Filter{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%5000 == 0 {
			most = max(most, heap())
		}
	}
	if n != rows || most > before+4<<20 {
		t.Errorf("%d entries; the heap grew from %d to %d bytes", n, before, most)
	}
}

// BenchmarkPayloadSearch looks for a word in the payloads of warm records, which none has. HOOKCTL_BENCH_FILES is how many.
func BenchmarkPayloadSearch(b *testing.B) {
	dir := b.TempDir()
	n := benchSize(b, "HOOKCTL_BENCH_FILES", 30_000)
	generate(b, dir, n)
	l, err := Open(b.Context(), Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ready(b, l)
	search := func(text string) func() {
		f := parsed(b, text)
		return func() {
			for _, err := range l.All(b.Context(), f, nil) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	index, payload := search("needle-that-nothing-has"), search("payload:needle-that-nothing-has")
	payload()
	var inIndex, inPayloads time.Duration
	for b.Loop() {
		start := time.Now()
		index()
		inIndex += time.Since(start)
		start = time.Now()
		payload()
		inPayloads += time.Since(start)
	}
	b.ReportMetric(float64(n*b.N)/inPayloads.Seconds(), "payloads/s")
	b.ReportMetric(100_000, "goal-payloads/s")
	b.ReportMetric(float64(n*b.N)/inIndex.Seconds(), "summaries/s")
	b.ReportMetric(0, "ns/op")
}
