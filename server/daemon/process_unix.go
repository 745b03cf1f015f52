//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
)

// Windows has its own numbers for these; here they equal what is compared anyway.
const (
	wsaECONNREFUSED = syscall.ECONNREFUSED
	wsaECONNRESET   = syscall.ECONNRESET
	wsaEADDRINUSE   = syscall.EADDRINUSE
	errDiskFull     = syscall.ENOSPC
)

// detach gives the process its own session, so that closing the terminal does not end it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

// terminate asks a process to end; kill ends it.
func terminate(pid int) error { return send(pid, syscall.SIGTERM) }

func kill(pid int) error { return send(pid, syscall.SIGKILL) }

// wake lets a process go on that was suspended by a signal.
func wake(pid int) error { return send(pid, syscall.SIGCONT) }

func send(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}
