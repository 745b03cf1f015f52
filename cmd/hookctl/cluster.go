package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server/cluster"
	"hookctl/server/host"
)

func newCluster(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Share deliveries between several receivers",
		Long: "Share deliveries between several receivers behind one load balancer: a 2xx answer means that most of them have the\n" +
			"delivery on disk, each of them records every delivery, and one of them notifies. Three nodes survive the loss of one.",
		Example: `  hookctl cluster init --node a --listen 10.0.0.1:6222 --peers 10.0.0.2:6222,10.0.0.3:6222
  hookctl cluster join --node b --listen 10.0.0.2:6222 --peers 10.0.0.1:6222,10.0.0.3:6222 --key-file key
  hookctl cluster status`,
	}
	cmd.AddCommand(newClusterInit(p), newClusterJoin(p), newClusterStatus(p), newClusterRepublish(p))
	return cmd
}

// nodeCommand is a command that makes this receiver a node: its flags become the section cluster of the settings, once prepare has done
// the rest. done says what is printed.
func (p *program) nodeCommand(cmd *cobra.Command, prepare func(*settings.Settings) (done clusterSetup, err error)) *cobra.Command {
	var node settings.Cluster
	cmd = p.printing(cmd, func(_ context.Context, c call) error {
		if node.Node == "" {
			return hint(usage(errors.New("--node is missing")), "usage: "+cmd.UseLine())
		}
		done, err := prepare(c.settings)
		if err != nil {
			return err
		}
		now := c.settings.Cluster
		node.Ack, node.Notify, node.MaxBytes, node.Embed.TLS = now.Ack, now.Notify, now.MaxBytes, now.Embed.TLS
		if err := c.settings.Save("cluster", node); err != nil {
			return err
		}
		done.Name, done.Node = node.Name, node.Node
		if c.out.wanted() {
			return c.out.print(p.out, done)
		}
		fmt.Fprintf(p.out, "this receiver is node %s of the cluster %s\n", node.Node, node.Name)
		if done.KeyCreated {
			p.note("created %s in %s: the other nodes need it", cluster.KeyVariable, text.Clean(c.settings.EnvFile()))
		}
		p.note("hint: %s", done.Next)
		return nil
	})
	cmd.Flags().StringVar(&node.Name, "name", "hooks", "`name` of the cluster, the same on every node")
	cmd.Flags().StringVar(&node.Node, "node", "", "`name` of this node, different on every node")
	cmd.Flags().StringVar(&node.Embed.Listen, "listen", "", "`address` for the other nodes, for example 10.0.0.1:6222")
	cmd.Flags().StringSliceVar(&node.Embed.Peers, "peers", nil, "`addresses` of all other nodes")
	cmd.Flags().StringVar(&node.Embed.Advertise, "advertise", "", "`address` by which others reach --listen, where that differs")
	cmd.Flags().StringSliceVar(&node.URLs, "nats", nil, "`URLs` of an existing NATS, instead of --listen and --peers")
	cmd.Flags().StringVar(&node.Credentials, "credentials", "", "`file` with the NATS credentials for --nats")
	cmd.MarkFlagsMutuallyExclusive("nats", "listen")
	return cmd
}

// clusterSetup is what init and join print as JSON.
type clusterSetup struct {
	Name       string `json:"name"`
	Node       string `json:"node"`
	KeyCreated bool   `json:"key_created"`
	Next       string `json:"next"`
}

func newClusterInit(p *program) *cobra.Command {
	return p.nodeCommand(&cobra.Command{
		Use:   "init",
		Short: "Make this receiver the first node of a cluster",
		Long: "Make this receiver the first node of a cluster: create " + cluster.KeyVariable + " in .env, and write the section cluster of\n" +
			"hookctl.yaml. The nodes recognise each other by the key: bring .env, or the line with the key, to the other machines\n" +
			"as you would a password, and run hookctl cluster join there. Then restart the receiver.",
		Example: "  hookctl cluster init --node a --listen 10.0.0.1:6222 --peers 10.0.0.2:6222,10.0.0.3:6222\n  hookctl cluster init --node a --nats nats://10.0.0.9:4222 --credentials hookctl.creds",
	}, func(s *settings.Settings) (clusterSetup, error) {
		done := clusterSetup{Next: "on each other node: hookctl cluster join --node NAME … --key-file FILE; then on all: hookctl restart"}
		_, set, err := s.ClusterKey()
		if !set {
			var key string
			if key, err = cluster.NewKey(); err == nil {
				err = saveClusterKey(s, key)
			}
			done.KeyCreated = true
		}
		if err != nil {
			return done, err
		}
		return done, ensureSecret(s)
	})
}

func newClusterJoin(p *program) *cobra.Command {
	var keyFile string
	cmd := p.nodeCommand(&cobra.Command{
		Use:   "join",
		Short: "Make this receiver another node of a cluster",
		Long: "Make this receiver another node of a cluster. --key-file names a .env file of another node, or a file with the key\n" +
			"alone; - reads stdin. Without it the key is taken from the environment or from .env of this home. The webhook secret of\n" +
			"this home is replaced by that of the cluster when the receiver starts. Then restart the receiver.",
		Example: "  hookctl cluster join --node b --listen 10.0.0.2:6222 --peers 10.0.0.1:6222,10.0.0.3:6222 --key-file key\n  ssh first grep HOOKCTL_CLUSTER_KEY .atlas/.env | hookctl cluster join --node b --nats nats://10.0.0.9:4222 --key-file -",
	}, func(s *settings.Settings) (clusterSetup, error) {
		done := clusterSetup{Next: "hookctl restart"}
		if keyFile != "" {
			key, err := p.readClusterKey(keyFile)
			if err == nil {
				err = saveClusterKey(s, key)
			}
			if err != nil {
				return done, err
			}
		}
		if _, _, err := s.ClusterKey(); err != nil {
			return done, err
		}
		return done, errors.Join(ensureSecret(s), cluster.Join(s.Log.Dir))
	})
	cmd.Flags().StringVar(&keyFile, "key-file", "", "`file` with the cluster's key, or - for stdin")
	return cmd
}

// readClusterKey reads the key from a .env file, or from a file with the key alone.
func (p *program) readClusterKey(file string) (string, error) {
	data, err := p.readFile(file, 1<<20)
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export "))
		if value, ok := strings.CutPrefix(line, cluster.KeyVariable+"="); ok {
			return strings.Trim(value, "\"'"), nil
		}
	}
	if key := strings.TrimSpace(string(data)); len(key) == 64 {
		return key, nil
	}
	return "", fmt.Errorf("--key-file: %s has no %s", text.Clean(file), cluster.KeyVariable)
}

func saveClusterKey(s *settings.Settings, key string) error {
	if _, err := cluster.ParseKey(key); err != nil {
		return err
	}
	env, err := secret.OpenEnv(s.EnvFile())
	if err != nil {
		return err
	}
	env.Set(cluster.KeyVariable, key)
	return env.Save()
}

// ensureSecret creates a webhook secret if none exists: a receiver does not start without.
func ensureSecret(s *settings.Settings) error {
	current, _, err := s.Store().Current()
	if err != nil || current != "" {
		return err
	}
	if current, err = secret.Generate(); err != nil {
		return err
	}
	return s.Store().SetCurrent(current)
}

func newClusterStatus(p *program) *cobra.Command {
	var wait settings.Duration
	cmd := p.printing(&cobra.Command{
		Use:   "status",
		Short: "Show the nodes of the cluster and who does what",
		Long: "Show the nodes of the cluster as this one sees them, what is kept for nodes that are away, and which node has which\n" +
			"role. --wait first waits until every node is up and has everything: do so before the next step of an upgrade. The exit\n" +
			"code is 1 without a quorum, and 5 when the time of --wait is up.",
		Example: "  hookctl cluster status\n  hookctl restart && hookctl cluster status --wait 5m\n  hookctl cluster status --jq '.members[] | select(.up | not) | .node'",
	}, func(ctx context.Context, c call) error {
		status, late, err := clusterStatus(ctx, c.settings, time.Duration(wait))
		if err != nil {
			return err
		}
		if c.out.wanted() {
			return errors.Join(c.out.print(p.out, status), late)
		}
		return cmp.Or(late, p.printCluster(status))
	})
	cmd.Flags().Var(&wait, "wait", "wait up to this `duration`, for example 5m, until every node is up and has everything")
	return cmd
}

// clusterStatus asks the receiver; late says that the nodes were not complete in time.
func clusterStatus(ctx context.Context, s *settings.Settings, wait time.Duration) (status cluster.Status, late, err error) {
	nodes := 1
	if c := s.ClusterSettings(); c != nil && c.Embed != nil {
		nodes += len(c.Embed.Peers)
	}
	end := time.Now().Add(wait)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err = host.Dial(s.Home).ClusterStatus(ctx)
		switch {
		case err != nil || wait == 0 || status.Complete(nodes):
			return status, nil, err
		case time.Now().After(end):
			return status, hint(fmt.Errorf("%w: after %s not every node is up with everything", errTimeUp, settings.Duration(wait)), "hookctl cluster status"), nil
		}
		select {
		case <-ctx.Done():
			return status, nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (p *program) printCluster(s cluster.Status) error {
	rows := make([][]string, len(s.Members))
	for i, m := range s.Members {
		state, name := "up", m.Node
		if !m.Up {
			state = "away"
		}
		if m.Node == s.Node {
			name += " (this one)"
		}
		var does []string
		for lease, l := range s.Leases {
			if l.Node == m.Node {
				does = append(does, lease)
			}
		}
		slices.Sort(does)
		rows[i] = []string{name, state, m.Version, strings.Join(m.Secrets, " "), text.Thousands(int(m.Lag)), text.Thousands(m.Waiting), strings.Join(does, " ")} // #nosec G115 -- counts
	}
	if err := p.table([]string{"NODE", "STATE", "VERSION", "SECRETS", "LAG", "UNSHARED", "ROLES"}, rows); err != nil {
		return err
	}
	if !s.Quorum && !s.Ready {
		p.note("error: this node is still looking for the others")
		p.note("hint: start them; then: hookctl cluster status --wait 1m")
		return errReported
	}
	if !s.Quorum {
		p.note("error: no quorum of the cluster can be reached: deliveries are stored here and answered with 503")
		p.note("hint: start the nodes that are away; on each: hookctl doctor")
		return errReported
	}
	fmt.Fprintf(p.out, "stream %s of %s, %s deliveries, led by %s\n", settings.Size(s.Stream.Bytes), settings.Size(s.Stream.MaxBytes), text.Thousands(int(s.Stream.Messages)), cmp.Or(text.Clean(s.Stream.Leader), "nobody")) // #nosec G115 -- counts
	return nil
}

func newClusterRepublish(p *program) *cobra.Command {
	var since settings.Duration
	cmd := p.printingAnyway(&cobra.Command{
		Use:   "republish",
		Short: "Feed the cluster's stream from the files of this node",
		Long: "Publish the records of this node again, oldest first, so that every node gets what it lacks. Do so after the stream\n" +
			"was lost or emptied, or after a receiver with a log of its own became a node. What the stream has stays as it is.",
		Example: "  hookctl cluster republish\n  hookctl cluster republish --last 8d",
	}, func(ctx context.Context, c call) error {
		var from time.Time
		if since > 0 {
			from = time.Now().Add(-time.Duration(since))
		}
		client := host.Dial(c.settings.Home)
		watching, stop := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() { p.watchRepublish(watching, client) })
		done, err := client.Republish(ctx, from)
		stop()
		watch.Wait()
		if err != nil {
			return err
		}
		if c.out.wanted() {
			return c.out.print(p.out, done)
		}
		fmt.Fprintf(p.out, "%s looked at, %s added to the stream\n", text.Count(done.Records, "record"), text.Thousands(done.Added))
		return nil
	})
	cmd.Flags().Var(&since, "last", "only records of the last `duration`, for example 8d; all without it")
	return cmd
}

// watchRepublish says every few seconds how far the node is, until ctx ends.
func (p *program) watchRepublish(ctx context.Context, client *host.Client) {
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s, err := client.ClusterStatus(ctx); err == nil && s.Republishing != nil {
			p.note("%s of %s", text.Thousands(s.Republishing.Records), text.Count(s.Republishing.Of, "record"))
		}
	}
}
