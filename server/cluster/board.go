package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// board is this node's view of the bucket, which everyone writes and everyone watches.
type board struct {
	mu      sync.Mutex
	entries map[string]entry
	lapsed  map[string]lapse
	changed chan struct{} // closed and replaced with every change

	watched atomic.Uint64 // the newest revision that the watch has brought
}

type entry struct {
	value    []byte
	revision uint64
	at       time.Time // by the clock of the leader
	seen     time.Time // when this node first saw it, by its own
}

func (b *board) init() {
	b.entries, b.lapsed, b.changed = map[string]entry{}, map[string]lapse{}, make(chan struct{})
}

// lapse is when this node last saw a key that ran out, and when it saw that.
type lapse struct{ seen, gone time.Time }

// free is when a lease that ran out may be taken: when all of its time is over since it was seen last, for its holder may count on
// that. One that was gone much earlier, by a server with another clock, may have been renewed unseen until then; what arrives a
// little late is seen for a little less than its time, and that is no reason to wait for it twice.
func (b *board) free(key string, ttl time.Duration) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.lapsed[key]
	if !ok {
		return time.Time{}
	}
	if l.gone.Sub(l.seen) < ttl-ttl/renewals {
		return l.gone.Add(ttl)
	}
	return l.seen.Add(ttl)
}

func (b *board) get(key string) (entry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[key]
	return e, ok
}

// under returns the entries below a prefix, by the rest of their keys.
func (b *board) under(prefix string) map[string]entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[string]entry{}
	for key, e := range b.entries {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			found[rest] = e
		}
	}
	return found
}

func (b *board) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *board) note(key string, e entry, op jetstream.KeyValueOp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.entries[key]
	switch {
	case ok && e.revision < old.revision:
		return
	case ok && e.revision == old.revision:
		e.seen = old.seen
	}
	switch op {
	case jetstream.KeyValuePut:
		b.entries[key] = e
		delete(b.lapsed, key)
	case jetstream.KeyValueDelete: // given back
		delete(b.entries, key)
		delete(b.lapsed, key)
	default:
		b.lapse(key)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// lapse forgets what ran out. b.mu is held.
func (b *board) lapse(key string) {
	now := time.Now()
	e, ok := b.entries[key]
	if !ok {
		e.seen = now // it may have been renewed a moment ago
	}
	b.lapsed[key] = lapse{e.seen, now}
	delete(b.entries, key)
}

// watchBoard keeps the view up to date until ctx ends.
func (n *Node) watchBoard(ctx context.Context) {
	for ctx.Err() == nil {
		if err := n.watchOnce(ctx); err != nil && ctx.Err() == nil {
			n.log.Debug("cluster: watching the bucket again", "error", err)
		}
		pause(ctx, 300*time.Millisecond)
	}
}

// watchTime is after how long the bucket is read from the start again, and silence after how long without a word, since every
// node that is up says so every [beat]: a watch that died must not leave a node with an old view.
const (
	watchTime = 30 * time.Second
	silence   = 3 * beat
)

func (n *Node) watchOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	// The answer may be lost while the stream changes its leader; the context of the call is also that of the watch.
	unanswered := time.AfterFunc(silence, cancel)
	w, err := n.kv.WatchAll(ctx)
	unanswered.Stop()
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // it ends with ctx anyway
	seen := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(silence):
			return errors.New("the watch is silent")
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return nil
			case e == nil: // everything that was there has come
				n.board.forgetAllBut(seen)
			default:
				seen[e.Key()] = true
				n.board.note(e.Key(), entry{e.Value(), e.Revision(), e.Created(), time.Now()}, e.Operation())
				n.board.watched.Store(max(n.board.watched.Load(), e.Revision()))
			}
		}
	}
}

// current returns when this node has seen everything that was in the bucket when it was called. The replica that the watch reads
// may lag behind, above all one that was restored from an old disk; so this writes something, which a quorum puts in its
// place, and waits until it comes back.
func (n *Node) current(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	revision, err := n.put(ctx, presencePrefix+n.cfg.Node, n.presence(), presenceTTL, nil)
	if err != nil {
		return err
	}
	for {
		changed := n.board.next()
		if n.board.watched.Load() >= revision {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the bucket is not up to date here: %w", ctx.Err())
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// forgetAllBut drops what is not in the bucket any more.
func (b *board) forgetAllBut(seen map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.entries {
		if !seen[key] {
			b.lapse(key)
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// put writes a value. ttl is how long it lasts, 0 for ever; last is what it must replace, nil for whatever is there. The
// bucket's own Update would drop the time to live, and the value would stay.
func (n *Node) put(ctx context.Context, key string, value any, ttl time.Duration, last *uint64) (uint64, error) {
	data, ok := value.([]byte)
	if !ok {
		data = mustJSON(value)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	msg := nats.NewMsg("$KV." + bucket + "." + key)
	msg.Data = data
	var options []jetstream.PublishOpt
	if ttl > 0 {
		options = append(options, jetstream.WithMsgTTL(ttl))
	}
	sent := time.Now()
	revision, err := n.send(ctx, msg, last, options...)
	if err == nil {
		n.board.note(key, entry{data, revision, sent, sent}, jetstream.KeyValuePut)
	}
	return revision, err
}
