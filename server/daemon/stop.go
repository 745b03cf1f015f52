package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"hookctl/logs/text"
)

// Stop ends the receiver of cfg.Home and returns when it is gone. It asks first and lets the receiver finish what it
// accepted; where that takes long, cfg.Notice gets what it waits for. After cfg.StopTimeout the process is ended by
// force, which loses nothing that was acknowledged. A receiver that a supervisor runs is stopped by that one, since it
// would start it again. It fails with ErrNotRunning, or with an error whose hint is what is left to do.
func Stop(ctx context.Context, cfg Config) error {
	st, err := quickStatus(ctx, cfg.Home)
	pid := st.PID
	if pid == 0 && !errors.Is(err, ErrNotRunning) {
		pid = holder(cfg.Home)
	}
	if managed, err := bySupervisor(ctx, cfg, st, pid, "stop"); managed || err != nil {
		if err != nil {
			return err
		}
		gone, err := released(ctx, cfg, pid, cfg.stopTimeout()+20*time.Second)
		if err == nil && !gone {
			err = stuck(pid, "its supervisor was asked to stop it, and it still runs")
		}
		return err
	}
	return stopProcess(ctx, cfg, st, err)
}

// quickStatus asks a receiver that may hang.
func quickStatus(ctx context.Context, home string) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return Dial(home).Status(ctx)
}

// stopProcess ends the receiver, whatever runs it. st is what it last said, or err why it did not.
func stopProcess(ctx context.Context, cfg Config, st Status, err error) error {
	pid := st.PID
	if err == nil {
		err = Dial(cfg.Home).Stop(ctx)
	}
	if err != nil {
		if pid, err = ask(ctx, cfg); err != nil {
			return err
		}
	}
	return outlast(ctx, cfg, pid)
}

// outlast waits until the receiver has ended, and ends it by force when its time is over: SIGTERM, and SIGKILL two seconds
// later. It only ever signals a process that holds the lock.
func outlast(ctx context.Context, cfg Config, pid int) error {
	gone, err := released(ctx, cfg, pid, cfg.stopTimeout())
	if err != nil || gone {
		return err
	}
	why := hanging(ctx, Dial(cfg.Home))
	if pid <= 1 || pid == os.Getpid() {
		return stuck(pid, why)
	}
	cfg.notice("the receiver (pid %d) did not stop within %s (%s); ending it", pid, cfg.stopTimeout(), why)
	for _, end := range []func(int) error{terminate, kill} {
		if err := end(pid); err != nil {
			return err
		}
		if gone, err := released(ctx, cfg, pid, 2*time.Second); err != nil || gone {
			return err
		}
	}
	return stuck(pid, why)
}

// ask asks a receiver that does not answer with a signal, and says which process that is.
func ask(ctx context.Context, cfg Config) (pid int, err error) {
	if ctx.Err() != nil {
		return 0, fmt.Errorf("stop the receiver: %w", context.Cause(ctx))
	}
	locked, err := held(cfg.Home)
	if err != nil {
		return 0, err
	}
	if !locked {
		return 0, ErrNotRunning
	}
	// It holds the lock and does not answer: it is starting, or it hangs.
	pid = holder(cfg.Home)
	if pid == 0 {
		return 0, stuck(0, "it does not answer, and nothing says which process it is")
	}
	cfg.notice("the receiver (pid %d) does not answer on its control socket; asking it with a signal", pid)
	if pid == os.Getpid() {
		return 0, stuck(pid, "it is this very process")
	}
	if err := terminate(pid); err != nil {
		return pid, err
	}
	return pid, wake(pid) // one that is suspended can finish only when it runs
}

// released waits until the process no longer holds the lock, for no longer than limit, and reports whether that came about.
// After three seconds and every five after that cfg.Notice gets what it waits for.
func released(ctx context.Context, cfg Config, pid int, limit time.Duration) (bool, error) {
	deadline, tick := time.After(limit), time.Tick(pollInterval)
	patience := time.NewTimer(3 * time.Second)
	replaced := func() bool { return pid != 0 && !isHolder(cfg.Home, pid) }
	for {
		locked, err := held(cfg.Home)
		if err != nil || !locked {
			return err == nil, err
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("wait for the receiver to stop: %w", context.Cause(ctx))
		case <-deadline:
			return replaced(), nil
		case <-patience.C:
			if replaced() {
				return true, nil
			}
			cfg.notice("the receiver (pid %d) is still finishing: %s", pid, hanging(ctx, Dial(cfg.Home)))
			patience.Reset(5 * time.Second)
		case <-tick:
		}
	}
}

// hanging says in words what a receiver that stops is waiting for.
func hanging(ctx context.Context, client *Client) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	st, err := client.Status(ctx)
	if errors.Is(err, ErrNotRunning) {
		return "its control socket is closed, and the process has not ended"
	}
	if err != nil {
		return "it does not answer on its control socket"
	}
	requests := text.Count(int(st.InFlight), "request is being answered", "requests are being answered")
	notifications := text.Count(int(st.PendingNotifications), "notification is pending", "notifications are pending")
	switch {
	case st.InFlight > 0 && st.PendingNotifications > 0:
		return requests + ", " + notifications
	case st.InFlight > 0:
		return requests
	case st.PendingNotifications > 0:
		return notifications
	}
	return "it does not say what it waits for"
}
