//go:build unix

package server

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
	s, err := newSink(SinkConfig{
		Type: "command", Command: []string{"/bin/sh", "-c", `"$PROGRAM" & wait`}, Timeout: 2 * time.Second,
		Env: map[string]string{"SINK_HELPER": "hang", "SINK_OUT": filepath.Join(dir, "out"), "PROGRAM": os.Args[0]},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.send(t.Context(), payloadMessage())
	if err == nil || !strings.Contains(err.Error(), "did not end within 2s") {
		t.Errorf("%v", err)
	}
	child := saw(t, filepath.Join(dir, "out")).PID
	await(t, "the grandchild "+strconv.Itoa(child)+" is dead", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		return syscall.Kill(child, 0) != nil || (err == nil && strings.Contains(string(stat), ") Z "))
	})
}
