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
// Windows the old one stops first. A receiver that a supervisor runs is restarted by that one, or Restart fails and names
// the command to use. Where the new process fails before it has taken over, the old one keeps running, and the error
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
	if forceErr := <-forced; !errors.Is(forceErr, context.Canceled) {
		err = errors.Join(err, forceErr)
	}
	if err == nil {
		return st, nil
	}
	if was, statusErr := quickStatus(context.WithoutCancel(ctx), cfg.Home); statusErr == nil && was.PID == old && !was.Stopping {
		err = fmt.Errorf("%w\nthe previous receiver (pid %d) keeps running", err, old)
	}
	return st, err
}
