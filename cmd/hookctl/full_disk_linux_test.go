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

// TestReceiverOnAFullDisk fills a small file system of its own: a receiver on it restarts, stops and starts, answers its
// status and refuses deliveries with 507; a secret for a fresh home gets an error that says what is wrong.
func TestReceiverOnAFullDisk(t *testing.T) {
	home, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := unix.Mount("tmpfs", home, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
		t.Skipf("a file system of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(home, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	const key = "0123456789abcdef0123456789abcdef"
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".env", "GITHUB_WEBHOOK_SECRET="+key+"\n")
	write("hookctl.yaml", "sinks: []\n")
	port, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
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
			if err := post(http.DefaultClient, st.Address, key, body); err != nil {
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
