//go:build unix

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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

// canHandOver says that listening sockets can be passed to another process here.
const canHandOver = true

// maxHanded bounds how many sockets are passed on; there is one per address.
const maxHanded = 16

const (
	handoverRequest = "POST /handover HTTP/1.1\r\nHost: receiver\r\nContent-Length: 0\r\n\r\n"
	handoverAnswer  = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: listeners\r\n\r\n"
	handoverTaken   = "taken\n"
)

// takeOver asks the running receiver for its listening sockets. Once it has them, that receiver stops accepting and
// finishes. Nothing changes for it where this fails.
func takeOver(ctx context.Context, home string) ([]inherited, error) {
	conn, err := dialSocket(ctx, home)
	if err != nil {
		return nil, Dial(home).explain("handover", err)
	}
	defer conn.Close() //nolint:errcheck // its work is done by then
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("handover: %w", err)
		}
	}
	if _, err := conn.Write([]byte(handoverRequest)); err != nil {
		return nil, Dial(home).explain("handover", err)
	}
	// The sockets come along with the first byte of the answer; a plain Read would lose them.
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("handover: the control socket is a %T", conn)
	}
	head, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*maxHanded))
	n, oobn, _, _, err := uc.ReadMsgUnix(head, oob)
	if err != nil {
		return nil, Dial(home).explain("handover", err)
	}
	if oobn == 0 {
		status, _, _ := strings.Cut(string(head[:n]), "\r\n")
		return nil, fmt.Errorf("handover: the receiver answered %s", strings.TrimPrefix(status, "HTTP/1.1 "))
	}
	sockets, err := received(oob[:oobn])
	if err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	if _, err := conn.Write([]byte(handoverTaken)); err != nil {
		for _, s := range sockets {
			err = errors.Join(err, s.Close())
		}
		return nil, fmt.Errorf("handover: %w", err)
	}
	return sockets, nil
}

// received turns the descriptors of a message into sockets.
func received(oob []byte) ([]inherited, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read the sockets: %w", err)
	}
	var all []inherited
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, fmt.Errorf("read the sockets: %w", err)
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			f := os.NewFile(uintptr(fd), "listener") //nolint:gosec // descriptors are small and positive
			ln, err := net.FileListener(f)
			if err := errors.Join(err, f.Close()); err != nil {
				return nil, fmt.Errorf("use a socket: %w", err)
			}
			if s, ok := ln.(socket); ok {
				all = append(all, inherited{socket: s})
			}
		}
	}
	return all, nil
}

// handOver passes the listening sockets to the process at the other end, and stops the receiver once that has them.
func (i *Instance) handOver(c Control) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		listeners, ok := i.beginHandover()
		if !ok {
			answer(w, http.StatusConflict, failure{Error: "the receiver is stopping already"})
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			i.endHandover()
			answer(w, http.StatusInternalServerError, failure{Error: err.Error()})
			return
		}
		defer conn.Close() //nolint:errcheck // its work is done by then
		if err := pass(conn, listeners); err != nil {
			i.endHandover()
			fmt.Fprintln(os.Stderr, "the listening socket was not handed over:", err)
			return
		}
		i.Stopping()
		c.Stop()
	}
}

// pass sends the sockets and waits for the word that they were taken.
func pass(conn net.Conn, listeners []*listener) error {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("the control socket is a %T", conn)
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if len(listeners) > maxHanded {
		listeners = listeners[:maxHanded]
	}
	var fds []int
	for _, l := range listeners {
		f, err := l.File()
		if err != nil {
			return fmt.Errorf("copy the socket of %s: %w", l.Addr(), err)
		}
		defer f.Close() //nolint:errcheck // a copy
		// Fd() would make the socket blocking, for us too.
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }) //nolint:gosec // descriptors are small
		}
		if err != nil {
			return fmt.Errorf("copy the socket of %s: %w", l.Addr(), err)
		}
	}
	if _, _, err := uc.WriteMsgUnix([]byte(handoverAnswer), unix.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("send the sockets: %w", err)
	}
	word := make([]byte, len(handoverTaken))
	if n, err := uc.Read(word); err != nil || string(word[:n]) != handoverTaken {
		return errors.Join(fmt.Errorf("the new receiver did not confirm: %q", word[:n]), err)
	}
	return nil
}
