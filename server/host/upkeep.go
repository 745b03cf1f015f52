package host

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// keepHouse drops secrets whose time is over every minute, and prunes the log every hour, until ctx ends.
func (r *receiver) keepHouse(ctx context.Context) {
	minutes := 0
	every(ctx, time.Minute, func() {
		minutes++
		s := r.current()
		if err := r.forgetSecrets(ctx, s); err != nil {
			r.logger.Error("cannot drop secrets whose time is over, trying again in a minute", "error", err)
		}
		if minutes%60 != 0 {
			return
		}
		if err := r.ranges.load(ctx, r.cfg.Daemon.Home, s); err != nil {
			r.logger.Warn("cannot fetch GitHub's address ranges, the old ones stay in force", "error", err)
		}
		if result, err := r.log.Prune(ctx, false); err != nil {
			r.logger.Warn("cannot prune the log, trying again in an hour", "error", err)
		} else if len(result.Files) > 0 {
			r.logger.Info("pruned the log", "records", len(result.Files), "bytes", result.Bytes)
		}
	})
}

// every does something after each period until ctx ends.
func every(ctx context.Context, period time.Duration, do func()) {
	tick := time.Tick(period)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			do()
		}
	}
}

// forgetSecrets ends a rotation whose grace period is over, and reloads where a secret is accepted that the files do not
// name any more: a rotation that is killed between its last write and its call of the receiver has notified nobody.
func (r *receiver) forgetSecrets(ctx context.Context, s *Settings) error {
	now := time.Now()
	if r.owns(leaseCatchUp) {
		if _, err := s.Store.Expire(now); err != nil {
			return fmt.Errorf("end the rotation: %w", err)
		}
	}
	ring, err := s.Store.Ring(now)
	if err != nil {
		return err
	}
	named := ring.Fingerprints(now)
	if slices.ContainsFunc(r.server.Stats().Secrets, func(print string) bool { return !slices.Contains(named, print) }) {
		return r.reload(ctx)
	}
	return nil
}

// endWithParent stops the receiver when the process that started it is gone.
func endWithParent(ctx context.Context, stop func()) {
	parent := os.Getppid()
	every(ctx, 2*time.Second, func() {
		if os.Getppid() != parent {
			stop()
		}
	})
}
