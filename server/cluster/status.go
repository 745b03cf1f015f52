package cluster

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// presence is what a node says of itself with every beat.
type presence struct {
	Version string    `json:"version"`
	Run     string    `json:"run"`
	Read    uint64    `json:"read"`    // how far it has filed the stream
	Waiting int       `json:"waiting"` // records that it has not shared yet
	Time    time.Time `json:"time"`
	Notify  bool      `json:"notify"`
	Expires time.Time `json:"expires,omitzero"` // of its certificate
	Twice   int64     `json:"twice,omitempty"`
}

func (n *Node) presence() presence {
	return presence{
		Version: n.cfg.Version, Run: n.run, Read: n.place.seen(&n.place.now.Deliveries), Waiting: len(n.outbox.all()), Time: time.Now().UTC(),
		Notify: !n.cfg.NotifyOff, Expires: n.engine.expires, Twice: n.maybeTwice.Load(),
	}
}

// presenceOf is what a node last said of itself, and whether it is up.
func (n *Node) presenceOf(node string) (p presence, up bool) {
	e, ok := n.board.get(presencePrefix + node)
	if !ok || time.Since(e.seen) > 2*presenceTTL { // the server may let it run out late
		return p, false
	}
	return p, json.Unmarshal(e.value, &p) == nil
}

// beat says that this node is up until ctx ends. What a quorum takes of it is also the proof that there is one.
func (n *Node) beat(ctx context.Context) {
	cutOff := false
	every(ctx, beat, nil, func() {
		if _, err := n.put(ctx, presencePrefix+n.cfg.Node, n.presence(), presenceTTL, nil); err != nil {
			n.log.Debug("cluster: no quorum took the beat", "error", err)
		} else {
			one, cancel := context.WithTimeout(ctx, beat)
			n.measure(one)
			cancel()
		}
		n.showTrouble()
		if alone := !n.reached(); alone != cutOff && ctx.Err() == nil {
			cutOff = alone
			alarm := ""
			if cutOff {
				alarm = "no quorum of the cluster can be reached: deliveries are stored here and answered with 503"
			} else {
				n.log.Info("a quorum of the cluster can be reached again")
			}
			n.cfg.Alarm("cluster.quorum", alarm, "hookctl cluster status")
		}
	})
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = n.kv.Delete(one, presencePrefix+n.cfg.Node) // it runs out anyway
}

// Member is one node as the others see it.
type Member struct {
	Node    string        `json:"node"`
	Up      bool          `json:"up"`
	Version string        `json:"version,omitempty"`
	Secrets []string      `json:"secrets"`         // fingerprints that it accepts
	Lag     uint64        `json:"lag"`             // deliveries that it has not filed yet
	Waiting int           `json:"waiting"`         // deliveries that it has not shared yet
	Clock   time.Duration `json:"clock_offset_ns"` // against the node that leads
	Notify  bool          `json:"notify"`
	Expires time.Time     `json:"certificate_expires,omitzero"`
	Twice   int64         `json:"maybe_notified_twice"`
}

// Status is how the cluster is, as one node sees it.
type Status struct {
	Name    string           `json:"name"`
	Node    string           `json:"node"`
	Quorum  bool             `json:"quorum"`
	Ready   bool             `json:"ready"` // this node has the cluster's secrets
	Members []Member         `json:"members"`
	Stream  StreamStatus     `json:"stream"`
	Leases  map[string]Lease `json:"leases"`

	Republishing *Republished `json:"republishing,omitempty"` // so far, nil where this node does not
}

// Complete reports whether there are at least so many nodes, and each is up and has everything, the secrets too.
func (s Status) Complete(nodes int) bool {
	return s.Quorum && s.Ready && len(s.Members) >= nodes &&
		!slices.ContainsFunc(s.Members, func(m Member) bool { return !m.Up || m.Lag > 0 || m.Waiting > 0 || len(m.Secrets) == 0 })
}

// StreamStatus is how much is kept for nodes that are away. Zero while there is no quorum.
type StreamStatus struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
	Leader   string `json:"leader,omitempty"`
}

// Status asks the cluster how it is; it takes two seconds at most.
func (n *Node) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	n.measure(ctx)
	return n.View()
}

// measured is the stream as a quorum last described it.
type measured struct {
	StreamStatus
	last uint64
}

// measure asks how the stream is.
func (n *Node) measure(ctx context.Context) {
	stream, err := n.js.Stream(ctx, deliveries)
	if err != nil {
		return
	}
	info := stream.CachedInfo()
	m := &measured{StreamStatus{Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes}, info.State.LastSeq}
	if info.Cluster != nil {
		m.Leader = info.Cluster.Leader
	}
	n.stream.Store(m)
}

// View is the part of [Node.Status] that this node knows without asking.
func (n *Node) View() Status {
	m := n.stream.Load()
	if m == nil {
		m = &measured{}
	}
	return Status{
		Name: n.cfg.Name, Node: n.cfg.Node, Quorum: n.reached(), Ready: n.isReady(), Leases: n.leases(), Members: n.members(m.last), Stream: m.StreamStatus, Republishing: n.republishing.Load(),
	}
}

func (n *Node) members(last uint64) []Member {
	byName := map[string]*Member{n.cfg.Node: {Node: n.cfg.Node, Version: n.cfg.Version}}
	of := func(name string) *Member {
		if byName[name] == nil {
			byName[name] = &Member{Node: name}
		}
		return byName[name]
	}
	for name, accepted := range n.accepted() {
		of(name).Secrets = accepted
	}
	for name, e := range n.board.under(presencePrefix) {
		p, up := n.presenceOf(name)
		if !up {
			continue
		}
		m := of(name)
		m.Up, m.Version, m.Waiting, m.Notify, m.Expires, m.Twice = true, p.Version, p.Waiting, p.Notify, p.Expires, p.Twice
		m.Clock = p.Time.Sub(e.at).Round(time.Millisecond)
		if last > p.Read {
			m.Lag = last - p.Read
		}
	}
	me := byName[n.cfg.Node]
	me.Up, me.Notify = true, !n.cfg.NotifyOff
	if me.Secrets == nil {
		me.Secrets = n.cfg.Secrets.Accepted()
	}
	list := make([]Member, 0, len(byName))
	for _, m := range byName {
		if m.Secrets == nil {
			m.Secrets = []string{}
		}
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Node, b.Node) })
	return list
}
