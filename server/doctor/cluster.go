package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// What differs between nodes, and by how much it may.
const (
	clockMost   = 30 * time.Second
	lagMost     = 10_000
	expiresSoon = 14 * 24 * time.Hour
)

// cluster judges the cluster of this node: quorum, members, clocks, versions, lag, room and certificates.
func (f *facts) cluster(context.Context) Check {
	status, err := f.status()
	if err != nil {
		return skipped(err)
	}
	c := status.Cluster
	switch {
	case c == nil:
		return warn("hookctl restart", "the settings name a cluster, and the receiver runs without")
	case !c.Quorum:
		return fail("start the other nodes: hookctl start", "%s; deliveries are stored here and answered with 503", c)
	}
	all := []Check{ok("%s", c), f.clusterRoom(c)}
	if !c.Ready {
		all = append(all, warn("hookctl cluster status", "this node waits for the secrets of the others"))
	}
	if away := c.Away(); len(away) > 0 {
		all = append(all, warn("start it there: hookctl start", "node %s is away; one more would stop the cluster", strings.Join(away, ", ")))
	}
	if n := c.Missing(); n > 0 {
		all = append(all, warn("on each node: hookctl cluster status", "missing %s of the settings: not joined yet, or left out", text.Count(n, "node")))
	}
	for _, m := range c.Members {
		all = append(all, f.clusterMember(m, status.Version))
	}
	return worst(all...)
}

func (f *facts) clusterMember(m daemon.ClusterMember, version string) Check {
	var all []Check
	if m.Up && m.Version != version {
		all = append(all, warn("upgrade it; then there: hookctl restart", "node %s runs version %s, this one %s", m.Node, m.Version, version))
	}
	if m.ClockOffset.Abs() > clockMost {
		all = append(all, warn("synchronise its clock, for example with chrony", "the clock of node %s differs by %s", m.Node, m.ClockOffset.Round(time.Second)))
	}
	if m.Lag > lagMost {
		all = append(all, warn("hookctl cluster status", "node %s has %s deliveries to file", m.Node, humanize.Comma(int64(m.Lag)))) // #nosec G115 -- a count of records
	}
	if m.Waiting > 0 {
		all = append(all, warn("hookctl cluster status", "node %s has %d deliveries that it could not share yet", m.Node, m.Waiting))
	}
	switch left := m.Expires.Sub(f.cfg.Now()); {
	case m.Expires.IsZero() || left > expiresSoon:
	case left <= 0:
		all = append(all, fail("renew it; then there: hookctl restart", "the certificate of node %s has expired", m.Node))
	default:
		all = append(all, warn("renew it; then there: hookctl restart", "the certificate of node %s expires on %s", m.Node, m.Expires.Format(time.DateOnly)))
	}
	return worst(all...)
}

// clusterRoom compares what the stream may still grow by with what the disk has.
func (f *facts) clusterRoom(c *daemon.Cluster) Check {
	if c.StreamMax == 0 {
		return ok("")
	}
	if c.StreamBytes > c.StreamMax/10*9 {
		return fail("raise cluster.max_bytes on every node: hookctl config edit", "the stream is nearly full (%s of %s); then deliveries are answered with 507", humanize.Bytes(c.StreamBytes), humanize.Bytes(c.StreamMax))
	}
	free, _, err := space(f.cfg.Home)
	if grow := c.StreamMax - c.StreamBytes; err == nil && free < grow {
		return warn("free some space, or lower cluster.max_bytes", "the stream may grow by %s, and the disk has %s", humanize.Bytes(grow), humanize.Bytes(free))
	}
	return ok("")
}
