package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/server/daemon"
)

func TestEverythingIsOKWhereNothingIsWrong(t *testing.T) {
	w := newWorld(t)
	w.deliver()
	w.cfg.Probes = []Probe{{Name: "AI Maestro", Check: func(context.Context) (string, error) { return "healthy", nil }}}
	var reported []string
	report, err := Run(t.Context(), w.config(), func(c Check) { reported = append(reported, c.Name) })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range report.Checks {
		names = append(names, c.Name)
		want := OK
		if c.Name == "service" { // there is none to check
			want = Unknown
		}
		if c.Status != want {
			t.Errorf("%s: %s: %s (%s)", c.Name, c.Status, c.Detail, c.Fix)
		}
	}
	slices.Sort(reported)
	slices.Sort(names)
	if !slices.Equal(reported, names) {
		t.Errorf("progress had %v, want %v", reported, names)
	}
	text, err := json.Marshal(report.Checks[0])
	if err != nil || !strings.HasPrefix(string(text), `{"check":"receiver","status":"ok","detail":"running on`) || !strings.HasSuffix(string(text), `,"fix":""}`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

func TestPermissionsThatAreTooOpenAreFoundAndFixed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of this system say nothing")
	}
	t.Parallel()
	w := newWorld(t)
	w.writer()
	if got := w.one("permissions"); got.Status != OK {
		t.Errorf("%+v", got)
	}
	env := filepath.Join(w.home, ".env")
	open := func(path string, mode os.FileMode, status, fix string) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := w.one("permissions"); got.Status != status || !strings.Contains(got.Fix, fix) {
			t.Errorf("%s with mode %o: %+v", path, mode, got)
		}
	}
	open(w.home, 0o755, Warn, "chmod 700 "+w.home)
	open(w.cfg.Logs.Dir, 0o755, Warn, "chmod 700 "+w.home+"; chmod 700 "+w.cfg.Logs.Dir)
	open(env, 0o644, Fail, "chmod 600 "+env)
	former := filepath.Join(w.home, "state", "former.json")
	w.write(former, "{}")
	open(former, 0o640, Fail, "chmod 600 "+former)
	if got := w.one("secret"); got.Status != Fail || !strings.Contains(got.Fix, "chmod 600 "+env) {
		t.Errorf("secret: %+v", got)
	}
	repairs := Fix(t.Context(), w.config())
	if len(repairs) != 4 {
		t.Errorf("repairs: %+v", repairs)
	}
	for _, r := range repairs {
		if r.Error != "" || r.Check != "permissions" || !strings.HasPrefix(r.Action, "chmod ") {
			t.Errorf("repair: %+v", r)
		}
	}
	if got := w.one("permissions"); got.Status != OK {
		t.Errorf("afterwards: %+v", got)
	}
	if again := Fix(t.Context(), w.config()); len(again) != 0 {
		t.Errorf("fixed again: %+v", again)
	}
}

func TestFixRemovesAStaleSocketAndStartsTheReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.end()
	socket := filepath.Join(w.home, "run", "receiver.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.one("receiver"); !strings.Contains(got.Detail, "its control socket is left over") {
		t.Errorf("%+v", got)
	}
	w.cfg.Daemon.Executable = filepath.Join(w.home, "no-such-program")
	repairs := Fix(t.Context(), w.config())
	if len(repairs) != 2 || repairs[0].Error != "" || !strings.Contains(repairs[0].Action, socket) ||
		repairs[1].Action != "started the receiver" || !strings.Contains(repairs[1].Error, "no such file") {
		t.Errorf("repairs: %+v", repairs)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.Daemon.Executable, w.cfg.Daemon.Env = exe, append(os.Environ(), "DOCTOR_RECEIVER="+w.home)
	repairs = Fix(t.Context(), w.config())
	if len(repairs) != 1 || repairs[0].Error != "" || !strings.HasPrefix(repairs[0].Action, "started the receiver (pid ") {
		t.Errorf("repairs: %+v", repairs)
	}
	if got := w.one("receiver"); got.Status != OK {
		t.Errorf("afterwards: %+v", got)
	}
	if err := daemon.Stop(t.Context(), daemon.Config{Home: w.home}); err != nil {
		t.Fatal(err)
	}

	// Without a secret it would not start, so it is not tried.
	w.write(filepath.Join(w.home, ".env"), "")
	if repairs := Fix(t.Context(), w.config()); len(repairs) != 0 {
		t.Errorf("repairs without a secret: %+v", repairs)
	}
}

func TestFixMakesTheReceiverReadItsSecretsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if repairs := Fix(t.Context(), w.config()); len(repairs) != 0 {
		t.Errorf("repairs where nothing is wrong: %+v", repairs)
	}
	w.status.Secrets = []string{"deadbeef"}
	repairs := Fix(t.Context(), w.config())
	if len(repairs) != 1 || repairs[0].Check != "secret" || repairs[0].Error != "" {
		t.Errorf("repairs: %+v", repairs)
	}
}

func TestProbes(t *testing.T) {
	down := errors.New("it is\x07 down")
	tests := map[string]struct {
		err                 error
		status, detail, fix string
	}{
		"healthy":         {nil, OK, "healthy", ""},
		"failed":          {down, Fail, "it is down", "start it"},
		"to look at":      {&Warning{down}, Warn, "it is down", "start it"},
		"with a cure":     {&hooks.Error{Op: "ask", Cure: "log in"}, Fail, "ask", "log in"},
		"of the daemon":   {daemon.ErrNotRunning, Fail, "the receiver is not running", "start it with: hookctl start"},
		"wrapped warning": {fmt.Errorf("ask: %w", &Warning{down}), Warn, "ask: it is down", "start it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := Probe{Name: "AI Maestro", Fix: "start it", Check: func(context.Context) (string, error) { return "healthy", tt.err }}
			got := do(t.Context(), time.Minute, check{p.Name, p.run})
			if want := (Check{"AI Maestro", tt.status, tt.detail, tt.fix}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestACheckThatHangsIsAWarning(t *testing.T) {
	hang := func(ctx context.Context) Check { <-ctx.Done(); return failed(ctx.Err(), "") }
	got := do(t.Context(), time.Millisecond, check{"slow", hang})
	if got.Status != Warn || !strings.Contains(got.Detail, "did not finish within 1ms") {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := do(ctx, time.Minute, check{"slow", hang}); got.Status != Warn || got.Detail != "was cancelled" {
		t.Errorf("%+v", got)
	}
}

func TestWithoutRepositoriesOrGitHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.config().Fleet.Forget(t.Context(), target()); err != nil {
		t.Fatal(err)
	}
	if got := w.one("hooks"); got.Status != Warn || !strings.Contains(got.Fix, "hookctl setup -R") {
		t.Errorf("%+v", got)
	}
	w.cfg.Store = nil
	report, err := Run(t.Context(), w.cfg, nil)
	for _, c := range report.Checks {
		if strings.Contains(c.Name, "GitHub") || strings.Contains(c.Name, "secret") {
			t.Errorf("check %s without the means for it", c.Name)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
