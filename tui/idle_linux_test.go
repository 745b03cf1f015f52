package tui

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hookctl/tui/kittest"
)

// BenchmarkIdle is the interface in its real loop with nothing happening: its processor time, and the memory of the whole test.
// No receiver runs, which is what it finds out every two seconds.
func BenchmarkIdle(b *testing.B) {
	for key, page := range map[string]string{"1": "Home", "2": "Events"} {
		b.Run(page, func(b *testing.B) {
			cfg := testConfig(b)
			cfg.Logs, cfg.Now = kittest.LargeLog(b), time.Now
			s := startTerminal(b, cfg, 120, 40)
			if _, err := s.keys.Write([]byte(key)); err != nil {
				b.Fatal(err)
			}
			const rest, window = 3 * time.Second, 10 * time.Second
			for b.Loop() {
				time.Sleep(rest)
				before := processorTime(b)
				time.Sleep(window)
				spent := processorTime(b) - before
				b.ReportMetric(float64(spent.Microseconds())/1000/window.Seconds(), "cpu-ms/s")
				b.ReportMetric(memoryMiB(b), "MiB")
			}
		})
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// memoryMiB is the memory of this process that is in use and is no file.
func memoryMiB(b *testing.B) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "RssAnon:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
