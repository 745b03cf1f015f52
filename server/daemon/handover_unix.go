//go:build unix

package daemon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

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
	path, err := SocketFile(home)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
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
		return nil, refusal(head[:n])
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
	if err := moved(uc, sockets); err != nil {
		fmt.Fprintln(os.Stderr, "idle connections of the receiver before are lost:", err)
	}
	return sockets, nil
}

func refusal(head []byte) error {
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		return fmt.Errorf("handover: the receiver's answer is not understood: %w", err)
	}
	if err := res.Body.Close(); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	return &ControlError{Op: "handover", Status: res.StatusCode, Msg: "the receiver answered " + res.Status}
}

// received turns the descriptors of a message into sockets.
func received(oob []byte) ([]inherited, error) {
	files, err := files(oob)
	if err != nil {
		return nil, err
	}
	var all []inherited
	for _, f := range files {
		ln, err := net.FileListener(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("use a socket: %w", err)
		}
		if s, ok := ln.(socket); ok {
			all = append(all, inherited{socket: s})
		}
	}
	return all, nil
}

// files takes the descriptors out of a message.
func files(oob []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	var all []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, fmt.Errorf("read descriptors: %w", err)
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			all = append(all, os.NewFile(uintptr(fd), "handed over")) //nolint:gosec // descriptors are small and positive
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
		for _, l := range listeners {
			l.parking.Store(true)
		}
		i.Stopping()
		if err := move(conn, listeners); err != nil {
			fmt.Fprintln(os.Stderr, "idle connections were not handed over:", err)
		}
		if c.Stop != nil {
			c.Stop()
		}
	}
}

// maxMoved bounds how many descriptors go into one message; Linux takes 253.
const maxMoved = 64

// move sends the parked connections of each listener, in messages of one byte: the number of the listener.
func move(to net.Conn, listeners []*listener) error {
	uc, ok := to.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("the control socket is a %T", to)
	}
	if err := to.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	var errs []error
	for n, l := range listeners[:min(len(listeners), maxHanded)] {
		for batch := range slices.Chunk(l.connections(), maxMoved) {
			errs = append(errs, moveBatch(uc, byte(n), batch)) //nolint:gosec // below maxHanded
		}
	}
	return errors.Join(errs...)
}

func moveBatch(to *net.UnixConn, listener byte, batch []*conn) error {
	var fds []int
	for _, c := range batch {
		f, err := c.leave()
		if err != nil {
			return fmt.Errorf("copy a connection: %w", err)
		}
		if f == nil {
			continue // it is not parked: the server answers it and closes it
		}
		defer c.release()
		defer f.Close() //nolint:errcheck // a copy
		if fds, err = descriptor(fds, f); err != nil {
			return err
		}
	}
	if len(fds) == 0 {
		return nil
	}
	if _, _, err := to.WriteMsgUnix([]byte{listener}, unix.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("send connections: %w", err)
	}
	return nil
}

// descriptor appends that of f. Fd() would make the socket blocking, for its other owner too.
func descriptor(fds []int, f *os.File) ([]int, error) {
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }) //nolint:gosec // descriptors are small
	}
	if err != nil {
		return nil, fmt.Errorf("copy a socket: %w", err)
	}
	return fds, nil
}

// moved receives the idle connections of sockets until the old receiver closes the conversation. What goes wrong here
// costs idle connections and nothing else.
func moved(from *net.UnixConn, sockets []inherited) error {
	listener, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4*maxMoved))
	for {
		n, oobn, _, _, err := from.ReadMsgUnix(listener, oob)
		if errors.Is(err, io.EOF) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take connections over: %w", err)
		}
		files, err := files(oob[:oobn])
		if err != nil {
			return err
		}
		for _, f := range files {
			c, err := net.FileConn(f)
			if err := errors.Join(err, f.Close()); err != nil {
				return fmt.Errorf("use a connection: %w", err)
			}
			if int(listener[0]) >= len(sockets) {
				if err := c.Close(); err != nil {
					return fmt.Errorf("close a connection of no socket: %w", err)
				}
				continue
			}
			s := &sockets[listener[0]]
			s.conns = append(s.conns, c)
		}
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
		if fds, err = descriptor(fds, f); err != nil {
			return err
		}
	}
	if _, _, err := uc.WriteMsgUnix([]byte(handoverAnswer), unix.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("send the sockets: %w", err)
	}
	word := make([]byte, len(handoverTaken))
	if n, err := uc.Read(word); err != nil || string(word[:n]) != handoverTaken {
		return fmt.Errorf("the new receiver did not confirm: %q, %w", word[:n], err)
	}
	return nil
}
