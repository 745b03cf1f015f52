//go:build unix

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// launchctl is imitated: what it is asked to do is what counts here.
func TestLaunchdIsAskedInItsOwnWords(t *testing.T) {
	bin := t.TempDir()
	calls := filepath.Join(bin, "calls")
	script := "#!/bin/sh\necho \"$*\" >> " + calls + "\n" +
		"[ \"$1\" = print ] && { [ -e " + bin + "/loaded ] || exit 113; echo '	state = running'; }\nexit 0\n"
	if err := os.WriteFile(filepath.Join(bin, "launchctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	s := exampleService()
	s.UnitDir = bin
	domain := fmt.Sprintf("gui/%d", os.Getuid())
	job := domain + "/io.hookctl.receiver"
	load := "bootstrap " + domain + " " + filepath.Join(bin, "io.hookctl.receiver.plist")
	m := launchd{}
	expect := func(what string, err error, want ...string) {
		t.Helper()
		text, readErr := os.ReadFile(calls)
		if err != nil || readErr != nil {
			t.Errorf("%s: %v, %v", what, err, readErr)
		}
		if got := strings.TrimSpace(string(text)); got != strings.Join(want, "\n") {
			t.Errorf("%s calls\n%s\nwant\n%s", what, got, strings.Join(want, "\n"))
		}
		if err := os.Remove(calls); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	expect("install", m.do(ctx, s, verbBegin), "bootout "+job, load,
		"bootout "+domain+"/io.hookctl.rotate", "bootstrap "+domain+" "+filepath.Join(bin, "io.hookctl.rotate.plist"))
	expect("start of a job that is not loaded", m.do(ctx, s, "start"), "print "+job, load)
	if err := os.WriteFile(filepath.Join(bin, "loaded"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("start of a job that is loaded", m.do(ctx, s, "start"), "print "+job, "kickstart "+job)
	expect("restart", m.do(ctx, s, "restart"), "kickstart -k "+job)
	expect("stop", m.do(ctx, s, "stop"), "bootout "+job)
	expect("uninstall", m.do(ctx, s, verbDisable), "bootout "+domain+"/io.hookctl.rotate", "bootout "+job)
	var st ServiceStatus
	m.ask(ctx, s, &st)
	expect("status", nil, "print "+job)
	if st.Active != "active" || len(st.Notes) != 1 || !strings.Contains(st.Notes[0], "refuses connections for a moment") {
		t.Errorf("status %+v", st)
	}
	s.System = true
	if got := m.domain(s); got != "system" {
		t.Errorf("domain of a job of the machine: %s", got)
	}
}
