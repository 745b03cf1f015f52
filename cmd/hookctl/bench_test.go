package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// buildProgram builds the program as it is shipped: the stories' stand-in carries the tests along.
func buildProgram(b testing.TB) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "hookctl")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// BenchmarkVersion is how long the smallest command takes, from fork to exit.
func BenchmarkVersion(b *testing.B) {
	program := buildProgram(b)
	for b.Loop() {
		if out, err := exec.Command(program, "version").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
	b.ReportMetric(15, "goal-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdleReceiver reports what a receiver costs that nobody sends to: its memory, and its processor time over a
// few seconds.
func BenchmarkIdleReceiver(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("/proc is missing")
	}
	home, err := os.MkdirTemp("", "hc")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(home)
	store := secret.NewStore(secret.Config{EnvFile: home + "/.env", RotationFile: home + "/state/rotation.json", Environ: environment{}.get})
	if err := store.SetCurrent("a secret of the benchmark"); err != nil {
		b.Fatal(err)
	}
	program := buildProgram(b)
	cfg := daemon.Config{
		Home: home, Executable: program, Args: []string{"serve", "--port", "0"},
		Env: []string{"HOOKCTL_HOME=" + home, "PATH=" + os.Getenv("PATH"), "GH_CONFIG_DIR=" + home},
	}
	for b.Loop() {
		status, err := daemon.Start(context.Background(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		// In its first seconds a receiver makes room on the disk for a flood.
		<-time.After(8 * time.Second)
		window := 4 * time.Second
		before := ticksOf(b, status.PID)
		<-time.After(window)
		b.ReportMetric(float64(ticksOf(b, status.PID)-before)*10/window.Seconds(), "cpu-ms/s")
		b.ReportMetric(memoryMiB(b, status.PID, "VmRSS"), "MiB")
		b.ReportMetric(40, "goal-MiB")
		if err := daemon.Stop(context.Background(), cfg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdleAfterBurst reports what a receiver still costs a while after a burst: deliveries of 8 KiB over 64 connections, then
// large ones. Beside the memory in use it prints how much of that is the program's own, and how much are pages of its file, which
// the system may take back at any time. HOOKCTL_BENCH_BURST is how many deliveries there are, HOOKCTL_BENCH_REST how long the while is.
func BenchmarkIdleAfterBurst(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("/proc is missing")
	}
	burst, rest := int64(50_000), 90*time.Second
	if n, err := strconv.ParseInt(os.Getenv("HOOKCTL_BENCH_BURST"), 10, 64); err == nil {
		burst = n
	}
	if d, err := time.ParseDuration(os.Getenv("HOOKCTL_BENCH_REST")); err == nil {
		rest = d
	}
	r := startForBench(b)
	for b.Loop() {
		r.send(b, burst, 8<<10)
		r.send(b, 40, 8<<20)
		b.ReportMetric(memoryMiB(b, r.pid, "VmRSS"), "MiB-at-its-end")
		<-time.After(rest)
		window := 10 * time.Second
		before := ticksOf(b, r.pid)
		<-time.After(window)
		b.ReportMetric(float64(ticksOf(b, r.pid)-before)*10/window.Seconds(), "cpu-ms/s")
		b.ReportMetric(memoryMiB(b, r.pid, "VmRSS"), "MiB")
		b.ReportMetric(40, "goal-MiB")
		b.ReportMetric(memoryMiB(b, r.pid, "RssAnon"), "MiB-own")
		b.ReportMetric(memoryMiB(b, r.pid, "RssFile"), "MiB-of-files")
	}
}

// ticksOf is the processor time of a process in hundredths of a second.
func ticksOf(b *testing.B, pid int) int {
	b.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	total := 0
	for _, text := range fields[11:13] { // utime and stime, after the name and the state
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		total += n
	}
	return total
}

// memoryMiB is memory of a process that is in use: VmRSS, or a part of it such as RssAnon and RssFile.
func memoryMiB(b *testing.B, pid int, kind string) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), kind+":")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// benchedReceiver is a receiver of the benchmarks without sinks, in a home of its own.
type benchedReceiver struct {
	cfg     daemon.Config
	address string
	pid     int
	client  *http.Client
}

const benchKey = "0123456789abcdef0123456789abcdef"

// startForBench starts one, until the benchmark ends.
func startForBench(b *testing.B) *benchedReceiver {
	b.Helper()
	home, err := os.MkdirTemp("", "hc")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(home) })
	for name, content := range map[string]string{".env": "GITHUB_WEBHOOK_SECRET=" + benchKey + "\n", "hookctl.yaml": "sinks: []\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	port, err := freePort(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r := &benchedReceiver{
		cfg: daemon.Config{
			Home: home, Executable: buildProgram(b), Args: []string{"serve", "--port", strconv.Itoa(port)},
			Env: []string{"HOOKCTL_HOME=" + home, "PATH=" + os.Getenv("PATH"), "GH_CONFIG_DIR=" + home},
		},
		address: "127.0.0.1:" + strconv.Itoa(port), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	status, err := daemon.Start(b.Context(), r.cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := daemon.Stop(context.Background(), r.cfg); err != nil {
			b.Error(err)
		}
	})
	r.pid = status.PID
	return r
}

// send sends n deliveries of a size over 64 connections, each until it is taken: a receiver may be busy for a while.
func (r *benchedReceiver) send(b *testing.B, n int64, size int) {
	b.Helper()
	body := fmt.Appendf(nil, `{"filler":%q}`, strings.Repeat("x", size))
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for next.Add(1) <= n {
				err := post(r.client, r.address, benchKey, body)
				for patience := time.Now().Add(time.Minute); err != nil && time.Now().Before(patience); {
					err = post(r.client, r.address, benchKey, body)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
}

// BenchmarkFirstAnswer fills the spool of a receiver, and measures how long deliveries then go without an answer: those that
// are sent during a restart, and the first one after kill -9 and a start. HOOKCTL_BENCH_SPOOL is the size of the spool in MiB.
func BenchmarkFirstAnswer(b *testing.B) {
	size := int64(256)
	if text := os.Getenv("HOOKCTL_BENCH_SPOOL"); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			b.Fatal(err)
		}
	}
	r := startForBench(b)
	fill := func() { r.send(b, size<<20/(8<<10), 8<<10) }
	answered := func(since time.Time) float64 {
		for post(r.client, r.address, benchKey, []byte(`{}`)) != nil {
			if time.Since(since) > time.Minute {
				b.Fatal("no answer within a minute")
			}
		}
		return float64(time.Since(since).Microseconds()) / 1000
	}
	for b.Loop() {
		fill()
		restarted := make(chan error, 1)
		var longest float64
		go func() {
			_, err := daemon.Restart(b.Context(), r.cfg)
			restarted <- err
		}()
		for waiting := true; waiting; {
			longest = max(longest, answered(time.Now()))
			select {
			case err := <-restarted:
				if err != nil {
					b.Fatal(err)
				}
				waiting = false
			default:
			}
		}
		b.ReportMetric(longest, "restart-ms")
		b.ReportMetric(250, "goal-ms")
		fill()
		status, err := daemon.Dial(r.cfg.Home).Status(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		process, err := os.FindProcess(status.PID)
		if err == nil {
			err = process.Kill()
		}
		if err != nil {
			b.Fatal(err)
		}
		for !errors.Is(err, daemon.ErrNotRunning) {
			_, err = daemon.Dial(r.cfg.Home).Status(b.Context())
		}
		start := time.Now()
		started := make(chan error, 1)
		go func() {
			_, err := daemon.Start(b.Context(), r.cfg)
			started <- err
		}()
		b.ReportMetric(answered(start), "killed-ms")
		if err := <-started; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}
