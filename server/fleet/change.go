package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
)

// EditRequest is what to change of a hook. A nil field stays.
type EditRequest struct {
	Hook             hooks.Hook
	Events           []string
	URL              *string // as it is written: no /webhook is added
	InsecureSSL      *bool
	Active           *bool
	AllowUnreachable bool // also a URL that GitHub cannot reach
}

// Edit changes a hook and returns it as GitHub has it then. A URL that GitHub cannot reach is refused before anything changes.
func (f *Fleet) Edit(ctx context.Context, r EditRequest) (Hook, error) {
	client, err := f.GitHub()
	if err != nil {
		return Hook{}, err
	}
	h := r.Hook
	config := hooks.ConfigChange{URL: r.URL}
	if r.URL != nil && !r.AllowUnreachable {
		if _, err := hooks.CheckPublic(*r.URL, client.Host()); err != nil {
			return Hook{}, err
		}
	}
	if r.InsecureSSL != nil {
		value := map[bool]string{true: "1", false: "0"}[*r.InsecureSSL]
		config.InsecureSSL = &value
	}
	if config != (hooks.ConfigChange{}) {
		if err := client.Configure(ctx, h.Target, h.ID, config); err != nil {
			return Hook{}, err
		}
	}
	if r.Events != nil || r.Active != nil {
		if _, err := client.Edit(ctx, h.Target, h.ID, hooks.Change{Active: r.Active, Events: r.Events}); err != nil {
			return Hook{}, err
		}
	}
	return f.Find(ctx, h.ID, []hooks.Target{h.Target})
}

// SetActive makes GitHub send deliveries of a hook, or none for now.
func (f *Fleet) SetActive(ctx context.Context, h hooks.Hook, on bool) (Hook, error) {
	return f.Edit(ctx, EditRequest{Hook: h, Active: &on})
}

// Delete removes a hook at GitHub; deleting one that is gone succeeds. With the last hook of ours its target is forgotten,
// unless the settings name it.
func (f *Fleet) Delete(ctx context.Context, h hooks.Hook) error {
	client, err := f.GitHub()
	if err != nil {
		return err
	}
	if err := client.Delete(ctx, h.Target, h.ID); err != nil && !errors.Is(err, hooks.ErrHookNotFound) {
		return err
	}
	if err := f.cfg.Store.BackFromAside(h.ID); err != nil {
		return err
	}
	k, err := f.facts(ctx) // takes in pings of before, so that they do not bring the target back
	if err != nil {
		return err
	}
	list, err := client.List(ctx, h.Target)
	if err != nil {
		return err
	}
	left := slices.ContainsFunc(list, func(other hooks.Hook) bool {
		ours, moved := k.ours(other)
		return other.ID != h.ID && (ours || moved)
	})
	return f.update(ctx, func(k *kept) {
		delete(k.Hooks, h.ID)
		if !left {
			k.drop(h.Target)
		}
	})
}

// Test asks GitHub to send the latest push of a repository again, to a hook that subscribes to pushes.
func (f *Fleet) Test(ctx context.Context, h hooks.Hook) error {
	client, err := f.GitHub()
	if err != nil {
		return err
	}
	return client.Test(ctx, h.Target, h.ID)
}

// MoveReport is what became of moving hooks.
type MoveReport struct {
	Moved []hooks.Hook // as they are now
	Aside []Aside      // targets and hooks that keep an old address
	From  []string     // the addresses that hooks were moved from
}

// Again reports whether a hook that could not be moved may be movable later, without anybody doing anything here.
func (r MoveReport) Again() bool {
	return slices.ContainsFunc(r.Aside, func(a Aside) bool { return a.Passing })
}

// Err joins why hooks keep an old address, nil where none does.
func (r MoveReport) Err() error { return joined(r.Aside) }

// Move makes a public address the one in force, as after a tunnel was opened: it is kept in the settings, and every hook of
// ours whose URL lies at an address that the receiver had before is pointed to it. Paths, secrets and everything else stay.
// What the receiver had before is remembered first, so that whatever happens in between a later Move goes on.
func (f *Fleet) Move(ctx context.Context, to string, progress func(hooks.Step)) (MoveReport, error) {
	var report MoveReport
	if _, err := hooks.HookURL(to, ""); err != nil {
		return report, err
	}
	err := f.update(ctx, func(k *kept) {
		f.importRun(k)
		k.address(f.publicURL())
		k.address(to)
	})
	if err != nil {
		return report, err
	}
	if f.cfg.SaveURL != nil && !hooks.SameURL(f.publicURL(), to) {
		if err := f.savePublicURL(ctx, to); err != nil {
			return report, err
		}
	}
	k, err := f.facts(ctx)
	if err != nil {
		return report, err
	}
	report.From = slices.DeleteFunc(slices.Clone(k.kept.Addresses), func(address string) bool { return hooks.SameURL(address, to) })
	if len(report.From) == 0 || len(k.targets) == 0 {
		return report, nil
	}
	list, err := f.list(ctx, k, ListRequest{})
	if err != nil {
		return report, err
	}
	report.Aside = list.Aside
	client, err := f.GitHub()
	if err != nil {
		return report, err
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(listsAtOnce)
	for _, h := range list.Ours() {
		address := moved(h.URL, report.From, to)
		if address == "" {
			continue
		}
		group.Go(func() error {
			err := client.Configure(ctx, h.Target, h.ID, hooks.ConfigChange{URL: &address})
			mu.Lock()
			defer mu.Unlock()
			step := hooks.Step{Target: h.Target, HookID: h.ID, Name: "move hook", State: hooks.StateDone, Detail: address, Err: err}
			if err != nil {
				step.State = hooks.StateFailed
				report.Aside = append(report.Aside, Aside{Target: h.Target, HookID: h.ID, Err: err, Passing: passing(err)})
			} else {
				h.URL = address
				report.Moved = append(report.Moved, h.Hook)
			}
			if progress != nil {
				progress(step)
			}
			return nil
		})
	}
	return report, errors.Join(group.Wait(), ctx.Err())
}

// moved is a hook's URL at the new address where it lies at one of the old ones, else "".
func moved(url string, from []string, to string) string {
	for _, old := range from {
		if address, lies := hooks.MoveURL(url, old, to); lies && address != url {
			return address
		}
	}
	return ""
}
