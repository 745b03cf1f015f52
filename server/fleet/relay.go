package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
	"hookctl/hooks/secret"
)

// RelayRequest names the repositories whose deliveries GitHub's own relay is to bring, for development without a public URL.
type RelayRequest struct {
	Targets []hooks.Target
	Events  []string // those of the settings, or the default ones, where it is empty
	// Handle answers a delivery.
	Handle func(context.Context, hooks.RelayDelivery) (hooks.RelayAnswer, error)
	// Created is called with the fingerprint of a secret that had to be created, State with every change of a relay, and
	// Failed where a repository cannot be relayed, which does not end the others.
	Created func(fingerprint string)
	State   func(hooks.Target, hooks.RelayState)
	Failed  func(hooks.Target, error)
}

// ErrRelay is returned where the targets of a [RelayRequest] are none, or not all repositories.
var ErrRelay = errors.New("the relay needs repositories")

// Relay brings the deliveries of repositories to this machine until ctx ends, which is how it ends and no failure, and
// removes its hooks then. The receiver is started where none runs. The error is the first of those that Failed got.
func (f *Fleet) Relay(ctx context.Context, r RelayRequest) error {
	if len(r.Targets) == 0 || slices.ContainsFunc(r.Targets, hooks.Target.IsOrg) {
		return ErrRelay
	}
	client, err := f.GitHub()
	if err != nil {
		return err
	}
	key, _, err := f.cfg.Store.ForHooks()
	if err == nil && key == "" {
		var fresh bool
		if key, fresh, err = f.keepSecret(""); fresh {
			r.Created(secret.Fingerprint(key))
		}
	}
	if err != nil {
		return err
	}
	if _, _, err := f.Receiver(ctx); err != nil {
		return err
	}
	events := hooks.DefaultEvents()
	for _, chosen := range [][]string{f.cfg.Events, r.Events} {
		if len(chosen) > 0 {
			events = chosen
		}
	}
	var all errgroup.Group
	for _, target := range r.Targets {
		relay := &hooks.Relay{
			Client: client, Target: target, Events: events, Secret: key,
			Handle: r.Handle, State: func(state hooks.RelayState) { r.State(target, state) },
		}
		all.Go(func() error {
			err := relay.Run(ctx)
			if err != nil {
				r.Failed(target, err)
				err = fmt.Errorf("relay %s: %w", target, err)
			}
			return err
		})
	}
	return all.Wait()
}
