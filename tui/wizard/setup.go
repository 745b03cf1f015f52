package wizard

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// What setting up webhooks does, apart from how it is asked for: the wizard
// and the line mode both call it.

// offer is an address that can be chosen as it is, or a tunnel that the
// receiver can run: its address is known once it is open.
type offer struct{ url, from, run string }

// findTunnels asks for the tunnels that lead to a port, and looks for programs
// that the receiver could run.
func (d *Defaults) findTunnels(ctx context.Context, port int) (list []hooks.Tunnel, can []string, err error) {
	list, err = d.Tunnels.Find(ctx, port)
	for _, kind := range hooks.TunnelKinds() {
		if _, missing := exec.LookPath(kind); missing == nil && d.SaveTunnel != nil {
			can = append(can, kind)
		}
	}
	return list, can, err
}

// offers are the addresses to choose from: tunnels that are open, then that of
// the settings, then what the receiver could run.
func (d *Defaults) offers(list []hooks.Tunnel, can []string) []offer {
	var offers []offer
	add := func(o offer) {
		for _, have := range offers {
			if o.run == "" && hooks.SameURL(have.url, o.url) {
				return
			}
		}
		offers = append(offers, o)
	}
	for _, t := range list {
		from := text.Clean(t.Kind)
		if t.Target != "" {
			from += ", leads to " + text.Clean(t.Target)
		}
		add(offer{url: hookURL(text.Clean(t.URL)), from: from})
		can = slices.DeleteFunc(can, func(kind string) bool { return kind == t.Kind })
	}
	if d.URL != "" {
		add(offer{url: hookURL(d.URL), from: "from the settings"})
	}
	for _, kind := range can {
		add(offer{run: kind})
	}
	return offers
}

// findSecret reads the secret in use; where there is none it is have, or else
// a new one that is not saved yet.
func findSecret(store *secret.Store, have string) (string, secret.Origin, error) {
	value, origin, err := store.ForHooks()
	if err == nil && value == "" {
		if value = have; value == "" {
			value, err = secret.Generate()
		}
	}
	return value, origin, err
}

// launch is what was chosen for this machine.
type launch struct {
	secret      string // saved where there is none yet
	url         string // the public address
	run         string // or the kind of tunnel that makes one
	sink, agent string // who is notified; empty for nobody
}

// launch saves what was chosen and leaves a receiver that runs with it. With a
// tunnel it waits until that is open, and says its address.
func (c Config) launch(ctx context.Context, l launch) (status daemon.Status, address string, err error) {
	// Somebody else may have made a secret meanwhile; it stays.
	have, _, err := c.Store.Current()
	if err == nil && have == "" {
		err = c.Store.SetCurrent(l.secret)
	}
	if err != nil {
		return status, "", err
	}
	if l.run == "" && c.Setup.SaveURL != nil {
		if err := c.Setup.SaveURL(ctx, l.url); err != nil {
			return status, "", err
		}
	}
	if c.Setup.SaveSink != nil {
		if err := c.Setup.SaveSink(ctx, l.sink, l.agent); err != nil {
			return status, "", err
		}
	}
	if l.run == "" {
		status, err = startOrReload(ctx, c.Daemon)
		return status, l.url, err
	}
	if err := c.Setup.SaveTunnel(ctx, l.run); err != nil {
		return status, "", err
	}
	return startTunnel(ctx, c.Daemon)
}

// plan looks at what is there and says what would be done. The secret is read
// now: it may have been rotated since the question was answered.
func (c Config) plan(ctx context.Context, client *hooks.Client, targets []hooks.Target, address string, events []string) (plan hooks.SetupPlan, value string, err error) {
	if value, _, err = c.Store.ForHooks(); err != nil {
		return plan, "", err
	}
	plan, err = client.PlanSetup(ctx, hooks.SetupRequest{Targets: targets, URL: address, Events: events, Secret: value,
		Active: true, Wait: c.Setup.Wait, OwnSecret: c.Store.HookSecret})
	return plan, value, err
}

// able reports whether a plan has something that can be done.
func able(plan hooks.SetupPlan) bool {
	return slices.ContainsFunc(plan.Items, func(i hooks.SetupItem) bool { return i.Action != hooks.ActionFail })
}

// carryOut does what a plan says, with the log as the witness of each ping. A
// rotation that is under way takes the new hooks along.
func (c Config) carryOut(ctx context.Context, client *hooks.Client, l *logs.Log, plan hooks.SetupPlan, progress func(hooks.Step)) ([]hooks.SetupResult, error) {
	rotator := c.Rotator(client, l)
	results, err := client.Apply(ctx, plan, rotator.Confirm, progress)
	var made []hooks.Hook
	for _, r := range results {
		if r.HookID != 0 {
			made = append(made, hooks.Hook{ID: r.HookID, Target: r.Target, URL: r.URL})
		}
	}
	if len(made) > 0 {
		err = errors.Join(err, rotator.Adopt(made))
	}
	return results, err
}

// proved counts the hooks that proved themselves.
func proved(results []hooks.SetupResult) (n int) {
	for _, r := range results {
		if r.Verified && r.Err == nil {
			n++
		}
	}
	return n
}

// Defaults is what the wizard offers first.
type Defaults struct {
	URL          string        // the public URL of the receiver, where known
	Events       []string      // chosen at first; hooks.DefaultEvents when empty
	Repositories []string      // owner/repo, chosen at first
	Port         int           // local port of the receiver, to find tunnels
	Agent        string        // recipient of notifications, for the review
	Sink         string        // address of the notification sink, "" for none
	Wait         time.Duration // how long a hook's proof may take; 30 s when zero
	Tunnels      hooks.Tunnels // where tunnels are looked for; zero for the usual places
	// Probe reports what the sink at address says about the recipient; nil
	// leaves the check out.
	Probe func(ctx context.Context, address, agent string) error
	// SaveSink makes the choice of the notifications step permanent; nil
	// leaves the settings alone. An empty address switches notifications off.
	SaveSink func(ctx context.Context, address, agent string) error
	// SaveTunnel has the receiver run a tunnel of that kind from its next
	// start on; nil where the wizard cannot offer that.
	SaveTunnel func(ctx context.Context, kind string) error
	// SavePort makes another local port of the receiver permanent; nil where
	// the wizard cannot offer that.
	SavePort func(ctx context.Context, port int) error
	// SaveURL makes the public URL permanent; nil leaves the settings alone.
	SaveURL func(ctx context.Context, url string) error
}
