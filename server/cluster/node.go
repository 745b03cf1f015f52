package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"hookctl/logs/text"
)

// The names of what the nodes share.
const (
	deliveries = "hookctl-deliveries"
	outcomes   = "hookctl-outcomes"
	bucket     = "hookctl"
	bodies     = "hookctl-bodies"

	deliverySubject = "hookctl.d."
	outcomeSubject  = "hookctl.o."

	keptFor  = 8 * 24 * time.Hour // as long as the log knows a delivery
	replicas = 3
)

// beat is how often a node says that it is up; quiet is how long it may hear no quorum before it counts itself as cut off.
// presenceTTL is after how long the others count it as away.
const (
	beat        = 2 * time.Second
	quiet       = 7 * time.Second
	presenceTTL = 10 * time.Second
)

// Node is one receiver of a cluster. Its methods are safe for concurrent use.
type Node struct {
	cfg    Config
	log    *slog.Logger
	engine *engine
	js     jetstream.JetStream

	ready   chan struct{} // closed when this node has streams, bucket and secrets
	kv      jetstream.KeyValue
	objects jetstream.ObjectStore

	heard atomic.Pointer[time.Time] // when a quorum last answered, nil for never
	full  atomic.Bool               // the stream has no room

	probe  chan struct{} // held by the one that publishes while no quorum is known
	stuck  atomic.Bool   // the disk takes no deliveries of other nodes
	claims atomic.Bool   // this node notifies, and its queue is in order

	stream       atomic.Pointer[measured]
	republishing atomic.Pointer[Republished]

	life    context.Context // until Close
	end     context.CancelFunc
	records records
	outbox  outbox
	uploads uploads
	results results
	place   place
	board   board
	held    sync.Map // lease -> until when it is surely this node's, a time.Time
	run     string   // names this process

	exchanging sync.Mutex // one exchange of secrets at a time

	maybeTwice atomic.Int64 // records sent again after a claim without an outcome
}

// Start starts a node: its embedded server, or its connection. It waits for no other node; [Node.Run] does that.
func Start(c Config) (*Node, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if problems := c.Check(); len(problems) > 0 {
		return nil, problems[0]
	}
	n := &Node{cfg: c, log: c.Logger, ready: make(chan struct{}), run: nuid.Next(), probe: make(chan struct{}, 1)}
	n.life, n.end = context.WithCancel(context.Background())
	n.records.init()
	n.outbox.wake = make(chan struct{}, 1)
	n.results.init()
	n.board.init()
	if err := n.place.load(positionFile(c.Log.Log().Dir()), time.Now()); err != nil {
		return nil, err
	}
	var err error
	if n.engine, err = startEngine(n.life, c); err != nil {
		return nil, err
	}
	if n.js, err = jetstream.New(n.engine.conn); err != nil {
		n.engine.close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return n, nil
}

// Run works until ctx ends. It returns when everything that it started has ended; the engine is closed by [Node.Close].
func (n *Node) Run(ctx context.Context) {
	if !n.prepare(ctx) {
		return
	}
	// The outcomes of what was sent go out first: a claim without one would be sent again. Only then is this node gone.
	stop := ctx
	ctx, gone := context.WithCancel(context.WithoutCancel(ctx))
	defer gone()
	var all errgroup.Group
	all.Go(func() error {
		<-stop.Done()
		n.flushOutcomes()
		gone()
		return nil
	})
	for _, work := range []func(context.Context){
		n.watchBoard, n.keepSecrets, n.beat, n.emptyOutbox, n.keepEngine, n.keepRotation,
		func(ctx context.Context) { n.follow(ctx, deliveries, &n.place.now.Deliveries, n.file) },
		func(ctx context.Context) { n.follow(ctx, outcomes, &n.place.now.Outcomes, n.settle) },
		func(ctx context.Context) { every(ctx, time.Second, n.results.wake, func() { n.shareOutcomes(ctx) }) },
		func(ctx context.Context) { every(ctx, time.Second, nil, func() { n.place.save(n) }) },
	} {
		all.Go(func() error { work(ctx); return nil })
	}
	if !n.cfg.NotifyOff {
		// A node that cannot file what the others got has nothing to send of it; they can.
		files := func() bool { return !n.stuck.Load() }
		all.Go(func() error {
			during(ctx, files, func(ctx context.Context) { n.Hold(ctx, "notify", notifyTTL, n.notify) })
			return nil
		})
	}
	_ = all.Wait() // none of them fails; each tries again
	n.place.save(n)
}

// Close closes the connection and the embedded server. Call it when Run has returned.
func (n *Node) Close() {
	n.end()
	n.uploads.all.Wait()
	n.engine.close()
}

// prepare creates what the nodes share, as soon as there is a quorum. The first calls may meet a cluster that has no leader
// yet, so each has a short time and is tried again.
func (n *Node) prepare(ctx context.Context) bool {
	for tries := 0; ctx.Err() == nil; tries++ {
		err := n.create(ctx)
		n.showTrouble()
		if err == nil {
			return true
		}
		if tries%20 == 1 {
			n.log.Warn("waiting for a quorum of the cluster", "error", err)
		} else {
			n.log.Debug("waiting for a quorum of the cluster", "error", err)
		}
		pause(ctx, 500*time.Millisecond)
	}
	return false
}

func (n *Node) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	stream := jetstream.StreamConfig{
		Name: deliveries, Description: "what GitHub delivered", Subjects: []string{deliverySubject + ">"}, Replicas: replicas,
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: n.cfg.maxBytes(), MaxAge: keptFor, AllowDirect: true, Duplicates: time.Second,
	}
	if err := n.ensure(ctx, stream); err != nil {
		return err
	}
	stream.Name, stream.Description, stream.Subjects = outcomes, "what became of the notifications", []string{outcomeSubject + ">"}
	stream.MaxMsgsPerSubject, stream.MaxBytes, stream.Discard = 1, n.cfg.maxBytes(), jetstream.DiscardOld
	if err := n.ensure(ctx, stream); err != nil {
		return err
	}
	kv, err := n.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = n.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Description: "secrets, members and leases", Replicas: replicas, LimitMarkerTTL: time.Minute})
	}
	if err != nil {
		return fmt.Errorf("open the bucket %s: %w", bucket, err)
	}
	objects, err := n.js.ObjectStore(ctx, bodies)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		objects, err = n.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bodies, Description: "bodies too large for a message", Replicas: replicas, TTL: keptFor, MaxBytes: n.cfg.maxBytes()})
	}
	if err != nil {
		return fmt.Errorf("open the object store %s: %w", bodies, err)
	}
	n.kv, n.objects = kv, objects
	return nil
}

// ensure creates a stream or finds it. How large it may be is the newest settings' business.
func (n *Node) ensure(ctx context.Context, want jetstream.StreamConfig) error {
	found, err := n.js.Stream(ctx, want.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		_, err = n.js.CreateStream(ctx, want)
	case err == nil && found.CachedInfo().Config.MaxBytes != want.MaxBytes:
		_, err = n.js.UpdateStream(ctx, want)
	}
	if err != nil {
		return fmt.Errorf("open the stream %s: %w", want.Name, err)
	}
	return nil
}

// Ready waits until deliveries can be judged and shared: until this node has the secrets of the others.
func (n *Node) Ready(ctx context.Context) error {
	if n.cfg.AckLocal || n.isReady() || n.waitReady(ctx) == nil {
		return nil
	}
	return ErrNoQuorum
}

func (n *Node) isReady() bool {
	select {
	case <-n.ready:
		return true
	default:
		return false
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

// Healthy reports whether deliveries can be acknowledged here: with ack: quorum, whether one answered a moment ago.
func (n *Node) Healthy() bool { return n.cfg.AckLocal || n.reached() }

// reached reports whether a quorum answered a moment ago.
func (n *Node) reached() bool {
	at := n.heard.Load()
	return at != nil && time.Since(*at) < quiet
}

// answered notes that a quorum took something.
func (n *Node) answered() { n.heard.Store(new(time.Now())) }

// pause waits, or less where ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// every does something at once, whenever it is woken, and after that time otherwise, until ctx ends.
func every(ctx context.Context, d time.Duration, wake <-chan struct{}, do func()) {
	tick := time.Tick(d)
	for ctx.Err() == nil {
		do()
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick:
		}
	}
}

// during calls do whenever a condition holds, with a context that ends when it no longer does, until ctx ends.
func during(ctx context.Context, holds func() bool, do func(context.Context)) {
	for ctx.Err() == nil {
		if holds() {
			one, stop := context.WithCancel(ctx)
			var watch sync.WaitGroup
			watch.Go(func() {
				for one.Err() == nil && holds() {
					pause(one, 100*time.Millisecond)
				}
				stop()
			})
			do(one)
			stop()
			watch.Wait()
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// again does something until it succeeds or ctx ends; it reports whether it succeeded.
func (n *Node) again(ctx context.Context, what string, do func(context.Context) error) bool {
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 3*time.Second) {
		one, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := do(one)
		cancel()
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			n.log.Debug("cluster: trying again", "what", what, "error", text.Clean(err.Error()))
		}
		pause(ctx, wait)
	}
	return false
}
