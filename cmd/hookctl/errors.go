package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/line"
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
var errCancelled = line.ErrCancelled

// usageError is a mistake in how the program was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error { return &usageError{err} }

// hint adds to err what a person can do about it, see hooks.WithCure.
func hint(err error, cure string) error { return hooks.WithCure(err, cure) }

// exitCode is what the process ends with after err.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, new(*usageError)), errors.As(err, new(*settings.ValueError)), errors.Is(err, errCancelled), errors.Is(err, context.Canceled):
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

// errorCode is a kind of failure, by the word that programs know it by. The words stay when messages change.
type errorCode struct {
	code, when string
	is         func(error) bool
}

// failedCode is what is left.
const failedCode = "failed"

// errorCodes are all codes, in the order in which an error is asked for them. The man page lists them.
func errorCodes() []errorCode {
	one := func(kinds ...error) func(error) bool {
		return func(err error) bool {
			return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
		}
	}
	return []errorCode{
		{"cancelled", "interrupted, or not agreed to", one(errCancelled, context.Canceled)},
		{"usage", "wrong usage: a command, a flag, an argument or a variable", func(err error) bool {
			return errors.As(err, new(*usageError)) || errors.As(err, new(*settings.ValueError)) || errors.As(err, new(*logs.FilterError))
		}},
		{"time_up", "too little arrived in time", one(errTimeUp)},
		{"incomplete", "part of it failed; the output says what", one(errReported)},
		{"settings", "a mistake in hookctl.yaml", func(err error) bool { return errors.As(err, new(*settings.FileError)) }},
		{"permissions", "a file with secrets is open to other users", func(err error) bool { return errors.As(err, new(*secret.PermissionError)) }},
		{"not_logged_in", "not logged in to GitHub", one(hooks.ErrNotLoggedIn)},
		{"forbidden", "GitHub does not allow it: a scope, a role, single sign-on or a rule is missing", one(hooks.ErrScope, hooks.ErrNotAdmin, hooks.ErrSSO, hooks.ErrForbidden, hooks.ErrArchived)},
		{"rate_limited", "GitHub's rate limit is used up", one(hooks.ErrRateLimited)},
		{"unreachable", "no answer from GitHub", one(hooks.ErrUnreachable)},
		{"unfinished", "a rotation is not finished", one(hooks.ErrUnfinished)},
		{"conflict", "the hook exists already, or there are too many", one(hooks.ErrExists, hooks.ErrHookLimit)},
		{"bad_url", "GitHub does not accept the URL", one(hooks.ErrURLRefused)},
		{"not_found", "no such record, hook, repository or key", func(err error) bool {
			return errors.As(err, new(*tasks.UnknownKeyError)) || one(hooks.ErrNotFound, logs.ErrNotFound, logs.ErrEmpty)(err)
		}},
		{"not_running", "the receiver is not running", one(daemon.ErrNotRunning)},
		{"not_answering", "the receiver runs, but does not answer", func(err error) bool { return errors.As(err, new(*daemon.UnresponsiveError)) }},
		{"busy", "another process has the log, or too much waits for the disk", one(logs.ErrLocked, logs.ErrBusy)},
		{"disk_full", "no space left for the log", one(logs.ErrFull)},
		{failedCode, "anything else", func(error) bool { return false }},
	}
}

// failureOf is an error as programs read it.
func failureOf(err error) hooks.Failure {
	var messages []string
	f := hooks.Failure{Hint: text.Clean(hooks.CureOf(err)), Code: codeOf(err)}
	for _, part := range parts(err) {
		messages = append(messages, text.Clean(strings.TrimSpace(strings.ReplaceAll(part.Error(), "\n", " "))))
		f.Hint = cmp.Or(f.Hint, text.Clean(hooks.CureOf(part))) // of several parts, that of the first that has one
	}
	f.Error = cmp.Or(strings.Join(messages, "; "), "not everything succeeded")
	return f
}

// codeOf is the word for the kind of an error, also of one that the receiver reported.
func codeOf(err error) string {
	for _, c := range errorCodes() {
		if c.is(err) {
			return c.code
		}
	}
	return cmp.Or(hooks.CodeOf(err), failedCode)
}

// report writes why a command failed: as JSON in one line where the command was asked for JSON, else for people.
func (p *program) report(err error) {
	if err == nil || err == errStopped { //nolint:errorlint // As in parts.
		return
	}
	if !p.jsonErrors || errors.Is(err, errFields) {
		reportError(p.err, err)
		return
	}
	encoder := json.NewEncoder(p.err)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(failureOf(err)) // three texts always encode
}

// wantsJSON reports whether a command line asks for JSON, also where a mistake kept its flags from being read.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if f := cmd.Flags().Lookup("json"); f != nil && f.Changed {
		return f.Value.String() == "true"
	}
	before, _, _ := strings.Cut(strings.Join(args, "\x00")+"\x00", "\x00--\x00")
	return strings.Contains("\x00"+before+"\x00", "\x00--json\x00")
}
