package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// What Windows calls a refused connection and a port in use; package syscall's names are of its own making.
const (
	wsaECONNREFUSED = windows.WSAECONNREFUSED
	wsaECONNRESET   = windows.WSAECONNRESET
	wsaEADDRINUSE   = windows.WSAEADDRINUSE
	errDiskFull     = windows.ERROR_DISK_FULL
)

// detach gives the process no console and its own group, so that closing the window does not end it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP,
		HideWindow:    true,
	}
}

// terminate does nothing: Windows has no signal that asks a process without a console to end. POST /stop is the
// only gentle way there.
func terminate(int) error { return nil }

// wake does nothing: Windows suspends no process by a signal.
func wake(int) error { return nil }

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil // it is gone
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	return nil
}

// canHandOver: Windows has no way to pass a listening socket through a unix socket. A restart frees the port first.
const canHandOver = false

func takeOver(context.Context, string) ([]inherited, error) {
	return nil, errors.New("handover: listening sockets cannot be passed on under Windows")
}

func (i *Instance) handOver(Control) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotImplemented, failure{Error: "listening sockets cannot be passed on under Windows"})
	}
}
