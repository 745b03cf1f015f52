package fleet

import (
	"context"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/server/daemon"
)

// SetupDefaults is what a dialogue of setup starts from, and how it keeps what was chosen for this machine. What concerns hooks,
// the Fleet keeps. A function that is nil takes the question that needs it out of the dialogue.
type SetupDefaults struct {
	URL          string        // of the hooks, "" where it is not known yet
	Events       []string      // chosen at first; [hooks.DefaultEvents] when empty
	Repositories []string      // owner/repo, chosen at first
	Port         int           // local port of the receiver
	Sink, Agent  string        // address of AI Maestro, and who is notified there; no agent for nobody
	Chat         bool          // people in a chat are notified already
	Also         []string      // entries of notify_also in force
	Trust        bool          // text of strangers is kept from agents
	Sync         string        // mode of project sync in force
	Wait         time.Duration // how long a hook's proof may take; the Fleet's when zero

	Probe      func(ctx context.Context, sink, agent string) error // what the sink says about the agent
	ProbeChat  func(ctx context.Context, url string) error         // what is wrong with the URL of a chat
	SaveNotify func(ctx context.Context, n Notify) error
	SaveSync   func(ctx context.Context, mode string) error
	SavePort   func(ctx context.Context, port int) error
	// RunTunnel has the receiver run a tunnel of that kind from now on, and returns its status once the tunnel is open.
	RunTunnel func(ctx context.Context, kind string) (daemon.Status, error)
	// Relayed hands a delivery of GitHub's relay to the receiver.
	Relayed func(context.Context, hooks.RelayDelivery) (hooks.RelayAnswer, error)
}

// Args is the command line without hookctl that asks for the same; relay has deliveries come through GitHub's relay.
func (r SetupRequest) Args(relay bool) []string {
	args := []string{"setup"}
	for _, t := range r.Targets {
		args = append(args, strings.Fields(t.Flag())...)
	}
	switch {
	case relay:
		args = append(args, "--relay")
	case r.URL != "":
		args = append(args, "--url", r.URL)
	}
	for _, e := range r.Events {
		args = append(args, "--event", e)
	}
	if r.AllowUnreachable {
		args = append(args, "--allow-unreachable")
	}
	return args
}

// Launch keeps what was chosen for this machine: who is notified, and as the secret value, or a new one where that is empty. It
// leaves a receiver that runs with it, and with a tunnel where run names a kind; that is open then. The public URL is kept by
// Setup, once a hook there has proved itself.
func (f *Fleet) Launch(ctx context.Context, d SetupDefaults, value, run string, n Notify) (daemon.Status, error) {
	_, _, err := f.keepSecret(value)
	if err == nil && d.SaveNotify != nil {
		err = d.SaveNotify(ctx, n)
	}
	if err != nil {
		return daemon.Status{}, err
	}
	if run != "" {
		return d.RunTunnel(ctx, run)
	}
	status, _, err := f.Receiver(ctx)
	return status, err
}
