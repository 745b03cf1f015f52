package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs/text"
)

// Secrets is the home's secrets, as the nodes share them.
type Secrets struct {
	Export   func() ([]byte, error)              // everything secret of the home, the same bytes for the same secrets
	Import   func(context.Context, []byte) error // replaces them and puts them in force here
	Accepted func() []string                     // the fingerprints of what this node accepts now
	Rotating func() bool                         // a process of this home is rotating
}

// MemberError names nodes that do not accept a secret, so that nothing may be changed at GitHub.
type MemberError struct {
	Nodes []string // sorted
	Away  []string // those of them that are not up
}

func (e *MemberError) Error() string {
	if len(e.Away) > 0 {
		return fmt.Sprintf("node %s cannot be reached, so it would refuse deliveries signed with the new secret", strings.Join(e.Away, ", "))
	}
	return fmt.Sprintf("node %s does not accept the new secret yet", strings.Join(e.Nodes, ", "))
}

// Hint is what to do.
func (e *MemberError) Hint() string {
	if len(e.Away) > 0 {
		return "start it, or leave it out: run hookctl rotate as before and add --without " + strings.Join(e.Away, ",")
	}
	return "see each node: hookctl cluster status"
}

const secretsKey = "secrets"

// keepSecrets keeps the home's secrets the same as the cluster's until ctx ends. The first time makes the node ready.
func (n *Node) keepSecrets(ctx context.Context) {
	if !n.again(ctx, "bring the bucket up to date", n.current) {
		return
	}
	tick := time.Tick(2 * time.Second) // for what is changed here without a reload
	for ctx.Err() == nil {
		changed := n.board.next()
		if err := n.syncSecrets(ctx); err != nil && ctx.Err() == nil {
			n.log.Debug("cluster: secrets are not exchanged yet", "error", text.Clean(err.Error()))
			n.cfg.Alarm("cluster.secrets", secretsAlarm(err), "hookctl cluster status")
			pause(ctx, 500*time.Millisecond)
			if !n.isReady() {
				continue
			}
		} else {
			n.cfg.Alarm("cluster.secrets", "", "")
			if !n.isReady() && ctx.Err() == nil {
				close(n.ready)
				n.log.Info("this node takes part in the cluster", "cluster", n.cfg.Name, "node", n.cfg.Node)
			}
		}
		n.register(ctx)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-tick:
		}
	}
}

func secretsAlarm(err error) string {
	if errors.Is(err, errForeign) || errors.Is(err, errJoining) {
		return "the cluster's secrets cannot be taken over: " + err.Error()
	}
	return "" // no quorum now, which shows elsewhere
}

var errJoining = errors.New("no node has shared its secrets yet; start the node on which hookctl cluster init ran")

// syncSecrets takes over what another node changed, or shares what was changed here. Where both happened the cluster's stay.
func (n *Node) syncSecrets(ctx context.Context) error {
	n.exchanging.Lock()
	defer n.exchanging.Unlock()
	local, err := n.cfg.Secrets.Export()
	if err != nil {
		return err
	}
	digest := digestOf(local)
	n.place.mu.Lock()
	have := n.place.now
	n.place.mu.Unlock()
	e, there := n.board.get(secretsKey)
	switch {
	case !there && have.Joining:
		return errJoining
	case !there:
		return n.pushSecrets(ctx, local, digest, 0)
	case e.revision != have.Secrets:
		return n.pullSecrets(ctx, e, digest, have.Secrets == 0)
	case digest != have.Digest:
		return n.pushSecrets(ctx, local, digest, e.revision)
	}
	return nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (n *Node) pushSecrets(ctx context.Context, local []byte, digest string, last uint64) error {
	sealed, err := n.cfg.Secret.seal(n.cfg.Name, local)
	if err != nil {
		return err
	}
	revision, err := n.put(ctx, secretsKey, sealed, 0, &last)
	switch {
	case codeOf(err) == codeExists:
		return errors.New("another node changed the secrets at the same time")
	case err != nil:
		return fmt.Errorf("share the secrets: %w: %w", ErrNoQuorum, err)
	}
	n.hasSecrets(revision, digest)
	return nil
}

// pullSecrets takes over an entry, which may be what this node itself shared without learning of it. Its own rotation is not
// undone by what another node changed in the meantime, except by the first that it hears of the cluster's.
func (n *Node) pullSecrets(ctx context.Context, e entry, digest string, first bool) error {
	plain, err := n.cfg.Secret.open(n.cfg.Name, e.value)
	if err != nil {
		return err
	}
	if theirs := digestOf(plain); theirs != digest {
		if !first && n.cfg.Secrets.Rotating() {
			return errors.New("a rotation of this node is under way")
		}
		if err := n.cfg.Secrets.Import(ctx, plain); err != nil {
			return fmt.Errorf("take over the cluster's secrets: %w", err)
		}
		local, err := n.cfg.Secrets.Export()
		if err != nil {
			return err
		}
		digest = digestOf(local)
		n.log.Info("took over the secrets of the cluster", "secrets", n.cfg.Secrets.Accepted())
	}
	n.hasSecrets(e.revision, digest)
	return nil
}

func (n *Node) hasSecrets(revision uint64, digest string) {
	n.place.change(func(d *placeData) { d.Secrets, d.Digest, d.Joining = revision, digest, false })
	n.place.save(n)
}

// memberData is what every node knows of every other for good, until it is left out.
type memberData struct {
	Secrets []string `json:"secrets"` // fingerprints that it accepts
}

const memberPrefix, presencePrefix = "member.", "node."

// accepted are the fingerprints that the members accept, by node.
func (n *Node) accepted() map[string][]string {
	all := map[string][]string{}
	for node, e := range n.board.under(memberPrefix) {
		var data memberData
		if json.Unmarshal(e.value, &data) == nil {
			all[node] = data.Secrets
		}
	}
	return all
}

// register writes down that this node is a member and what it accepts, where that is not known yet.
func (n *Node) register(ctx context.Context) {
	if !n.isReady() {
		return
	}
	mine := memberData{n.cfg.Secrets.Accepted()}
	if known, ok := n.accepted()[n.cfg.Node]; ok && slices.Equal(known, mine.Secrets) {
		return
	}
	if _, err := n.put(ctx, memberPrefix+n.cfg.Node, mine, 0, nil); err != nil {
		n.log.Debug("cluster: cannot say what this node accepts", "error", err)
	}
}

// confirmPatience is how long the others have to accept a new secret; a reload waits 30 s.
const confirmPatience = 15 * time.Second

// ShareSecrets shares this node's secrets and returns when every member accepts all of required; [*MemberError] names those that
// do not. Until it returns nil, GitHub must not be changed. While a rotation is under way here, no other node can
// begin one.
func (n *Node) ShareSecrets(ctx context.Context, required []string) error {
	ctx, cancel := context.WithTimeout(ctx, confirmPatience)
	defer cancel()
	if n.waitReady(ctx) != nil {
		return ErrNoQuorum
	}
	for n.cfg.Secrets.Rotating() && !n.Holds(rotationLease) {
		if ctx.Err() != nil {
			if node := n.leases()[rotationLease].Node; node != "" {
				return fmt.Errorf("node %s is rotating: %w", node, ErrLost)
			}
			return fmt.Errorf("another node was rotating until a moment ago, so try again in a moment: %w", ErrLost)
		}
		pause(ctx, 50*time.Millisecond)
	}
	for err := n.syncSecrets(ctx); err != nil; err = n.syncSecrets(ctx) { // an election takes seconds
		if pause(ctx, 200*time.Millisecond); !errors.Is(err, ErrNoQuorum) || ctx.Err() != nil {
			return err
		}
	}
	n.register(ctx)
	for {
		changed := n.board.next()
		missing := n.lacking(required)
		if missing == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return missing
		case <-changed:
		}
	}
}

// lacking names the members that do not accept all of these; nil where all do.
func (n *Node) lacking(required []string) *MemberError {
	var e MemberError
	for node, accepted := range n.accepted() {
		if !slices.ContainsFunc(required, func(print string) bool { return !slices.Contains(accepted, print) }) {
			continue
		}
		e.Nodes = append(e.Nodes, node)
		if _, up := n.presenceOf(node); !up {
			e.Away = append(e.Away, node)
		}
	}
	if e.Nodes == nil {
		return nil
	}
	slices.Sort(e.Nodes)
	slices.Sort(e.Away)
	return &e
}

// Leave takes a node out of the members until it starts again, so that a rotation need not wait for it. It refuses for one
// that is up.
func (n *Node) Leave(ctx context.Context, node string) error {
	if _, ok := n.board.get(memberPrefix + node); !ok {
		return fmt.Errorf("the cluster has no member %q", node)
	}
	if _, up := n.presenceOf(node); up {
		return fmt.Errorf("node %s is up, so it cannot be left out", node)
	}
	one, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := n.kv.Delete(one, memberPrefix+node); err != nil {
		return fmt.Errorf("leave out node %s: %w", node, err)
	}
	n.board.note(memberPrefix+node, entry{revision: 1 << 62}, jetstream.KeyValueDelete)
	return nil
}

const rotationLease = "rotation"

// keepRotation holds the lease of rotations while one is under way on this node.
func (n *Node) keepRotation(ctx context.Context) {
	during(ctx, n.cfg.Secrets.Rotating, func(ctx context.Context) {
		n.Lease(ctx, rotationLease, func(ctx context.Context, _ uint64) { <-ctx.Done() })
	})
}
