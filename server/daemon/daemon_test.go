//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func get(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestStartReturnsOnceTheReceiverAnswersAndStopOnceItIsGone(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	cfg.Env = append(cfg.Env, "TOY_VERSION=1.2.3")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !st.Running || st.PID == 0 || st.PID == os.Getpid() || st.Version != "1.2.3" || st.Since.IsZero() {
		t.Errorf("status of a started receiver: %+v", st)
	}
	if got := get(t, st.Address); got != strconv.Itoa(st.PID) {
		t.Errorf("the port answers %q, not as process %d", got, st.PID)
	}
	if sid, err := getsid(st.PID); err != nil || sid != st.PID {
		t.Errorf("the receiver is not detached: session %d of process %d (%v)", sid, st.PID, err)
	}
	for path, want := range map[string]fs.FileMode{
		filepath.Join(cfg.Home, "run"): fs.ModeDir | 0o700, filepath.Join(cfg.Home, "run", "receiver.sock"): fs.ModeSocket | 0o600,
		LogFile(cfg.Home): 0o600, lockFile(cfg.Home): 0o600, stderrFile(cfg.Home): 0o600, pidFile(cfg.Home): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	log, err := os.ReadFile(LogFile(cfg.Home))
	if err != nil || !strings.Contains(string(log), "listening on "+st.Address) {
		t.Errorf("the log holds %q (%v)", log, err)
	}

	if err := Stop(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	within(t, "the process to be gone", func() bool { return !alive(st.PID) })
	if _, err := net.Dial("tcp", st.Address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the port is still served: %v", err)
	}
	if _, err := Dial(cfg.Home).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("status after stop: %v", err)
	}
	if err := Stop(t.Context(), cfg); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stop after stop: %v", err)
	}
}

func TestAReceiverThatCannotStartSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]struct{ mode, addr, message, hint string }{
		"no secret":    {"nosecret", "", "the receiver did not start: no secret: GITHUB_WEBHOOK_SECRET is not set", "receiver.log"},
		"port in use":  {"serve", taken.Addr().String(), "the receiver did not start: cannot listen on " + taken.Addr().String() + ": address already in use", "--port"},
		"bad address":  {"serve", "nowhere:1:2", "cannot listen on nowhere:1:2", "--port"},
		"crash":        {"crash", "", "the receiver did not start: panic: out of luck", "receiver.log"},
		"without word": {"quiet", "", "the receiver did not start: it exited with status 3", "receiver.log"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := toyConfig(t, tt.mode)
			if tt.addr != "" {
				cfg.Env = append(cfg.Env, "TOY_ADDR="+tt.addr)
			}
			st, err := Start(t.Context(), cfg)
			if err == nil {
				t.Fatalf("it started: %+v", st)
			}
			if !strings.Contains(err.Error(), tt.message) {
				t.Errorf("message %q lacks %q", err, tt.message)
			}
			if !strings.Contains(hintOf(err), tt.hint) {
				t.Errorf("hint %q lacks %q", hintOf(err), tt.hint)
			}
			if locked, err := held(cfg.Home); err != nil || locked {
				t.Errorf("the lock is still held (%v)", err)
			}
		})
	}
}

func TestPortInUseNamesTheProgramThatHasIt(t *testing.T) {
	if portHolder("127.0.0.1:0") != "" {
		t.Error("port 0 has no holder")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("/proc is missing: the holder of a port is found on Linux only")
	}
	inst, err := Lock(Config{Home: shortDirT(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer inst.Close()
	_, err = inst.Listen(t.Context(), taken.Addr().String())
	if want := fmt.Sprintf("(pid %d) uses it", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it to contain %q", err, want)
	}
}

func TestASecondReceiverIsRefusedByNameOfTheFirst(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Start(t.Context(), cfg)
	var running *RunningError
	if !errors.As(err, &running) || running.PID != st.PID || running.Address != st.Address {
		t.Errorf("second start: %v", err)
	}
	if again.PID != st.PID {
		t.Errorf("second start gives the status of process %d, want %d", again.PID, st.PID)
	}
	for _, command := range []string{"hookctl status", "hookctl restart", "hookctl stop"} {
		if !strings.Contains(running.Hint(), command) {
			t.Errorf("hint %q lacks %q", running.Hint(), command)
		}
	}
	if _, err := Lock(Config{Home: cfg.Home}); !errors.As(err, &running) || running.PID != st.PID {
		t.Errorf("lock beside a running receiver: %v", err)
	}
	if got := get(t, st.Address); got != strconv.Itoa(st.PID) {
		t.Errorf("the first receiver no longer answers: %q", got)
	}
}

func TestManyStartsAtOnceStartOneReceiver(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	errs := make(chan error)
	const n = 6
	for range n {
		go func() {
			_, err := Start(context.Background(), cfg)
			errs <- err
		}()
	}
	started := 0
	for range n {
		err := <-errs
		switch {
		case err == nil:
			started++
		case !strings.Contains(err.Error(), "already running"):
			t.Errorf("a start that lost says %v", err)
		}
	}
	if started != 1 {
		t.Errorf("%d starts succeeded, want 1", started)
	}
}

func TestStartAfterKillIgnoresLeftovers(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, "the lock to be dropped", func() bool {
		locked, err := held(cfg.Home)
		return err == nil && !locked
	})
	if _, err := os.Stat(SocketFile(cfg.Home)); err != nil {
		t.Fatalf("the test wants a stale socket: %v", err)
	}
	if _, err := Dial(cfg.Home).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("status of a killed receiver: %v", err)
	}
	if err := Stop(t.Context(), cfg); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stop of a killed receiver: %v", err)
	}
	next, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if next.PID == st.PID {
		t.Error("the same process twice")
	}
}

func TestAReceiverThatNeverAnswersIsEnded(t *testing.T) {
	for _, how := range []string{"timeout", "cancelled"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cfg := toyConfig(t, "silent")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pidFile := filepath.Join(cfg.Home, "toy.pid")
			if how == "timeout" {
				cfg.ReadyTimeout = time.Second
			} else {
				go func() {
					for {
						if b, err := os.ReadFile(pidFile); err == nil && len(b) > 0 {
							cancel()
							return
						}
						select {
						case <-ctx.Done():
							return
						case <-time.After(5 * time.Millisecond):
						}
					}
				}()
			}
			_, err := Start(ctx, cfg)
			if err == nil {
				t.Fatal("it started")
			}
			if how == "timeout" && !strings.Contains(err.Error(), "did not answer within 1s") {
				t.Errorf("got %v", err)
			}
			if how == "cancelled" && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			text, err := os.ReadFile(pidFile)
			if err != nil {
				t.Skip("the process was ended before it ran at all")
			}
			pid, err := strconv.Atoi(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if alive(pid) {
				t.Errorf("process %d is left over", pid)
			}
		})
	}
}

func TestStopWaitsForWhatIsBeingAnswered(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get("http://" + st.Address + "/slow")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- Stop(context.Background(), cfg) }()
	within(t, "the receiver to be stopping", func() bool {
		st, err := Dial(cfg.Home).Status(t.Context())
		return err == nil && st.Stopping && st.InFlight == 1
	})
	if got := hanging(t.Context(), Dial(cfg.Home)); got != "1 request is being answered" {
		t.Errorf("what hangs: %q", got)
	}
	select {
	case err := <-stopped:
		t.Fatalf("stop did not wait: %v", err)
	default:
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopEndsByForceWhatDoesNotStop(t *testing.T) {
	for _, how := range []string{"does not heed", "does not answer"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cfg := toyConfig(t, "stubborn")
			st, err := Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if how == "does not answer" {
				if err := syscall.Kill(st.PID, syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				// Until the signal has reached every thread, others go on and may even obey.
				within(t, "the process to be stopped", func() bool {
					return !slices.ContainsFunc(threads(st.PID), func(state string) bool { return state != "T" })
				})
			}
			var notices []string
			cfg.StopTimeout = 200 * time.Millisecond
			cfg.Notice = func(text string) { notices = append(notices, text) }
			if err := Stop(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			within(t, "the process to be gone", func() bool { return !alive(st.PID) })
			if text := strings.Join(notices, "\n"); !strings.Contains(text, "did not stop within 200ms") {
				t.Errorf("notices: %q", text)
			}
		})
	}
}

func TestRestartReplacesTheProcess(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	first, err := Restart(t.Context(), cfg) // where none runs, it starts one
	if err != nil {
		t.Fatal(err)
	}
	cfg.Env = append(cfg.Env, "TOY_VERSION=2.0.0")
	second, err := Restart(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if second.PID == first.PID || second.Version != "2.0.0" {
		t.Errorf("before %+v, after %+v", first, second)
	}
	within(t, "the old process to be gone", func() bool { return !alive(first.PID) })
}

// TestStartsAndRestartsAtOnceWaitForEachOther: one start makes the receiver and the others find it; every restart
// replaces the one before, and none fails because of another.
func TestStartsAndRestartsAtOnceWaitForEachOther(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	const n = 3
	atOnce := func(do func(context.Context, Config) (Status, error)) (pids []int, failed []error) {
		var group sync.WaitGroup
		var mu sync.Mutex
		for range n {
			group.Go(func() {
				st, err := do(t.Context(), cfg)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = append(failed, err)
				}
				pids = append(pids, st.PID)
			})
		}
		group.Wait()
		slices.Sort(pids)
		return slices.Compact(pids), failed
	}
	pids, failed := atOnce(Start)
	if len(pids) != 1 || len(failed) != n-1 {
		t.Errorf("started as %v; %v", pids, failed)
	}
	for _, err := range failed {
		var running *RunningError
		if !errors.As(err, &running) {
			t.Errorf("a start beside another: %v", err)
		}
	}
	if pids, failed = atOnce(Restart); len(pids) != n || failed != nil {
		t.Errorf("restarted as %v; %v", pids, failed)
	}
}

func TestOutputOfACrashIsKeptInTheLog(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "crash")
	if _, err := Start(t.Context(), cfg); err == nil {
		t.Fatal("it started")
	}
	cfg = toyConfigIn(t, cfg.Home, "serve")
	if _, err := Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(LogFile(cfg.Home))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "panic: out of luck") {
		t.Errorf("the log lacks the crash: %q", log)
	}
}

func TestWordsOfAFailedStart(t *testing.T) {
	tests := map[string]struct{ text, message, hint string }{
		"message and hint":  {"hookctl: no secret\nhint: run hookctl setup\n", "no secret", "run hookctl setup"},
		"crash":             {"starting\npanic: runtime error\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: runtime error", ""},
		"terminal commands": {"error: \x1b[31mbad\u202e name\x07\r\n", "bad name", ""},
		"only the end":      {"1\n2\n3\n4\n5\n6\n", "2\n3\n4\n5\n6", ""},
		"nothing":           {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			message, hint := words(tt.text)
			if message != tt.message || hint != tt.hint {
				t.Errorf("got %q, %q; want %q, %q", message, hint, tt.message, tt.hint)
			}
		})
	}
}

func FuzzWords(f *testing.F) {
	f.Add("hookctl: no secret\nhint: run hookctl setup\n")
	f.Add("\x1b]0;title\x07\xff\u2028")
	f.Fuzz(func(t *testing.T, text string) {
		message, hint := words(text)
		for _, r := range message + hint {
			if r != '\n' && r < ' ' || r == 0x7f || r == 0x9b {
				t.Fatalf("control character %q in %q, %q", r, message, hint)
			}
		}
	})
}
