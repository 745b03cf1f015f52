package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/jsonfile"
	"hookctl/server/daemon"
)

// kept is state/fleet.json: what a fleet has to know and cannot ask anybody for.
type kept struct {
	Targets []string `json:"targets"`
	// Renamed gives the present name of targets that were renamed at GitHub, by their old name in lower case: the settings may
	// still have that.
	Renamed map[string]string `json:"renamed,omitempty"`
	// Addresses are the public URLs that the receiver has and had, the latest last. Hooks that lead to one of them are ours.
	Addresses []string           `json:"addresses,omitempty"`
	Hooks     map[int64]keptHook `json:"hooks,omitempty"`
	// Pings is when the newest ping arrived whose target has been taken in.
	Pings time.Time `json:"pings,omitzero"`
	// Imported means that what earlier versions kept in run/ has been taken over.
	Imported bool `json:"imported,omitempty"`
}

// keptHook is what was last seen of a hook.
type keptHook struct {
	Repository string    `json:"repository"`
	URL        string    `json:"url,omitempty"`    // that setup gave it; "" for one that had it already
	Secret     string    `json:"secret,omitempty"` // fingerprint of what its newest verified delivery was signed with
	Seen       time.Time `json:"seen,omitzero"`    // when that arrived
}

// addressesKept bounds the addresses that are remembered: a quick tunnel has another one after every start.
const addressesKept = 50

func (f *Fleet) stateFile() string { return filepath.Join(daemon.StateDir(f.cfg.Home), "fleet.json") }

// read gives what is kept. A missing file is not an error.
func (f *Fleet) read() (kept, error) {
	k, err := jsonfile.Read[kept](f.stateFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept{}, hooks.WithCure(err, "move it away; hookctl setup adds its repositories again")
	}
	return k, nil
}

// Remembered are the targets that were set up, and the repository or organization of each hook that was seen. It reads one file
// and asks nobody; what cannot be read is none.
func (f *Fleet) Remembered() (targets []string, ofHook map[int64]string) {
	k, _ := f.read() // nothing beside an error
	ofHook = make(map[int64]string, len(k.Hooks))
	for id, h := range k.Hooks {
		ofHook[id] = h.Repository
	}
	return k.Targets, ofHook
}

// update changes what is kept, while no other process does. It is durable on return.
func (f *Fleet) update(ctx context.Context, change func(*kept)) error {
	if err := jsonfile.Update(ctx, f.stateFile(), f.read, change); err != nil {
		return fmt.Errorf("remember the fleet: %w", err)
	}
	return nil
}

// learn is update for what was only seen: it can be seen again, so a disk that takes nothing keeps nobody from working.
func (f *Fleet) learn(ctx context.Context, change func(*kept)) {
	if err := f.update(ctx, change); err != nil && f.cfg.Logs.Logger != nil {
		f.cfg.Logs.Logger.Log(ctx, slog.LevelWarn, "what was seen of the fleet is not remembered", "error", err)
	}
}

// add remembers a target, once whatever its case.
func (k *kept) add(t hooks.Target) {
	delete(k.Renamed, key(t))
	if !slices.ContainsFunc(k.Targets, named(t)) {
		k.Targets = append(k.Targets, t.String())
	}
}

// drop forgets a target and its hooks.
func (k *kept) drop(t hooks.Target) {
	k.Targets = slices.DeleteFunc(k.Targets, named(t))
	maps.DeleteFunc(k.Hooks, func(_ int64, h keptHook) bool { return named(t)(h.Repository) })
}

// rename puts a target's present name in the place of its old one.
func (k *kept) rename(from, to hooks.Target) {
	if key(from) == key(to) {
		return
	}
	if slices.ContainsFunc(k.Targets, named(from)) {
		k.Targets = slices.DeleteFunc(k.Targets, named(from))
		k.add(to)
	}
	for id, h := range k.Hooks {
		if named(from)(h.Repository) {
			h.Repository = to.String()
			k.Hooks[id] = h
		}
	}
	if k.Renamed == nil {
		k.Renamed = map[string]string{}
	}
	k.Renamed[key(from)] = to.String()
}

// address remembers a public URL as the latest that the receiver has.
func (k *kept) address(url string) {
	if url == "" {
		return
	}
	k.Addresses = slices.DeleteFunc(k.Addresses, func(have string) bool { return hooks.SameURL(have, url) })
	k.Addresses = append(k.Addresses, hooks.BaseURL(url))
	k.Addresses = k.Addresses[max(0, len(k.Addresses)-addressesKept):]
}

// hook changes what is known of one hook.
func (k *kept) hook(id int64, change func(*keptHook)) {
	h := k.Hooks[id]
	change(&h)
	if k.Hooks == nil {
		k.Hooks = map[int64]keptHook{}
	}
	k.Hooks[id] = h
}

// saw takes in what a verified delivery of it was signed with, where that is the newest one.
func (h *keptHook) saw(print string, at time.Time) {
	if at.After(h.Seen) {
		h.Secret, h.Seen = print, at
	}
}

// key names a target whatever its case.
func key(t hooks.Target) string { return strings.ToLower(t.String()) }

// named finds the names of a target.
func named(t hooks.Target) func(name string) bool {
	return func(name string) bool { return strings.EqualFold(name, t.String()) }
}
