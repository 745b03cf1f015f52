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
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

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

// outbox are the records of this node that no quorum has, as far as is known.
type outbox struct {
	mu    sync.Mutex
	files map[string]time.Time // when they were received
	scan  bool                 // what an earlier run left is not in files yet
	wake  chan struct{}
}

func (o *outbox) init() {
	o.files, o.scan, o.wake = map[string]time.Time{}, true, make(chan struct{}, 1)
}

func (o *outbox) add(file string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[file] = at
}

func (o *outbox) done(file string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.files, file)
}

// scanned says that everything an earlier run left is in files.
func (o *outbox) scanned() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scan = false
}

func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.files)
}

// Publish shares a record that this node has stored. It returns nil once a quorum has it; [logs.ErrFull] where the cluster has
// no room for it; [ErrNoQuorum] where its fate is not known in time. The record is then published later.
func (n *Node) Publish(ctx context.Context, rec *logs.Record) error {
	n.outbox.add(rec.File, rec.ReceivedAt)
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
	for err == nil {
		one, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
		_, err = n.js.PublishMsg(one, msg, jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithRetryAttempts(0))
		cancel()
		switch code := codeOf(err); {
		case err == nil, code == codeExists:
			n.published(rec.File)
			return nil
		case code == codeFull, code == codeNoRoom:
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
	if codeOf(err) == codeFull || codeOf(err) == codeNoRoom {
		n.setFull(true)
		return fmt.Errorf("the cluster's store of large bodies is full: %w", logs.ErrFull)
	}
	n.log.Debug("cluster: cannot publish", "file", rec.File, "error", err)
	return ErrNoQuorum
}

// published notes that a quorum has a record.
func (n *Node) published(file string) {
	n.answered()
	n.setFull(false)
	n.shared(file)
}

// shared forgets a record that a quorum has.
func (n *Node) shared(file string) {
	n.outbox.done(file)
	n.uploads.forget(file)
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
	mu  sync.Mutex
	of  map[string]*upload // by the file of the record
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
	n.uploads.mu.Lock()
	up := n.uploads.of[rec.File]
	if up == nil {
		up = &upload{done: make(chan struct{})}
		n.uploads.of[rec.File] = up
		n.uploads.all.Go(func() {
			defer close(up.done)
			life, cancel := context.WithTimeout(n.life, bodyTime)
			defer cancel()
			if up.name, up.err = n.store(life, identityOf(rec), rec.Payload); up.err != nil {
				n.uploads.forget(rec.File)
			}
		})
	}
	n.uploads.mu.Unlock()
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
		if code := codeOf(err); err == nil || code == codeFull || code == codeNoRoom || ctx.Err() != nil {
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

func (u *uploads) forget(file string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.of, file)
}

// emptyOutbox publishes what no quorum has yet: what an earlier run of this node left, and what failed since.
func (n *Node) emptyOutbox(ctx context.Context) {
	if n.waitReady(ctx) != nil {
		return
	}
	n.again(ctx, "look for records that were never shared", func(ctx context.Context) error {
		_, err := n.each(ctx, n.place.sharedUntil(), func(e logs.Entry) error {
			n.outbox.add(e.File, e.ReceivedAt)
			return nil
		})
		return err
	})
	n.outbox.scanned()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for first := true; ctx.Err() == nil; first = false {
		n.shareWaiting(ctx, first)
		select {
		case <-ctx.Done():
		case <-n.outbox.wake:
		case <-tick.C:
		}
	}
}

// waitReady waits until the node is, whatever deliveries are answered in the meantime.
func (n *Node) waitReady(ctx context.Context) error {
	select {
	case <-n.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shareWaiting publishes what waits, the oldest first. What has just come in is left to its own way, but for the first time.
func (n *Node) shareWaiting(ctx context.Context, first bool) {
	n.outbox.mu.Lock()
	waiting := maps.Clone(n.outbox.files)
	n.outbox.mu.Unlock()
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
		n.log.Debug("cluster: records wait to be shared", "records", n.outbox.len(), "error", err)
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
		s.n.outbox.done(file)
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
		filter, err := logs.ParseFilter("since:"+since.UTC().Format(time.RFC3339), n.cfg.Now())
		if err != nil {
			return 0, err
		}
		query.Filter = filter
	}
	if err := n.cfg.Log.Log().Ready(ctx, nil); err != nil {
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
