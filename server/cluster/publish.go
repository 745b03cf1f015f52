package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs"
)

// The codes that a publish is refused with. 10164 says that another publish of the same subject is under way, which may still
// fail: it is neither success nor duplicate.
const (
	codeExists   = 10071
	codeUnderWay = 10164
	codeFull     = 10077
	codeNoRoom   = 10047
)

// Headers of a message.
const (
	nodeHeader   = "Hookctl-Node"
	objectHeader = "Hookctl-Object"
)

// publishPatience is how long a delivery waits for a quorum: GitHub waits ten seconds for the answer, and an election may take
// most of them. Once a node knows that it is cut off, it waits less.
const (
	publishPatience = 8500 * time.Millisecond
	cutOffPatience  = time.Second
)

func identityOf(r *logs.Record) identity { return identity{strings.ToLower(r.DeliveryID), r.Path()} }

// subject names a delivery below a prefix. GUIDs are [A-Za-z0-9-] and names of paths [A-Za-z0-9_-], which is what subjects can
// hold; a delivery to / or /webhook has the path "=".
func (id identity) subject(prefix string) string { return prefix + id.guid + "." + id.path + "=" }

// idOf reads a subject.
func idOf(subject, prefix string) (identity, bool) {
	rest, ok := strings.CutPrefix(subject, prefix)
	guid, path, found := strings.Cut(strings.TrimSuffix(rest, "="), ".")
	return identity{guid, path}, ok && found && guid != ""
}

// Publish shares a record that this node has stored. It returns nil once a quorum has it; [logs.ErrFull] where the cluster has
// no room for it; [ErrNoQuorum] where its fate is not known in time. The record is then published later.
func (n *Node) Publish(ctx context.Context, rec *logs.Record) error {
	n.outbox.files.Store(rec.File, rec.ReceivedAt)
	if n.cfg.AckLocal {
		select {
		case n.outbox.wake <- struct{}{}:
		default:
		}
		return nil
	}
	patience := publishPatience
	if !n.Healthy() {
		patience = cutOffPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return n.publish(ctx, rec)
}

// publish tries until ctx ends.
func (n *Node) publish(ctx context.Context, rec *logs.Record) error {
	if n.Ready(ctx) != nil {
		return ErrNoQuorum
	}
	msg, err := n.message(ctx, rec)
	// While no quorum is known, one record at a time tries: each try is an entry in the log of a leader that is cut off, and the
	// server takes seconds for every such entry when it is back.
	if !n.reached() {
		select {
		case n.probe <- struct{}{}:
			defer func() { <-n.probe }()
		case <-ctx.Done():
			return ErrNoQuorum
		}
	}
	for err == nil {
		_, err = n.send(ctx, msg, new(uint64))
		switch {
		case err == nil, codeOf(err) == codeExists:
			n.answered()
			n.setFull(false)
			n.shared(rec.File)
			return nil
		case isFull(err):
			n.setFull(true)
			return fmt.Errorf("the cluster's stream is full: %w", logs.ErrFull)
		case ctx.Err() != nil:
			return ErrNoQuorum
		}
		n.log.Debug("cluster: publishing again", "file", rec.File, "error", err)
		pause(ctx, 50*time.Millisecond)
		if err = ctx.Err(); err != nil {
			return ErrNoQuorum
		}
	}
	if isFull(err) {
		n.setFull(true)
		return fmt.Errorf("the cluster's store of large bodies is full: %w", logs.ErrFull)
	}
	n.log.Debug("cluster: cannot publish", "file", rec.File, "error", err)
	return ErrNoQuorum
}

// answerTime is how long one try to publish waits for its answer.
const answerTime = 2500 * time.Millisecond

// send publishes a message once. last is what it must follow on its subject, 0 for nothing, nil for whatever is there.
func (n *Node) send(ctx context.Context, msg *nats.Msg, last *uint64, options ...jetstream.PublishOpt) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	options = append(options, jetstream.WithRetryAttempts(0))
	if last != nil {
		options = append(options, jetstream.WithExpectLastSequencePerSubject(*last))
	}
	ack, err := n.js.PublishMsg(ctx, msg, options...)
	if err != nil {
		return 0, err
	}
	n.answered()
	return ack.Sequence, nil
}

// shared forgets a record that a quorum has.
func (n *Node) shared(file string) {
	n.outbox.files.Delete(file)
	n.uploads.of.Delete(file)
}

func (n *Node) setFull(full bool) {
	if n.full.Swap(full) == full {
		return
	}
	alarm := ""
	if full {
		alarm = "the cluster's stream is full: deliveries are stored on the node that got them and answered with 507"
	}
	n.cfg.Alarm("cluster.full", alarm, "raise cluster.max_bytes on every node; then: hookctl restart")
}

// codeOf is the JetStream code of an error, 0 for any other.
func codeOf(err error) jetstream.ErrorCode {
	if api := (*jetstream.APIError)(nil); errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}

// isFull reports whether there is no room for what was to be stored.
func isFull(err error) bool { return codeOf(err) == codeFull || codeOf(err) == codeNoRoom }

// message is what a record travels as. A large body goes into the object store first, under a name of its own: two nodes may
// have the same delivery at once.
func (n *Node) message(ctx context.Context, rec *logs.Record) (*nats.Msg, error) {
	id := identityOf(rec)
	msg := nats.NewMsg(id.subject(deliverySubject))
	msg.Header.Set(nodeHeader, n.cfg.Node)
	var err error
	if msg.Data, err = rec.Encode(); err != nil || int64(len(msg.Data)) <= min(largeRecord, n.engine.conn.MaxPayload()-headerRoom) {
		return msg, err
	}
	name, err := n.upload(ctx, rec)
	if err != nil {
		return nil, fmt.Errorf("share a large body: %w", err)
	}
	small := *rec
	small.Payload = nil
	msg.Header.Set(objectHeader, name)
	msg.Data, err = small.Encode()
	return msg, err
}
