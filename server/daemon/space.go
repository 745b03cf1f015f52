package daemon

import (
	"errors"
	"syscall"
)

// NoSpace reports whether a write failed because the disk, or the user's share of it, is full.
func NoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errDiskFull)
}

// full adds the fix to err where it is about space.
func full(home string, err error) error {
	if !NoSpace(err) {
		return err
	}
	return &hinted{err, "free space on the disk of " + home + "; see how much is left with: df -h " + home}
}
