package daemon

import "testing"

// The number of nodes is that of the settings or of those that were heard of; a node that has heard of nobody gives none.
func TestClusterInOneLine(t *testing.T) {
	t.Parallel()
	member := func(node string, up bool) ClusterMember { return ClusterMember{Node: node, Up: up} }
	for want, c := range map[string]Cluster{
		"hooks: node b of 3, looking for the others":  {Nodes: 3, Members: []ClusterMember{member("b", true)}},
		"hooks: node b, looking for the others":       {Members: []ClusterMember{member("b", true)}},
		"hooks: node b of 3, waiting for the secrets": {Nodes: 3, Quorum: true, Members: []ClusterMember{member("b", true)}},
		"hooks: node b of 3, 2 missing, b notifies":   {Nodes: 3, Quorum: true, Ready: true, Notifier: "b", Members: []ClusterMember{member("b", true)}},
		"hooks: node b of 3, a away, b notifies":      {Nodes: 3, Quorum: true, Ready: true, Notifier: "b", Members: []ClusterMember{member("a", false), member("b", true)}},
		"hooks: node b of 3, all up":                  {Quorum: true, Ready: true, Members: []ClusterMember{member("a", true), member("b", true), member("c", true)}},
		"hooks: node b of 3, no quorum":               {Nodes: 3, Ready: true, Notifier: "b", Members: []ClusterMember{member("b", true)}},
	} {
		c.Name, c.Node = "hooks", "b"
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
