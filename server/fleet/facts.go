package fleet

import (
	"cmp"
	"context"
	"errors"
	"os"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

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
