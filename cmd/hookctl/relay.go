package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/host"
)

// relay brings deliveries of repositories to this machine through GitHub's own relay, for development without a public
// address. It runs until it is interrupted, which is how it ends and no failure, and removes its hooks then. A repository
// that cannot be relayed is reported at once and does not end the others.
func (p *program) relay(ctx context.Context, o *setupOptions) error {
	s, fleet, err := p.atFleet()
	if err != nil {
		return err
	}
	client, err := fleet.GitHub()
	if err != nil {
		return err
	}
	targets, err := o.targets.targets(ctx, p, client)
	if err != nil {
		return err
	}
	if len(targets) == 0 || slices.ContainsFunc(targets, hooks.Target.IsOrg) {
		return usage(errors.New("--relay works for repositories: give -R owner/repo"))
	}
	key, _, err := s.Store().ForHooks()
	if err == nil && key == "" {
		if key, err = secret.Generate(); err == nil {
			err = s.Store().SetCurrent(key)
		}
		if err == nil {
			p.note("created a secret (%s) and stored it in %s", secret.Fingerprint(key), s.EnvFile())
		}
	}
	if err != nil {
		return err
	}
	if _, _, err := fleet.Receiver(ctx); err != nil {
		return err
	}
	events := hooks.DefaultEvents()
	for _, chosen := range [][]string{s.Setup.Events, o.events} {
		if len(chosen) > 0 {
			events = chosen
		}
	}
	var all errgroup.Group
	for _, target := range targets {
		relay := &hooks.Relay{
			Client: client, Config: hooks.Config{Host: s.GitHub.Host}, Target: target, Events: events, Secret: key,
			Handle: func(ctx context.Context, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
				return p.relayed(ctx, s, d)
			},
			State: func(state hooks.RelayState) { p.relayState(target, state) },
		}
		all.Go(func() error {
			err := relay.Run(ctx)
			if err == nil {
				return nil
			}
			reportError(p.err, err)
			return errReported
		})
	}
	return all.Wait()
}

// relayState reports how the relay is, whenever that changes.
func (p *program) relayState(target hooks.Target, state hooks.RelayState) {
	switch {
	case state.Connected:
		p.note("relay of %s is open (hook %d); interrupt with ctrl+c", target, state.HookID)
	case state.Err != nil:
		p.note("relay of %s is closed, trying again in %s: %s", target, state.Retry.Round(time.Second), text.Clean(state.Err.Error()))
	default:
		p.note("relay of %s has ended, its hook is removed", target)
	}
}

// relayed hands a delivery to the receiver and reports it.
func (p *program) relayed(ctx context.Context, s *settings.Settings, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
	answer, ingested, err := host.Dial(s.Home).Relayed(ctx, s.Store(), d)
	if err == nil && answer.Status == http.StatusOK {
		p.note("%s %s", text.Clean(d.Header.Get("X-GitHub-Event")), orElse(ingested.File, "recorded before"))
	}
	return answer, err
}
