package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs"
)

// records are the deliveries whose notifications are not settled, and the states of those that are not filed yet.
type records struct {
	mu      sync.Mutex
	open    map[identity]*record
	files   map[string]*record
	early   map[identity]state
	changed chan struct{} // closed and replaced when something is there to announce
}

// identity is what makes two deliveries the same.
type identity struct{ guid, path string }

// record is one delivery with notifications under way. The fields are guarded by records.mu, the locks aside.
type record struct {
	id        identity
	file      string
	order     uint64  // its place in the stream of deliveries
	last      uint64  // of its newest state in the stream of outcomes, 0 for none
	by        process // the one that claimed it and has not said what became of it
	notes     []byte  // its notifications as last shared, nil as they were published
	twice     bool    // it was claimed over a claim of another process
	trying    int     // attempts of this process that were claimed and whose outcomes the others do not know
	announced bool    // this node's queue has it
	claiming  sync.Mutex
	writing   sync.Mutex
}

func (r *records) init() {
	r.open, r.files, r.early = map[identity]*record{}, map[string]*record{}, map[identity]state{}
	r.changed = make(chan struct{})
}

// signal makes those who wait look again. r.mu is held.
func (r *records) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
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
		r.mu.Lock()
		entered := r.open[id] != nil // in the meantime
		r.mu.Unlock()
		if !entered {
			return nil
		}
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
	before := rec.by
	if !rec.become(s) {
		return rec, false, over
	}
	return rec, true, before
}

// become takes a state up that is newer. records.mu is held.
func (rec *record) become(s state) bool {
	if s.seq <= rec.last {
		return false
	}
	rec.last, rec.by, rec.notes, rec.twice = s.seq, process{}, s.Notifications, s.Twice
	if s.Sending {
		rec.by = process{s.Node, s.Run}
	}
	return true
}

// forgetEarly forgets a state that was kept.
func (r *records) forgetEarly(id identity, s state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.early[id].seq <= s.seq {
		delete(r.early, id)
	}
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
	n.again(ctx, "write an outcome", func(ctx context.Context) error {
		if err := n.cfg.Log.SetNotifications(ctx, file, list); !errors.Is(err, logs.ErrNotFound) {
			return err
		}
		return nil
	})
	return ctx.Err()
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
	return slices.ContainsFunc(list, func(one logs.Notification) bool { return one.Status == logs.StatusPending })
}

// of is the open record of a file, nil for none.
func (r *records) of(file string) *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[file]
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

// do changes records.
func (r *records) do(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// waiting are the records to announce, in order; changed is closed when there are more.
func (r *records) waiting() (list []*record, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.open {
		if !rec.announced {
			list = append(list, rec)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.order, b.order) })
	return list, r.changed
}

// said notes a state that this node wrote, and how many attempts it is the end of.
func (r *records) said(rec *record, s state, ended int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.become(s)
	rec.trying -= ended
}
