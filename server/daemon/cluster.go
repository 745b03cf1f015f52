package daemon

import (
	"fmt"
	"strings"
	"time"
)

// Cluster is what a node knows of its cluster without asking anybody. Its texts have been cleaned by who filled it in.
type Cluster struct {
	Name        string          `json:"name"`
	Node        string          `json:"node"`
	Quorum      bool            `json:"quorum"`   // a quorum answered a moment ago
	Ready       bool            `json:"ready"`    // it has the cluster's secrets
	Notifier    string          `json:"notifier"` // the node that sends notifications, "" for none
	Members     []ClusterMember `json:"members"`
	StreamBytes uint64          `json:"stream_bytes"`
	StreamMax   uint64          `json:"stream_max_bytes"` // 0 where it is not known yet

	Republishing *Republishing `json:"republishing,omitempty"` // how far this node is, nil where it does not
}

// Republishing is how far a node is with publishing its records again.
type Republishing struct {
	Records int `json:"records"` // looked at
	Of      int `json:"of"`
}

// ClusterMember is a node of a cluster.
type ClusterMember struct {
	Node        string        `json:"node"`
	Up          bool          `json:"up"`
	Version     string        `json:"version,omitempty"`
	Lag         uint64        `json:"lag"`     // deliveries that it has not filed yet
	Waiting     int           `json:"waiting"` // deliveries that it has not shared yet
	Twice       int64         `json:"maybe_notified_twice"`
	ClockOffset time.Duration `json:"clock_offset_ns"` // against the node that leads
	Expires     time.Time     `json:"certificate_expires,omitzero"`
}

// Away are the nodes that are not up.
func (c *Cluster) Away() []string {
	var names []string
	for _, m := range c.Members {
		if !m.Up {
			names = append(names, m.Node)
		}
	}
	return names
}

// String says in one line how the cluster is: "hooks: node a of 3, c away, b notifies".
func (c *Cluster) String() string {
	parts := []string{fmt.Sprintf("%s: node %s of %d", c.Name, c.Node, len(c.Members))}
	switch away := c.Away(); {
	case !c.Quorum && !c.Ready: // it has just started
		parts = append(parts, "looking for the others")
	case !c.Quorum:
		parts = append(parts, "no quorum")
	case !c.Ready:
		parts = append(parts, "waiting for the secrets")
	case len(away) > 0:
		parts = append(parts, strings.Join(away, ", ")+" away")
	default:
		parts = append(parts, "all up")
	}
	if c.Notifier != "" && c.Quorum {
		parts = append(parts, c.Notifier+" notifies")
	}
	return strings.Join(parts, ", ")
}
