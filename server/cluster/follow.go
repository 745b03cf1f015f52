package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"hookctl/logs"
)

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

func (n *Node) followDeliveries(ctx context.Context) {
	n.follow(ctx, deliveries, &n.place.now.Deliveries, n.file)
}

func (n *Node) followOutcomes(ctx context.Context) {
	n.follow(ctx, outcomes, &n.place.now.Outcomes, n.settle)
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
