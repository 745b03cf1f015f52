package settings

import (
	"path/filepath"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/server/cluster"
)

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
	text := s.environ(cluster.KeyVariable)
	if text == "" {
		env, err := secret.OpenEnv(s.EnvFile())
		if err != nil {
			return key, false, err
		}
		text, _ = env.Get(cluster.KeyVariable)
	}
	if key, err = cluster.ParseKey(text); err != nil {
		return key, text != "", hooks.WithCure(err, "on the first node: hookctl cluster init; on the others: hookctl cluster join")
	}
	return key, true, nil
}
