package fleet

import (
	"context"
	"errors"
	"slices"

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
	return f.Find(ctx, FindRequest{ID: h.ID, Targets: []hooks.Target{h.Target}})
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
