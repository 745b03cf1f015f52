package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/server/host"
	"hookctl/server/route"
)

// Each function here hands one package its part of the settings. No other package knows where they came from.

// daemonConfig says how the receiver of this home is started: this program, as `serve`, with the given flags.
func (p *program) daemonConfig(s *settings.Settings, flags ...string) daemon.Config {
	return daemon.Config{
		Home: s.Home,
		Args: append([]string{"serve"}, flags...),
		Env:  p.rootedEnviron(s),
		Notice: func(text string) {
			if !p.quiet { // the full screen has the terminal
				p.note("%s", text)
			}
		},
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

// github creates the client of the settings' host.
func (p *program) github(s *settings.Settings) (*hooks.Client, error) {
	return hooks.New(hooks.Config{Host: s.GitHub.Host, OnWait: p.onWait})
}

// onWait reports that GitHub's rate limits hold back calls, if that takes longer than 3 s.
func (p *program) onWait(until time.Time, reason string) {
	if wait := time.Until(until); wait > 3*time.Second && !p.quiet {
		p.note("waiting %s: %s", wait.Round(time.Second), text.Clean(reason))
	}
}

// fleetConfig is the part of the settings that says which hooks are this receiver's.
func (p *program) fleetConfig(s *settings.Settings) fleet.Config {
	config := fleet.Config{
		Home: s.Home, Logs: s.Logs(nil), Store: s.Store(), Daemon: p.daemonConfig(s),
		GitHub:       func() (*hooks.Client, error) { return p.github(s) },
		PublicURL:    s.Receiver.PublicURL,
		Repositories: s.Setup.Repositories,
		Events:       s.HookEvents(),
		Needed:       route.AlsoEvents(s.NotifyAlso),
		PerHook:      s.Secrets == "per-hook",
		SaveURL:      func(_ context.Context, url string) error { return s.Save("receiver.public_url", url) },
	}
	if p.environ(demoVariable) != "" {
		config.Probe = func(context.Context, string, string) error { return nil } // a simulated address leads nowhere from here
	}
	return config
}

// fleet is every hook of this receiver. A public URL that it saves is put in force in the running receiver.
func (p *program) fleet(s *settings.Settings) *fleet.Fleet {
	config := p.fleetConfig(s)
	config.SaveURL = func(ctx context.Context, url string) error { return p.saveSetting(ctx, s, "receiver.public_url", url) }
	return fleet.New(config)
}

// taskConfig is project sync's part.
func (p *program) taskConfig(s *settings.Settings) tasks.Config {
	return tasks.Config{Settings: s.Tasks(), GitHub: func() (*hooks.Client, error) { return p.github(s) }}
}

// hostSettings is the running receiver's part. The secrets are read now; a reload reads them again.
func (p *program) hostSettings(s *settings.Settings) (*host.Settings, error) {
	core, err := s.Server()
	if err != nil {
		return nil, err
	}
	core.Version = buildInfo().Version
	var node *host.Cluster
	if c := s.ClusterSettings(); c != nil {
		key, _, err := s.ClusterKey()
		if err != nil {
			return nil, err
		}
		node = &host.Cluster{Settings: *c, Key: key}
	}
	tunnel := s.Receiver.Tunnel
	if tunnel == "off" {
		tunnel = ""
	}
	return &host.Settings{
		Bind: s.Receiver.Bind, Port: s.Receiver.Port, Metrics: s.Receiver.Metrics, Tunnel: tunnel,
		PublicURL:  s.Receiver.PublicURL,
		OnlyGitHub: s.Receiver.Allow == "github",
		CatchUp:    s.Receiver.Catchup == "on",
		Logs:       s.Logs(nil),
		Server:     core,
		Store:      s.Store(),
		Fleet:      p.fleetConfig(s),
		Sync:       p.taskConfig(s),
		Cluster:    node,
	}, nil
}

// resender has the running receiver send the notifications of records again.
func resender(s *settings.Settings) func(context.Context, []string) (int, error) {
	return func(ctx context.Context, files []string) (int, error) {
		done, err := host.Dial(s.Home).Resend(ctx, files, false)
		return done.Done, err
	}
}

// catcherUp is catchUp for the faces that know no settings.
func (p *program) catcherUp(s *settings.Settings, all *fleet.Fleet) func(context.Context, fleet.CatchUpRequest) (fleet.CatchUpReport, error) {
	return func(ctx context.Context, request fleet.CatchUpRequest) (fleet.CatchUpReport, error) {
		return p.catchUp(ctx, s, all, request)
	}
}

// call is one call of a command: its arguments, the settings of that moment, and how it prints.
type call struct {
	args     []string
	settings *settings.Settings
	out      *output // nil for a command that prints no data
}

// work is what a command does.
type work func(context.Context, call) error

// action makes cmd do something with the settings.
func (p *program) action(cmd *cobra.Command, do work) *cobra.Command {
	return p.acting(cmd, p.load, nil, do)
}

// printing is action for a command that prints data: it has --json and --jq.
func (p *program) printing(cmd *cobra.Command, do work) *cobra.Command {
	out := &output{}
	return p.acting(addOutputFlags(cmd, out), p.load, out, do)
}

// printingAnyway is printing for what works although a setting is wrong: it gets the settings of a home that has none.
func (p *program) printingAnyway(cmd *cobra.Command, do work) *cobra.Command {
	out := &output{}
	return p.acting(addOutputFlags(cmd, out), p.defaults, out, do)
}

func (p *program) acting(cmd *cobra.Command, load func() (*settings.Settings, error), out *output, do work) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := load()
		if err != nil {
			return err
		}
		return do(cmd.Context(), call{args: args, settings: s, out: out})
	}
	return cmd
}

func (p *program) load() (*settings.Settings, error)     { return settings.Load(p.environ) }
func (p *program) defaults() (*settings.Settings, error) { return settings.Defaults(p.environ) }

// said prints what came of a command: value as JSON where that is asked for, else a line for people.
func (p *program) said(out *output, value any, format string, args ...any) error {
	if out.wanted() {
		return out.print(p.out, value)
	}
	_, err := fmt.Fprintf(p.err, format+"\n", args...)
	return err
}
