package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/daemon"
)

// receiverFlags are the flags of everything that starts a receiver.
type receiverFlags struct {
	port, bind, logDir string
	tunnel             string
	debug              bool
}

func (f *receiverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.port, "port", "", "`port` to listen on (default from the settings: 9000)")
	cmd.Flags().StringVar(&f.bind, "bind", "", "`address` to listen on (default from the settings: 127.0.0.1)")
	cmd.Flags().StringVar(&f.logDir, "log-dir", "", "`directory` of the records")
	cmd.Flags().StringVar(&f.tunnel, "tunnel", "", "run and watch a tunnel: `ngrok|cloudflared|tailscale`")
	cmd.Flags().BoolVar(&f.debug, "debug", false, "log more; never secrets")
}

// overrides are the flags that were given, as settings.
func (f *receiverFlags) overrides() ([]settings.Override, error) {
	var list []settings.Override
	if f.port != "" {
		list = append(list, settings.Override{Flag: "port", Key: "receiver.port", Value: f.port})
	}
	if f.bind != "" {
		list = append(list, settings.Override{Flag: "bind", Key: "receiver.bind", Value: f.bind})
	}
	if f.tunnel != "" {
		list = append(list, settings.Override{Flag: "tunnel", Key: "receiver.tunnel", Value: f.tunnel})
	}
	if f.logDir != "" {
		dir, err := filepath.Abs(f.logDir)
		if err != nil {
			return nil, fmt.Errorf("--log-dir: %w", err)
		}
		list = append(list, settings.Override{Flag: "log-dir", Key: "log.dir", Value: dir})
	}
	return list, nil
}

// args are the flags again, for the process that `start` starts.
func (f *receiverFlags) args() ([]string, error) {
	overrides, err := f.overrides()
	if err != nil {
		return nil, err
	}
	var args []string
	for _, o := range overrides {
		args = append(args, "--"+o.Flag, o.Value)
	}
	if f.debug {
		args = append(args, "--debug")
	}
	return args, nil
}

func newServe(p *program) *cobra.Command {
	var flags receiverFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the receiver in the foreground",
		Long: "Run the receiver in the foreground: take deliveries in, check their signature, record them, notify.\n" +
			"SIGHUP reads secrets and settings again, SIGTERM finishes what was accepted and ends.",
		Example: "  hookctl serve\n  hookctl serve --port 9100 --debug",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.serve(cmd.Context(), flags)
		},
	}
	flags.add(cmd)
	return cmd
}

// receiver is a running `serve`.
type receiver struct {
	p         *program
	overrides []settings.Override
	logger    *slog.Logger
	log       *logs.Writer
	server    *server.Server
	address   string

	mu       sync.Mutex
	settings *settings.Settings
	tunnel   tunnelState
	ranges   githubRanges
	catching sync.Mutex // one catch-up at a time
	listed   listedHooks
	// One reload at a time: what was read first must not be put in force last, since a rotation relies on what the
	// receiver said that it accepts.
	reloading sync.Mutex
}

// serve runs the receiver until ctx ends or somebody stops it over the control socket.
func (p *program) serve(ctx context.Context, flags receiverFlags) error {
	overrides, err := flags.overrides()
	if err != nil {
		return err
	}
	s, err := settings.Load(p.environ, overrides...)
	if err != nil {
		return err
	}
	logger, logFile, err := p.receiverLogger(s, flags.debug)
	if err != nil {
		return err
	}
	p.quiet = true
	r := &receiver{p: p, overrides: overrides, settings: s, logger: logger}
	err = r.lockAndRun(ctx)
	if err != nil {
		logger.Error("receiver failed", "error", err)
	}
	return errors.Join(err, logFile.Close())
}

// lockAndRun becomes the receiver of the home. What can be found wrong is found before the lock is taken: a restart
// whose new process fails before that leaves the old receiver running.
func (r *receiver) lockAndRun(ctx context.Context) error {
	config, err := r.p.serverConfig(r.settings, nil, r.logger)
	if err != nil {
		return err
	}
	if err := config.Check(); err != nil {
		if errors.Is(err, server.ErrNoSecret) {
			err = hint(err, "make one with: hookctl secret generate; or set everything up with: hookctl setup")
		}
		return err
	}
	if err := r.ranges.load(ctx, r.p, r.settings); err != nil {
		return err
	}
	if err := preflight(ctx, r.settings); err != nil {
		return err
	}
	instance, err := daemon.Lock(r.p.daemonConfig(r.settings))
	if err != nil {
		return err
	}
	return errors.Join(r.run(ctx, instance), instance.Close())
}

func (r *receiver) run(ctx context.Context, instance *daemon.Instance) (err error) {
	s := r.settings
	if r.log, err = logs.OpenWriter(ctx, s.Logs(r.logger)); err != nil {
		return fmt.Errorf("open the log %s: %w", s.Log.Dir, err)
	}
	defer func() { err = errors.Join(err, r.log.Close()) }()
	config, err := r.p.serverConfig(s, r.log, r.logger)
	if err != nil {
		return err
	}
	config.Allow = r.ranges.allowed
	if r.server, err = server.New(config); err != nil {
		return err
	}
	listener, err := instance.Listen(ctx, net.JoinHostPort(s.Receiver.Bind, strconv.Itoa(s.Receiver.Port)))
	if err != nil {
		return err
	}
	var metrics net.Listener
	if s.Receiver.Metrics != "" {
		if metrics, err = instance.Listen(ctx, s.Receiver.Metrics); err != nil {
			return errors.Join(fmt.Errorf("receiver.metrics: %w", err), listener.Close())
		}
	}
	r.address = listener.Addr().String()
	r.logger.Info("receiver is ready", "address", r.address, "log_dir", s.Log.Dir, "secrets", config.Keys.Fingerprints(time.Now()))

	return r.work(ctx, instance, listener, metrics)
}

// work does everything that a receiver does at the same time, until ctx ends or somebody stops it.
func (r *receiver) work(ctx context.Context, instance *daemon.Instance, listener, metrics net.Listener) error {
	kind := r.settings.Receiver.Tunnel // read before a reload can replace the settings
	// Deliveries are taken until taking ends; the control socket answers until they are drained, so that whoever
	// asked for the stop sees what it waits for.
	taking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	answering, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	var all errgroup.Group
	all.Go(func() error {
		defer silence()
		err := r.server.Serve(taking, listener)
		if err == nil || taking.Err() != nil {
			r.logger.Info("receiver has stopped", "address", r.address)
		}
		return err
	})
	all.Go(func() error {
		err := instance.Serve(answering, daemon.Control{
			Status: r.status, Rejected: r.rejected, Reload: r.reload, Stop: stop, Extra: r.extra(),
		})
		if err != nil {
			stop() // Without a control socket nobody could ever stop it.
		}
		return err
	})
	all.Go(func() error {
		r.reloadOnHangup(taking)
		return nil
	})
	all.Go(func() error {
		r.keepCatchingUp(taking)
		return nil
	})
	all.Go(func() error {
		r.keepHouse(taking)
		return nil
	})
	if r.p.environ(demoVariable) != "" {
		all.Go(func() error {
			endWithParent(taking, stop)
			return nil
		})
	}
	if kind != "off" {
		all.Go(func() error {
			r.keepTunnel(taking, kind)
			return nil
		})
	}
	if metrics != nil {
		all.Go(func() error { return serveMetrics(taking, metrics, r.server.Metrics()) })
	}
	all.Go(func() error {
		select {
		case <-ctx.Done():
			// The socket closes first: what it has accepted by then is still answered.
			instance.Stopping()
			stop()
		case <-taking.Done():
		}
		return nil
	})
	return all.Wait()
}

// reloadOnHangup reloads on SIGHUP until ctx ends.
func (r *receiver) reloadOnHangup(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := r.reload(ctx); err != nil {
				r.logger.Error("reload failed, the old settings stay in force", "error", err)
			}
		}
	}
}

// reload reads secrets and settings again. A mistake in them leaves the old ones in force.
func (r *receiver) reload(ctx context.Context) error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	s, err := settings.Load(r.p.environ, r.overrides...)
	if err != nil {
		return err
	}
	config, err := r.p.serverConfig(s, r.log, r.logger)
	if err != nil {
		return err
	}
	config.Allow = r.ranges.allowed
	useRanges, err := r.ranges.prepare(ctx, r.p, s)
	if err != nil {
		return err
	}
	if err := r.server.Reload(config); err != nil {
		return err
	}
	useRanges()
	r.mu.Lock()
	old := r.settings
	r.settings = s
	r.mu.Unlock()
	if old.Receiver.Port != s.Receiver.Port || old.Receiver.Bind != s.Receiver.Bind || old.Log.Dir != s.Log.Dir {
		r.logger.Warn("address and log directory change with a restart only")
	}
	r.logger.Info("settings read again", "secrets", config.Keys.Fingerprints(time.Now()))
	return nil
}

// loopbackOnly refuses requests under a foreign name: a web page whose name was made to lead to this machine could read
// the answers through its visitor's browser.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "ask for 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endWithParent stops a demo's receiver when the demo is gone without having stopped it, as after kill -9.
func endWithParent(ctx context.Context, stop func()) {
	parent := os.Getppid()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				stop()
				return
			}
		}
	}
}

// serveMetrics answers Prometheus until ctx ends.
func serveMetrics(ctx context.Context, listener net.Listener, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", loopbackOnly(metrics))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve's own error tells what matters.
	defer stop()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// forgetSecrets ends a rotation whose grace period is over, and reloads where a secret is accepted that the files do not
// name any more: a rotation that is killed between its last write and its call of the receiver has told nobody.
func (r *receiver) forgetSecrets(ctx context.Context, s *settings.Settings) error {
	store, now := s.Store(), time.Now()
	if _, err := store.Expire(now); err != nil {
		return fmt.Errorf("end the rotation: %w", err)
	}
	ring, err := store.Ring(now)
	if err != nil {
		return err
	}
	named := ring.Fingerprints(now)
	if slices.ContainsFunc(r.server.Stats().Secrets, func(print string) bool { return !slices.Contains(named, print) }) {
		return r.reload(ctx)
	}
	return nil
}

// keepHouse drops secrets whose time is over and prunes the log, until ctx ends.
func (r *receiver) keepHouse(ctx context.Context) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
		}
		r.mu.Lock()
		s := r.settings
		r.mu.Unlock()
		if err := r.forgetSecrets(ctx, s); err != nil {
			r.logger.Error("secrets whose time is over could not be dropped, it is tried again", "error", err)
		}
		if n%60 != 0 {
			continue
		}
		if err := r.ranges.load(ctx, r.p, s); err != nil {
			r.logger.Warn("GitHub's address ranges cannot be fetched, the old ones stay in force", "error", err)
		}
		if result, err := r.log.Prune(ctx, false); err != nil {
			r.logger.Warn("pruning the log failed, it is tried again", "error", err)
		} else if len(result.Files) > 0 {
			r.logger.Info("pruned the log", "records", len(result.Files), "bytes", result.Bytes)
		}
	}
}

// receiverLogger logs to stderr in the foreground and, where `start` started this process, to run/receiver.log.
func (p *program) receiverLogger(s *settings.Settings, debug bool) (*slog.Logger, io.Closer, error) {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if debug {
		options.Level = slog.LevelDebug
	}
	if p.environ(daemon.EnvBackground) == "" {
		return slog.New(slog.NewTextHandler(p.err, options)), io.NopCloser(nil), nil
	}
	file, err := daemon.OpenLog(s.Home)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewTextHandler(file, options)), file, nil
}
