// Package cluster lets several receivers share their deliveries through NATS JetStream, so that a load balancer may send each
// delivery to any of them, and one of them may die.
//
// A node is one receiver with its own log directory. The engine is embedded (three nodes or more connect to each other), or an
// existing NATS. What the nodes share are two streams and one key-value bucket:
//
//   - hookctl-deliveries has one message for each GUID and path, published with compare-and-set, so that a delivery which
//     comes twice, at two nodes, is stored once. Bodies above 7 MiB, or above what an existing NATS takes,
//     go through an object store first.
//   - hookctl-outcomes has for each of them the last state of its notifications: who claimed it, and what became of it.
//   - the bucket has the secrets (encrypted), the members, who is up, and the leases.
//
// A delivery's way: the node that GitHub reached appends it to its own log, then publishes it, then answers 2xx: a quorum has
// it on disk. Every node reads the stream in order and files what its log lacks. The place up to which it has done so is
// kept with the log and not with the stream, so that a log restored from an old disk gets what it lacks. The files are the
// truth: a stream that was lost is fed from them again by [Node.Republish].
//
// Notifications are sent by the node that holds the lease "notify", in the order of the stream. Before every attempt it claims
// the record: one message to the outcomes with compare-and-set, which needs a quorum. So a node that is cut off sends nothing,
// and a record is notified twice only where a node was lost between its claim and its outcome; these are counted.
//
// What the others cannot get now waits in the log: every record that no quorum has is published as soon as there is one.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"hookctl/logs"
)

// Errors that a caller decides on.
var (
	// ErrNoQuorum says that too few nodes can be reached. What was stored stays in the log and is published later.
	ErrNoQuorum = errors.New("no quorum of the cluster can be reached")
	// ErrLost says that another node has the lease.
	ErrLost = errors.New("another node has the lease")
)

// Settings are the section cluster of the settings.
type Settings struct {
	Name        string // of the cluster, the same on every node
	Node        string // of this node, unique
	Embed       *Embed // nil uses URLs
	URLs        []string
	Credentials string // file with NATS credentials for URLs
	AckLocal    bool   // answer when this node has a delivery, before the others do
	NotifyOff   bool   // this node never sends the cluster's notifications
	MaxBytes    int64  // of the deliveries kept for nodes that are away; 0 is 10 GB
}

// Embed is how an embedded node meets the others.
type Embed struct {
	Listen    string   // host:port for the other nodes
	Peers     []string // host:port of every other node
	Advertise string   // host:port that others reach Listen by, where that differs
	Cert      string   // TLS files; without them certificates are derived from the key
	Key       string
	CA        string
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Problem is a mistake in the settings; Key names where, as "embed.peers[0]".
type Problem struct {
	Key string
	Err error
}

func (p *Problem) Error() string { return "cluster." + p.Key + ": " + p.Err.Error() }

// Unwrap gives what is wrong.
func (p *Problem) Unwrap() error { return p.Err }

// Check returns every mistake.
func (s Settings) Check() []*Problem {
	var all []*Problem
	wrong := func(key, format string, args ...any) {
		all = append(all, &Problem{key, fmt.Errorf(format, args...)})
	}
	for key, name := range map[string]string{"name": s.Name, "node": s.Node} {
		if !nodeName.MatchString(name) {
			wrong(key, "not a valid name: %q; use letters, digits, _ and -", name)
		}
	}
	switch {
	case s.Embed == nil && len(s.URLs) == 0:
		wrong("embed", "set embed for a server of its own, or urls for an existing NATS")
	case s.Embed != nil && len(s.URLs) > 0:
		wrong("urls", "set embed or urls, not both")
	case s.Embed != nil:
		s.Embed.check(wrong)
	}
	slices.SortStableFunc(all, func(a, b *Problem) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

func (e *Embed) check(wrong func(key, format string, args ...any)) {
	address := func(key, text string) {
		host, port, err := net.SplitHostPort(text)
		n, convErr := strconv.ParseUint(port, 10, 16)
		if err != nil || convErr != nil || n == 0 || host == "" {
			wrong(key, "not a valid address like 10.0.0.1:6222: %q", text)
		}
	}
	address("embed.listen", e.Listen)
	if e.Advertise != "" {
		address("embed.advertise", e.Advertise)
	}
	if len(e.Peers) < 2 {
		wrong("embed.peers", "name at least two other nodes: two nodes lose their quorum when either is down, so a cluster of two is worse than one")
	}
	for i, p := range e.Peers {
		key := fmt.Sprintf("embed.peers[%d]", i)
		address(key, p)
		if p == e.Listen || p == e.Advertise {
			wrong(key, "this is the node itself; name the others only")
		}
		if slices.Index(e.Peers, p) < i {
			wrong(key, "named more than once: %s", p)
		}
	}
	if given := []bool{e.Cert != "", e.Key != "", e.CA != ""}; slices.Contains(given, true) && slices.Contains(given, false) {
		wrong("embed.tls", "set cert, key and ca, or none of them")
	}
}

// Config is everything that a node needs.
type Config struct {
	Settings
	Secret  Key    // HOOKCTL_CLUSTER_KEY
	Dir     string // where an embedded server keeps its streams
	Version string
	Log     *logs.Writer
	Logger  *slog.Logger // nil discards

	Secrets Secrets
	// Announce hands a record to the receiver's queue, in order; it may wait.
	Announce func(ctx context.Context, file string) error
	// Withdraw returns when the queue has nothing any more that was announced; every Claim fails in the meantime.
	Withdraw func(ctx context.Context) error
	// Alarm raises an alarm, or clears it with an empty text.
	Alarm func(key, text, hint string)
}

func positionFile(logDir string) string { return filepath.Join(logDir, ".hookctl", "cluster.json") }
