package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
)

// relay brings deliveries of repositories to this machine through GitHub's own relay, for development without a public
// address. It runs until it is interrupted, which is how it ends and no failure, and removes its hooks then. A repository
// that cannot be relayed is told at once and does not end the others.
func (p *program) relay(ctx context.Context, o *setupOptions) error {
	s, client, err := p.atGitHub()
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
	key, fresh, err := p.setupSecret(s)
	if err != nil {
		return err
	}
	if fresh {
		if err := p.keepFresh(s, key); err != nil {
			return err
		}
	}
	if _, err := p.runningReceiver(ctx, s); err != nil {
		return err
	}
	events := o.eventsOr(s)
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

// relayState tells how the relay is, whenever that changes.
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

// relayed hands a delivery to the receiver's intake. Where GitHub signed it, the signature has to be right; where it did
// not, the connection that we opened to GitHub is the proof of where it comes from.
func (p *program) relayed(ctx context.Context, s *settings.Settings, d hooks.RelayDelivery) (hooks.RelayAnswer, error) {
	record := &logs.Record{
		EventType: d.Header.Get("X-GitHub-Event"), DeliveryID: d.Header.Get("X-GitHub-Delivery"), HookID: d.HookID,
		Source: logs.SourceRelay, Headers: keptHeaders(d.Header), Payload: d.Body,
	}
	if signature := d.Header.Get("X-Hub-Signature-256"); signature != "" {
		now := time.Now()
		ring, err := s.Store().Ring(now)
		if err != nil {
			return hooks.RelayAnswer{}, err
		}
		fingerprint, ok := ring.Match(d.Body, signature, d.HookID, "/webhook", now)
		if !ok {
			return hooks.RelayAnswer{Status: http.StatusUnauthorized, Body: []byte(`{"error":"the signature does not match"}`)}, nil
		}
		record.Signature = logs.Signature{Verified: true, Secret: fingerprint}
	}
	answer, err := askReceiver[ingestAnswer](ctx, s.Home, "/ingest", record)
	if err != nil {
		return hooks.RelayAnswer{}, err
	}
	p.note("%s %s", text.Clean(record.EventType), orElse(answer.File, "recorded before"))
	body, err := json.Marshal(struct {
		Status    string `json:"status"`
		Delivery  string `json:"delivery"`
		Duplicate bool   `json:"duplicate"`
	}{"ok", record.DeliveryID, answer.Duplicate})
	if err != nil {
		return hooks.RelayAnswer{}, fmt.Errorf("answer the relay: %w", err)
	}
	return hooks.RelayAnswer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}, nil
}
