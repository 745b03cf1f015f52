package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/daemon"
)

// Each function here hands one package its part of the settings. No other package knows where they came from.

// daemonConfig says how the receiver of this home is started: this program, as `serve`, with the given flags.
func (p *program) daemonConfig(s *settings.Settings, flags ...string) daemon.Config {
	return daemon.Config{
		Home:   s.Home,
		Args:   append([]string{"serve"}, flags...),
		Env:    p.rootedEnviron(s),
		Notice: func(text string) { p.note("%s", text) },
	}
}

// rootedEnviron is our environment for a receiver, which runs in another directory: what we found by a relative path, it
// must find too.
func (p *program) rootedEnviron(s *settings.Settings) []string {
	env := append(os.Environ(), "HOOKCTL_HOME="+s.Home)
	if dir := p.environ("GH_CONFIG_DIR"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			env = append(env, "GH_CONFIG_DIR="+abs)
		}
	}
	return env
}

// github makes the client of the settings' host.
func (p *program) github(s *settings.Settings) (*hooks.Client, error) {
	return hooks.New(hooks.Config{Host: s.GitHub.Host, OnWait: p.onWait})
}

// onWait tells that GitHub's limits hold calls back, where that takes long enough to wonder.
func (p *program) onWait(until time.Time, reason string) {
	if wait := time.Until(until); wait > 3*time.Second && !p.quiet {
		p.note("waiting %s: %s", wait.Round(time.Second), text.Clean(reason))
	}
}

// serverConfig is the receiver's part. The secrets are read now; a reload reads them again.
func (p *program) serverConfig(s *settings.Settings, log *logs.Writer, logger *slog.Logger) (server.Config, error) {
	config, err := s.Server()
	config.Log, config.Logger, config.Version = log, logger, buildInfo().Version
	return config, err
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
