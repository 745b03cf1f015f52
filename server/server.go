package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hookctl/logs"
)

// Server is one receiver. Its methods are safe for concurrent use.
type Server struct {
	log      *logs.Writer
	shared   *Shared
	append   func(context.Context, *logs.Record) error // the log's, but where a test does without a disk
	logger   *slog.Logger
	version  string
	now      func() time.Time
	instance string
	limits   Limits
	tls      TLSConfig

	settings   atomic.Pointer[settings]
	queue      *queue
	consuming  *consuming
	bodies     *bodies
	conns      *connections
	slots      chan struct{} // one per request under way
	rejected   rejections
	metrics    *metrics
	leaving    atomic.Bool // answers ask to close the connection
	draining   atomic.Bool
	alarms     alarms
	acquainted acquainted
	rest       rest
	quiet      logQuiet
	reading    atomic.Int64 // requests whose body is being read
}

// New makes a receiver that serves nothing yet. It returns [ErrNoSecret] without a secret, an error of package secret
// with one from documentation, and an error that names the mistake for settings that have one.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		return nil, errors.New("server: Config.Log is missing")
	}
	s := &Server{
		log: cfg.Log, shared: cfg.Shared, append: cfg.Log.Append, logger: cfg.Logger, version: cfg.Version, now: cfg.Now,
		limits: cfg.Limits.withDefaults(), tls: cfg.TLS, rest: rest{restEvery},
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if most := s.limits.BytesInFlight / 3; most < s.limits.Body {
		return nil, fmt.Errorf("limits: a third of the bytes in flight (%d) must hold one body (%d)", most, s.limits.Body)
	}
	set, err := newSettings(cfg)
	if err != nil {
		return nil, err
	}
	s.instance = rand.Text()
	if s.shared != nil {
		s.instance = s.shared.Instance
	}
	s.settings.Store(set)
	s.bodies = newBodies(s.limits)
	s.conns = newConnections(s.limits)
	s.slots = make(chan struct{}, s.limits.Requests)
	s.queue = newQueue(s, cfg.Retry.withDefaults())
	s.consuming = newConsuming(s, cfg.Retry.withDefaults())
	s.metrics = newMetrics(s)
	return s, nil
}

// Instance is a random name of this receiver that /healthz reports, so that who asks a public
// URL can see that it leads here.
func (s *Server) Instance() string { return s.instance }

// Reload takes new settings: keys, routes, priorities, branches, sinks, paths and networks. Limits, TLS and the
// log stay as they are until a restart. With a mistake in the new settings the old ones stay.
func (s *Server) Reload(cfg Config) error {
	set, err := newSettings(cfg)
	if err != nil {
		return err
	}
	s.settings.Store(set)
	s.alarms.clearIf(func(key string) bool { return strings.HasPrefix(key, alarmRoute+".") })
	s.queue.wake()
	s.consuming.wake()
	return nil
}

// Serve answers on l and delivers notifications, those that an earlier run left pending included, until ctx
// ends. Then it takes no new connection, finishes what it has accepted, lets attempts under way end,
// within Limits.Drain, and returns nil. It may be called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	cfg, err := s.tls.config(ctx)
	if err != nil {
		return err
	}
	if cfg != nil {
		l = tls.NewListener(l, cfg)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	hs := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.limits.HeaderTimeout,
		ReadTimeout:       s.limits.HeaderTimeout + s.limits.BodyTimeout,
		WriteTimeout:      s.limits.HeaderTimeout + s.limits.BodyTimeout + s.limits.Wait + 20*time.Second,
		IdleTimeout:       s.limits.IdleTimeout,
		MaxHeaderBytes:    s.limits.Header,
		Protocols:         protocols,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		ConnContext:       s.conns.context,
		ConnState:         s.conns.state,
	}
	queueCtx, stopQueue := context.WithCancel(context.WithoutCancel(ctx))
	defer stopQueue()
	var sending sync.WaitGroup
	sending.Go(func() { s.queue.run(queueCtx) })
	var watching sync.WaitGroup
	defer watching.Wait()
	watchCtx, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	watching.Go(func() { s.rest.run(watchCtx) })
	watching.Go(func() { s.consuming.run(watchCtx) })
	watching.Go(func() {
		if err := s.acquainted.recall(watchCtx, s.log.Log()); err != nil && watchCtx.Err() == nil {
			s.logger.Debug("the hooks that delivered last cannot be read", "error", err)
		}
	})
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	if cfg != nil {
		watching.Go(func() { s.watchCertificates(watchCtx) })
		watching.Go(func() { s.fetchCertificates(watchCtx, cfg) })
	}
	select {
	case err = <-served:
	case <-ctx.Done():
		s.leaving.Store(true)
		s.conns.farewell(s.limits.Farewell)
		s.draining.Store(true)
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Drain)
		defer cancel()
		if hs.Shutdown(drain) != nil {
			_ = hs.Close()
		}
		err = <-served
		s.queue.drain(drain)
	}
	stopQueue()
	sending.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve on %s: %w", l.Addr(), err)
}

// Stats are the counts since the receiver started, and what is waiting now. The keys are those of `hookctl status --json`.
type Stats struct {
	Received   int64 `json:"received"` // recorded, duplicates not counted
	Rejected   int64 `json:"rejected"`
	Duplicates int64 `json:"duplicates"`
	Pending    int64 `json:"pending_notifications"`
	// PendingSince is when the oldest of them came in; the zero time where none is pending.
	PendingSince time.Time     `json:"pending_since,omitzero"`
	Counting     bool          `json:"counting,omitempty"` // what an earlier run left pending is not all known yet; with the alarm index it is not being counted
	FailingSinks []FailingSink `json:"failing_sinks,omitempty"`
	Failed       int64         `json:"failed_notifications"` // since the start
	Sent         int64         `json:"sent_notifications"`
	Secrets      []string      `json:"secrets"` // fingerprints of what is accepted now
	Alarm        string        `json:"alarm"`   // the text of the first of Alarms; "" for none
	Alarms       []Alarm       `json:"alarms,omitempty"`
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	st := s.metrics.stats()
	set := s.settings.Load()
	st.PendingSince, st.FailingSinks = s.queue.troubles(set)
	st.Pending, st.Counting = s.queue.pending()
	st.Secrets = set.Keys.Fingerprints(s.now())
	st.Alarms = s.standingAlarms()
	if len(st.Alarms) > 0 {
		st.Alarm = st.Alarms[0].Text
	}
	return st
}

// Rejections are the last hundred refused requests that look like deliveries of GitHub and the last hundred others, the newest
// last.
func (s *Server) Rejections() []Rejection { return s.rejected.all() }
