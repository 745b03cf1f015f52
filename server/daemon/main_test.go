//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also the receiver that the tests start: TOY says how it behaves.
func TestMain(m *testing.M) {
	if mode := os.Getenv("TOY"); mode != "" {
		if err := toy(mode); err != nil {
			fmt.Fprintln(os.Stderr, "hookctl:", err)
			if hint := hintOf(err); hint != "" {
				fmt.Fprintln(os.Stderr, "hint:", hint)
			}
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// toy is a receiver like that of cmd/hookctl: it answers requests with its PID, and drains when it is asked to stop.
func toy(mode string) error {
	switch mode {
	case "nosecret":
		return errors.New("no secret: GITHUB_WEBHOOK_SECRET is not set")
	case "crash":
		panic("out of luck")
	case "quiet":
		os.Exit(3)
	case "silent": // neither answers nor ends by itself
		signal.Ignore(syscall.SIGTERM)
		if err := os.WriteFile(os.Getenv("TOY_PID"), fmt.Append(nil, os.Getpid()), 0o600); err != nil {
			return err
		}
		select {}
	}
	home := os.Getenv("HOOKCTL_HOME")
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if mode == "stubborn" {
		ctx = context.Background()
	}
	inst, err := Lock(Config{Home: home})
	if err != nil {
		return err
	}
	log, err := OpenLog(home)
	if err != nil {
		return err
	}
	ln, err := inst.Listen(ctx, os.Getenv("TOY_ADDR"))
	if err != nil {
		return errors.Join(err, inst.Close())
	}
	fmt.Fprintln(log, "listening on", ln.Addr())

	var inFlight atomic.Int64
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inFlight.Add(1)
		defer inFlight.Add(-1)
		if r.URL.Path == "/slow" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // until the caller hangs up
		}
		fmt.Fprint(w, os.Getpid())
	})}
	stop := make(chan struct{})
	var once sync.Once
	control := Control{
		Status: func() Status { return Status{Version: os.Getenv("TOY_VERSION"), InFlight: inFlight.Load()} },
		Stop: func() {
			if mode != "stubborn" {
				once.Do(func() { close(stop) })
			}
		},
	}
	controlCtx, endControl := context.WithCancel(context.Background())
	var group sync.WaitGroup
	controlDone := make(chan error, 1)
	group.Go(func() { controlDone <- inst.Serve(controlCtx, control) })
	group.Go(func() {
		select {
		case <-ctx.Done():
		case <-stop:
		}
		inst.Stopping()
		_ = srv.Shutdown(context.Background())
		endControl()
	})
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	group.Wait()
	return errors.Join(<-controlDone, log.Close(), inst.Close())
}

// toyConfig is a home of its own, with a receiver of the given kind on a free port.
func toyConfig(t *testing.T, mode string) Config {
	t.Helper()
	return toyConfigIn(t, shortDirT(t), mode)
}

func toyConfigIn(t *testing.T, home, mode string) Config {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Home: home, Executable: exe, ReadyTimeout: time.Minute, StopTimeout: time.Minute,
		Env: append(os.Environ(), "TOY="+mode, "HOOKCTL_HOME="+home, "TOY_ADDR=127.0.0.1:0",
			"TOY_PID="+filepath.Join(home, "toy.pid")),
	}
	t.Cleanup(func() {
		last := cfg
		last.StopTimeout = 5 * time.Second
		if err := Stop(context.Background(), last); err != nil && !errors.Is(err, ErrNotRunning) {
			t.Errorf("clean up: %v", err)
		}
	})
	return cfg
}

// shortDirT is a temporary directory whose path leaves room for a socket.
func shortDirT(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// within waits until ok holds, and fails the test where that takes absurdly long.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited too long for: %s", what)
		case <-tick.C:
		}
	}
}

func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	// A zombie that nobody has collected yet is not alive.
	states := threads(pid)
	return len(states) == 0 || slices.ContainsFunc(states, func(state string) bool { return state != "Z" && state != "X" })
}

// threads gives the letters that Linux gives to the states of a process's threads: R, S, T, Z…; none elsewhere.
func threads(pid int) []string {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return nil
	}
	var states []string
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		letter, _, _ := strings.Cut(rest, " ")
		states = append(states, letter)
	}
	return states
}

func getsid(pid int) (int, error) { return unix.Getsid(pid) }
