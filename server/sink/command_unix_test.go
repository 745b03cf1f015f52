//go:build unix

package sink

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommandIsKilledWithAllItStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The shell stands for a program that starts another one.
	s, err := New(Config{
		Type: "command", Command: []string{"/bin/sh", "-c", `"$PROGRAM" & wait`}, Timeout: 2 * time.Second,
		Env: map[string]string{"SINK_HELPER": "hang", "SINK_OUT": filepath.Join(dir, "out"), "PROGRAM": os.Args[0]},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), payloadMessage())
	if err == nil || !strings.Contains(err.Error(), "did not end within 2s") {
		t.Errorf("%v", err)
	}
	child := saw(t, filepath.Join(dir, "out")).PID
	await(t, "the grandchild "+strconv.Itoa(child)+" is dead", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		return syscall.Kill(child, 0) != nil || (err == nil && strings.Contains(string(stat), ") Z "))
	})
}

func TestAMPSendWithoutAnIdentityIsNotReachable(t *testing.T) {
	dir := t.TempDir()
	program := func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { // #nosec G306 -- a program
			t.Fatal(err)
		}
	}
	check := func() error {
		return Check(t.Context(), Config{Type: "amp-send", To: "orchestrator-amoa", Command: []string{filepath.Join(dir, "amp-send.sh")}})
	}
	program("amp-send.sh", `[ "$*" = --help ] || touch "`+dir+`/sent"`)
	if err := check(); err != nil {
		t.Errorf("without amp-status: %v", err)
	}
	program("amp-status.sh", `[ "$*" = --json ] && echo '{"initialized": false}'`)
	if err := check(); err == nil || !strings.Contains(err.Error(), "run amp-init --auto") {
		t.Errorf("without an identity: %v", err)
	}
	program("amp-status.sh", `echo '{"initialized": true, "agent": {"name": "hookctl"}, "registrations": []}'`)
	if err := check(); err != nil {
		t.Errorf("with an identity: %v", err)
	}
	program("amp-status.sh", "echo 'jq: command not found'; exit 127")
	if err := check(); err == nil || !strings.Contains(err.Error(), "jq: command not found") {
		t.Errorf("with a broken installation: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sent")); err == nil {
		t.Error("a check sent a message")
	}
}
