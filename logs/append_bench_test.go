package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// benchSize is the value of an environment variable, to make a benchmark
// smaller or larger than its default.
func benchSize(b *testing.B, name string, size int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return size
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("%s=%q: %v", name, text, err)
	}
	return n
}

// benchPayload is 8 KiB of JSON, much like a delivery.
func benchPayload() []byte {
	return fmt.Appendf(nil, `{"action":"opened","list":[%s1]}`, strings.Repeat(`{"id":12345678,"name":"some text"},`, 232))
}

// BenchmarkAppend sets Append against the two things around it, in one run
// and on one disk: a file of its own with its own fsync for each record, and
// a bare journal that shares syncs and does nothing else, which is the limit.
// HOOKCTL_BENCH_APPENDS is the number of records of one measurement.
func BenchmarkAppend(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkAppend(b, clients) })
	}
}

func benchmarkAppend(b *testing.B, clients int) {
	// One directory for all: nothing is removed before the end, since removing slows down ext4.
	dir := b.TempDir()
	count := benchSize(b, "HOOKCTL_BENCH_APPENDS", 400*min(clients, 8))
	payload := benchPayload()
	records := int64(0)
	record := func() *Record {
		n := atomic.AddInt64(&records, 1)
		return &Record{EventType: "pull_request", DeliveryID: fmt.Sprintf("%08x-0000-11f1-8000-%012x", n, n), ReceivedAt: time.Now(), Payload: payload,
			Summary: Summary{Action: "opened", Repository: "octo-org/api", Sender: "octocat", Title: "A title"}, Headers: map[string]string{"X-GitHub-Event": "pull_request"}}
	}
	w, err := OpenWriter(b.Context(), Config{Dir: filepath.Join(dir, "log")})
	if err != nil {
		b.Fatal(err)
	}
	perFile := filepath.Join(dir, "files")
	if err := os.Mkdir(perFile, 0o700); err != nil {
		b.Fatal(err)
	}
	j, err := openJournal(filepath.Join(dir, "journal"))
	if err != nil {
		b.Fatal(err)
	}
	var fileNumber atomic.Int64
	runs := []struct {
		name   string
		append func() error
		took   []time.Duration
		total  time.Duration
	}{
		{name: "append", append: func() error { return w.Append(context.Background(), record()) }},
		{name: "journal", append: func() error {
			r := record()
			data, err := r.Encode()
			if err != nil {
				return err
			}
			return j.append(data)
		}},
		{name: "files", append: func() error {
			data, err := record().Encode()
			if err != nil {
				return err
			}
			return writeSynced(filepath.Join(perFile, fmt.Sprintf("%d.json", fileNumber.Add(1))), data)
		}},
	}
	for b.Loop() {
		for range 3 {
			for i := range runs {
				took, total := hammer(b, clients, count, runs[i].append)
				runs[i].took = append(runs[i].took, took...)
				runs[i].total += total
				if err := w.log.Settle(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	rate := func(i int) float64 { return float64(len(runs[i].took)) / runs[i].total.Seconds() }
	for i := range runs {
		slices.Sort(runs[i].took)
	}
	at := func(i int, q float64) float64 {
		return float64(runs[i].took[int(q*float64(len(runs[i].took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(rate(0), "appends/s")
	b.ReportMetric(rate(0)/rate(1), "x-journal")
	b.ReportMetric(rate(0)/rate(2), "x-files")
	b.ReportMetric(at(0, 0.5), "p50-ms")
	b.ReportMetric(at(0, 0.99), "p99-ms")
	b.ReportMetric(at(2, 0.99), "files-p99-ms")
	b.ReportMetric(at(1, 0.5), "journal-p50-ms")
	b.ReportMetric(0, "ns/op")
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	j.close()
}

// hammer calls fn count times from many goroutines.
func hammer(b *testing.B, clients, count int, fn func() error) (took []time.Duration, total time.Duration) {
	took = make([]time.Duration, count)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				begin := time.Now()
				if err := fn(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(begin)
			}
		})
	}
	wg.Wait()
	return took, time.Since(start)
}

// writeSynced is the plain durable way: a temporary file, its fsync, its
// name, and the fsync of the directory.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return new(disk.FS).SyncDir(filepath.Dir(path))
}

// journal is a bare group commit: what is waiting is written at once and
// shares one sync, to a file whose blocks are there.
type journal struct {
	f     *os.File
	mu    sync.Mutex
	queue []journalEntry
	wake  chan struct{}
	done  chan struct{}
}

type journalEntry struct {
	data []byte
	done chan error
}

const journalSize = 64 << 20

func openJournal(path string) (*journal, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(make([]byte, journalSize), 0); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	j := &journal{f: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go j.run()
	return j, nil
}

func (j *journal) append(data []byte) error {
	e := journalEntry{data, make(chan error, 1)}
	j.mu.Lock()
	j.queue = append(j.queue, e)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return <-e.done
}

func (j *journal) run() {
	defer close(j.done)
	var off int64
	for range j.wake {
		j.mu.Lock()
		batch := j.queue
		j.queue = nil
		j.mu.Unlock()
		var buf []byte
		for _, e := range batch {
			buf = append(buf, e.data...)
		}
		if off+int64(len(buf)) > journalSize {
			off = 0
		}
		_, err := j.f.WriteAt(buf, off)
		off += int64(len(buf))
		if err == nil {
			err = new(disk.FS).Sync(j.f)
		}
		for _, e := range batch {
			e.done <- err
		}
	}
}

func (j *journal) close() {
	close(j.wake)
	<-j.done
	j.f.Close()
}
