package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// pollInterval is the pace at which locks and sockets of other processes are looked at; neither can be waited for.
const pollInterval = 15 * time.Millisecond

// pause waits until it is time to look again, or ctx ends.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(pollInterval):
	}
}

// Instance is the one receiver of a home: it holds the lock until Close.
type Instance struct {
	home  string
	lock  *flock.Flock
	since time.Time

	supervisor *Supervisor // what runs this process

	restOnce  sync.Once
	mu        sync.Mutex
	inherited []inherited // from the receiver before or systemd, not yet asked for
	listeners []*listener // given out by Listen
	handing   bool        // a new receiver is taking the listeners
	stopping  bool
}

// Lock makes this process the receiver of cfg.Home, or fails with *RunningError. A process that Restart started
// takes the listening sockets of the running receiver over and waits until that one is done; so whatever can be found
// wrong beforehand (settings, the secret) is best found before Lock, while the old receiver is untouched.
//
// The life of a receiver is: Lock, Listen, then open what only one process may have open, then Serve beside the
// server itself. At the end: Stopping (a signal) or Control.Stop (the socket), shut the server down, end Serve, Close.
func Lock(cfg Config) (*Instance, error) {
	if err := makeRun(cfg.Home); err != nil {
		return nil, err
	}
	i := &Instance{home: cfg.Home, lock: newFlock(cfg.Home), since: time.Now(), supervisor: ownOrigin().supervisor()}
	if err := i.acquire(cfg); err != nil {
		return nil, errors.Join(err, i.dropInherited(), i.lock.Unlock())
	}
	if err := writePID(cfg.Home); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// writePID names this process in the PID file. On a full disk the receiver does without.
func writePID(home string) error {
	err := os.WriteFile(pidFile(home), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	if err != nil && !NoSpace(err) {
		return fmt.Errorf("write the pid file: %w", err)
	}
	return nil
}

func newFlock(home string) *flock.Flock {
	return flock.New(lockFile(home), flock.SetPermissions(0o600))
}

// envTakeover asks a process that Restart launched to take over from the running receiver, and for how long it may
// wait for that one to finish.
const envTakeover = "HOOKCTL_TAKEOVER"

// envManager is set by the units and jobs that Service writes, and names them.
const envManager = "HOOKCTL_UNIT"

// acquire gets the flock and the listening sockets that others opened.
func (i *Instance) acquire(cfg Config) error {
	var err error
	if i.inherited, err = fromSystemd(); err != nil {
		return err
	}
	patience := time.Second
	text, succeed := os.LookupEnv(envTakeover)
	if succeed {
		_ = os.Unsetenv(envTakeover) // what a sink starts is no successor
		if patience, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%s: %w", envTakeover, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		ok, err := i.lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock %s: %w", i.lock.Path(), err)
		}
		// A receiver whose lock file was removed still is the receiver, though the lock of the new file is free.
		if ok && len(others(cfg.Home)) == 0 {
			return nil
		}
		if err := i.beside(ctx, cfg, &succeed); err != nil {
			return err
		}
		if pause(ctx); ctx.Err() != nil {
			return &RunningError{PID: holder(cfg.Home)}
		}
	}
}

// beside deals with another process that has the lock. A successor takes its sockets, once, and then waits for it.
// Otherwise it is an error where that process answers as a receiver; where it does not, it may be a mere probe by
// another command, which holds the lock for an instant, or a receiver that is just ending.
func (i *Instance) beside(ctx context.Context, cfg Config, succeed *bool) error {
	switch {
	case *succeed:
		sockets, err := takeOver(ctx, cfg.Home)
		if errors.Is(err, ErrNotRunning) {
			return nil
		}
		*succeed = err != nil
		i.inherited = append(i.inherited, sockets...)
		return err
	case ctx.Err() == nil && len(i.inherited) == 0:
		st, err := Dial(cfg.Home).Status(ctx)
		if err == nil && !st.Stopping {
			return &RunningError{PID: st.PID, Address: st.Address}
		}
	}
	return nil
}

// Close releases the lock. It is the last thing that a receiver does.
func (i *Instance) Close() error {
	var err error
	if readPID(i.home) == os.Getpid() {
		err = os.Remove(pidFile(i.home))
	}
	return errors.Join(err, i.lock.Unlock())
}

// held reports whether some process holds the lock of home, or one whose file was removed since. It takes the lock for
// an instant to find out.
func held(home string) (bool, error) {
	locked, err := lockedInPlace(home)
	if err != nil || locked || len(holders(home)) > 0 {
		return err == nil, err
	}
	return lockedInPlace(home) // a receiver may have repaired its lock file between the two looks
}

// lockRemoved reports whether a receiver runs whose lock file was removed.
func lockRemoved(home string) bool {
	locked, err := lockedInPlace(home)
	return err == nil && !locked && len(holders(home)) > 0
}

func lockedInPlace(home string) (bool, error) {
	if _, err := os.Stat(lockFile(home)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	probe := newFlock(home)
	ok, err := probe.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock of %s: %w", home, err)
	}
	if !ok {
		return true, nil
	}
	return false, probe.Unlock()
}

// others are the processes that hold the lock of home beside this one.
func others(home string) []int {
	return slices.DeleteFunc(holders(home), func(pid int) bool { return pid == os.Getpid() })
}

// holder is the process that holds the lock of home, 0 where that is not known. The system's answer counts; the PID file
// stands in if there is no other.
func holder(home string) int {
	if pids := others(home); len(pids) > 0 {
		return pids[0]
	}
	return readPID(home)
}

// isHolder reports whether the process holds the lock of home, as far as that can be known.
func isHolder(home string, pid int) bool {
	if pids := holders(home); len(pids) > 0 {
		return slices.Contains(pids, pid)
	}
	return readPID(home) == pid
}

// readPID is the process that wrote the PID file, 0 if none.
func readPID(home string) int {
	text, err := os.ReadFile(pidFile(home))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// CheckAddress tries whether a receiver could listen on address, and names who has the port where the system says so.
func CheckAddress(ctx context.Context, address string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return portError(address, err)
	}
	return ln.Close()
}

// StaleSocket gives the path of a control socket that a killed receiver left behind, "" if none. The next
// start removes it by itself.
func StaleSocket(home string) (string, error) {
	path := SocketFile(home)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("look for a stale socket: %w", err)
	}
	locked, err := held(home)
	if err != nil || locked {
		return "", err
	}
	return path, nil
}

// RemoveStaleSocket removes what StaleSocket finds and gives its path. It holds the lock in the meantime, so it never takes
// the socket of a receiver that is just starting.
func RemoveStaleSocket(home string) (string, error) {
	path, err := StaleSocket(home)
	if err != nil || path == "" {
		return "", err
	}
	lock := newFlock(home)
	ok, err := lock.TryLock()
	if ok {
		err = errors.Join(remove(path), lock.Unlock())
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("remove the stale socket: %w", err)
	case !ok:
		return "", nil // of a receiver that is just starting
	}
	return path, nil
}
