package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"hookctl/logs"
)

// Server is one receiver. Its methods are safe for concurrent use.
type Server struct {
	log      *logs.Writer
	logger   *slog.Logger
	version  string
	now      func() time.Time
	instance string
	since    time.Time
	limits   Limits
	tls      TLSConfig

	settings atomic.Pointer[settings]
	queue    *queue
	bodies   *bodies
	conns    *connections
	slots    chan struct{} // one per request under way
	rejected rejections
	metrics  *metrics
	leaving  atomic.Bool // answers ask to close the connection
	draining atomic.Bool
	alarm    atomic.Pointer[string]
	quiet    logQuiet
	reading  atomic.Int64 // requests whose body is being read
}

// New makes a receiver that serves nothing yet. It refuses to be made without a secret ([ErrNoSecret])
// or with a mistake in its settings.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		return nil, errors.New("server: Config.Log is missing")
	}
	s := &Server{
		log: cfg.Log, logger: cfg.Logger, version: cfg.Version, now: cfg.Now,
		limits: cfg.Limits.withDefaults(), tls: cfg.TLS, metrics: newMetrics(),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if most := s.limits.BytesInFlight * 2 / 3; most < s.limits.Body {
		return nil, fmt.Errorf("limits: two thirds of the bytes in flight (%d) must hold one body (%d)", most, s.limits.Body)
	}
	set, err := newSettings(cfg)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("make an instance id: %w", err)
	}
	s.instance, s.since = hex.EncodeToString(id), s.now()
	s.settings.Store(set)
	s.bodies = newBodies(s.limits)
	s.conns = newConnections(s.limits)
	s.slots = make(chan struct{}, s.limits.Requests)
	s.queue = newQueue(s, cfg.Retry.withDefaults())
	s.metrics.watch(s)
	return s, nil
}

// Instance is a random name of this receiver that /healthz tells, so that whoever asks a public
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
	s.queue.wake()
	return nil
}

// Serve answers on l and delivers notifications, those that an earlier run left pending included, until ctx
// ends. Then it takes no new connection, finishes what it has accepted, lets attempts under way end,
// within Limits.Drain, and returns nil. It may be called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	l, cfg, err := s.secure(l)
	if err != nil {
		return err
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
	queueDone := make(chan struct{})
	go func() { defer close(queueDone); s.queue.run(queueCtx) }()

	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	if cfg != nil {
		go s.fetchCertificates(cfg)
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
	<-queueDone
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve on %s: %w", l.Addr(), err)
}

// Stats are the counts since the receiver started, and what is waiting now.
type Stats struct {
	Since      time.Time        `json:"since"`
	Received   int64            `json:"received"` // recorded, duplicates not counted
	Rejected   int64            `json:"rejected"`
	Reasons    map[string]int64 `json:"rejected_by_reason"`
	Duplicates int64            `json:"duplicates"`
	Pending    int64            `json:"pending_notifications"`
	// PendingSince is when the oldest of them came in; the zero time where none is pending.
	PendingSince time.Time     `json:"pending_since,omitzero"`
	FailingSinks []FailingSink `json:"failing_sinks,omitempty"`
	Failed       int64         `json:"failed_notifications"` // given up since the start
	Sent         int64         `json:"sent_notifications"`
	Secrets      []string      `json:"secrets"` // fingerprints of what is accepted now
	Alarm        string        `json:"alarm"`   // what keeps deliveries from being stored or files from being written; "" for nothing
}

// Stats tells the counts.
func (s *Server) Stats() Stats {
	st := s.metrics.stats()
	set := s.settings.Load()
	st.Since, st.Pending, st.PendingSince, st.FailingSinks = s.since, s.queue.pending(), s.queue.pendingSince(), s.queue.fails.list(set)
	st.Secrets = set.keys.Fingerprints(s.now())
	st.Alarm = s.trouble()
	return st
}

// trouble is what keeps deliveries from being stored, or their files from being written.
func (s *Server) trouble() string {
	if a := s.alarm.Load(); a != nil {
		return *a
	}
	health := s.log.Health()
	if health.Err != nil {
		return line("record files cannot be written: "+health.Err.Error(), 300)
	}
	if len(health.Damage) > 0 {
		return line("deliveries may be lost: "+strings.Join(health.Damage, "; "), 300)
	}
	return ""
}

// Rejections are the last hundred refused requests that look like deliveries of GitHub and the last hundred others, the newest
// first.
func (s *Server) Rejections() []Rejection { return s.rejected.list() }
