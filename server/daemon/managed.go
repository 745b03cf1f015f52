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

// control runs systemctl, launchctl or another supervisor's command with env added to the environment, and gives what it
// printed.
func control(ctx context.Context, env []string, program string, args ...string) (string, error) {
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
	if text != "" {
		err = fmt.Errorf("%s (%w)", text, err)
	}
	err = fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = &hinted{err, "this system has no " + program + ": run the receiver with hookctl start"}
	case strings.Contains(text, "connect to bus"):
		err = &hinted{err, "this user has no session here: log in as the user instead of su or sudo, or install for the machine: hookctl service install --system"}
	}
	return text, err
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

// through lets the service manager start, stop or restart the receiver, where a service of cfg.Home is installed. It reports
// false if none exists.
func through(ctx context.Context, cfg Config, verb string) (bool, error) {
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
	args := s.Args
	if args == nil {
		args = serveArgs()
	}
	if len(cfg.Args) > 0 && !slices.Equal(cfg.Args, args) {
		cfg.notice("%s runs the receiver as it was installed (%s); other arguments do not apply to it", m.unit(s), strings.Join(args, " "))
	}
	return true, orHint(m.do(ctx, s, verb), "read why with: "+m.logs(s))
}
