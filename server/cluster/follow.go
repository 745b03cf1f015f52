package cluster

import (
	"bytes"
	"context"
	"encoding/json"
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

// follow reads a stream in order from this node's place on, in batches, until ctx ends. take returns when a batch is durable;
// the place moves on then.
func (n *Node) follow(ctx context.Context, name string, of func(*placeData) *stream, take func(context.Context, []jetstream.Msg) error) {
	for ctx.Err() == nil {
		if err := n.followOnce(ctx, name, of, take); err != nil && ctx.Err() == nil {
			n.log.Debug("cluster: reading the stream again", "stream", name, "error", err)
		}
		pause(ctx, 200*time.Millisecond)
	}
}

func (n *Node) followOnce(ctx context.Context, name string, of func(*placeData) *stream, take func(context.Context, []jetstream.Msg) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	one, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	s, err := n.js.Stream(one, name)
	if err != nil {
		return err
	}
	next := n.place.start(of, s.CachedInfo().Created) + 1
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
			n.place.change(func(d *placeData) { of(d).Seq = meta.Sequence.Stream })
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

func (n *Node) seen(of func(*placeData) *stream) stream {
	n.place.mu.Lock()
	defer n.place.mu.Unlock()
	return *of(&n.place.now)
}

func ofDeliveries(d *placeData) *stream { return &d.Deliveries }
func ofOutcomes(d *placeData) *stream   { return &d.Outcomes }

func (n *Node) followDeliveries(ctx context.Context) { n.follow(ctx, deliveries, ofDeliveries, n.file) }
func (n *Node) followOutcomes(ctx context.Context)   { n.follow(ctx, outcomes, ofOutcomes, n.settle) }

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

// state is what the stream of outcomes says of a delivery.
type state struct {
	Node          string          `json:"node"`
	Run           string          `json:"run"`
	Sending       bool            `json:"sending,omitempty"` // claimed: an attempt may be under way
	Twice         bool            `json:"twice,omitempty"`   // it was claimed in spite of another's claim, which was counted
	Notifications json.RawMessage `json:"notifications,omitempty"`

	seq uint64
}

// settle takes what became of notifications into this node's records.
func (n *Node) settle(ctx context.Context, batch []jetstream.Msg) error {
	for _, m := range batch {
		meta, err := m.Metadata()
		id, ok := idOf(m.Subject(), outcomeSubject)
		var s state
		if err != nil || !ok || json.Unmarshal(m.Data(), &s) != nil {
			n.log.Error("cluster: a message is not an outcome", "subject", m.Subject())
			continue
		}
		s.seq = meta.Sequence.Stream
		if err := n.apply(ctx, id, s); err != nil {
			return err
		}
	}
	return nil
}

// apply takes one state into the record of a delivery, or keeps it until that is filed. An error leaves the state to be applied
// again.
func (n *Node) apply(ctx context.Context, id identity, s state) error {
	r := &n.records
	for {
		rec, newest, over := r.take(id, s)
		if over == n.me() && s.Node != n.cfg.Node && !s.Twice {
			n.countTwice(id, s.Node) // it did not see the claim of this node
		}
		if newest {
			return n.writeNewest(ctx, rec)
		}
		if rec != nil {
			return nil // of this node itself, or seen before
		}
		// It is kept before the log is asked: a delivery that is filed from here on is entered with it.
		file, known, err := n.cfg.Log.Log().Known(ctx, id.guid, id.path)
		if err != nil || !known {
			return err
		}
		r.forgetEarly(id, s)
		if s.Sending {
			n.settledHere(ctx, file, s)
		} else if err := n.write(ctx, file, s.Notifications); err != nil {
			return err
		}
		if !r.isOpen(id) {
			return nil
		}
		// It was entered in the meantime.
	}
}

// take gives a state to the open record of a delivery; newest is false where that has a newer one, and over is the process whose
// claim it is written over. Where no record is open, it keeps the state.
func (r *records) take(id identity, s state) (rec *record, newest bool, over process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec = r.open[id]
	if rec == nil {
		if r.early[id].seq < s.seq {
			r.early[id] = s
		}
		return nil, false, over
	}
	delete(r.early, id)
	if s.seq <= rec.last {
		return rec, false, over
	}
	over = rec.by
	rec.last, rec.by, rec.notes, rec.twice = s.seq, process{}, s.Notifications, s.Twice
	if s.Sending {
		rec.by = process{s.Node, s.Run}
	}
	return rec, true, over
}

// forgetEarly forgets a state that was kept.
func (r *records) forgetEarly(id identity, s state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.early[id].seq <= s.seq {
		delete(r.early, id)
	}
}

func (r *records) isOpen(id identity) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id] != nil
}

// writeNewest writes the newest notifications of a record into this node's log, and closes it when they are settled. Several
// may hear of states at once: the newest is the last to be written.
func (n *Node) writeNewest(ctx context.Context, rec *record) error {
	rec.writing.Lock()
	defer rec.writing.Unlock()
	n.records.mu.Lock()
	notes := rec.notes
	n.records.mu.Unlock()
	if err := n.write(ctx, rec.file, notes); err != nil {
		return err
	}
	var list []logs.Notification
	if len(notes) > 0 && json.Unmarshal(notes, &list) == nil && !pendingIn(list) {
		n.close(rec)
	}
	return nil
}

// settledHere shares the outcome of a claim of an earlier run of this node, which wrote it down here and was killed before it could
// notify the others.
func (n *Node) settledHere(ctx context.Context, file string, s state) {
	if s.Node != n.cfg.Node || s.Run == n.run {
		return
	}
	if pending, err := n.cfg.Log.IsPending(ctx, file); err != nil || pending {
		return
	}
	if rec, err := n.cfg.Log.Log().Read(ctx, file); err == nil && len(rec.Notifications) > 0 {
		n.results.put(file, result{list: rec.Notifications}, false)
	}
}

// write puts notifications, as they are shared, into a record that does not have them. There may be none, and the record may have
// been pruned.
func (n *Node) write(ctx context.Context, file string, notes json.RawMessage) error {
	var list []logs.Notification
	if len(notes) == 0 || json.Unmarshal(notes, &list) != nil {
		return nil
	}
	have, err := n.cfg.Log.Log().Read(ctx, file)
	if errors.Is(err, logs.ErrNotFound) {
		return nil
	}
	if err == nil && bytes.Equal(mustJSON(have.Notifications), mustJSON(list)) {
		return nil
	}
	if !n.again(ctx, "write an outcome", func(ctx context.Context) error {
		err := n.cfg.Log.SetNotifications(ctx, file, list)
		if errors.Is(err, logs.ErrNotFound) {
			return nil
		}
		return err
	}) {
		return ctx.Err()
	}
	return nil
}

// mustJSON encodes what always can be.
func mustJSON(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func pendingIn(list []logs.Notification) bool {
	for _, one := range list {
		if one.Status == logs.StatusPending {
			return true
		}
	}
	return false
}

// close forgets a record whose notifications are settled.
func (n *Node) close(rec *record) {
	r := &n.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[rec.id] == rec {
		delete(r.open, rec.id)
		delete(r.files, rec.file)
	}
}
