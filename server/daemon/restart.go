package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Restart puts a new receiver in the place of the running one, or starts one if none runs, and returns its
// status. It keeps the flags that the receiver was started with; those of cfg.Args override single ones and are kept in
// turn. The new process takes the listening socket over before the old one finishes, so that no connection is refused; on
// Windows the old one stops first. A receiver that a supervisor runs is restarted by that one, or Restart fails with
// *ManagedError. Where the new process fails before it has taken over, the old one keeps running, and the *StartError
// says so. A receiver that does not answer, or does not finish within cfg.StopTimeout, is ended by force.
func Restart(ctx context.Context, cfg Config) (Status, error) {
	done, err := alone(ctx, cfg.Home)
	if err != nil {
		return Status{}, err
	}
	defer done()
	old, err := quickStatus(ctx, cfg.Home)
	if errors.Is(err, ErrNotRunning) {
		return start(ctx, keep(cfg, Status{}))
	}
	if old.PID == 0 {
		old.PID = holder(cfg.Home)
	}
	managed, supervisorErr := bySupervisor(ctx, cfg, old, old.PID, "restart")
	switch {
	case supervisorErr != nil:
		return Status{}, supervisorErr
	case managed:
		return awaitManaged(ctx, cfg.Home, old.PID, cfg.readyTimeout())
	}
	cfg = keep(cfg, old)
	if err != nil || !canHandOver {
		if err := stopProcess(ctx, cfg, old, err); err != nil && !errors.Is(err, ErrNotRunning) {
			return Status{}, err
		}
		return start(ctx, cfg)
	}
	// The new process waits for the old one longer than we do: we end that one when its time is over.
	p, err := launch(cfg, fmt.Sprintf("%s=%s", envTakeover, cfg.stopTimeout()+15*time.Second))
	if err != nil {
		return Status{}, err
	}
	st, err := p.replace(ctx, cfg, old.PID)
	if err == nil {
		remember(cfg)
	}
	return st, err
}

// replace waits until the process answers in the place of the old one.
func (p *process) replace(ctx context.Context, cfg Config, old int) (Status, error) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	forced := make(chan error, 1)
	go func() { forced <- outlast(watch, cfg, old) }()
	st, err := p.ready(ctx, cfg, cfg.stopTimeout()+10*time.Second+cfg.readyTimeout())
	stop()
	if forceErr := <-forced; forceErr != nil {
		err = errors.Join(err, forceErr)
	}
	var start *StartError
	if errors.As(err, &start) {
		if was, statusErr := quickStatus(context.WithoutCancel(ctx), cfg.Home); statusErr == nil && was.PID == old && !was.Stopping {
			start.Kept = old
		}
	}
	return st, err
}

// outlast watches the old receiver finish and ends it by force when its time is over. It returns early when ctx ends.
func outlast(ctx context.Context, cfg Config, old int) error {
	client := Dial(cfg.Home)
	deadline := time.NewTimer(cfg.stopTimeout())
	defer deadline.Stop()
	patience := time.NewTicker(4 * time.Second)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-patience.C:
			if isHolder(cfg.Home, old) {
				cfg.notice("the previous receiver (pid %d) is still finishing: %s", old, hanging(ctx, client))
			}
		case <-deadline.C:
			return endOld(ctx, cfg, old, hanging(ctx, client))
		}
	}
}

// endOld ends the old receiver. It only ever signals the process that holds the lock.
func endOld(ctx context.Context, cfg Config, old int, why string) error {
	for n, end := range []func(int) error{terminate, kill} {
		locked, err := held(cfg.Home)
		if err != nil || !locked || !isHolder(cfg.Home, old) {
			return err
		}
		if n == 0 {
			cfg.notice("the previous receiver (pid %d) did not finish within %s (%s); ending it", old, cfg.stopTimeout(), why)
		}
		if err := end(old); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
	return nil
}
