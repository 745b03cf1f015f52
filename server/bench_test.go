package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/server/route"
)

// BenchmarkAcknowledge measures how fast signed 8 KiB deliveries are acknowledged over real loopback HTTP, and beside it,
// in the same run and by the same client, what the disk allows at best (a bare group-commit journal: no record, no routing, no
// de-duplication) and what one fsync for each file gives. All three check the signature.
// A percentile is of the time that one acknowledgement takes.
func BenchmarkAcknowledge(b *testing.B) {
	for _, connections := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("conns=%d", connections), func(b *testing.B) {
			event, payload := padded(b)
			b.StopTimer()
			b.SetBytes(int64(len(payload)))
			// Interleaved, so that a disk that changes its mind does so to all of them.
			var own, journal, files figures
			for _, side := range []struct {
				got   *figures
				serve func(testing.TB) (string, func())
				timed bool
			}{{&journal, serveJournal, false}, {&own, serveOwn, true}, {&files, serveFiles, false}} {
				url, stop := side.serve(b)
				load(b, url, event, payload, connections, min(b.N, 50)) // A start that is warm for everyone.
				if side.timed {
					b.StartTimer()
				}
				*side.got = load(b, url, event, payload, connections, b.N)
				b.StopTimer()
				stop()
			}
			b.ReportMetric(own.rate, "acks/s")
			b.ReportMetric(journal.rate, "journal-acks/s")
			b.ReportMetric(files.rate, "file-acks/s")
			b.ReportMetric(own.rate/journal.rate, "x-journal")
			b.ReportMetric(own.rate/files.rate, "x-file")
			b.ReportMetric(own.p50.Seconds()*1e3, "p50-ms")
			b.ReportMetric(own.p99.Seconds()*1e3, "p99-ms")
			b.ReportMetric(journal.p50.Seconds()*1e3, "journal-p50-ms")
			b.ReportMetric(files.p99.Seconds()*1e3, "file-p99-ms")
			b.ReportMetric(fdatasyncTime(b).Seconds()*1e3, "fdatasync-ms")
			b.ReportMetric(own.slowest.Seconds()*1e3, "slowest-ms")
			b.ReportMetric(journal.slowest.Seconds()*1e3, "journal-slowest-ms")
			b.ReportMetric(own.cpu.Seconds()*1e6, "cpu-us/ack")
			b.ReportMetric(journal.cpu.Seconds()*1e6, "journal-cpu-us/ack")
		})
	}
}

// padded is a delivery of 8 KiB.
func padded(b testing.TB) (event string, payload []byte) {
	event, payload = sample(b, "miss_push_unwatched")
	pad := strings.Repeat("x", 8<<10-len(payload)-len(`,"pad":""`))
	return event, append(payload[:len(payload)-1], `,"pad":"`+pad+`"}`...)
}

type figures struct {
	rate     float64
	p50, p99 time.Duration
	slowest  time.Duration
	cpu      time.Duration // of the whole process, the clients included, for each answer
}

var benchSerial atomic.Int64

// load sends n requests over so many connections, each a new delivery, and measures every answer.
func load(b testing.TB, url, event string, payload []byte, connections, n int) figures {
	b.Helper()
	address := strings.TrimPrefix(url, "http://")
	signature := secret.Sign(testSecret, payload)
	var left atomic.Int64
	left.Store(int64(n))
	took := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	spent, began := processorTime(), time.Now()
	for c := range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		wg.Go(func() {
			in := bufio.NewReader(conn)
			for left.Add(-1) >= 0 {
				var req bytes.Buffer
				fmt.Fprintf(&req, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nX-GitHub-Event: %s\r\nX-GitHub-Hook-ID: 4711\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n",
					event, guid(int(benchSerial.Add(1))), signature, len(payload))
				req.Write(payload)
				start := time.Now()
				if _, err := conn.Write(req.Bytes()); err != nil {
					b.Error(err)
					return
				}
				if err := readOK(in); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(start))
			}
		})
	}
	wg.Wait()
	total, spent := time.Since(began), processorTime()-spent
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) == 0 {
		return figures{}
	}
	return figures{rate: float64(len(all)) / total.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100], slowest: all[len(all)-1], cpu: spent / time.Duration(len(all))}
}

// readOK reads one answer, which must be 200, with little effort: client and server share the processors.
func readOK(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		header, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(header, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(string(value)))
		}
	}
	if _, err := in.Discard(length); err != nil {
		return err
	}
	if !strings.Contains(status, " 200 ") {
		return fmt.Errorf("answer %s", status)
	}
	return nil
}

func serveOwn(b testing.TB) (string, func()) {
	r := run(b, nil)
	// The log gets its spool ready for a flood once it has been open for three seconds; a receiver that has
	// been running is what counts. The journal beside it is ready before it is measured, too.
	<-time.After(4 * time.Second)
	return r.url, func() {
		if n := r.Stats().Received; n == 0 {
			b.Error("nothing was received")
		}
		if err := r.stop(); err != nil {
			b.Error(err)
		}
	}
}

// serveBare answers like a receiver that does nothing but check the signature and keep the body.
func serveBare(b testing.TB, keep func([]byte) error) (string, func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ring := secret.NewRing(secret.Key{Value: testSecret})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if _, ok := ring.Match(body, r.Header.Get("X-Hub-Signature-256"), 0, "/webhook", time.Now()); !ok {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		if err := keep(body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = srv.Close(); <-done }
}

// serveFiles keeps each body in a file of its own with an fsync of its own.
func serveFiles(b testing.TB) (string, func()) {
	dir := b.TempDir()
	var n atomic.Int64
	return serveBare(b, func(body []byte) error {
		f, err := os.OpenFile(filepath.Join(dir, strconv.FormatInt(n.Add(1), 10)+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if _, err := f.Write(body); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		return f.Close()
	})
}

// serveJournal appends bodies to one preallocated file; everybody who waits shares one fdatasync.
func serveJournal(b testing.TB) (string, func()) {
	j := &journal{file: preallocated(b), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go j.run()
	url, stop := serveBare(b, j.append)
	return url, func() { stop(); close(j.quit); <-j.done; j.file.Close() }
}

const journalSize = 256 << 20

func preallocated(b testing.TB) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range journalSize >> 20 {
		if _, err := f.Write(zeros); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}

type journal struct {
	file *os.File
	mu   sync.Mutex
	next []byte
	wait []chan error
	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	at   int64
}

func (j *journal) append(body []byte) error {
	ready := make(chan error, 1)
	j.mu.Lock()
	j.next = binary.BigEndian.AppendUint32(j.next, uint32(len(body)))
	j.next = append(j.next, body...)
	j.wait = append(j.wait, ready)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return <-ready
}

func (j *journal) run() {
	defer close(j.done)
	var batch []byte
	var waiting []chan error
	for {
		select {
		case <-j.wake:
		case <-j.quit:
			return
		}
		j.mu.Lock()
		batch, j.next = j.next, batch[:0]
		waiting, j.wait = j.wait, waiting[:0]
		j.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		if j.at+int64(len(batch)) > journalSize {
			j.at = 0
		}
		_, err := j.file.WriteAt(batch, j.at)
		if err == nil {
			err = fdatasync(j.file)
		}
		j.at += int64(len(batch))
		for _, w := range waiting {
			w <- err
		}
	}
}

// fdatasyncTime is the median of 100 of 8 KiB each on the benchmark's disk.
func fdatasyncTime(b testing.TB) time.Duration {
	f := preallocated(b)
	defer f.Close()
	block := make([]byte, 8<<10)
	var all []time.Duration
	for i := range int64(100) {
		start := time.Now()
		if _, err := f.WriteAt(block, i*int64(len(block))); err != nil {
			b.Fatal(err)
		}
		if err := fdatasync(f); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkRouting is what proving that a payload of 8 KiB is JSON and deciding add to a delivery.
func BenchmarkRouting(b *testing.B) {
	event, payload := sample(b, "workflow_run_failure")
	payload = append(payload[:len(payload)-1], `,"pad":"`+strings.Repeat("x", 8<<10-len(payload)-10)+`"}`...)
	table, err := route.NewTable(route.Rules{WatchedBranches: []string{"main"}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		ev, err := route.NewEvent(event, payload)
		if err != nil {
			b.Fatal(err)
		}
		if d := route.Decide(table, ev); len(d.Notifications) != 1 {
			b.Fatal(d)
		}
	}
}
