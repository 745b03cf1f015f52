package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/logs"
)

// outbox are the records of this node that no quorum has, as far as is known.
type outbox struct {
	files   sync.Map    // when they were received, a time.Time
	scanned atomic.Bool // what an earlier run left is in files
	wake    chan struct{}
}

// all are the records, with the time when they were received.
func (o *outbox) all() map[string]time.Time {
	all := map[string]time.Time{}
	o.files.Range(func(file, at any) bool {
		all[file.(string)] = at.(time.Time)
		return true
	})
	return all
}

// emptyOutbox publishes what no quorum has yet: what an earlier run of this node left, and what failed since.
func (n *Node) emptyOutbox(ctx context.Context) {
	if n.waitReady(ctx) != nil {
		return
	}
	n.again(ctx, "look for records that were never shared", func(ctx context.Context) error {
		_, err := n.each(ctx, n.place.from.Shared, func(e logs.Entry) error {
			n.outbox.files.Store(e.File, e.ReceivedAt)
			return nil
		})
		return err
	})
	n.outbox.scanned.Store(true)
	first := true
	every(ctx, time.Second, n.outbox.wake, func() {
		n.shareWaiting(ctx, first)
		first = false
	})
}

// shareWaiting publishes what waits, the oldest first. What has just come in is left to its own way, but for the first time.
func (n *Node) shareWaiting(ctx context.Context, first bool) {
	waiting := n.outbox.all()
	files := slices.SortedFunc(maps.Keys(waiting), func(a, b string) int {
		return cmp.Or(waiting[a].Compare(waiting[b]), cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // of one second: x, x_2, x_10
	})
	share := n.sharing(ctx)
	for _, file := range files {
		if !n.cfg.AckLocal && !first && time.Since(waiting[file]).Abs() < publishPatience {
			continue // it is on its way in
		}
		share.add(file)
	}
	if err := share.wait(); err != nil && ctx.Err() == nil {
		n.log.Debug("cluster: records wait to be shared", "records", len(n.outbox.all()), "error", err)
	}
}

// sharing publishes records side by side, those of one repository in order.
type sharing struct {
	n     *Node
	ctx   context.Context
	lanes []chan *logs.Record
	group *errgroup.Group
}

func (n *Node) sharing(ctx context.Context) *sharing {
	s := &sharing{n: n, lanes: make([]chan *logs.Record, 32)}
	s.group, s.ctx = errgroup.WithContext(ctx)
	for i := range s.lanes {
		lane := make(chan *logs.Record, 4)
		s.lanes[i] = lane
		s.group.Go(func() error {
			for rec := range lane {
				one, cancel := context.WithTimeout(s.ctx, publishPatience)
				err := n.publish(one, rec)
				cancel()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return s
}

// add publishes the record of a file; the first failure ends everything.
func (s *sharing) add(file string) {
	rec, err := s.n.cfg.Log.Log().Read(s.ctx, file)
	if errors.Is(err, logs.ErrNotFound) || err == nil && !shares(rec) {
		s.n.outbox.files.Delete(file)
		return
	}
	if err != nil {
		s.n.log.Error("a record that is to be shared cannot be read", "file", file, "error", err)
		return
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(rec.Summary.Repository)) // never fails
	select {
	case s.lanes[hash.Sum32()%uint32(len(s.lanes))] <- rec: // #nosec G115 -- there are few
	case <-s.ctx.Done():
	}
}

func (s *sharing) wait() error {
	for _, lane := range s.lanes {
		close(lane)
	}
	return s.group.Wait()
}

// shares reports whether every node is to have a record: replays and tests stay where a person asked for them.
func shares(rec *logs.Record) bool {
	return rec.DeliveryID != "" && rec.Source != logs.SourceReplay && rec.Source != logs.SourceTest && len(rec.Payload) > 0
}

// each calls do for the records received since then, the oldest first, and returns how many there were.
func (n *Node) each(ctx context.Context, since time.Time, do func(logs.Entry) error) (int, error) {
	query := logs.Query{Newer: true, Limit: 1000}
	if !since.IsZero() {
		filter, err := logs.ParseFilter("since:"+since.UTC().Format(time.RFC3339), time.Now())
		if err != nil {
			return 0, err
		}
		query.Filter = filter
	}
	if err := n.cfg.Log.Log().Ready(ctx); err != nil {
		return 0, err
	}
	count := 0
	for {
		page, err := n.cfg.Log.Log().Page(ctx, query)
		if err != nil {
			return count, err
		}
		for _, e := range slices.Backward(page.Entries) {
			if e.DeliveryID == "" || e.Source == logs.SourceReplay || e.Source == logs.SourceTest {
				continue
			}
			if err := do(e); err != nil {
				return count, err
			}
			count++
		}
		if !page.HasNewer || len(page.Entries) == 0 {
			return count, nil
		}
		query.Cursor = page.Entries[0].Cursor()
	}
}

// Republished is what came of feeding a stream from this node's files.
type Republished struct {
	Records int `json:"records"` // looked at
	Of      int `json:"of"`      // of so many
	Added   int `json:"added"`   // that the stream did not have; known at the end
}

// Republish publishes every record of this node that was received since then, the oldest first; the zero time means all. What
// the stream has stays as it is.
func (n *Node) Republish(ctx context.Context, since time.Time) (Republished, error) {
	var r Republished
	if err := n.Ready(ctx); err != nil {
		return r, err
	}
	before, err := n.js.Stream(ctx, deliveries)
	if err != nil {
		return r, fmt.Errorf("open the stream %s: %w", deliveries, err)
	}
	had := before.CachedInfo().State.LastSeq
	if r.Of, err = n.each(ctx, since, func(logs.Entry) error { return nil }); err != nil {
		return r, err
	}
	defer n.republishing.Store(nil)
	share := n.sharing(ctx)
	_, err = n.each(ctx, since, func(e logs.Entry) error {
		share.add(e.File)
		r.Records++
		so := r
		n.republishing.Store(&so)
		return share.ctx.Err()
	})
	if failed := share.wait(); failed != nil {
		err = failed
	}
	if err != nil {
		return r, err
	}
	after, err := n.js.Stream(ctx, deliveries)
	if err == nil {
		r.Added = int(after.CachedInfo().State.LastSeq - had) // #nosec G115 -- a count of records
	}
	return r, err
}
