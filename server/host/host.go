// Package host is the receiver as it runs: the process that takes deliveries in, and everything that goes on beside that.
//
// [Run] is the life of a receiver. First it loads the settings and looks for what is wrong with them (preflight.go), while
// the receiver that it may replace still runs. Then it becomes the one receiver of its home ([daemon.Lock]) and does all of
// these at the same time, until it is stopped:
//
//   - it takes deliveries and sends notifications (package server)
//   - it answers on the control socket: status, reload, stop, and the calls of control.go
//   - SIGHUP or a call puts new settings in force; a mistake in them leaves the old ones (reload.go)
//   - it fetches from GitHub what never arrived, at start and every ten minutes (catchup.go)
//   - it keeps a tunnel open, and hooks follow the tunnel's address (tunnel.go)
//   - it does what project sync has to do, in order, and reminds of blocked tasks (sync.go)
//   - it drops secrets whose time is over, prunes the log, refreshes GitHub's address ranges (upkeep.go)
//   - it answers Prometheus (metrics.go)
//
// Run owns every one of these and returns when the last has ended. When the listener or the control socket fails, the
// receiver ends; every other failure is logged and tried again.
//
// Commands talk to a running receiver through [Client]; both sides of each call are in control.go. [OpenIntake] and [Prune]
// also work where no receiver runs: then the calling process is the writer of the log.
//
// The package does not know how the settings are written: its caller passes a function that loads them.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/cluster"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// Config is what does not change while a receiver runs.
type Config struct {
	// Load reads the settings and secrets of this moment. It is called at the start and for every reload, by one goroutine
	// at a time.
	Load func() (*Settings, error)
	// Code gives the word by which programs know an error, see [hooks.Failure]: answers over the control socket carry it. Without
	// it they carry none.
	Code func(error) string
	// Daemon names the home.
	Daemon daemon.Config
	// Stderr gets the log, unless Background: then it is written to run/receiver.log.
	Stderr     io.Writer
	Background bool
	// Debug logs more; never secrets.
	Debug bool
	// WithParent stops the receiver when its parent process is gone, for a demo that was killed.
	WithParent bool
}

// Settings are the parts of the settings that the receiver needs. Load returns new ones for each reload; they do not change.
type Settings struct {
	Bind    string // address to listen on; changes with a restart only, see needsRestart
	Port    int    // 0 takes any free one
	Metrics string // loopback address for Prometheus; "" for none
	Tunnel  string // kind of tunnel to keep open; "" for none

	PublicURL  string
	OnlyGitHub bool // requests from other addresses than GitHub's published ones are refused
	CatchUp    bool // fetch what never arrived where there is a login

	Logs   logs.Config
	Server server.Config // without Log, Logger and Allow, which this package sets
	Store  *secret.Store

	// Fleet is how the hooks that deliver here are found. GitHub is opened when something is to be asked, so a receiver needs
	// no login. SaveURL writes a tunnel's new address to the settings; they are loaded again afterwards.
	Fleet fleet.Config

	// Sync is project sync; Home, Watched, GitHub, Targets and Logger are set by this package.
	Sync    tasks.Config
	Cluster *Cluster // makes the receiver a node of a cluster; nil is a single machine; changes with a restart only

	fleet *fleet.Fleet // made of Fleet when the settings were loaded
	sync  *tasks.Sync  // likewise, of Sync
}

// receiver is one running receiver.
type receiver struct {
	cfg     Config
	logger  *slog.Logger
	log     *logs.Writer
	server  *server.Server
	started *Settings     // what it was started with
	node    *cluster.Node // nil on a single machine
	address string

	mu       sync.Mutex
	settings *Settings
	tunnel   tunnelState
	ranges   githubRanges
	catching sync.Mutex // one catch-up at a time
	silent   bool       // deliveries did not arrive when it was looked last
	up       time.Time  // when deliveries were taken first
	// One reload at a time: what was read first must not be put in force last, since a rotation relies on what the
	// receiver said that it accepts.
	reloading sync.Mutex
}

// Run is the receiver of a home until ctx ends or it is stopped over the control socket. Then it finishes what it has
// accepted and returns nil. An error says why it could not start or go on.
func Run(ctx context.Context, cfg Config) error {
	r := &receiver{cfg: cfg}
	var err error
	if r.settings, err = r.load(); err != nil {
		return err
	}
	logger, closeLog, err := openLog(cfg)
	if err != nil {
		return err
	}
	r.logger = logger
	if err = r.lockAndRun(ctx); err != nil && cfg.Background { // in the foreground the command reports it
		logger.Error("receiver failed", "error", err)
	}
	return errors.Join(err, closeLog())
}

// openLog logs to stderr in the foreground, and to run/receiver.log in the background.
func openLog(cfg Config) (*slog.Logger, func() error, error) {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if cfg.Debug {
		options.Level = slog.LevelDebug
	}
	if !cfg.Background {
		return slog.New(slog.NewTextHandler(cfg.Stderr, options)), func() error { return nil }, nil
	}
	file, err := daemon.OpenLog(cfg.Daemon.Home)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewTextHandler(file, options)), file.Close, nil
}

// load reads settings that a receiver can work with.
func (r *receiver) load() (*Settings, error) {
	s, err := r.cfg.Load()
	if err != nil {
		return nil, err
	}
	if err := s.Server.Check(); err != nil {
		switch {
		case errors.Is(err, server.ErrNoSecret):
			err = hooks.WithCure(err, "set everything up: hookctl setup; or only generate a secret: hookctl secret generate")
		case errors.Is(err, secret.ErrPublished):
			err = hooks.WithCure(err, secret.ReplacePublished)
		}
		return nil, err
	}
	config := s.Fleet
	config.SaveURL = r.saveURL(config.SaveURL)
	s.fleet = fleet.New(config)
	s.sync = r.openSync(s)
	s.Server.Consumer = consumer(s.sync, s.Sync.Mode)
	s.Server.Enrich = r.enricher(s)
	if s.Server.Consumer != nil && s.Cluster != nil {
		s.Server.Consumer.Owns = func() bool { return r.owns(leaseSync) }
	}
	return s, nil
}

// current are the settings in force.
func (r *receiver) current() *Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settings
}

// core is the core's part of settings.
func (r *receiver) core(s *Settings) server.Config {
	c := s.Server
	c.Log, c.Logger, c.Allow, c.Shared = r.log, r.logger, r.ranges.allowed, r.shared()
	return c
}

// lockAndRun becomes the receiver of the home. What can be found wrong is found before the lock is taken: a restart
// whose new process fails before that leaves the old receiver running.
func (r *receiver) lockAndRun(ctx context.Context) error {
	if err := r.ranges.load(ctx, r.cfg.Daemon.Home, r.settings); err != nil {
		return err
	}
	if err := preflight(ctx, r.cfg.Daemon.Home, r.settings); err != nil {
		return err
	}
	instance, err := daemon.Lock(r.cfg.Daemon)
	if err != nil {
		return err
	}
	// The receiver before may have taken its time to end, and accepted another secret in the meantime.
	s, err := r.load()
	if err == nil && s.OnlyGitHub != r.settings.OnlyGitHub {
		err = r.ranges.load(ctx, r.cfg.Daemon.Home, s)
	}
	if err != nil {
		r.logger.Error("reload failed, the old settings stay in force", "error", err)
	} else {
		r.settings = s
	}
	return errors.Join(r.run(ctx, instance), instance.Close())
}

func (r *receiver) run(ctx context.Context, instance *daemon.Instance) (err error) {
	s := r.settings
	r.started = s
	logConfig := s.Logs
	logConfig.Logger = r.logger
	if r.log, err = logs.OpenWriter(ctx, logConfig); err != nil {
		return fmt.Errorf("open the log %s: %w", s.Logs.Dir, err)
	}
	defer func() { err = errors.Join(err, r.closeLog(instance)) }()
	if err = r.join(s); err != nil {
		return err
	}
	if r.node != nil {
		defer r.node.Close()
	}
	if r.server, err = server.New(r.core(s)); err != nil {
		return err
	}
	listener, err := instance.Listen(ctx, net.JoinHostPort(s.Bind, strconv.Itoa(s.Port)))
	if err != nil {
		return err
	}
	var metrics net.Listener
	if s.Metrics != "" {
		if metrics, err = instance.Listen(ctx, s.Metrics); err != nil {
			return errors.Join(fmt.Errorf("receiver.metrics: %w", err), listener.Close())
		}
	}
	r.address = listener.Addr().String()
	r.up = time.Now()
	r.logger.Info("receiver is ready", "address", r.address, "log_dir", s.Logs.Dir, "secrets", s.Server.Keys.Fingerprints(time.Now()))
	return r.work(ctx, instance, listener, metrics)
}

// filingTime is how long a receiver that stops goes on making files of what is in the spool.
const filingTime = 4 * time.Second

// closeLog ends the writing of the log. Nobody files what a receiver that stops for good leaves in the spool, so it takes a
// moment for that; one that is replaced makes no delivery wait.
func (r *receiver) closeLog(instance *daemon.Instance) error {
	if !instance.HandedOver() {
		ctx, stop := context.WithTimeout(context.Background(), filingTime)
		defer stop()
		if err := r.log.Log().Settle(ctx); err != nil && ctx.Err() == nil {
			r.logger.Warn("some records are in the spool only, until a receiver runs again", "error", err)
		}
	}
	return r.log.Close()
}

// work runs the parts of the receiver side by side, until ctx ends or the receiver is stopped.
func (r *receiver) work(ctx context.Context, instance *daemon.Instance, listener, metrics net.Listener) error {
	// Deliveries are taken until taking ends; the control socket answers until they are drained, so that who
	// asked for the stop sees what it waits for.
	taking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	answering, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	// The other nodes are heard until the last delivery is answered.
	sharing, alone := context.WithCancel(context.WithoutCancel(ctx))
	defer alone()
	var all errgroup.Group
	until := func(ctx context.Context, do func(context.Context)) {
		all.Go(func() error {
			do(ctx)
			return nil
		})
	}
	all.Go(func() error {
		defer silence()
		defer alone()
		defer stop() // A receiver that cannot listen any more does nothing else either.
		err := r.server.Serve(taking, listener)
		if err == nil || taking.Err() != nil {
			r.logger.Info("receiver has stopped", "address", r.address)
		}
		return err
	})
	all.Go(func() error {
		err := instance.Serve(answering, daemon.Control{
			Status: r.status, Rejected: func() []daemon.Rejected { return reshape[[]daemon.Rejected](r.server.Rejections()) }, Reload: func(ctx context.Context) error { return r.coded(r.reload(ctx)) }, Stop: stop, Extra: r.extra(),
		})
		if err != nil {
			stop() // without a control socket it could not be stopped
		}
		return err
	})
	until(taking, r.reloadOnHangup)
	if r.node != nil {
		until(sharing, r.node.Run)
	}
	until(taking, func(ctx context.Context) { r.asOwner(ctx, leaseCatchUp, r.keepCatchingUp) })
	until(taking, r.keepHouse)
	until(taking, func(ctx context.Context) { r.asOwner(ctx, leaseSync, r.keepReminding) })
	if kind := r.started.Tunnel; kind != "" {
		until(taking, func(ctx context.Context) {
			r.asOwner(ctx, "tunnel", func(ctx context.Context) { r.keepTunnel(ctx, kind) })
		})
	}
	if metrics != nil {
		until(taking, func(ctx context.Context) { r.serveMetrics(ctx, metrics) })
	}
	if r.cfg.WithParent {
		until(taking, func(ctx context.Context) { endWithParent(ctx, stop) })
	}
	until(taking, func(taking context.Context) {
		select {
		case <-ctx.Done():
			// The socket closes first: what it has accepted by then is still answered.
			instance.Stopping()
			stop()
		case <-taking.Done():
		}
	})
	return all.Wait()
}
