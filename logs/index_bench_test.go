package logs

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkIndexBuild makes the index of a log that has none.
// HOOKCTL_BENCH_FILES is the number of its records.
func BenchmarkIndexBuild(b *testing.B) {
	dir := b.TempDir()
	n := benchSize(b, "HOOKCTL_BENCH_FILES", 30_000)
	if err := Generate(b.Context(), dir, n, testTime, time.Duration(n)*time.Second, 1, nil); err != nil {
		b.Fatal(err)
	}
	_ = exec.Command("sync").Run() // The files of a log are on the disk long before; here they would hold up the first sync.
	var total, first time.Duration
	for b.Loop() {
		b.StopTimer()
		if err := os.RemoveAll(filepath.Join(dir, hiddenDir)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		l, err := Open(b.Context(), Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		for browsable := false; !browsable; {
			p, err := l.Page(b.Context(), Query{Limit: 50})
			if err != nil {
				b.Fatal(err)
			}
			browsable = len(p.Entries) == 50
		}
		first += time.Since(start)
		if err := l.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
		total += time.Since(start)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/total.Seconds(), "records/s")
	b.ReportMetric(30_000, "goal-records/s")
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "first-page-ms")
	b.ReportMetric(150, "goal-first-page-ms")
	b.ReportMetric(0, "ns/op")
}

// millionDir is the directory of million, to be removed at the end.
var millionDir string

// million is a log directory whose index says that it has a million records;
// the files are not needed to ask it. It is made once for all benchmarks.
// HOOKCTL_BENCH_ROWS makes it smaller.
var million = sync.OnceValues(func() (string, error) {
	rows := 1_000_000
	if text := os.Getenv("HOOKCTL_BENCH_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp("", "hookctl-bench-")
	if err != nil {
		return "", err
	}
	millionDir = dir
	return dir, fillIndex(context.Background(), dir, rows)
})

// fillIndex makes an index of samples without their files.
func fillIndex(ctx context.Context, dir string, rows int) error {
	l, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Ready(ctx); err != nil {
		return err
	}
	var indexes []string
	if indexes, err = collect(ctx, l.index, scanString, `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'record'`); err != nil {
		return err
	}
	names, err := collect(ctx, l.index, scanString, `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'record'`)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return l.index.transact(ctx, func(tx *transaction) error {
		if _, err := fillBlock(ctx, tx); err != nil { // The words of no record: those that follow bring their own.
			return err
		}
		in, err := newInserter(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, "DROP INDEX "+name); err != nil {
				return err
			}
		}
		start := testTime.Add(-time.Duration(rows) * 7 * time.Second)
		for i := range rows {
			at := start.Add(time.Duration(i) * 7 * time.Second)
			r := Sample(1, i, at)
			r.File = numbered(stem(at, r.EventType), 1)
			if err := in.put(ctx, []Entry{r.Entry(900)}); err != nil {
				return err
			}
		}
		if err := in.done(ctx); err != nil {
			return err
		}
		// Nearly all branches of long ago are gone.
		if _, err := tx.ExecContext(ctx, `UPDATE lane SET live = 0 WHERE branch LIKE 'f%' AND new_id < ?`, orderKey(testTime.Add(-3*24*time.Hour))); err != nil {
			return err
		}
		for _, index := range indexes {
			if _, err := tx.ExecContext(ctx, index); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES('stamp', ?)`, info.ModTime().UnixNano())
		return err
	})
}

func openMillion(b *testing.B) *Log {
	b.Helper()
	dir, err := million()
	if err != nil {
		b.Fatal(err)
	}
	l, err := Open(b.Context(), Config{Dir: dir, Now: func() time.Time { return testTime }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	if err := l.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	if !l.index.hasWords(b.Context()) {
		b.Fatal("filters look at every record")
	}
	return l
}

// BenchmarkQueryMillion asks a million records what the browser asks.
func BenchmarkQueryMillion(b *testing.B) {
	l := openMillion(b)
	p, err := l.Page(b.Context(), Query{Limit: 50})
	if err != nil || len(p.Entries) != 50 {
		b.Fatalf("%d entries, %v", len(p.Entries), err)
	}
	page := func(q Query) func() (int, error) {
		return func() (int, error) {
			p, err := l.Page(b.Context(), q)
			return len(p.Entries), err
		}
	}
	filter := func(text string) Filter {
		f, err := ParseFilter(text, testTime)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	middle := Cursor{orderKey(testTime.Add(-3_000_000 * time.Second))}
	for _, q := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"newest", page(Query{Limit: 50})},
		{"oldest", page(Query{Limit: 50, Newer: true})},
		{"middle", page(Query{Limit: 50, Cursor: middle})},
		{"event", page(Query{Limit: 50, Filter: filter("event:release")})},
		{"fields", page(Query{Limit: 50, Filter: filter("repo:octo-org/* !sender:*[bot] conclusion:failure")})},
		{"title", page(Query{Limit: 50, Filter: filter("title:*pagination*windows*")})},
		{"title-rare", page(Query{Limit: 50, Filter: filter("title:*needle-that-nothing-has*")})},
		{"title-count", func() (int, error) { return l.Count(b.Context(), filter("title:*pagination*windows*")) }},
		{"repo", page(Query{Limit: 50, Filter: filter("repo:acme/billing")})},
		{"repo-rare", page(Query{Limit: 50, Filter: filter("repo:octo-org/nothing*")})},
		{"sender", page(Query{Limit: 50, Filter: filter("sender:octo*")})},
		{"pending", page(Query{Limit: 50, Filter: filter("status:pending")})},
		{"search-common", page(Query{Limit: 50, Filter: filter("login")})},
		{"search-rare", page(Query{Limit: 50, Filter: filter("needle-that-nothing-has")})},
		{"search-count", func() (int, error) { return l.Count(b.Context(), filter("monalisa")) }},
		{"count", func() (int, error) { return l.Count(b.Context(), Filter{}) }},
		{"stats", func() (int, error) {
			s, err := l.Stats(b.Context(), Filter{}, time.UTC)
			return s.Total, err
		}},
		{"rates", func() (int, error) {
			r, err := l.Rates(b.Context(), testTime.Add(-time.Hour), time.Minute)
			return len(r), err
		}},
		{"ci", func() (int, error) {
			s, err := l.CI(b.Context(), CIQuery{}, testTime)
			return len(s), err
		}},
		{"ci-red", func() (int, error) {
			s, err := l.CI(b.Context(), CIQuery{Red: true}, testTime)
			return len(s), err
		}},
		{"ci-main", func() (int, error) {
			s, err := l.CI(b.Context(), CIQuery{Branch: "main"}, testTime)
			return len(s), err
		}},
		{"find", func() (int, error) {
			e, err := l.Find(b.Context(), p.Entries[7].DeliveryID)
			return len(e), err
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				var err error
				if n, err = q.ask(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(100, "goal-ms")
			b.ReportMetric(float64(n), "found")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// firstPageEnv makes the test binary a process that shows one page.
const firstPageEnv = "HOOKCTL_LOGS_FIRST_PAGE"

// firstPage opens a log and gets the newest page, and says how long that took
// and how much memory.
func firstPage(dir string) error {
	start := time.Now()
	l, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		return err
	}
	p, err := l.Page(context.Background(), Query{Limit: 50})
	if err != nil || len(p.Entries) == 0 {
		return fmt.Errorf("%d entries: %w", len(p.Entries), err)
	}
	fmt.Println("ms", float64(time.Since(start).Microseconds())/1000)
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
				fmt.Println("KiB", f[1])
			}
		}
	}
	return l.Close()
}

// BenchmarkFirstPage starts a process for each first page of a million
// records, as a user does.
func BenchmarkFirstPage(b *testing.B) {
	dir, err := million()
	if err != nil {
		b.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	sum := map[string]float64{}
	for b.Loop() {
		cmd := exec.Command(exe, "-test.run=^$")
		cmd.Env = append(os.Environ(), firstPageEnv+"="+dir)
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
			name, text, _ := strings.Cut(lines.Text(), " ")
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				sum[name] += v
			}
		}
	}
	b.ReportMetric(sum["ms"]/float64(b.N), "ms")
	b.ReportMetric(150, "goal-ms")
	b.ReportMetric(sum["KiB"]/1024/float64(b.N), "peak-MiB")
	b.ReportMetric(100, "goal-peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPrune prunes a million records of which none is due, and adds up their sizes, as it did once.
func BenchmarkPrune(b *testing.B) {
	dir, err := million()
	if err != nil {
		b.Fatal(err)
	}
	w, err := OpenWriter(b.Context(), Config{Dir: dir, MaxBytes: 1 << 50, Keep: 100 * 365 * 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	var prune, sum time.Duration
	for b.Loop() {
		start := time.Now()
		if res, err := w.Prune(b.Context(), true); err != nil || len(res.Files) > 0 {
			b.Fatalf("%+v, %v", res, err)
		}
		prune += time.Since(start)
		start = time.Now()
		if _, err := w.log.index.number(b.Context(), "SELECT sum(size) FROM record"); err != nil {
			b.Fatal(err)
		}
		sum += time.Since(start)
	}
	b.ReportMetric(float64(prune.Microseconds())/1000/float64(b.N), "ms")
	b.ReportMetric(50, "goal-ms")
	b.ReportMetric(float64(sum.Microseconds())/1000/float64(b.N), "sum-ms")
	b.ReportMetric(0, "ns/op")
}
