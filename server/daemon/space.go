package daemon

import (
	"errors"
	"syscall"
)

// noSpace reports whether a write failed because the disk, or the user's share of it, is full.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errDiskFull)
}

// fullError is a failure for want of space, with its fix.
type fullError struct {
	home string
	err  error
}

func (e *fullError) Error() string { return e.err.Error() }

// Unwrap gives the failure itself.
func (e *fullError) Unwrap() error { return e.err }

// Hint is what to do about it.
func (e *fullError) Hint() string {
	return "free space on the disk of " + e.home + "; see how much is left with: df -h " + e.home
}

// full adds the fix to err where it is about space.
func full(home string, err error) error {
	if !noSpace(err) {
		return err
	}
	return &fullError{home, err}
}
