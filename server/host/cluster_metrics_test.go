package host

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hookctl/server/cluster"
)

// The metrics follow the nodes: one that comes is there the next time, one that is left out is gone.
func TestMetricsOfTheCluster(t *testing.T) {
	t.Parallel()
	s := cluster.Status{Quorum: true, Leases: map[string]cluster.Lease{"notify": {Node: "b"}}, Stream: cluster.StreamStatus{Bytes: 7, MaxBytes: 9}, Members: []cluster.Member{
		{Node: "a", Up: true, Version: "1.0.0", Lag: 3, Waiting: 2, Clock: -1500 * time.Millisecond, Twice: 4}, {Node: "b", Version: "1.0.0"},
	}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(clusterCollector{func() cluster.Status { return s }})
	read := func() string {
		t.Helper()
		w := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		body, err := io.ReadAll(w.Body)
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s %v", w.Code, body, err)
		}
		return string(body)
	}
	got := read()
	for _, want := range []string{
		"hookctl_cluster_quorum 1\n", "hookctl_cluster_stream_bytes 7\n", "hookctl_cluster_stream_max_bytes 9\n", `hookctl_cluster_lease{lease="notify",node="b"} 1`,
		`hookctl_cluster_node_up{node="a",version="1.0.0"} 1`, `hookctl_cluster_node_up{node="b",version="1.0.0"} 0`, `hookctl_cluster_node_lag{node="a"} 3`,
		`hookctl_cluster_node_unshared{node="a"} 2`, `hookctl_cluster_node_clock_offset_seconds{node="a"} -1.5`, `hookctl_cluster_node_maybe_notified_twice_total{node="a"} 4`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	s.Members = []cluster.Member{{Node: "a", Up: true, Version: "1.0.0"}, {Node: "c", Up: true, Version: "2.0.0"}}
	if got := read(); strings.Contains(got, `"b",version`) || !strings.Contains(got, `node_up{node="c",version="2.0.0"} 1`) {
		t.Errorf("after b was left out and c has come:\n%s", got)
	}
}
