package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/server/host"
)

// relay brings deliveries of repositories to this machine until it is interrupted, for development without a public URL.
func (p *program) relay(ctx context.Context, s *settings.Settings, o *setupOptions) error {
	all, err := p.atGitHub(s)
	if err != nil {
		return err
	}
	client, err := all.GitHub()
	if err != nil {
		return err
	}
	targets, err := o.targets.targets(ctx, p, client)
	if err != nil {
		return err
	}
	failed := false
	var reporting sync.Mutex
	err = all.Relay(ctx, fleet.RelayRequest{
		Targets: targets, Events: o.events, State: p.relayState,
		Handle: func(ctx context.Context, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
			return p.relayed(ctx, s, d)
		},
		Created: func(fingerprint string) {
			p.note("created a secret (%s) and stored it in %s", fingerprint, s.EnvFile())
		},
		Failed: func(_ hooks.Target, err error) {
			reporting.Lock()
			defer reporting.Unlock()
			failed = true
			reportError(p.err, err)
		},
	})
	switch {
	case errors.Is(err, fleet.ErrRelay):
		return usage(errors.New("--relay works for repositories: give -R owner/repo"))
	case failed:
		return errReported
	}
	return err
}

// relayState reports how the relay is, whenever that changes.
func (p *program) relayState(target hooks.Target, state hooks.RelayState) {
	switch {
	case state.Connected:
		p.note("relay of %s is open (hook %d); press ctrl+c to stop", target, state.HookID)
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
		p.note("%s %s", text.Clean(d.Header.Get("X-GitHub-Event")), cmp.Or(ingested.File, "recorded before"))
	}
	return answer, err
}
