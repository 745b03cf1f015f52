package wizard

import (
	"context"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// Defaults is what the wizard starts from, and how it keeps what was chosen
// for this machine. What concerns hooks, the fleet keeps.
type Defaults struct {
	URL          string        // the public URL of the receiver, where known
	Events       []string      // chosen at first; hooks.DefaultEvents when empty
	Repositories []string      // owner/repo, chosen at first
	Port         int           // local port of the receiver, to find tunnels
	Agent        string        // recipient of notifications, for the review
	Sink         string        // address of the notification sink, "" for none
	Wait         time.Duration // how long a hook's proof may take; the fleet's when zero
	Tunnels      tunnel.Finder // where tunnels are looked for; zero for the usual places
	// Probe reports what the sink at address says about the recipient; nil
	// leaves the check out.
	Probe func(ctx context.Context, address, agent string) error
	// ProbeChat reports what is wrong with the URL of a chat; nil leaves the
	// check out.
	ProbeChat func(ctx context.Context, url string) error
	Chat      bool     // people in a chat are notified already
	Also      []string // entries of notify_also in force
	Trust     bool     // text of strangers is kept from agents
	// SaveNotify makes the choice of the notifications step permanent; nil
	// leaves the settings alone.
	SaveNotify func(ctx context.Context, n fleet.Notify) error
	// SaveSync makes the mode of project sync permanent; nil where the wizard
	// cannot offer that. Sync is the mode in force.
	SaveSync func(ctx context.Context, mode string) error
	Sync     string
	// RunTunnel has the receiver run a tunnel of that kind from now on, and
	// returns its status once the tunnel is open; nil where the wizard cannot
	// offer that.
	RunTunnel func(ctx context.Context, kind string) (daemon.Status, error)
	// Relayed hands a delivery of GitHub's relay to the receiver; nil where the
	// wizard cannot offer the relay.
	Relayed func(context.Context, hooks.RelayDelivery) (hooks.RelayAnswer, error)
	relay   *relay // that was opened last
	// SavePort makes another local port of the receiver permanent; nil where
	// the wizard cannot offer that.
	SavePort func(ctx context.Context, port int) error
}

// launch saves what was chosen for this machine, the secret if none exists yet, and leaves a receiver that runs with it. The
// public URL is saved by the fleet, once a hook there has proved itself. Where the receiver is to run a tunnel, it waits until
// that is open.
func (c Config) launch(ctx context.Context, value, run string, notify fleet.Notify) (daemon.Status, error) {
	// Somebody else may have created a secret since; that one stays.
	have, _, err := c.Store.Current()
	if err == nil && have == "" {
		err = c.Store.SetCurrent(value)
	}
	if err != nil {
		return daemon.Status{}, err
	}
	if c.Setup.SaveNotify != nil {
		if err := c.Setup.SaveNotify(ctx, notify); err != nil {
			return daemon.Status{}, err
		}
	}
	if run != "" {
		return c.Setup.RunTunnel(ctx, run)
	}
	status, _, err := c.Fleet.Receiver(ctx)
	return status, err
}

// request is what the fleet is asked to set up.
func (w *Wizard) request() fleet.SetupRequest {
	return fleet.SetupRequest{Targets: w.targets(), URL: w.address.url(), Events: w.events.asked(), Also: w.notify.chosen().Events(), AllowUnreachable: w.address.anyway(), Wait: w.cfg.Setup.Wait}
}
