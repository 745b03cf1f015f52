package host

import (
	"context"
	"errors"
	"fmt"
	"hookctl/logs/jsonfile"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
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

// rangesEvery is how often GitHub's address ranges are fetched. They change a few times a year.
const rangesEvery = 24 * time.Hour

// githubRanges are the addresses that GitHub's deliveries come from, for receiver.allow: github. They are kept in a file,
// so that a receiver also starts without GitHub.
type githubRanges struct {
	current atomic.Pointer[[]netip.Prefix] // nil admits everyone
}

// allowed is what the receiver asks for every request: nil admits everyone.
func (g *githubRanges) allowed() []netip.Prefix {
	if list := g.current.Load(); list != nil {
		return *list
	}
	return nil
}

// load puts the ranges of the settings in force.
func (g *githubRanges) load(ctx context.Context, home string, s *Settings) error {
	list, err := prepareRanges(ctx, home, s)
	if err == nil {
		g.current.Store(list)
	}
	return err
}

// prepareRanges are the ranges that the settings want, nil for none: from the file while that is fresh, else from GitHub, else from
// the file however old it is.
func prepareRanges(ctx context.Context, home string, s *Settings) (*[]netip.Prefix, error) {
	if !s.OnlyGitHub {
		return nil, nil
	}
	list, fetched := Ranges(home)
	if time.Since(fetched) > rangesEvery {
		fresh, err := fetchRanges(ctx, s)
		switch {
		case err == nil:
			list = fresh
			if err := jsonfile.Write(rangesFile(home), savedRanges{time.Now(), fresh}); err != nil {
				return nil, fmt.Errorf("save GitHub's address ranges: %w", err)
			}
		case list == nil:
			return nil, fmt.Errorf("receiver.allow: github needs GitHub's address ranges: %w", err)
		}
	}
	return &list, nil
}

func rangesFile(home string) string { return filepath.Join(home, "run", "github-ranges.json") }

func fetchRanges(ctx context.Context, s *Settings) ([]netip.Prefix, error) {
	client, err := s.fleet.GitHub()
	if err != nil {
		return nil, err
	}
	list, err := client.Meta(ctx)
	if err == nil && len(list) == 0 {
		err = errors.New("GitHub publishes no address ranges")
	}
	return list, err
}

// savedRanges is the file's content.
type savedRanges struct {
	Fetched time.Time      `json:"fetched"`
	Ranges  []netip.Prefix `json:"ranges"`
}

// Ranges are GitHub's address ranges as a receiver of this home last fetched them, and when that was. They are nil where it
// never did, or where the file is broken: then it is written again.
func Ranges(home string) ([]netip.Prefix, time.Time) {
	saved, err := jsonfile.Read[savedRanges](rangesFile(home))
	if err != nil || len(saved.Ranges) == 0 {
		return nil, time.Time{}
	}
	return saved.Ranges, saved.Fetched
}
