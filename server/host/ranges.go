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
