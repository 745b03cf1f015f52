package host

import (
	"context"
	"errors"
	"fmt"
	"hookctl/logs/jsonfile"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"time"
)

// rangesEvery is how often GitHub's address ranges are fetched. They change a few times a year.
const rangesEvery = 24 * time.Hour

// githubRanges are the addresses that GitHub's deliveries come from, for receiver.allow: github. They are kept in a file,
// so that a receiver also starts without GitHub.
type githubRanges struct {
	current atomic.Pointer[[]netip.Prefix]
	on      atomic.Bool
}

// allowed is what the receiver asks for every request: nil admits everyone.
func (g *githubRanges) allowed() []netip.Prefix {
	if !g.on.Load() {
		return nil
	}
	if list := g.current.Load(); list != nil {
		return *list
	}
	return []netip.Prefix{} // nothing is known, so no address is allowed
}

// load puts the ranges of the settings in force.
func (g *githubRanges) load(ctx context.Context, home string, s *Settings) error {
	use, err := g.prepare(ctx, home, s)
	if err == nil {
		use()
	}
	return err
}

// prepare makes the ranges ready for the settings: from the file while that is fresh, else from GitHub, else from the file
// however old it is. They are in force once use is called.
func (g *githubRanges) prepare(ctx context.Context, home string, s *Settings) (use func(), err error) {
	if !s.OnlyGitHub {
		return func() { g.on.Store(false) }, nil
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
	return func() {
		g.current.Store(&list)
		g.on.Store(true)
	}, nil
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
