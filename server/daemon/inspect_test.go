//go:build unix

package daemon

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestWhatIsLeftOfAReceiver(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	if locked, err := held(cfg.Home); locked || err != nil {
		t.Errorf("before the first start: %v, %v", locked, err)
	}
	if path, err := RemoveStaleSocket(cfg.Home); path != "" || err != nil {
		t.Errorf("removed %q, %v", path, err)
	}
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if locked, err := held(cfg.Home); holder(cfg.Home) != st.PID || !locked || err != nil {
		t.Errorf("while it runs: %d, %v, %v", holder(cfg.Home), locked, err)
	}
	if path, err := RemoveStaleSocket(cfg.Home); path != "" || err != nil {
		t.Errorf("removed the socket of a running receiver: %q, %v", path, err)
	}
	if err := CheckAddress(t.Context(), st.Address); err == nil || !strings.Contains(err.Error(), "cannot listen on "+st.Address) || hintOf(err) == "" {
		t.Errorf("its address is free: %v", err)
	}
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, "the lock to be dropped", func() bool {
		locked, err := held(cfg.Home)
		return err == nil && !locked
	})
	if path, err := StaleSocket(cfg.Home); path != SocketFile(cfg.Home) || err != nil {
		t.Errorf("stale socket %q, %v", path, err)
	}
	if path, err := RemoveStaleSocket(cfg.Home); path != SocketFile(cfg.Home) || err != nil {
		t.Errorf("removed %q, %v", path, err)
	}
	if _, err := os.Lstat(SocketFile(cfg.Home)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if err := CheckAddress(t.Context(), "127.0.0.1:0"); err != nil {
		t.Errorf("a free address: %v", err)
	}
}

// Whether no receiver runs is cheap to find out again, and one that starts is not passed over.
func TestAbsent(t *testing.T) {
	t.Parallel()
	cfg := toyConfig(t, "serve")
	c := Dial(cfg.Home)
	if !c.Absent(t.Context()) {
		t.Error("nothing was started, and it is not absent")
	}
	if _, err := Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if c.Absent(t.Context()) {
		t.Error("it runs, and is absent")
	}
	if err := os.Remove(SocketFile(cfg.Home)); err != nil {
		t.Fatal(err)
	}
	if c.Absent(t.Context()) {
		t.Error("it holds the lock, and is absent")
	}
}
