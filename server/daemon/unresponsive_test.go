//go:build linux

package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// suspend stops every thread of a process.
func suspend(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	within(t, "the process to be suspended", func() bool {
		return !slices.ContainsFunc(threads(pid), func(state string) bool { return state != "T" })
	})
}

func TestASuspendedReceiverIsNamedAndReplaced(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	suspend(t, st.PID)
	check := func(what string, err error) {
		t.Helper()
		var silent *UnresponsiveError
		if !errors.As(err, &silent) || silent.PID != st.PID || !silent.Suspended || !strings.Contains(silent.Hint(), "hookctl restart") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = Dial(cfg.Home).Status(t.Context())
	check("status", err)
	_, err = Start(t.Context(), cfg)
	check("start", err)
	next, err := Restart(t.Context(), cfg)
	if err != nil || next.PID == st.PID {
		t.Fatalf("restart: %+v, %v", next, err)
	}
	within(t, "the process to be gone", func() bool { return !alive(st.PID) })
}

// TestRemovedRunDirectory: a program that cleans up removes the directory from under a receiver. It is found, named,
// replaced and stopped, whether it has created the directory again (serve) or cannot (suspended).
func TestRemovedRunDirectory(t *testing.T) {
	for name, then := range map[string]func(*testing.T, Config, Status){
		"status": func(t *testing.T, cfg Config, st Status) {
			if now, err := Dial(cfg.Home).Status(t.Context()); err != nil || now.PID != st.PID || now.Address != st.Address {
				t.Errorf("%+v, %v", now, err)
			}
			if locked, err := held(cfg.Home); err != nil || !locked || holder(cfg.Home) != st.PID {
				t.Errorf("held by %d: %t, %v", holder(cfg.Home), locked, err)
			}
		},
		"start": func(t *testing.T, cfg Config, st Status) {
			var running *RunningError
			if _, err := Start(t.Context(), cfg); !errors.As(err, &running) || running.PID != st.PID {
				t.Errorf("got %v", err)
			}
		},
		"serve": func(t *testing.T, cfg Config, st Status) {
			var running *RunningError
			if _, err := Lock(Config{Home: cfg.Home}); !errors.As(err, &running) || running.PID != st.PID {
				t.Errorf("got %v", err)
			}
		},
		"stop": func(t *testing.T, cfg Config, st Status) {
			if err := Stop(t.Context(), cfg); err != nil {
				t.Error(err)
			}
			within(t, "the process to be gone", func() bool { return !alive(st.PID) })
		},
		"restart": func(t *testing.T, cfg Config, st Status) {
			next, err := Restart(t.Context(), cfg)
			if err != nil || next.PID == st.PID {
				t.Errorf("%+v, %v", next, err)
			}
			within(t, "the process to be gone", func() bool { return !alive(st.PID) })
		},
		"restart, suspended": func(t *testing.T, cfg Config, st Status) {
			_, err := Dial(cfg.Home).Status(t.Context())
			var silent *UnresponsiveError
			if !errors.As(err, &silent) || silent.PID != st.PID || !silent.Removed {
				t.Errorf("status: %v", err)
			}
			next, err := Restart(t.Context(), cfg)
			if err != nil || next.PID == st.PID {
				t.Errorf("%+v, %v", next, err)
			}
		},
		"log": func(t *testing.T, cfg Config, st Status) {
			for _, path := range []string{lockFile(cfg.Home), pidFile(cfg.Home), SocketFile(cfg.Home)} {
				within(t, path+" to be there again", func() bool {
					_, err := os.Stat(path)
					return err == nil
				})
			}
			if info, err := os.Stat(filepath.Join(cfg.Home, "run")); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the directory: %v, %v", info, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := toyConfig(t, "serve")
			st, err := Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(name, "suspended") { // or it would repair the directory
				suspend(t, st.PID)
			}
			if err := os.RemoveAll(filepath.Join(cfg.Home, "run")); err != nil {
				t.Fatal(err)
			}
			then(t, cfg, st)
		})
	}
}

func TestRemovedLogIsCreatedAgain(t *testing.T) {
	home := shortDirT(t)
	log, err := OpenLog(home)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := log.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(LogFile(home)); err != nil || string(text) != line {
			t.Errorf("the log holds %q, %v", text, err)
		}
		if err := os.RemoveAll(filepath.Join(home, "run")); err != nil {
			t.Fatal(err)
		}
		log.(*receiverLog).looked = time.Time{} // some seconds later
	}
}
