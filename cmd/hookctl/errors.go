package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// Exit codes, as gh has them.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2 // wrong usage, or cancelled
	exitStopped   = 3 // status: the receiver does not run
	exitNotLogged = 4
	exitTimeUp    = 5 // events wait: nothing matched in time
	exitRed       = 5 // ci --red: something fails
)

// errReported ends a command with exit code 1 after the failures have been printed.
var errReported = errors.New("failed")

// errStopped ends `status` where the receiver does not run, after the status has been printed.
var errStopped = errors.New("the receiver is not running")

// errRed ends `ci --red` where something fails, after it has been printed.
var errRed = errors.New("CI fails")

// errTimeUp ends `events wait` where too little arrived in time.
var errTimeUp = errors.New("the time is up")

// errCancelled means that a person answered no.
var errCancelled = errors.New("cancelled")

// usageError is a mistake in how the program was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error { return &usageError{err} }

// hint adds to err what a person can do about it, see hooks.WithCure.
func hint(err error, cure string) error { return hooks.WithCure(err, cure) }

// exitCode is what the process ends with after err.
func exitCode(err error) int {
	var wrong *usageError
	var value *settings.ValueError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong), errors.As(err, &value), errors.Is(err, errCancelled), errors.Is(err, context.Canceled):
		return exitUsage
	case err == errStopped: //nolint:errorlint // Joined with another error, it is a failure.
		return exitStopped
	case err == errRed: //nolint:errorlint // Joined with another error, it is a failure.
		return exitRed
	case errors.Is(err, hooks.ErrNotLoggedIn), hooks.CodeOf(err) == "not_logged_in":
		return exitNotLogged
	case errors.Is(err, errTimeUp):
		return exitTimeUp
	default:
		return exitFailed
	}
}

// reportError writes an error as every command does: `error: …`, then `hint: …` where something can be done. Joined
// errors are printed one by one, each with its own hint. An error may quote text from outside, so it is cleaned.
func reportError(w io.Writer, err error) {
	list := parts(err)
	for i, err := range list {
		if errors.Is(err, errCancelled) || errors.Is(err, context.Canceled) {
			fmt.Fprintln(w, "cancelled")
			continue
		}
		lead := "error: "
		for line := range strings.Lines(strings.TrimSpace(err.Error())) {
			fmt.Fprintln(w, lead+text.Clean(strings.TrimRight(line, "\n")))
			lead = "       "
		}
		cure := hooks.CureOf(err)
		if cure == "" && daemon.NoSpace(err) {
			cure = "free space on that disk; see how much is left with: df -h"
		}
		if cure != "" && (i+1 == len(list) || hooks.CureOf(list[i+1]) != cure) {
			fmt.Fprintln(w, "hint: "+text.Clean(cure))
		}
	}
}

// parts takes apart what errors.Join put together, and leaves out what has been printed already.
func parts(err error) []error {
	if err == nil || err == errReported || err == errStopped || err == errRed { //nolint:errorlint // Wrapped, it has a message of its own.
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // Only the outermost is taken apart.
	if !ok {
		return []error{err}
	}
	var list []error
	var texts []string
	for _, part := range joined.Unwrap() {
		list = append(list, parts(part)...)
		texts = append(texts, part.Error())
	}
	if err.Error() != strings.Join(texts, "\n") {
		return []error{err} // It has words of its own, as fmt.Errorf gives it.
	}
	return list
}
