package cluster

import (
	"context"
	"errors"
	"fmt"
	"hookctl/logs"
	"hookctl/logs/jsonfile"
	"io/fs"
	"iter"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// place is how far this node has read the streams. It is kept with the log, not with the streams: a log that is restored from an
// old disk has its old place with it and gets what it lacks. It never runs ahead of what is durable in the log, and may lag
// behind: filing is idempotent.
type place struct {
	mu    sync.Mutex
	path  string
	now   placeData
	saved placeData
	from  placeData // as this run began
	fails bool      // the last time it could not be written
}

type placeData struct {
	Deliveries stream    `json:"deliveries"`
	Outcomes   stream    `json:"outcomes"`
	Shared     time.Time `json:"shared"`            // a quorum has every record of this node that was received before
	Secrets    uint64    `json:"secrets"`           // the version of the secrets that this node has
	Digest     string    `json:"digest"`            // of the secrets as they were then
	Joining    bool      `json:"joining,omitempty"` // this node has yet to take over the secrets of the others
}

// stream is a place in a stream. One that was created again starts over.
type stream struct {
	Created time.Time `json:"created"`
	Seq     uint64    `json:"seq"`
}

// sharedMargin is how much longer ago than the oldest record that waits records are published again at the next start, where the
// stream has nearly all of them: clocks may be set back.
const sharedMargin = 2 * time.Minute

func (p *place) load(path string, now time.Time) error {
	var err error
	p.path = path
	p.now, err = jsonfile.Read[placeData](path)
	if _, unread := errors.AsType[*fs.PathError](err); unread && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the place in the cluster's streams: %w", err)
	} else if err != nil {
		p.now = placeData{Shared: now.UTC()} // what was received before is shared by Republish
	}
	p.saved, p.from = p.now, p.now
	return nil
}

// change changes the place.
func (p *place) change(do func(*placeData)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do(&p.now)
}

// start is where to go on in a stream that was created at a time.
func (p *place) start(s *stream, created time.Time) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.Created.Equal(created) {
		*s = stream{Created: created.UTC()}
	}
	return s.Seq
}

// seen is how far one of the streams is read.
func (p *place) seen(s *stream) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.Seq
}

// save writes the place where it has changed. A place that cannot be written costs time at the next start.
func (p *place) save(n *Node) {
	shared := n.outbox.oldest(time.Now())
	open, early := n.records.oldest()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !shared.IsZero() {
		p.now.Shared = shared.UTC()
	}
	data := p.now
	// What has pending notifications is read again, so that its order is known after a restart.
	if open > 0 {
		data.Deliveries.Seq = min(data.Deliveries.Seq, open-1)
	}
	if early > 0 {
		data.Outcomes.Seq = min(data.Outcomes.Seq, early-1)
	}
	if data == p.saved {
		return
	}
	if err := jsonfile.Write(p.path, data); err != nil {
		if !p.fails {
			n.log.Warn("cannot write "+filepath.Base(p.path), "error", err)
		}
		p.fails = true
		return
	}
	p.saved, p.fails = data, false
}

// oldest is the time before which everything of this node is shared, zero where that is not known.
func (o *outbox) oldest(now time.Time) time.Time {
	if !o.scanned.Load() {
		return time.Time{}
	}
	oldest := now
	for _, at := range o.all() {
		if at.Before(oldest) {
			oldest = at
		}
	}
	return oldest.Add(-sharedMargin)
}

// oldest is the order of the oldest record whose notifications are not settled, and that of the oldest state that has to be read
// again after a restart: one whose delivery is not filed, or a claim; 0 for none.
func (r *records) oldest() (open, early uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	least := func(of *uint64, seq uint64) {
		if *of == 0 || seq < *of {
			*of = seq
		}
	}
	for _, rec := range r.open {
		least(&open, rec.order)
		if rec.by.node != "" {
			least(&early, rec.last) // see [Node.settledHere]
		}
	}
	for _, s := range r.early {
		least(&early, s.seq)
	}
	return open, early
}

// Join marks a log directory as that of a node that takes its secrets from the others, whatever its home has: hookctl cluster join
// calls it before the node starts.
func Join(logDir string) error {
	if err := jsonfile.Write(positionFile(logDir), placeData{Joining: true, Shared: time.Now().UTC()}); err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	return nil
}

// batchMost is how many messages are filed together: they share one sync of the disk.
const batchMost = 128

// follow reads a stream in order from this node's place in it on, in batches, until ctx ends. take returns when a batch is durable;
// the place moves on then.
func (n *Node) follow(ctx context.Context, name string, at *stream, take func(context.Context, []jetstream.Msg) error) {
	for ctx.Err() == nil {
		if err := n.followOnce(ctx, name, at, take); err != nil && ctx.Err() == nil {
			n.log.Debug("cluster: reading the stream again", "stream", name, "error", err)
		}
		pause(ctx, 200*time.Millisecond)
	}
}

func (n *Node) followOnce(ctx context.Context, name string, at *stream, take func(context.Context, []jetstream.Msg) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	one, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	s, err := n.js.Stream(one, name)
	if err != nil {
		return err
	}
	next := n.place.start(at, s.CachedInfo().Created) + 1
	// Without acknowledgements and with the place in our own hands, a consumer is nothing that a quorum has to remember.
	consumer, err := s.CreateConsumer(one, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	defer func() {
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_ = s.DeleteConsumer(end, consumer.CachedInfo().Name) // it goes by itself
	}()
	for expected := uint64(1); ctx.Err() == nil; {
		fetched, err := consumer.Fetch(2*batchMost, jetstream.FetchMaxWait(4*time.Second), jetstream.FetchHeartbeat(time.Second))
		if err != nil {
			return err
		}
		for m := range until(ctx, fetched.Messages()) {
			batch := more([]jetstream.Msg{m}, fetched.Messages())
			for _, m := range batch {
				meta, err := m.Metadata()
				if err != nil || meta.Sequence.Consumer != expected {
					return fmt.Errorf("a message of %s was lost on the way: %w", name, err)
				}
				expected++
			}
			if err := take(ctx, batch); err != nil {
				return err
			}
			meta, err := batch[len(batch)-1].Metadata()
			if err != nil {
				return err
			}
			n.place.change(func(*placeData) { at.Seq = meta.Sequence.Stream })
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fetched.Error(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// until yields messages until there are no more or ctx ends.
func until(ctx context.Context, messages <-chan jetstream.Msg) iter.Seq[jetstream.Msg] {
	return func(yield func(jetstream.Msg) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case m, ok := <-messages:
				if !ok || !yield(m) {
					return
				}
			}
		}
	}
}

// more adds the messages that are there already.
func more(batch []jetstream.Msg, from <-chan jetstream.Msg) []jetstream.Msg {
	for len(batch) < batchMost {
		select {
		case m, ok := <-from:
			if !ok {
				return batch
			}
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// delivered is a message of the stream of deliveries.
type delivered struct {
	id   identity
	seq  uint64
	file string
}

// file makes sure that this node's log has every delivery of a batch. It goes on until it has: a full disk is waited for.
func (n *Node) file(ctx context.Context, batch []jetstream.Msg) error {
	filed := make([]delivered, len(batch))
	var group errgroup.Group
	for i, m := range batch {
		group.Go(func() (err error) {
			filed[i], err = n.fileOne(ctx, m)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, d := range filed {
		if d.file == "" {
			continue
		}
		pending, err := n.cfg.Log.IsPending(ctx, d.file)
		if err != nil {
			return err
		}
		n.shared(d.file)
		if err := n.enter(ctx, d, pending); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) fileOne(ctx context.Context, m jetstream.Msg) (delivered, error) {
	var d delivered
	meta, err := m.Metadata()
	id, ok := idOf(m.Subject(), deliverySubject)
	if err != nil || !ok {
		n.log.Error("cluster: a message is not a delivery", "subject", m.Subject())
		return d, nil
	}
	d.id, d.seq = id, meta.Sequence.Stream
	file, known, err := n.cfg.Log.Log().Known(ctx, id.guid, id.path)
	if err != nil || known {
		d.file = file
		return d, err
	}
	rec := new(logs.Record)
	if err := rec.UnmarshalJSON(m.Data()); err != nil {
		n.log.Error("cluster: a delivery cannot be read", "subject", m.Subject(), "error", err)
		return d, nil
	}
	if object := m.Headers().Get(objectHeader); object != "" {
		if rec.Payload, err = n.body(ctx, object, bodyPatience); lacksBody(err) {
			n.cfg.Alarm("cluster.body", "the large body of delivery "+id.guid+" is gone from the cluster; other nodes have it in their log", "hookctl cluster status")
			return d, nil
		} else if err != nil {
			return d, fmt.Errorf("fetch a large body: %w", err)
		}
	}
	if identityOf(rec) != id || !shares(rec) {
		n.log.Error("cluster: a message holds another delivery than it says", "subject", m.Subject())
		return d, nil
	}
	duplicate := (*logs.DuplicateError)(nil)
	err = n.cfg.Log.Append(ctx, rec)
	switch {
	case errors.As(err, &duplicate):
		d.file = duplicate.File
	case err != nil:
		n.stuck.Store(true)
		n.cfg.Alarm("cluster.file", "deliveries of other nodes cannot be stored: "+err.Error(), "hookctl doctor")
		pause(ctx, time.Second)
		return d, err
	default:
		n.stuck.Store(false)
		n.cfg.Alarm("cluster.file", "", "")
		d.file = rec.File
	}
	return d, nil
}

// enter takes a delivery with pending notifications up, and what was said of it before.
func (n *Node) enter(ctx context.Context, d delivered, pending bool) error {
	r := &n.records
	r.mu.Lock()
	early, said := r.early[d.id]
	if pending && r.open[d.id] == nil {
		rec := &record{id: d.id, file: d.file, order: d.seq}
		r.open[d.id], r.files[d.file] = rec, rec
		r.signal()
	}
	rec := r.open[d.id]
	r.mu.Unlock()
	if said {
		if err := n.apply(ctx, d.id, early); err != nil {
			return err
		}
	}
	// An outcome that came in between found no open record to close.
	if still, err := n.cfg.Log.IsPending(ctx, d.file); rec != nil && err == nil && !still {
		n.close(rec)
	}
	return nil
}
