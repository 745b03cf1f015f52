package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"hookctl/logs"
)

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
