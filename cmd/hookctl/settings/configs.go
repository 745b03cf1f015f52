package settings

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/cluster"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// Each function here is one package's part of the settings. No other package knows where they came from.

// Store is everything secret of the home.
func (s *Settings) Store() *secret.Store {
	return secret.NewStore(secret.Config{EnvFile: s.EnvFile(), RotationFile: filepath.Join(s.Home, "state", "rotation.json"), FormerDir: s.RunDir(), Environ: s.environ})
}

// Logs is the log directory and how long records stay in it. Without a logger nothing is logged.
func (s *Settings) Logs(logger *slog.Logger) logs.Config {
	return logs.Config{Dir: s.Log.Dir, Keep: time.Duration(s.Log.Keep), MaxBytes: int64(s.Log.MaxSize), Logger: logger}
}

// Server is what the receiver's core needs of the settings: who may send, what notifies, and where to. It reads the
// secrets of this moment, its own and those of the sinks, from the environment and from .env.
func (s *Settings) Server() (server.Config, error) {
	ring, err := s.Store().Ring(time.Now())
	if err != nil {
		return server.Config{}, err
	}
	sinks, err := s.SinkConfigs()
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
		Keys: ring,
		Rules: route.Rules{
			WatchedBranches: s.WatchedBranches, Priorities: s.Priorities, Routes: s.routes(), NotifyAlso: s.NotifyAlso, IgnoreSenders: s.IgnoreSenders,
			Trust: route.Trust{On: s.Trust.Mode == "on", Authors: s.Trust.Authors, Logins: s.Trust.Logins, Bots: s.Trust.Bots},
		},
		Sinks:          sinks,
		Coalesce:       time.Duration(s.Coalesce),
		CoalesceMax:    cmp.Or(s.CoalesceMax, -1),
		Paths:          s.paths(sinks),
		TLS:            s.TLS(),
		TrustedProxies: proxies,
	}, nil
}

// HookEvents are what new hooks subscribe to: setup.events, or the default ones, and what notify_also needs.
func (s *Settings) HookEvents() []string {
	events := s.Setup.Events
	if len(events) == 0 {
		events = hooks.DefaultEvents()
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(events, route.AlsoEvents(s.NotifyAlso)))))
}

// TLS is how the receiver speaks TLS; the zero value where it does not.
func (s *Settings) TLS() server.TLSConfig {
	t := s.Receiver.TLS
	return server.TLSConfig{
		CertFile: t.Cert, KeyFile: t.Key,
		ACME: server.ACMEConfig{Domains: t.ACME.Domains, Email: t.ACME.Email, DirectoryURL: t.ACME.Directory, CacheDir: filepath.Join(s.RunDir(), "acme")},
	}
}

func (s *Settings) routes() []route.Route {
	routes := make([]route.Route, 0, len(s.Routes))
	for _, r := range s.Routes {
		routes = append(routes, route.Route(r))
	}
	return routes
}

// SinkConfigs are the sinks of the settings, with the keys and URLs whose variables they name.
func (s *Settings) SinkConfigs() ([]sink.Config, error) {
	env, err := secret.OpenEnv(s.EnvFile())
	if err != nil {
		return nil, err
	}
	sinks := make([]sink.Config, 0, len(s.Sinks))
	for i, given := range s.Sinks {
		c := sink.Config{
			Name: given.Name, Type: given.Type, URL: given.URL, To: given.To, From: given.From,
			Command: given.Command, Timeout: time.Duration(given.Timeout), Format: given.Format, Template: given.Template,
		}
		for _, v := range []struct {
			key, name string
			value     *string
		}{{"secret", given.Secret, &c.Secret}, {"url_from", given.URLFrom, &c.URL}} {
			if v.name == "" {
				continue
			}
			if *v.value, _ = s.variable(env, v.name); *v.value == "" {
				return nil, s.Problem(fmt.Sprintf("sinks[%d].%s", i, v.key), fmt.Errorf("the variable %s is set neither in the environment nor in .env", v.name))
			}
		}
		sinks = append(sinks, c)
	}
	return sinks, nil
}

func (s *Settings) paths(sinks []sink.Config) map[string]server.PathConfig {
	paths := make(map[string]server.PathConfig, len(s.Paths))
	for name, path := range s.Paths {
		c := server.PathConfig{WatchedBranches: path.WatchedBranches}
		if path.Sinks != nil {
			c.Sinks = []sink.Config{}
		}
		for _, want := range path.Sinks {
			for i, have := range s.Sinks {
				if have.Called() == want {
					c.Sinks = append(c.Sinks, sinks[i])
				}
			}
		}
		paths[name] = c
	}
	return paths
}

// ClusterSettings is the section cluster, nil for a single machine.
func (s *Settings) ClusterSettings() *cluster.Settings {
	c := s.Cluster
	if c.Name == "" && c.Node == "" {
		return nil
	}
	out := &cluster.Settings{
		Name: c.Name, Node: c.Node, URLs: c.URLs, Credentials: s.path(c.Credentials), AckLocal: c.Ack == "local", NotifyOff: c.Notify == "off", MaxBytes: int64(c.MaxBytes),
	}
	if e := c.Embed; e.Listen != "" || len(e.Peers) > 0 {
		out.Embed = &cluster.Embed{Listen: e.Listen, Peers: e.Peers, Advertise: e.Advertise, Cert: s.path(e.TLS.Cert), Key: s.path(e.TLS.Key), CA: s.path(e.TLS.CA)}
	}
	return out
}

// path is a file named in the settings; a relative one is in the home.
func (s *Settings) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Home, name)
}

// ClusterKey is HOOKCTL_CLUSTER_KEY of the environment or .env, and whether it is set at all.
func (s *Settings) ClusterKey() (key cluster.Key, set bool, err error) {
	env, err := secret.OpenEnv(s.EnvFile())
	if err != nil {
		return key, false, err
	}
	text, _ := s.variable(env, cluster.KeyVariable)
	if key, err = cluster.ParseKey(text); err != nil {
		return key, text != "", hooks.WithCure(err, "on the first node: hookctl cluster init; on the others: hookctl cluster join")
	}
	return key, true, nil
}

// Tasks is the block sync as project sync takes it.
func (s *Settings) Tasks() tasks.Settings {
	c := s.Sync
	logs := c.CI.Logs
	if logs == "auto" {
		logs = ""
	}
	return tasks.Settings{
		Mode:         c.Mode,
		Repositories: c.Repositories,
		CI: tasks.CISettings{
			Branches: c.CI.Branches, PerJob: c.CI.Per == "job", Labels: c.CI.Labels, Logs: logs,
			KeepOpen: c.CI.Close == "never", ReopenWithin: time.Duration(c.CI.ReopenWithin),
		},
		Merged:  tasks.MergedSettings{Close: c.Merged.Close, Comment: c.Merged.Comment == "on"},
		Blocked: tasks.BlockedSettings{Label: c.Blocked.Label, Remind: time.Duration(c.Blocked.Remind), Sinks: c.Blocked.Sinks},
		Board: tasks.BoardSettings{
			Project: c.Board.Project, Field: c.Board.Field, Todo: c.Board.Todo, InProgress: c.Board.InProgress,
			InReview: c.Board.InReview, Blocked: c.Board.Blocked, DoneName: c.Board.Done,
		},
	}
}
