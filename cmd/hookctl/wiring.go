package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/daemon"
)

// Each function here hands one package its part of the settings. No other package knows where they came from.

// store is everything secret of the home.
func (p *program) store(s *settings) *secret.Store {
	return secret.NewStore(secret.Config{EnvFile: s.envFile(), RotationFile: s.rotationFile(), Environ: p.environ})
}

func (s *settings) logsConfig(logger *slog.Logger) logs.Config {
	return logs.Config{
		Dir:      s.Log.Dir,
		Keep:     time.Duration(s.Log.Keep),
		MaxBytes: int64(s.Log.MaxSize),
		Logger:   logger,
	}
}

// daemonConfig says how the receiver of this home is started: this program, as `serve`, with the given flags.
func (p *program) daemonConfig(s *settings, flags ...string) daemon.Config {
	return daemon.Config{
		Home:   s.Home,
		Args:   append([]string{"serve"}, flags...),
		Env:    p.rootedEnviron(s),
		Notice: func(text string) { p.note("%s", text) },
	}
}

// rootedEnviron is our environment for a receiver, which runs in another directory: what we found by a relative path, it
// must find too.
func (p *program) rootedEnviron(s *settings) []string {
	env := append(os.Environ(), "HOOKCTL_HOME="+s.Home)
	if dir := p.environ("GH_CONFIG_DIR"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			env = append(env, "GH_CONFIG_DIR="+abs)
		}
	}
	return env
}

// github makes the client of the settings' host.
func (p *program) github(s *settings) (*hooks.Client, error) {
	return hooks.New(hooks.Config{Host: s.GitHub.Host, OnWait: p.onWait})
}

// onWait tells that GitHub's limits hold calls back, where that takes long enough to wonder.
func (p *program) onWait(until time.Time, reason string) {
	if wait := time.Until(until); wait > 3*time.Second && !p.quiet {
		p.note("waiting %s: %s", wait.Round(time.Second), text.Clean(reason))
	}
}

// serverConfig is the receiver's part. The ring is read now; a reload reads it again.
func (p *program) serverConfig(s *settings, log *logs.Writer, logger *slog.Logger) (server.Config, error) {
	ring, err := p.store(s).Ring(time.Now())
	if err != nil {
		return server.Config{}, err
	}
	sinks, err := p.sinks(s)
	if err != nil {
		return server.Config{}, err
	}
	proxies := make([]netip.Prefix, 0, len(s.Receiver.TrustedProxies))
	for _, text := range s.Receiver.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return server.Config{}, fmt.Errorf("receiver.trusted_proxies: %w", err)
		}
		proxies = append(proxies, prefix)
	}
	return server.Config{
		Log:             log,
		Keys:            ring,
		WatchedBranches: s.WatchedBranches,
		Priorities:      s.Priorities,
		Routes:          s.routes(),
		Sinks:           sinks,
		Coalesce:        time.Duration(s.Coalesce),
		IgnoreSenders:   s.IgnoreSenders,
		Paths:           pathConfigs(s, sinks),
		TLS:             s.tls(),
		TrustedProxies:  proxies,
		Logger:          logger,
		Version:         buildInfo().Version,
	}, nil
}

func (s *settings) routes() []server.Route {
	routes := make([]server.Route, 0, len(s.Routes))
	for _, r := range s.Routes {
		routes = append(routes, server.Route{
			Event: r.Event, When: r.When, Notify: r.Notify, Priority: r.Priority,
			Subject: r.Subject, Message: r.Message, Sinks: r.Sinks,
		})
	}
	return routes
}

// sinks are the sinks of the settings, with the HMAC keys that they name read from the environment or .env.
func (p *program) sinks(s *settings) ([]server.SinkConfig, error) {
	env, err := secret.OpenEnv(s.envFile())
	if err != nil {
		return nil, err
	}
	sinks := make([]server.SinkConfig, 0, len(s.Sinks))
	for i, sink := range s.Sinks {
		c := server.SinkConfig{
			Name: sink.Name, Type: sink.Type, URL: sink.URL, To: sink.To, From: sink.From,
			Command: sink.Command, Timeout: time.Duration(sink.Timeout),
		}
		if sink.Secret != "" {
			if c.Secret = p.environ(sink.Secret); c.Secret == "" {
				c.Secret, _ = env.Get(sink.Secret)
			}
			if c.Secret == "" {
				return nil, s.problem(fmt.Sprintf("sinks[%d].secret", i), fmt.Errorf("the variable %s is neither in the environment nor in .env", sink.Secret))
			}
		}
		sinks = append(sinks, c)
	}
	return sinks, nil
}

func pathConfigs(s *settings, sinks []server.SinkConfig) map[string]server.PathConfig {
	paths := make(map[string]server.PathConfig, len(s.Paths))
	for name, path := range s.Paths {
		c := server.PathConfig{WatchedBranches: path.WatchedBranches}
		if path.Sinks != nil {
			c.Sinks = []server.SinkConfig{}
		}
		for _, want := range path.Sinks {
			for i, have := range s.Sinks {
				if have.name() == want {
					c.Sinks = append(c.Sinks, sinks[i])
				}
			}
		}
		paths[name] = c
	}
	return paths
}

func (s *settings) tls() server.TLSConfig {
	t := s.Receiver.TLS
	return server.TLSConfig{
		CertFile: t.Cert, KeyFile: t.Key,
		ACME: server.ACMEConfig{Domains: t.ACME.Domains, Email: t.ACME.Email, DirectoryURL: t.ACME.Directory, CacheDir: filepath.Join(s.runDir(), "acme")},
	}
}

// confirmPing is how hooks learns that a ping arrived: by looking into the log, which any receiver of this home writes.
// It watches first and looks then, so that nothing falls between, and looks once more when the time is up, because a
// watcher may be told late or not at all.
func confirmPing(log *logs.Log) hooks.Confirm {
	return func(ctx context.Context, hookID int64, fingerprint string, since time.Time) error {
		matches := func(e logs.Entry) bool {
			return e.Event == "ping" && e.HookID == hookID && e.Verified && e.Secret == fingerprint && !e.ReceivedAt.Before(since)
		}
		arrived := func(ctx context.Context) (bool, error) {
			pings, err := parseFilter("event:ping")
			if err != nil {
				return false, err
			}
			page, err := log.Page(ctx, logs.Query{Filter: pings, Limit: 500})
			return slices.ContainsFunc(page.Entries, matches), err
		}
		watching, stop := context.WithCancel(ctx)
		defer stop()
		news, err := log.Watch(watching)
		if err != nil {
			return err
		}
		if ok, err := arrived(ctx); ok || err != nil {
			return err
		}
		for batch := range news {
			if slices.ContainsFunc(batch, matches) {
				return nil
			}
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if ok, _ := arrived(last); ok { // Without an answer the time is simply up.
			return nil
		}
		return context.Cause(ctx)
	}
}

// acceptSecrets makes the running receiver read its secrets again and confirms that it accepts all of them.
func acceptSecrets(client *daemon.Client) func(context.Context, []string) error {
	return func(ctx context.Context, fingerprints []string) error {
		status, err := client.Reload(ctx)
		if err != nil {
			return hint(fmt.Errorf("make the receiver accept the new secret: %w", err), "start it with: hookctl start")
		}
		accepted := map[string]bool{}
		for _, f := range status.Secrets {
			accepted[f] = true
		}
		for _, f := range fingerprints {
			if !accepted[f] {
				return hint(fmt.Errorf("the receiver does not accept the secret %s", f),
					"it may work on another home or with GITHUB_WEBHOOK_SECRET in its environment; see: hookctl status")
			}
		}
		return nil
	}
}
