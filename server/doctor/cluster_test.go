package doctor

import (
	"strings"
	"testing"
	"time"

	"hookctl/server/daemon"
)

// What can be wrong with a cluster is a finding of its own, with what to do, in the summary and in the report alike.
func TestClusterIsJudged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		change             func(*daemon.Status)
		status, says, does string
	}{
		"healthy":       {func(*daemon.Status) {}, OK, "hooks: node a of 3, all up, b notifies", ""},
		"alone":         {func(s *daemon.Status) { s.Cluster.Quorum = false }, Fail, "no quorum; deliveries are stored here and answered with 503", "hookctl start"},
		"not a node":    {func(s *daemon.Status) { s.Cluster = nil }, Warn, "the receiver runs without", "hookctl restart"},
		"joining":       {func(s *daemon.Status) { s.Cluster.Ready = false }, Warn, "waits for the secrets", "hookctl cluster status"},
		"away":          {func(s *daemon.Status) { s.Cluster.Members[2].Up = false }, Warn, "node c is away", "hookctl start"},
		"missing":       {func(s *daemon.Status) { s.Cluster.Nodes = 5 }, Warn, "missing 2 nodes of the settings", "hookctl cluster status"},
		"version":       {func(s *daemon.Status) { s.Cluster.Members[1].Version = "0.9.0" }, Warn, "node b runs version 0.9.0, this one 1.0.0", "hookctl restart"},
		"clock":         {func(s *daemon.Status) { s.Cluster.Members[1].ClockOffset = -time.Minute }, Warn, "the clock of node b differs by -1m0s", "synchronise"},
		"lag":           {func(s *daemon.Status) { s.Cluster.Members[2].Lag = 20_000 }, Warn, "node c has 20,000 deliveries to file", "hookctl cluster status"},
		"not shared":    {func(s *daemon.Status) { s.Cluster.Members[2].Waiting = 3 }, Warn, "node c has 3 deliveries that it could not share", "hookctl cluster status"},
		"expires":       {func(s *daemon.Status) { s.Cluster.Members[1].Expires = now.Add(24 * time.Hour) }, Warn, "the certificate of node b expires on", "renew it"},
		"expired":       {func(s *daemon.Status) { s.Cluster.Members[1].Expires = now.Add(-time.Hour) }, Fail, "the certificate of node b has expired", "renew it"},
		"nearly full":   {func(s *daemon.Status) { s.Cluster.StreamBytes = s.Cluster.StreamMax }, Fail, "the stream is nearly full", "cluster.max_bytes"},
		"no free space": {func(s *daemon.Status) { s.Cluster.StreamMax = 1 << 62 }, Warn, "the stream may grow by", "free some space"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.status.Cluster = &daemon.Cluster{Name: "hooks", Node: "a", Quorum: true, Ready: true, Notifier: "b", StreamBytes: 1, StreamMax: 1000,
				Members: []daemon.ClusterMember{{Node: "a", Up: true, Version: "1.0.0"}, {Node: "b", Up: true, Version: "1.0.0"}, {Node: "c", Up: true, Version: "1.0.0"}}}
			tt.change(&w.status)
			cfg := w.config()
			cfg.Cluster = true
			cfg.Now = func() time.Time { return now }
			report, err := Run(t.Context(), cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := row(t, Summary(cfg, w.live(), report), "cluster").Check
			if got.Status != tt.status || !strings.Contains(got.Detail, tt.says) || !strings.Contains(got.Fix, tt.does) {
				t.Errorf("got %+v, want %s, %q, %q", got, tt.status, tt.says, tt.does)
			}
			for _, c := range report.Checks {
				if c.Name == "cluster" && c != got {
					t.Errorf("the doctor says %+v, the summary %+v", c, got)
				}
			}
		})
	}
}
