package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// pollInterval is the pace at which locks and sockets of other processes are looked at; neither can be waited for.
const pollInterval = 15 * time.Millisecond

// Instance is the one receiver of a home: it holds the lock until Close.
type Instance struct {
	home  string
	lock  *flock.Flock
	since time.Time

	mu        sync.Mutex
	inherited []net.Listener // from the old receiver or systemd, not yet asked for
	listeners []*Listener    // given out by Listen
	stopping  bool
}

// Lock makes this process the receiver of cfg.Home, or fails with *RunningError. A process that Restart started
// takes the listening sockets of the running receiver over and waits until that one is done.
func Lock(cfg Config) (*Instance, error) {
	if err := makeRun(cfg.Home); err != nil {
		return nil, err
	}
	i := &Instance{home: cfg.Home, lock: newFlock(cfg.Home), since: time.Now()}
	if err := i.acquire(cfg); err != nil {
		return nil, err
	}
	if err := os.WriteFile(pidFile(cfg.Home), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the pid file: %w", err), i.Close())
	}
	return i, nil
}

func newFlock(home string) *flock.Flock {
	return flock.New(lockFile(home), flock.SetPermissions(0o600))
}

// acquire gets the flock. It tries for a moment where nobody answers on the socket, because a probe by another
// command holds the lock for an instant too.
func (i *Instance) acquire(cfg Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for {
		ok, err := i.lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock %s: %w", i.lock.Path(), err)
		}
		if ok {
			return nil
		}
		st, err := Dial(cfg.Home).Status(ctx)
		if err == nil {
			return &RunningError{PID: st.PID, Address: st.Address}
		}
		select {
		case <-ctx.Done():
			return &RunningError{PID: readPID(cfg.Home)}
		case <-time.After(pollInterval):
		}
	}
}

// Close gives the lock up. It is the last thing that a receiver does.
func (i *Instance) Close() error {
	err := os.Remove(pidFile(i.home))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, i.lock.Unlock())
}

// held reports whether some process holds the lock of home. It takes the lock for an instant to find out.
func held(home string) (bool, error) {
	if _, err := os.Stat(lockFile(home)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	probe := newFlock(home)
	ok, err := probe.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of %s: %w", home, err)
	}
	if !ok {
		return true, nil
	}
	return false, probe.Unlock()
}

// readPID is the process that wrote the PID file, 0 where there is none.
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
