package daemon

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// hinted is an error with its fix.
type hinted struct {
	error
	hint string
}

// Unwrap gives the error without the fix.
func (e *hinted) Unwrap() error { return e.error }

// Hint is what to do about it.
func (e *hinted) Hint() string { return e.hint }

// ErrNotRunning says that no receiver holds the lock of this home.
var ErrNotRunning error = &hinted{errors.New("the receiver is not running"), "start it with: hookctl start"}

// RunningError says that another process is the receiver of this home.
type RunningError struct {
	PID     int    // 0 where it could not be learned
	Address string // where it listens; empty where it does not answer
}

// Error names the other receiver.
func (e *RunningError) Error() string {
	const text = "a receiver is already running for this home"
	switch {
	case e.PID == 0:
		return text
	case e.Address == "":
		return fmt.Sprintf("%s (pid %d, which does not answer yet)", text, e.PID)
	}
	return fmt.Sprintf("%s (pid %d, on %s)", text, e.PID, e.Address)
}

// Hint is what to run.
func (e *RunningError) Hint() string {
	return "see it with: hookctl status; replace it with: hookctl restart; end it with: hookctl stop"
}

// UnresponsiveError says that a process is the receiver of this home and does not answer on its control socket.
type UnresponsiveError struct {
	PID       int  // 0 where it is not known
	Suspended bool // it was stopped by a signal (SIGSTOP), or a debugger holds it
	Removed   bool // the files of its run directory were removed, so nobody can ask it
	Err       error
}

// Error names the process and what is known of its state.
func (e *UnresponsiveError) Error() string {
	text := "the receiver"
	if e.PID > 0 {
		text = fmt.Sprintf("the receiver (pid %d)", e.PID)
	}
	switch {
	case e.Suspended:
		return text + " is suspended by a signal (SIGSTOP) and does not answer"
	case e.Removed:
		return text + " is running, but the files that it is controlled with were removed"
	}
	return text + " holds the lock of this home but does not answer; it may be stuck"
}

// Unwrap gives what asking it ended with.
func (e *UnresponsiveError) Unwrap() error { return e.Err }

// Hint is what to run.
func (e *UnresponsiveError) Hint() string {
	return "replace it with: hookctl restart; or end it with: hookctl stop"
}

// managedError says that a supervisor runs the receiver, and that it cannot be reached from here. Nothing was changed.
func managedError(s Supervisor, verb string) error {
	hint := "use: " + strings.Join(s.Command(verb), " ")
	if s.Name == "" {
		hint = "use the commands of " + s.Kind
	}
	return &hinted{fmt.Errorf("cannot %s the receiver: %s runs it", verb, s), hint}
}

// stuck says that a receiver could not be ended even by force.
func stuck(pid int, detail string) error {
	return &hinted{fmt.Errorf("the receiver (pid %d) does not end: %s", pid, detail), fmt.Sprintf("look at it with: ps -o pid,stat,wchan,cmd -p %d", pid)}
}

// ControlError is an answer of the control socket other than success.
type ControlError struct {
	Op     string // "reload"
	Status int    // HTTP status
	Msg    string
	hint   string
	code   string
}

// Error gives the receiver's own words.
func (e *ControlError) Error() string { return e.Op + ": " + e.Msg }

// Hint is the fix that the receiver sent along; may be empty.
func (e *ControlError) Hint() string { return e.hint }

// Code is the word for its kind that the receiver sent along; may be empty.
func (e *ControlError) Code() string { return e.code }

// hintOf finds the fix in err, whichever package it comes from.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return strings.TrimSpace(h.Hint())
	}
	return ""
}

// orHint adds what to do about err where that does not say so itself.
func orHint(err error, hint string) error {
	if err == nil || hintOf(err) != "" {
		return err
	}
	return &hinted{err, hint}
}

// codeOf finds the word for the kind of err, whichever package it comes from.
func codeOf(err error) string {
	var c interface{ Code() string }
	if errors.As(err, &c) {
		return c.Code()
	}
	return ""
}

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
