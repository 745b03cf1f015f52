package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ServiceError is a failure of systemctl, launchctl or another supervisor's command.
type ServiceError struct {
	Op  string
	Err error

	hint string
}

// Error says what was tried and what came of it.
func (e *ServiceError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ServiceError) Unwrap() error { return e.Err }

// Hint is what to run to learn more.
func (e *ServiceError) Hint() string { return e.hint }

// control runs systemctl, launchctl or another supervisor's command, and gives what it printed.
func control(ctx context.Context, program string, args ...string) (string, error) {
	return controlIn(ctx, nil, program, args...)
}

// controlIn is control with more in the environment.
func controlIn(ctx context.Context, env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // a fixed name, no shell
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = printable(line); line != "" {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "\n")
	if err == nil {
		return text, nil
	}
	e := &ServiceError{Op: program + " " + strings.Join(args, " "), Err: err}
	if text != "" {
		e.Err = fmt.Errorf("%s (%w)", text, err)
	}
	if strings.Contains(text, "connect to bus") {
		e.hint = "this user has no session here: log in as the user instead of su or sudo, or install for the machine: hookctl service install --system"
	}
	if errors.Is(err, exec.ErrNotFound) {
		e.hint = "this system has no " + program + ": run the receiver with hookctl start"
	}
	return text, e
}

// awaitManaged waits until a receiver other than the process old answers, and gives its status.
func awaitManaged(ctx context.Context, home string, old int, limit time.Duration) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := Dial(home)
	for ctx.Err() == nil {
		st, err := client.Status(ctx)
		if err == nil && st.PID != old && !st.Stopping {
			return st, nil
		}
		pause(ctx)
	}
	return Status{}, fmt.Errorf("the receiver did not answer within %s", limit)
}

// through lets the service manager do something, where a service of cfg.Home is installed. It reports false if
// none exists.
func through(cfg Config, do func(manager, Service) error) (bool, error) {
	s, err := Installed(cfg.Home)
	if errors.Is(err, ErrNoService) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m, err := s.manager()
	if err != nil {
		return false, err
	}
	if len(cfg.Args) > 0 && !slices.Equal(cfg.Args, s.args()) {
		cfg.notice("%s runs the receiver as it was installed (%s); other arguments do not apply to it", m.unit(s), strings.Join(s.args(), " "))
	}
	if err := do(m, s); err != nil {
		var failed *ServiceError
		if errors.As(err, &failed) && failed.hint == "" {
			failed.hint = "read why with: " + m.logs(s)
		}
		return true, err
	}
	return true, nil
}
