//go:build unix

package receiver

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"hookctl/hooks"
	"hookctl/server/daemon"
	"hookctl/tui/kittest"
)

// A receiver that was suspended is named as that, start is off with the reason,
// and restart replaces it.
func TestSuspendedReceiverIsReplaced(t *testing.T) {
	r := kittest.NewRig(t)
	if err := r.Cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	old := r.Receive()
	a := kittest.NewWorld(t, *r.Cfg)
	p := New(a.Shell, Config{Home: r.Cfg.Home, Daemon: r.Cfg.Daemon, Receiver: &a.Status, Poll: a.Poll})
	a.Put(p)
	r.Model = a
	r.Start()
	r.Press("4")
	r.Until("the receiver", a.Status.OK)
	if err := syscall.Kill(old.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(old.PID, syscall.SIGKILL) }) // where the test fails
	r.Shows("is suspended by a signal (SIGSTOP)")
	r.Shows("press b to replace it")
	r.Press("s")
	r.Shows("b replaces it")
	r.Press("b")
	r.Shows("the receiver was restarted")
	r.Until("another receiver", func() bool { return a.Status.OK() && a.Status.Value.PID != old.PID })
}

// A receiver that a supervisor runs is named as its, and so is what stops it.
func TestSupervisedReceiverIsNamed(t *testing.T) {
	s := receiving(t, 120, 40)
	status := kittest.RunningStatus()
	status.Supervisor = &daemon.Supervisor{Kind: daemon.KindPM2, Name: "hooks"}
	s.Send(kittest.Says(status, nil))
	s.Press("4")
	s.Shows("by pm2 (hooks)")
	s.Press("t")
	s.Shows("pm2 (hooks) runs it", "pm2 stop hooks")
	s.Press("esc")
	s.receiver.cfg.Daemon.Home = t.TempDir()
	s.receiver.busy = ""
	s.Settle(s.receiver.control("restarting", "restarted", func(context.Context, daemon.Config) error {
		return hooks.WithCure(errors.New("cannot restart the receiver: docker (c1) runs it"), "use: docker restart c1")
	}))
	s.Shows("cannot restart the receiver: docker (c1) runs it", "docker restart c1")
}
