package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/renameio/v2/maybe"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/server/daemon"
)

// keepTunnel runs the tunnel of the settings until ctx ends. Where its address is another one than before, the hooks that
// carry the old one are moved, and the new one is kept in hookctl.yaml.
func (r *receiver) keepTunnel(ctx context.Context, kind string) {
	ctx, cancel := context.WithCancel(ctx)
	var moving sync.WaitGroup
	defer moving.Wait()
	defer cancel()
	_, port, err := net.SplitHostPort(r.address)
	number, convErr := strconv.Atoi(port)
	if err = errors.Join(err, convErr); err == nil {
		tunnels := hooks.Tunnels{Logger: r.logger}
		stop := func() {}
		err = tunnels.Run(ctx, kind, number, func(url string) {
			stop() // moving to the address before, where that is still tried
			moving.Wait()
			one, end := context.WithCancel(ctx)
			stop = end
			moving.Go(func() { r.moveTo(one, kind, url) })
		})
		stop()
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Error("the tunnel cannot be opened", "kind", kind, "error", err, "hint", hooks.CureOf(err))
		r.setTunnel(tunnelState{problem: "tunnel: " + err.Error(), hint: hooks.CureOf(err)})
	}
}

// tunnelState is what `start` and `status` show of the tunnel.
type tunnelState struct{ url, problem, hint string }

func (r *receiver) setTunnel(state tunnelState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tunnel = state
}

// moveTime is how long hooks are moved before it is told how far that is. What was moved then stays moved.
const moveTime = 30 * time.Second

// moveTo makes a public address the one in force, and goes on moving hooks to it where GitHub could not be asked. The
// addresses that hooks may carry still are kept first, so that whatever happens meanwhile the next receiver goes on.
func (r *receiver) moveTo(ctx context.Context, kind, url string) {
	r.mu.Lock()
	s := r.settings
	r.mu.Unlock()
	left := leftAddresses(s)
	if old := s.Receiver.PublicURL; old != "" && !slices.Contains(left, old) {
		left = append(left, old)
	}
	left = slices.DeleteFunc(left, func(address string) bool { return address == url })
	if err := keepLeft(s, left); err != nil {
		r.logger.Error("which hooks are to be moved cannot be kept", "error", err)
	}
	if s.Receiver.PublicURL != url {
		if err := s.Save("receiver.public_url", url); err != nil {
			r.logger.Error("the tunnel's address cannot be kept", "url", url, "error", err)
		} else if err := r.reload(ctx); err != nil {
			r.logger.Error("reload failed, the old settings stay in force", "error", err)
		}
	}
	r.logger.Info("the tunnel is open", "kind", kind, "url", url)
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 2*time.Second, 5*time.Minute
	for {
		one, cancel := context.WithTimeout(ctx, moveTime)
		err := r.moveHooks(one, s, left, url)
		cancel()
		if ctx.Err() != nil {
			return
		}
		r.tellMoved(url, left, err)
		if !passing(err) {
			if err := keepLeft(s, nil); err != nil {
				r.logger.Error("that hooks are moved cannot be kept", "error", err)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// tellMoved shows the tunnel's address, and whether hooks carry another one still.
func (r *receiver) tellMoved(url string, left []string, moved error) {
	state := tunnelState{url: url}
	if moved != nil {
		r.logger.Error("hooks keep an old address of the tunnel", "old", left, "new", url, "error", moved, "hint", "hookctl setup")
		state.problem, state.hint = "tunnel: some hooks keep the old address "+strings.Join(left, ", "), "move them with: hookctl setup"
	}
	r.setTunnel(state)
}

// passing tells whether hooks that could not be moved may be movable later without anybody doing anything here.
func passing(err error) bool {
	for _, kind := range []error{hooks.ErrUnreachable, hooks.ErrRateLimited, hooks.ErrNotLoggedIn, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func leftFile(s *settings.Settings) string { return filepath.Join(s.RunDir(), "tunnel.json") }

// leftAddresses are those that hooks may carry still, although the settings name a newer one. A file that cannot be read is
// as good as none: doctor and setup find such hooks too.
func leftAddresses(s *settings.Settings) []string {
	data, err := os.ReadFile(leftFile(s))
	var left []string
	if err != nil || json.Unmarshal(data, &left) != nil {
		return nil
	}
	return left
}

func keepLeft(s *settings.Settings, left []string) error {
	if len(left) == 0 {
		if err := os.Remove(leftFile(s)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the tunnel's old addresses: %w", err)
		}
		return nil
	}
	data, err := json.Marshal(left)
	if err == nil {
		err = maybe.WriteFile(leftFile(s), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the tunnel's old addresses: %w", err)
	}
	return nil
}

// moveHooks points hooks that lie at old addresses to the new one.
func (r *receiver) moveHooks(ctx context.Context, s *settings.Settings, from []string, to string) error {
	if len(from) == 0 {
		return nil
	}
	targets, err := r.p.knownTargets(ctx, s)
	if err != nil || len(targets) == 0 {
		return err
	}
	client, err := r.p.github(s)
	if err != nil {
		return err
	}
	var problems []error
	for _, old := range from {
		moved, err := client.Move(ctx, targets, old, to)
		for _, h := range moved {
			r.logger.Info("moved a hook to the tunnel's new address", "repository", h.Target.String(), "hook", h.ID, "url", h.URL)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
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
