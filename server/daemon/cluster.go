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
	Nodes       int             `json:"nodes"`    // how many the settings name, 0 with an existing NATS
	Members     []ClusterMember `json:"members"`  // that this node has heard of
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

// Missing is how many nodes the settings name that have not joined yet or were left out, 0 while this one does not know.
func (c *Cluster) Missing() int {
	if !c.Ready {
		return 0
	}
	return max(0, c.Nodes-len(c.Members))
}

// String says in one line how the cluster is: "hooks: node a of 3, c away, b notifies".
func (c *Cluster) String() string {
	self := c.Name + ": node " + c.Node
	if c.Nodes > 0 || c.Ready { // else it has heard of nobody but itself
		self += fmt.Sprintf(" of %d", max(c.Nodes, len(c.Members)))
	}
	parts := []string{self}
	switch away := c.Away(); {
	case !c.Quorum && !c.Ready: // it has just started
		parts = append(parts, "looking for the others")
	case !c.Quorum:
		parts = append(parts, "no quorum")
	case !c.Ready:
		parts = append(parts, "waiting for the secrets")
	case len(away) > 0:
		parts = append(parts, strings.Join(away, ", ")+" away")
	case c.Missing() > 0:
		parts = append(parts, fmt.Sprintf("%d missing", c.Missing()))
	default:
		parts = append(parts, "all up")
	}
	if c.Notifier != "" && c.Quorum {
		parts = append(parts, c.Notifier+" notifies")
	}
	return strings.Join(parts, ", ")
}
