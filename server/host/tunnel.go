package host

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
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
		tunnels := tunnel.Finder{Logger: r.logger}
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
		r.setTunnel(tunnelState{Problem: "tunnel: " + err.Error(), Hint: hooks.CureOf(err)})
	}
}

// tunnelState is what `start` and `status` show of the tunnel. Until it is open, everything is empty.
type tunnelState struct {
	URL     string `json:"url"`
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

func (r *receiver) setTunnel(state tunnelState) {
	r.mu.Lock()
	r.tunnel = state
	r.mu.Unlock()
	r.server.SetAlarm("tunnel", state.Problem, state.Hint)
}

func (r *receiver) tunnelNow() tunnelState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tunnel
}

// moveTime is how long hooks are moved before the status shows how far that is. What was moved by then stays moved.
const moveTime = 30 * time.Second

// moveTo puts a public address in force, and goes on moving hooks to it where GitHub could not be asked. The fleet remembers
// which addresses hooks may still carry, so that the next receiver goes on, whatever happens to this one.
func (r *receiver) moveTo(ctx context.Context, kind, url string) {
	r.logger.Info("the tunnel is open", "kind", kind, "url", url)
	f := r.current().fleet.With(r.log.Log())
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 2*time.Second, 5*time.Minute
	for {
		one, cancel := context.WithTimeout(ctx, moveTime)
		report, err := f.Move(one, url, nil)
		cancel()
		if ctx.Err() != nil {
			return
		}
		for _, h := range report.Moved {
			r.logger.Info("moved a hook to the tunnel's new address", "repository", h.Target.String(), "hook", h.ID, "url", h.URL)
		}
		state := tunnelState{URL: url}
		if problem := errors.Join(report.Err(), err); problem != nil {
			r.logger.Error("hooks keep an old address of the tunnel", "old", report.From, "new", url, "error", problem, "hint", "hookctl setup")
			state.Problem, state.Hint = "tunnel: some hooks keep an old address", "hookctl setup"
		}
		r.setTunnel(state)
		if !report.Again() && !passing(err) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// saveURL puts an address that was saved in force.
func (r *receiver) saveURL(save func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, url string) error {
		if err := save(ctx, url); err != nil {
			return err
		}
		if err := r.reload(ctx); err != nil {
			r.logger.Error("reload failed, the old settings stay in force", "error", err)
		}
		return nil
	}
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
