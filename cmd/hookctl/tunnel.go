package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"hookctl/hooks"
	"hookctl/server/daemon"
)

// keepTunnel runs the tunnel of the settings until ctx ends. Where its address is another one than before, the hooks that
// carry the old one are moved, and the new one is kept in hookctl.yaml.
func (r *receiver) keepTunnel(ctx context.Context, kind string) {
	_, port, err := net.SplitHostPort(r.address)
	number, convErr := strconv.Atoi(port)
	if err = errors.Join(err, convErr); err == nil {
		tunnels := hooks.Tunnels{Logger: r.logger}
		err = tunnels.Run(ctx, kind, number, func(url string) { r.moveTo(ctx, kind, url) })
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Error("the tunnel cannot be opened", "kind", kind, "error", err, "hint", cureOf(err))
		r.setTunnel(tunnelState{problem: "tunnel: " + err.Error(), hint: cureOf(err)})
	}
}

// tunnelState is what `start` and `status` show of the tunnel.
type tunnelState struct{ url, problem, hint string }

func (r *receiver) setTunnel(state tunnelState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tunnel = state
}

// moveTo makes a public address the one in force.
func (r *receiver) moveTo(ctx context.Context, kind, url string) {
	r.mu.Lock()
	s := r.settings
	r.mu.Unlock()
	old := s.Receiver.PublicURL
	state := tunnelState{url: url}
	if old != "" && old != url {
		if err := r.moveHooks(ctx, s, old, url); err != nil {
			r.logger.Error("hooks keep the tunnel's old address", "old", old, "new", url, "error", err, "hint", "hookctl setup")
			state.problem, state.hint = "tunnel: some hooks keep the old address "+old, "move them with: hookctl setup"
		}
	}
	if old != url {
		if err := s.save("receiver.public_url", url); err != nil {
			r.logger.Error("the tunnel's address cannot be kept", "url", url, "error", err)
		} else if err := r.reload(ctx); err != nil {
			r.logger.Error("reload failed, the old settings stay in force", "error", err)
		}
	}
	r.logger.Info("the tunnel is open", "kind", kind, "url", url)
	r.setTunnel(state)
}

func (r *receiver) moveHooks(ctx context.Context, s *settings, from, to string) error {
	targets, err := r.p.knownTargets(ctx, s)
	if err != nil || len(targets) == 0 {
		return err
	}
	client, err := r.p.github(s)
	if err != nil {
		return err
	}
	moved, err := client.Move(ctx, targets, from, to)
	for _, h := range moved {
		r.logger.Info("moved a hook to the tunnel's new address", "repository", h.Target.String(), "hook", h.ID, "url", h.URL)
	}
	return err
}

// awaitTunnel waits until the receiver that was just started has its tunnel open, or says why not.
func (p *program) awaitTunnel(ctx context.Context, home string) (daemon.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, err := askReceiver[tunnelAnswer](ctx, home, "/tunnel", struct{}{})
		if err != nil {
			return daemon.Status{}, err
		}
		if state.Problem != "" {
			return daemon.Status{}, hint(fmt.Errorf("the receiver runs, but not its %s", state.Problem), state.Hint)
		}
		if state.URL != "" {
			return daemon.Dial(home).Status(ctx)
		}
		select {
		case <-ctx.Done():
			return daemon.Status{}, fmt.Errorf("the tunnel did not open: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// tunnelAnswer is how the receiver's tunnel is.
type tunnelAnswer struct {
	URL     string `json:"url"`
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

func (r *receiver) askedForTunnel(context.Context, struct{}) (tunnelAnswer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return tunnelAnswer{URL: r.tunnel.url, Problem: r.tunnel.problem, Hint: r.tunnel.hint}, nil
}
