package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

// Held reports whether some process holds the lock of home, and which one where that is known: a receiver that runs, or
// one that starts, stops or hangs and does not answer.
func Held(home string) (pid int, locked bool, err error) {
	locked, err = held(home)
	if locked {
		pid = holder(home)
	}
	return pid, locked, err
}

// CheckAddress tries whether a receiver could listen on address, and names who has the port where the system
// says so.
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
	if err != nil {
		return "", fmt.Errorf("remove the stale socket: %w", err)
	}
	if !ok {
		return "", nil
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		path, err = "", nil
	}
	if err := errors.Join(err, lock.Unlock()); err != nil {
		return "", fmt.Errorf("remove the stale socket: %w", err)
	}
	return path, nil
}
