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
)

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
	message := []string{}
	for _, part := range parts(err) {
		message = append(message, text.Clean(strings.TrimSpace(strings.ReplaceAll(part.Error(), "\n", " "))))
	}
	if len(message) == 0 {
		message = []string{"not everything succeeded"}
	}
	f := hooks.Failure{Error: strings.Join(message, "; "), Hint: text.Clean(hooks.CureOf(err))}
	if f.Hint == "" { // an error of several parts has the hint of the first that has one
		for _, part := range parts(err) {
			if f.Hint = text.Clean(hooks.CureOf(part)); f.Hint != "" {
				break
			}
		}
	}
	f.Code = codeOf(err)
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
	writeFailure(p.err, failureOf(err))
}

func writeFailure(w io.Writer, f hooks.Failure) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(f); err != nil {
		fmt.Fprintln(w, "error: "+f.Error)
	}
}

// wantsJSON reports whether a command line asks for JSON, also where a mistake kept its flags from being read.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if f := cmd.Flags().Lookup("json"); f != nil && f.Changed {
		return f.Value.String() == "true"
	}
	before, _, _ := strings.Cut(strings.Join(args, "\x00")+"\x00", "\x00--\x00")
	return strings.Contains("\x00"+before+"\x00", "\x00--json\x00")
}
