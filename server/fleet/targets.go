package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/jsonfile"
	"hookctl/server/daemon"
)

// Targets are the repositories and organizations whose hooks may be ours, each once whatever its case: those of the settings,
// those that any face set up, those of a rotation under way, and those that verified pings came from. It asks nobody but the
// disk.
func (f *Fleet) Targets(ctx context.Context) ([]hooks.Target, error) {
	k, err := f.known(ctx)
	if err != nil {
		return nil, err
	}
	return f.targets(k)
}

// targets is Targets for what is known already.
func (f *Fleet) targets(k kept) ([]hooks.Target, error) {
	names := slices.Clone(f.cfg.Repositories)
	for _, name := range names {
		if _, err := hooks.ParseTarget(name); err != nil {
			return nil, hooks.WithCure(fmt.Errorf("setup.repositories: %w", err), "correct it: hookctl config edit")
		}
	}
	names = append(names, k.Targets...)
	r, err := f.cfg.Store.Rotation()
	if err != nil {
		return nil, err
	}
	if r != nil {
		for _, h := range r.Hooks {
			names = append(names, h.Repository)
		}
	}
	var list []hooks.Target
	for _, name := range names {
		t, err := hooks.ParseTarget(name)
		if now, renamed := k.Renamed[key(t)]; renamed {
			t, err = hooks.ParseTarget(now)
		}
		if err == nil {
			list = append(list, t)
		}
	}
	return unique(list), nil
}

func unique(list []hooks.Target) []hooks.Target {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(t hooks.Target) bool {
		again := seen[key(t)]
		seen[key(t)] = true
		return again
	})
}

// Remember adds targets to those that every later operation works on.
func (f *Fleet) Remember(ctx context.Context, targets ...hooks.Target) error {
	return f.update(ctx, func(k *kept) {
		for _, t := range targets {
			k.add(t)
		}
	})
}

// Forget takes a target out, because it is gone at GitHub or no longer of interest, and with it hooks that were set aside: what
// they sign with is refused from the next reload on. A later ping from it brings it back. The
// error says so where the settings name it too, which only their owner changes.
func (f *Fleet) Forget(ctx context.Context, target hooks.Target) error {
	k, err := f.known(ctx) // so that pings of before do not bring it back
	if err != nil {
		return err
	}
	aside, err := f.cfg.Store.Aside()
	if err != nil {
		return err
	}
	var ids []int64
	for _, h := range aside {
		if named(target)(h.Repository) {
			ids = append(ids, h.HookID)
		}
	}
	inSettings := slices.ContainsFunc(f.cfg.Repositories, named(target))
	known := len(k.Targets) + len(k.Hooks)
	if k.drop(target); !inSettings && len(ids) == 0 && len(k.Targets)+len(k.Hooks) == known {
		return hooks.WithCure(fmt.Errorf("cannot forget %s: it was not set up here", target), "see what was: hookctl hooks list")
	}
	if err := f.update(ctx, func(k *kept) { k.drop(target) }); err != nil {
		return err
	}
	if err := f.cfg.Store.BackFromAside(ids...); err != nil {
		return err
	}
	if inSettings {
		return hooks.WithCure(fmt.Errorf("%s is in setup.repositories of the settings", target), "take it out: hookctl config edit")
	}
	return nil
}

// known is what is kept, with what the log has learned since.
func (f *Fleet) known(ctx context.Context) (kept, error) {
	k, err := f.read()
	if err != nil {
		return kept{}, err
	}
	pings, partial, err := f.pings(ctx, k.Pings)
	if err != nil {
		return kept{}, err
	}
	if k.Imported && len(pings) == 0 {
		return k, nil
	}
	take := func(k *kept) {
		f.importRun(k)
		for _, p := range pings {
			k.add(p.target)
			k.hook(p.entry.HookID, func(h *keptHook) {
				h.Repository = p.target.String()
				h.saw(p.entry.Secret, p.entry.ReceivedAt)
			})
			if !partial && p.entry.ReceivedAt.After(k.Pings) {
				k.Pings = p.entry.ReceivedAt
			}
		}
	}
	take(&k)
	f.learn(ctx, take)
	return k, nil
}

// importRun takes over what earlier versions kept in run/: the repositories of the interface, and the addresses that a tunnel
// had. A file that cannot be read is as good as none.
func (f *Fleet) importRun(k *kept) {
	if k.Imported {
		return
	}
	k.Imported = true
	interfaceState, _ := jsonfile.Read[struct{ Repositories []string }](filepath.Join(f.cfg.Home, "run", "tui.json"))
	for _, name := range interfaceState.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil {
			k.add(t)
		}
	}
	left, _ := jsonfile.Read[[]string](filepath.Join(f.cfg.Home, "run", "tunnel.json"))
	for _, url := range left {
		k.address(url)
	}
}

// ping is a verified ping, and the target that it came from.
type ping struct {
	entry  logs.Entry
	target hooks.Target
}

// pings reads the verified pings that arrived after a time, oldest first. While the index is still being built the list is partial:
// older ones may be missing.
func (f *Fleet) pings(ctx context.Context, since time.Time) (list []ping, partial bool, err error) {
	filter, err := logs.ParseFilter("event:ping verified:yes source:delivery,relay", f.cfg.Now())
	if err != nil || f.noLog() {
		return nil, false, err
	}
	err = f.withLog(ctx, func(log *logs.Log) error {
		if since.IsZero() { // the first look, which must not miss what is not in the index yet
			if err := log.Ready(ctx); err != nil {
				return err
			}
		}
		query := logs.Query{Filter: filter, Limit: 1000}
		for {
			page, err := log.Page(ctx, query)
			if err != nil {
				return err
			}
			partial = partial || page.Building
			for _, e := range page.Entries {
				if !e.ReceivedAt.After(since) {
					return nil
				}
				if t, ok := pinged(ctx, log, e); ok {
					list = append(list, ping{e, t})
				}
			}
			if !page.HasOlder || len(page.Entries) == 0 {
				return nil
			}
			query.Cursor = page.Entries[len(page.Entries)-1].Cursor()
		}
	})
	slices.Reverse(list)
	return list, partial, err
}

// pinged is the target that a ping came from. That of an organization's hook is in the payload only.
func pinged(ctx context.Context, log *logs.Log, e logs.Entry) (hooks.Target, bool) {
	if e.HookID == 0 {
		return hooks.Target{}, false
	}
	name := e.Repository
	if name == "" {
		record, err := log.Read(ctx, e.File)
		if err != nil {
			return hooks.Target{}, false // pruned in the meantime
		}
		var payload struct {
			Organization struct{ Login string }
		}
		if json.Unmarshal(record.Payload, &payload) != nil || strings.Contains(payload.Organization.Login, "/") {
			return hooks.Target{}, false
		}
		name = payload.Organization.Login
	}
	t, err := hooks.ParseTarget(name)
	return t, err == nil
}

// facts is what this machine knows of hooks without asking GitHub. It does not change once it is gathered.
type facts struct {
	cfg      Config
	kept     kept // with what the log and the running receiver add to it
	targets  []hooks.Target
	public   string   // the receiver's public URL now, "" where it is not known
	current  string   // fingerprint of the shared secret
	accepted []string // of all that are accepted
	running  bool     // the receiver answers
}

// recent is how many of the newest verified deliveries are looked at for what hooks sign with. What was seen once is kept.
const recent = 1000

// facts gathers them.
func (f *Fleet) facts(ctx context.Context) (*facts, error) {
	known, err := f.known(ctx)
	if err != nil {
		return nil, err
	}
	k := &facts{cfg: f.cfg, kept: known}
	if k.targets, err = f.targets(known); err != nil {
		return nil, err
	}
	status, err := daemon.Dial(f.cfg.Home).Status(ctx)
	k.running = err == nil
	k.public = cmp.Or(f.publicURL(), status.PublicURL)
	k.kept.address(k.public)
	if err := f.see(ctx, k); err != nil {
		return nil, err
	}
	now := f.cfg.Now()
	ring, err := f.cfg.Store.Ring(now)
	if err != nil {
		return nil, err
	}
	k.accepted = ring.Fingerprints(now)
	shared, _, err := f.cfg.Store.Current()
	k.current = secret.Fingerprint(shared)
	return k, err
}

// see takes the newest verified deliveries of the log in.
func (f *Fleet) see(ctx context.Context, k *facts) error {
	filter, err := logs.ParseFilter("verified:yes source:delivery,relay", f.cfg.Now())
	if err != nil || f.noLog() {
		return err
	}
	return f.withLog(ctx, func(log *logs.Log) error {
		page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: recent})
		for _, e := range page.Entries {
			if e.HookID != 0 {
				k.kept.hook(e.HookID, func(h *keptHook) { h.saw(e.Secret, e.ReceivedAt) })
			}
		}
		return err
	})
}

// noLog reports whether there is no log directory yet, which looking must not create.
func (f *Fleet) noLog() bool {
	_, err := os.Stat(f.cfg.Logs.Dir)
	return f.cfg.Log == nil && errors.Is(err, os.ErrNotExist)
}
