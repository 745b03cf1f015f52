package cluster

import (
	"context"
	"errors"
	"fmt"
	"hookctl/logs/jsonfile"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
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

// keepPlace writes the place every second until ctx ends.
func (n *Node) keepPlace(ctx context.Context) {
	every(ctx, time.Second, nil, func() { n.place.save(n) })
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
