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

// TestFullDiskIsReportedAndSurvived lets the running receiver write no file any further, as on a full disk: a delivery is
// answered 507, the status says so, nothing that was acknowledged is lost, and with room again it goes on by itself.
func TestFullDiskIsReportedAndSurvived(t *testing.T) {
	home, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	const key = "0123456789abcdef0123456789abcdef"
	for name, content := range map[string]string{".env": "GITHUB_WEBHOOK_SECRET=" + key + "\n", "hookctl.yaml": "sinks: []\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
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
		return post(http.DefaultClient, status().Address, key, body)
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
