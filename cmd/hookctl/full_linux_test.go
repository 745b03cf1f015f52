package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hookctl/server/daemon"
)

const fullKey = "0123456789abcdef0123456789abcdef"

// shortDir is a directory whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fillHome gives a home what a receiver needs, and returns a port for it.
func fillHome(t *testing.T, home string) (port int) {
	t.Helper()
	writeFile(t, filepath.Join(home, ".env"), "GITHUB_WEBHOOK_SECRET="+fullKey+"\n")
	writeFile(t, filepath.Join(home, "hookctl.yaml"), "sinks: []\n")
	port, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestFullDiskIsReportedAndSurvived lets the running receiver write no file any further, as on a full disk: a delivery is
// answered 507, the status says so, nothing that was acknowledged is lost, and with room again it goes on by itself.
func TestFullDiskIsReportedAndSurvived(t *testing.T) {
	home := shortDir(t)
	port := fillHome(t, home)
	hookctl := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "hookctl", args...)
		cmd.Env = append(os.Environ(), "HOOKCTL_HOME="+home, "GH_TOKEN=", "GH_CONFIG_DIR="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("hookctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	hookctl("start", "--port", fmt.Sprint(port))
	t.Cleanup(func() {
		if err := daemon.Stop(context.Background(), daemon.Config{Home: home}); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
			t.Error(err)
		}
	})
	receiver := daemon.Dial(home)
	status := func() daemon.Status {
		t.Helper()
		st, err := receiver.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	deliver := func() error {
		body := fmt.Appendf(nil, `{"filler":%q}`, bytes.Repeat([]byte("x"), 8<<10))
		return post(http.DefaultClient, status().Address, fullKey, body)
	}
	limit := func(size uint64) {
		t.Helper()
		if err := unix.Prlimit(status().PID, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}

	if err := deliver(); err != nil {
		t.Fatal(err)
	}
	limit(1 << 10)
	if err := deliver(); err == nil || !strings.Contains(err.Error(), "507") {
		t.Fatalf("with a full disk: %v, want 507", err)
	}
	if status().Alarm == "" {
		t.Error("the status has no alarm")
	}
	limit(unix.RLIM_INFINITY)
	if err := deliver(); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	deadline, again := time.After(storyPatience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for alarm := status().Alarm; alarm != ""; alarm = status().Alarm { // until the files have been tried again
		select {
		case <-deadline:
			t.Fatalf("the alarm stays: %s", alarm)
		case <-again.C:
		}
	}
	if got := awaitRecords(filepath.Join(home, "webhook_logs"), 2); got != 2 {
		t.Errorf("%d records, want the 2 that were acknowledged", got)
	}
}

// TestFullOutputFails prints to a device that takes nothing: whatever prints, in one piece or in many, fails.
func TestFullOutputFails(t *testing.T) {
	home := t.TempDir()
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"version"}, {"doctor"}, {"config", "--jq", ".[].key"}, {"--help"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip("there is no /dev/full here: ", err)
		}
		var printed bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "hookctl", args...)
		cmd.Env = append(os.Environ(), "HOOKCTL_HOME="+home, "GH_TOKEN=", "GH_CONFIG_DIR="+home)
		cmd.Stdout, cmd.Stderr = full, &printed
		err = cmd.Run()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || failed.ExitCode() != exitFailed || !strings.Contains(printed.String(), "no space left") {
			t.Errorf("%v: %v\n%s", args, err, printed.String())
		}
		_ = full.Close()
	}
}

// TestReceiverOnAFullDisk fills a small file system of its own: a receiver on it restarts, stops and starts, answers its
// status and refuses deliveries with 507; a secret for a fresh home gets an error that says what is wrong.
func TestReceiverOnAFullDisk(t *testing.T) {
	home := shortDir(t)
	if err := unix.Mount("tmpfs", home, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
		t.Skipf("a file system of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(home, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	port := fillHome(t, home)
	hookctl := func(dir string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "hookctl", args...)
		cmd.Env = append(os.Environ(), "HOOKCTL_HOME="+dir, "GH_TOKEN=", "GH_CONFIG_DIR="+home, fmt.Sprintf("WEBHOOK_PORT=%d", port))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) {
		t.Helper()
		if out, err := hookctl(home, args...); err != nil {
			t.Fatalf("hookctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	fill := func() {
		t.Helper()
		file, err := os.OpenFile(filepath.Join(home, "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for block := make([]byte, 1<<20); ; {
			if _, err := file.Write(block); errors.Is(err, unix.ENOSPC) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	refused := func(what string) {
		t.Helper()
		st, err := daemon.Dial(home).Status(t.Context())
		if err != nil || !st.Running {
			t.Fatalf("%s: status %+v, %v", what, st, err)
		}
		// The spool may have a last page of its own: the disk is full for what does not fit there.
		for n := range 64 {
			body := fmt.Appendf(nil, `{"n":%d,"filler":%q}`, n, bytes.Repeat([]byte("x"), 1<<20))
			if err := post(http.DefaultClient, st.Address, fullKey, body); err != nil {
				if !strings.Contains(err.Error(), "507") {
					t.Errorf("%s: a delivery gets %v, want 507", what, err)
				}
				return
			}
		}
		t.Errorf("%s: deliveries are accepted", what)
	}

	must("start")
	t.Cleanup(func() {
		if err := daemon.Stop(context.Background(), daemon.Config{Home: home, StopTimeout: 5 * time.Second}); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
			t.Error(err)
		}
	})
	fill()
	refused("when the disk became full")
	fill()
	must("restart")
	refused("after a restart")
	must("stop")
	fill()
	must("start")
	refused("after a start")
	must("stop")
	fill()

	fresh := filepath.Join(home, "fresh")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := hookctl(fresh, "secret", "generate")
	if err == nil || !strings.Contains(out, "no space left") || !strings.Contains(out, "\nhint: free space") {
		t.Errorf("a secret for a fresh home: %v\n%s", err, out)
	}
}
