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

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// upkeepInterval is how often a receiver looks whether its lock file and control socket are still there. Programs that
// clean temporary directories remove old files, also those in use.
const upkeepInterval = 2 * time.Second

// door is the control socket that is being served.
type door struct {
	ln   *net.UnixListener
	path string
	file os.FileInfo // the socket's file as it was created
	done chan error  // what serving it ended with
}

// openDoor opens the control socket and serves it.
func (i *Instance) openDoor(srv *http.Server) (*door, error) {
	d := &door{path: SocketFile(i.home), done: make(chan error, 1)}
	// The lock is ours, so a socket that is there was left by a receiver that was killed.
	if err := remove(d.path); err != nil {
		return nil, fmt.Errorf("remove the stale control socket: %w", err)
	}
	err := withSocket(i.home, func(path string) (err error) {
		d.ln, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, full(i.home, fmt.Errorf("open the control socket: %w", err))
	}
	d.ln.SetUnlinkOnClose(false) // by then the path may lead elsewhere
	if err = os.Chmod(d.path, 0o600); err == nil {
		d.file, err = os.Lstat(d.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("protect the control socket: %w", err), d.ln.Close())
	}
	go func() { d.done <- srv.Serve(d.ln) }()
	return d, nil
}

// inPlace reports whether the socket's file is still there.
func (d *door) inPlace() bool {
	now, err := os.Lstat(d.path)
	return err == nil && os.SameFile(now, d.file)
}

// repair creates the run directory again, and in it the lock, the PID file and the control socket, where they were
// removed or replaced while the receiver runs. It gives the control socket that is served then.
func (i *Instance) repair(srv *http.Server, d *door) (*door, error) {
	var err error
	if _, gone := os.Lstat(d.path); errors.Is(gone, fs.ErrNotExist) { // before the lock: who finds the lock expects an answer
		if d, err = i.reopen(srv, d); err != nil {
			return d, err
		}
	}
	locked, err := i.relock()
	if err != nil || !locked || d.inPlace() {
		return d, err // Where a successor has the new lock file, what socket is there is not ours to remove.
	}
	return i.reopen(srv, d)
}

// reopen puts a new control socket in the place of the one that was removed.
func (i *Instance) reopen(srv *http.Server, old *door) (*door, error) {
	if err := makeRun(i.home); err != nil {
		return old, err
	}
	next, err := i.openDoor(srv)
	if err != nil {
		return old, err
	}
	err = old.ln.Close()
	<-old.done //nolint:errcheck // It was closed just now, which is what it says.
	if err != nil {
		return next, fmt.Errorf("close the control socket that was removed: %w", err)
	}
	fmt.Fprintln(os.Stderr, "the run directory was removed; the receiver created its files again")
	return next, nil
}

// relock locks the file that stands in the place of a lock file that was removed, and reports whether the lock file is
// this receiver's. Where a successor has it, that one waits for this receiver to finish, and the lock on the removed file
// shows that it has not.
func (i *Instance) relock() (bool, error) {
	ours, err := i.lock.Stat()
	if err != nil {
		return false, fmt.Errorf("look at the lock: %w", err)
	}
	switch now, err := os.Stat(lockFile(i.home)); {
	case err == nil && os.SameFile(ours, now):
		return true, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("look at the lock: %w", err)
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

// watch waits for the end of ctx, or of the control socket, which is an error, and repairs the run directory where
// somebody removed it. It gives the control socket that is served at the end. Under systemd (Type=notify, WatchdogSec=) it says READY, and then shows at half the watchdog's
// interval that the receiver can still give its status: one that is locked up cannot, and systemd restarts it.
func (i *Instance) watch(ctx context.Context, c Control, srv *http.Server, d *door) (*door, error) {
	if _, err := sd.SdNotify(false, sd.SdNotifyReady); err != nil {
		return d, fmt.Errorf("notify systemd that the receiver is ready: %w", err)
	}
	upkeep, problem := time.Tick(upkeepInterval), ""
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		return d, fmt.Errorf("read systemd's watchdog interval: %w", err)
	}
	tick := time.Tick(interval / 2) // nil, which never comes, without a watchdog
	for {
		select {
		case err := <-d.done:
			return d, fmt.Errorf("serve the control socket: %w", err)
		case <-ctx.Done():
			return d, nil
		case <-upkeep:
			if d, err = i.repair(srv, d); err == nil {
				problem = ""
			} else if text := err.Error(); text != problem { // once, and not every other second
				problem = text
				fmt.Fprintln(os.Stderr, "repair the run directory:", err)
			}
		case <-tick:
			i.status(c)
			i.notify(sd.SdNotifyWatchdog)
		}
	}
}

// notify reports a state to systemd where that listens. A failure goes to stderr, which is systemd's journal: the
// receiver goes on, and systemd acts on the silence.
func (i *Instance) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		fmt.Fprintf(os.Stderr, "notify systemd %s: %v\n", state, err)
	}
}
