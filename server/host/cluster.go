package host

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/cluster"
	"hookctl/server/daemon"
)

// Cluster says that this receiver is a node, and which.
type Cluster struct {
	Settings cluster.Settings
	Key      cluster.Key
}

// join starts the node of the settings, where they have one.
func (r *receiver) join(s *Settings) (err error) {
	if s.Cluster == nil {
		return nil
	}
	home := r.cfg.Daemon.Home
	r.node, err = cluster.Start(cluster.Config{
		Settings: s.Cluster.Settings, Secret: s.Cluster.Key, Dir: filepath.Join(home, "state", "jetstream"),
		Version: s.Server.Version, Log: r.log, Logger: r.logger,
		Secrets: cluster.Secrets{
			Export:   func() ([]byte, error) { return r.current().Store.Snapshot() },
			Import:   r.takeSecrets,
			Accepted: func() []string { return r.server.Stats().Secrets },
			Rotating: func() bool { return rotating(r.current().Store) },
		},
		Announce: func(ctx context.Context, file string) error { return r.server.Announce(ctx, file) },
		Withdraw: func(ctx context.Context) error { return r.server.Withdraw(ctx) },
		Alarm:    func(key, text, hint string) { r.server.SetAlarm(key, text, hint) },
	})
	return hooks.WithCure(err, "check the section cluster: hookctl config; then: hookctl doctor")
}

// rotating reports whether a process of this home is rotating.
func rotating(store *secret.Store) bool {
	unlock, err := store.LockRotation()
	if err == nil {
		unlock()
	}
	return errors.Is(err, secret.ErrRotating)
}

// takeSecrets puts the cluster's secrets in force here.
func (r *receiver) takeSecrets(ctx context.Context, snapshot []byte) error {
	if err := r.current().Store.Restore(snapshot); err != nil {
		return err
	}
	return r.reloadHere(ctx)
}

// shared is how the core works with the other nodes, nil for a single machine.
func (r *receiver) shared() *server.Shared {
	if r.node == nil {
		return nil
	}
	return &server.Shared{
		Instance: r.started.Cluster.Key.Instance(),
		Ready:    r.node.Ready,
		Healthy:  r.node.Healthy,
		Publish: func(ctx context.Context, rec *logs.Record) error {
			err := r.node.Publish(ctx, rec)
			if errors.Is(err, cluster.ErrNoQuorum) {
				return errors.Join(server.ErrNotShared, err)
			}
			return err
		},
		Claim:   r.node.Claim,
		Outcome: r.node.Outcome,
	}
}

// asOwner does something as long as this receiver is the one to do it: always on a single machine, and in a cluster while it
// holds the lease of that name.
func (r *receiver) asOwner(ctx context.Context, name string, do func(context.Context)) {
	if r.node == nil {
		do(ctx)
		return
	}
	r.node.Lease(ctx, name, func(ctx context.Context, token uint64) {
		r.logger.Debug("this node has a lease", "lease", name, "token", token)
		do(ctx)
	})
}

// owns reports whether this receiver is the one to do what the lease of that name is for.
func (r *receiver) owns(name string) bool { return r.node == nil || r.node.Holds(name) }

// shareSecrets returns when every node accepts what this one does now.
func (r *receiver) shareSecrets(ctx context.Context) error {
	if r.node == nil {
		return nil
	}
	return hooks.WithCure(r.node.ShareSecrets(ctx, r.server.Stats().Secrets), "hookctl cluster status")
}

// clusterStatus is the cluster's part of the status.
func (r *receiver) clusterStatus() *daemon.Cluster {
	if r.node == nil {
		return nil
	}
	s := r.node.View()
	view := reshape[daemon.Cluster](s)
	view.Notifier, view.StreamBytes, view.StreamMax = text.Clean(s.Leases["notify"].Node), s.Stream.Bytes, uint64(max(0, s.Stream.MaxBytes))
	if embed := r.started.Cluster.Settings.Embed; embed != nil {
		view.Nodes = 1 + len(embed.Peers)
	}
	for i, m := range view.Members {
		view.Members[i].Node, view.Members[i].Version = text.Clean(m.Node), text.Clean(m.Version)
	}
	return &view
}

// errSingle says that a command is for a cluster.
var errSingle = hooks.WithCure(errors.New("the receiver is not part of a cluster"), "hookctl cluster init")

// ClusterStatus asks the receiver how its cluster is.
func (c *Client) ClusterStatus(ctx context.Context) (cluster.Status, error) {
	return ask[cluster.Status](ctx, c, "/cluster/status", request{})
}

// Republish feeds the cluster's stream from the files of this receiver: of all, or of those received since a time.
func (c *Client) Republish(ctx context.Context, since time.Time) (cluster.Republished, error) {
	return ask[cluster.Republished](ctx, c, "/cluster/republish", request{Since: since})
}

// LeaveOut takes a node that is away out of the members until it starts again, so that a rotation need not wait for it.
func (c *Client) LeaveOut(ctx context.Context, node string) error {
	_, err := ask[doneAnswer](ctx, c, "/cluster/leave", request{Node: node})
	return err
}

// onNode is [handle] for what only a node of a cluster can do.
func onNode[A any](r *receiver, f func(context.Context, *cluster.Node, request) (A, error)) http.Handler {
	return handle(r, func(ctx context.Context, q request) (answer A, err error) {
		if r.node == nil {
			return answer, errSingle
		}
		return f(ctx, r.node, q)
	})
}
