package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"
)

// upkeepInterval is how often a receiver looks whether its lock file and control socket are still there. Programs that
// clean temporary directories remove old files, also those in use.
const upkeepInterval = 2 * time.Second

// door is the control socket that is being served.
type door struct {
	srv  *http.Server
	ln   *net.UnixListener
	file os.FileInfo // the socket's file as it was created
	done chan error  // what serving it ended with
}

// openDoor opens the control socket and serves it.
func (i *Instance) openDoor(ctx context.Context, srv *http.Server) (*door, error) {
	path, err := makeSocketFile(i.home)
	if err != nil {
		return nil, err
	}
	// The lock is ours, so a socket that is there was left by a receiver that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the stale control socket: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, full(i.home, fmt.Errorf("open the control socket: %w", err))
	}
	ln, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("open the control socket: it is a %T", l), l.Close())
	}
	err = os.Chmod(path, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("protect the control socket: %w", err), ln.Close())
	}
	d := &door{srv: srv, ln: ln, done: make(chan error, 1)}
	if d.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("look at the control socket: %w", err), ln.Close())
	}
	done := d.done
	go func() { done <- srv.Serve(ln) }()
	return d, nil
}

// repair creates the run directory again, and in it the lock, the PID file and the control socket, where they were
// removed or replaced while the receiver runs.
func (i *Instance) repair(ctx context.Context, d *door) error {
	gone, err := socketGone(i.home)
	if err != nil {
		return err
	}
	if gone { // before the lock: who finds the lock expects an answer
		if err := i.reopen(ctx, d); err != nil {
			return err
		}
	}
	locked, err := i.relock()
	if err != nil || !locked {
		return err // A successor has the new lock file, and what socket is there is not ours to remove.
	}
	path, err := SocketFile(i.home)
	if err != nil {
		return err
	}
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, d.file) {
		return nil
	}
	return i.reopen(ctx, d)
}

// socketGone reports whether there is no control socket.
func socketGone(home string) (bool, error) {
	path, err := SocketFile(home)
	if err == nil {
		_, err = os.Lstat(path)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotRunning) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the control socket: %w", err)
	}
	return false, nil
}

// reopen puts a new control socket in the place of the one that was removed.
func (i *Instance) reopen(ctx context.Context, d *door) error {
	if err := makeRun(i.home); err != nil {
		return err
	}
	next, err := i.openDoor(ctx, d.srv)
	if err != nil {
		return err
	}
	old := *d
	*d = *next
	old.ln.SetUnlinkOnClose(false) // the path belongs to the new one
	err = old.ln.Close()
	<-old.done //nolint:errcheck // It was closed just now, which is what it says.
	if err != nil {
		return fmt.Errorf("close the control socket that was removed: %w", err)
	}
	fmt.Fprintln(os.Stderr, "the run directory was removed; the receiver created its files again")
	return nil
}

// lockGone reports whether the lock file is no longer the one that this receiver has locked.
func (i *Instance) lockGone() (bool, error) {
	ours, err := i.lock.Stat()
	if err != nil {
		return false, fmt.Errorf("look at the lock: %w", err)
	}
	now, err := os.Stat(lockFile(i.home))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock: %w", err)
	}
	return !os.SameFile(ours, now), nil
}

// relock locks the file that stands in the place of a lock file that was removed, and reports whether the lock file is
// this receiver's. Where a successor has it, that one waits for this receiver to finish, and the lock on the removed file
// shows that it has not.
func (i *Instance) relock() (bool, error) {
	gone, err := i.lockGone()
	if err != nil || !gone {
		return !gone, err
	}
	if err := makeRun(i.home); err != nil {
		return false, err
	}
	next := newFlock(i.home)
	ok, err := next.TryLock()
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", next.Path(), err)
	}
	if !ok {
		return false, nil
	}
	old := i.lock
	i.lock = next
	return true, errors.Join(writePID(i.home), old.Close())
}
