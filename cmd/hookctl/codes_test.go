package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// TestFailuresHaveDocumentedCodes gives each code an error of its kind, and looks for it in the man page.
func TestFailuresHaveDocumentedCodes(t *testing.T) {
	t.Parallel()
	kinds := map[string]error{
		"cancelled": context.Canceled, "usage": usage(errors.New("x")), "time_up": errTimeUp, "incomplete": errReported,
		"settings": &settings.FileError{Err: errors.New("x")}, "permissions": &secret.PermissionError{Path: "x"}, "not_logged_in": hooks.ErrNotLoggedIn,
		"forbidden": hooks.ErrScope, "rate_limited": hooks.ErrRateLimited, "unreachable": hooks.ErrUnreachable, "unfinished": hooks.ErrUnfinished,
		"conflict": hooks.ErrExists, "bad_url": hooks.ErrURLRefused, "not_found": logs.ErrNotFound, "not_running": daemon.ErrNotRunning,
		"not_answering": &daemon.UnresponsiveError{Err: io.EOF}, "busy": logs.ErrLocked, "disk_full": logs.ErrFull, "failed": errors.New("x"),
	}
	page := unescapeRoff(string(manPage(quietRoot(noEnvironment), time.Time{})))
	for _, c := range errorCodes() {
		kind := kinds[c.code]
		if kind == nil {
			t.Errorf("%s: no error has this code", c.code)
			continue
		}
		if got := failureOf(fmt.Errorf("do something: %w", kind)).Code; got != c.code && c.code != "incomplete" {
			t.Errorf("%v has the code %s, want %s", kind, got, c.code)
		}
		if !strings.Contains(page, "\n.B "+c.code+"\n") {
			t.Errorf("the man page does not have %s", c.code)
		}
	}
}

func TestFailureOfSeveralErrorsIsOneLineWithTheFirstHint(t *testing.T) {
	t.Parallel()
	got := failureOf(errors.Join(errors.New("one\nline\x1b[31m"), hint(errors.New("two"), "run: this"), errReported))
	want := hooks.Failure{Error: "one line; two", Hint: "run: this", Code: "incomplete"}
	if got != want {
		t.Errorf("%+v", got)
	}
}

func TestErrorsOfTheReceiverKeepTheirCode(t *testing.T) {
	t.Parallel()
	failure := hooks.WithCode(hooks.WithCure(errors.New("not logged in"), "gh auth login"), "not_logged_in")
	got := failureOf(fmt.Errorf("ask the receiver: %w", failure))
	if want := (hooks.Failure{Error: "ask the receiver: not logged in", Hint: "gh auth login", Code: "not_logged_in"}); got != want {
		t.Errorf("%+v", got)
	}
	if code := exitCode(failure); code != exitNotLogged {
		t.Errorf("exit code %d", code)
	}
}

func TestErrorsAreJSONWhereJSONIsAskedFor(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"events view nothing --json": true, "events list --json --nonsense": true, "nonsense --json": true, "events view nothing": false,
		"events view nothing --json=false": false, "events view -- --json": false, "events view nothing --jq .": false,
	} {
		var errOut strings.Builder
		p := &program{in: os.Stdin, out: io.Discard, err: &errOut, environ: environment{"HOOKCTL_HOME": t.TempDir()}.get}
		root, args := newRoot(p), strings.Fields(line)
		root.SetArgs(args)
		cmd, err := root.ExecuteC()
		p.jsonErrors = wantsJSON(cmd, args)
		p.report(err)
		var failure hooks.Failure
		isJSON := json.Unmarshal([]byte(errOut.String()), &failure) == nil && failure.Code != "" && failure.Error != ""
		if err == nil || isJSON != want {
			t.Errorf("%s: %v printed %q", line, err, errOut.String())
		}
	}
}
