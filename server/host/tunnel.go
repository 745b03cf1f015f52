package host

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

	"hookctl/hooks"
)

// keepTunnel runs the tunnel of the settings until ctx ends. When its address changes, the hooks that carry the old one are
// moved, and the new one is saved in the settings.
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
		r.logger.Error("cannot open the tunnel", "kind", kind, "error", err, "hint", hooks.CureOf(err))
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

// moveTime is how long hooks are moved before the status shows how far that is. What was moved by then stays moved.
const moveTime = 30 * time.Second

// moveTo puts a public address in force, and goes on moving hooks to it where GitHub could not be asked. The addresses that
// hooks may still carry are stored first, so that the next receiver goes on, whatever happens to this one.
func (r *receiver) moveTo(ctx context.Context, kind, url string) {
	s := r.current()
	left := r.leftAddresses()
	if old := s.PublicURL; old != "" && !slices.Contains(left, old) {
		left = append(left, old)
	}
	left = slices.DeleteFunc(left, func(address string) bool { return address == url })
	if err := r.keepLeft(left); err != nil {
		r.logger.Error("cannot store which hooks are to be moved", "error", err)
	}
	if s.PublicURL != url {
		if err := s.SavePublicURL(url); err != nil {
			r.logger.Error("cannot save the tunnel's address", "url", url, "error", err)
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
		r.showMoved(url, left, err)
		if !passing(err) {
			if err := r.keepLeft(nil); err != nil {
				r.logger.Error("cannot store that hooks are moved", "error", err)
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

// showMoved puts the tunnel's address into the status, and whether hooks still carry another one.
func (r *receiver) showMoved(url string, left []string, moved error) {
	state := tunnelState{url: url}
	if moved != nil {
		r.logger.Error("hooks keep an old address of the tunnel", "old", left, "new", url, "error", moved, "hint", "hookctl setup")
		state.problem, state.hint = "tunnel: some hooks keep the old address "+strings.Join(left, ", "), "move them with: hookctl setup"
	}
	r.setTunnel(state)
}

// passing reports whether hooks that could not be moved now may be moved later, without anybody doing anything here.
func passing(err error) bool {
	for _, kind := range []error{hooks.ErrUnreachable, hooks.ErrRateLimited, hooks.ErrNotLoggedIn, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (r *receiver) leftFile() string { return filepath.Join(r.cfg.Daemon.Home, "run", "tunnel.json") }

// leftAddresses are those that hooks may still carry, although the settings name a newer one. A file that cannot be read
// counts as none: doctor and setup find such hooks too.
func (r *receiver) leftAddresses() []string {
	data, err := os.ReadFile(r.leftFile())
	var left []string
	if err != nil || json.Unmarshal(data, &left) != nil {
		return nil
	}
	return left
}

func (r *receiver) keepLeft(left []string) error {
	if len(left) == 0 {
		if err := os.Remove(r.leftFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the tunnel's old addresses: %w", err)
		}
		return nil
	}
	data, err := json.Marshal(left)
	if err == nil {
		err = maybe.WriteFile(r.leftFile(), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("store the tunnel's old addresses: %w", err)
	}
	return nil
}

// moveHooks points hooks at old addresses to the new one.
func (r *receiver) moveHooks(ctx context.Context, s *Settings, from []string, to string) error {
	if len(from) == 0 {
		return nil
	}
	targets, err := s.Targets(ctx)
	if err != nil || len(targets) == 0 {
		return err
	}
	client, err := s.GitHub()
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
