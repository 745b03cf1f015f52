package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

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

// bodyTime is how long a large body may take into the object store or out of it.
const bodyTime = 2 * time.Minute

// uploads are the large bodies on their way into the object store, or there and not named by a message yet.
type uploads struct {
	of  sync.Map // by the file of the record, an *upload
	all sync.WaitGroup
}

type upload struct {
	name string
	done chan struct{} // closed when err is known
	err  error
}

// upload returns under which name the object store has a large body. It is sent once, however often its record is published
// again: what takes longer than an answer may is there for the next try.
func (n *Node) upload(ctx context.Context, rec *logs.Record) (string, error) {
	up := &upload{done: make(chan struct{})}
	if other, begun := n.uploads.of.LoadOrStore(rec.File, up); begun {
		up = other.(*upload)
	} else {
		n.uploads.all.Go(func() {
			defer close(up.done)
			life, cancel := context.WithTimeout(n.life, bodyTime)
			defer cancel()
			if up.name, up.err = n.store(life, identityOf(rec), rec.Payload); up.err != nil {
				n.uploads.of.Delete(rec.File)
			}
		})
	}
	select {
	case <-up.done:
		return up.name, up.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// store puts a large body into the object store and reads it back before anything names it. While a stream has no leader, the
// client library (nats.go 1.55, pubAckFuture) sends a part again from a buffer that holds a later part by then, and it waits for an
// answer that was lost until its time is up; so each try has its own.
func (n *Node) store(ctx context.Context, id identity, body []byte) (string, error) {
	for ; ; pause(ctx, 250*time.Millisecond) {
		name := id.guid + "." + id.path + "." + nuid.Next()
		one, cancel := context.WithTimeout(ctx, tryTime(len(body)))
		_, err := n.objects.PutBytes(one, name, body)
		if err == nil {
			_, err = n.body(one, name, readBack)
		}
		cancel()
		if err == nil || isFull(err) || ctx.Err() != nil {
			return name, err
		}
		n.log.Debug("cluster: storing a large body again", "delivery", id.guid, "error", err)
		one, cancel = context.WithTimeout(ctx, time.Second)
		_ = n.objects.Delete(one, name) // else it goes by itself in days
		cancel()
	}
}

// tryTime is how long one try to store a large body may take.
func tryTime(bytes int) time.Duration {
	return 10*time.Second + time.Duration(bytes)*time.Microsecond // a MB a second
}

// bodyPatience is how long a large body may be missing, or not whole: a quorum had it before the message that names it was
// published, but the replica that is asked may lag behind. readBack is the same for one that this node has stored a moment ago.
const (
	bodyPatience = time.Minute
	readBack     = 2 * time.Second
)

// lacksBody reports whether the object store was asked and has no such body.
func lacksBody(err error) bool {
	return errors.Is(err, jetstream.ErrObjectNotFound) || errors.Is(err, jetstream.ErrDigestMismatch)
}

// body fetches a large body.
func (n *Node) body(ctx context.Context, name string, patience time.Duration) (data []byte, err error) {
	for begun := time.Now(); ; pause(ctx, 250*time.Millisecond) {
		one, cancel := context.WithTimeout(ctx, bodyTime)
		data, err = n.objects.GetBytes(one, name)
		cancel()
		if !lacksBody(err) || time.Since(begun) > patience || ctx.Err() != nil {
			return data, err
		}
	}
}
