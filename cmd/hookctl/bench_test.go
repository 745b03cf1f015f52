package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/server/daemon"
)

// buildProgram builds the program as it is shipped: the stories' stand-in carries the tests along.
func buildProgram(b *testing.B) string {
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
		b.ReportMetric(residentMiB(b, status.PID), "MiB")
		if err := daemon.Stop(context.Background(), cfg); err != nil {
			b.Fatal(err)
		}
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

// residentMiB is the memory of a process that is in use.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
