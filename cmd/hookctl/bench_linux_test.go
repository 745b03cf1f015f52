package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hookctl/logs"
)

// BenchmarkEventsList prints all records of a log as JSON and reports the most memory that the program took, beside the size of
// what it printed and the goal. HOOKCTL_BENCH_DIR is a home with a log, which the benchmarks of the interface make.
func BenchmarkEventsList(b *testing.B) {
	home := os.Getenv("HOOKCTL_BENCH_DIR")
	if home == "" {
		home = b.TempDir()
		const n = 30_000
		if err := logs.Generate(b.Context(), filepath.Join(home, "webhook_logs"), n, time.Now(), n*time.Second, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
	program := buildProgram(b)
	list := func() (rows int, size, peak int64) {
		cmd := exec.CommandContext(b.Context(), program, "events", "list", "--limit", "0", "--json")
		cmd.Env = []string{"HOOKCTL_HOME=" + home, "PATH=" + os.Getenv("PATH"), "GH_CONFIG_DIR=" + home}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for buf := make([]byte, 64<<10); err == nil; {
			var got int
			got, err = out.Read(buf)
			size += int64(got)
			for _, c := range buf[:got] {
				if c == '{' {
					rows++
				}
			}
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		return rows, size, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	n, _, _ := list() // makes the index
	var size, peak int64
	for b.Loop() {
		var rows int
		if rows, size, peak = list(); rows != n || n < 20_000 {
			b.Fatalf("%d records, %d before", rows, n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(size)/(1<<20), "MiB-printed")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(64, "goal-peak-MiB")
}
