package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2/maybe"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
)

// rangesEvery is how often GitHub's address ranges are fetched anew. They change a few times a year.
const rangesEvery = 24 * time.Hour

// githubRanges are the addresses that GitHub's deliveries come from, for receiver.allow: github. They are kept in a file,
// so that a receiver starts without GitHub, too.
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
	return []netip.Prefix{} // Nothing is known, so nobody is known.
}

// load puts the ranges of the settings in force.
func (g *githubRanges) load(ctx context.Context, p *program, s *settings.Settings) error {
	use, err := g.prepare(ctx, p, s)
	if err == nil {
		use()
	}
	return err
}

// prepare makes the ranges ready for the settings: from the file while that is fresh, else from GitHub, else from the file
// however old it is. They are in force once use is called.
func (g *githubRanges) prepare(ctx context.Context, p *program, s *settings.Settings) (use func(), err error) {
	if s.Receiver.Allow != "github" {
		return func() { g.on.Store(false) }, nil
	}
	file := rangesFile(s)
	list, fetched := readRanges(file)
	if time.Since(fetched) > rangesEvery {
		fresh, err := fetchRanges(ctx, p, s)
		switch {
		case err == nil:
			list = fresh
			if err := writeRanges(file, fresh); err != nil {
				return nil, err
			}
		case list == nil:
			return nil, hint(fmt.Errorf("receiver.allow: github needs GitHub's address ranges: %w", err), hooks.CureOf(err))
		}
	}
	return func() {
		g.current.Store(&list)
		g.on.Store(true)
	}, nil
}

func rangesFile(s *settings.Settings) string { return filepath.Join(s.RunDir(), "github-ranges.json") }

func fetchRanges(ctx context.Context, p *program, s *settings.Settings) ([]netip.Prefix, error) {
	client, err := p.github(s)
	if err != nil {
		return nil, err
	}
	list, err := client.Meta(ctx)
	if err == nil && len(list) == 0 {
		err = errors.New("GitHub names none")
	}
	return list, err
}

// savedRanges is the file's content.
type savedRanges struct {
	Fetched time.Time      `json:"fetched"`
	Ranges  []netip.Prefix `json:"ranges"`
}

// readRanges gives nothing where the file is missing or broken: then it is written anew.
func readRanges(file string) ([]netip.Prefix, time.Time) {
	data, err := os.ReadFile(file) //nolint:gosec // A file of our own.
	var saved savedRanges
	if err != nil || json.Unmarshal(data, &saved) != nil || len(saved.Ranges) == 0 {
		return nil, time.Time{}
	}
	return saved.Ranges, saved.Fetched
}

func writeRanges(file string, list []netip.Prefix) error {
	data, err := json.Marshal(savedRanges{Fetched: time.Now(), Ranges: list})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = maybe.WriteFile(file, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep GitHub's address ranges: %w", err)
	}
	return nil
}
