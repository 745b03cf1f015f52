package host

import (
	"context"
	"errors"
	"hookctl/server/cluster"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// serveMetrics answers Prometheus until ctx ends. Without metrics the receiver goes on.
func (r *receiver) serveMetrics(ctx context.Context, listener net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", loopbackOnly(r.server.Metrics(r.clusterMetrics()...)))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve's own error says what matters.
	defer stop()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		r.logger.Error("metrics are no longer served", "address", listener.Addr(), "error", err)
	}
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

// clusterMetrics are what Prometheus is shown of the cluster as this node sees it, nothing on a single machine.
func (r *receiver) clusterMetrics() []prometheus.Gatherer {
	if r.node == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(clusterCollector{r.node.View})
	return []prometheus.Gatherer{registry}
}

// clusterCollector reads the view when it is asked, so that a node that has left is not shown.
type clusterCollector struct{ view func() cluster.Status }

// Describe describes nothing: the nodes come and go.
func (c clusterCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c clusterCollector) Collect(to chan<- prometheus.Metric) {
	one := map[bool]float64{true: 1}
	s := c.view()
	add := func(kind prometheus.ValueType, name, help string, value float64, labels ...string) { // names and values in turn
		var names, values []string
		for i := 0; i < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc("hookctl_cluster_"+name, help, names, nil), kind, value, values...)
	}
	const gauge = prometheus.GaugeValue
	add(gauge, "quorum", "1 while a quorum of the cluster can be reached.", one[s.Quorum])
	add(gauge, "stream_bytes", "Bytes kept for nodes that are away.", float64(s.Stream.Bytes))
	add(gauge, "stream_max_bytes", "Bytes that may be kept; beyond them deliveries are answered with 507.", float64(s.Stream.MaxBytes))
	for name, lease := range s.Leases {
		add(gauge, "lease", "1 for the node that has a lease.", 1, "lease", name, "node", lease.Node)
	}
	for _, m := range s.Members {
		add(gauge, "node_up", "1 while a node is up.", one[m.Up], "node", m.Node, "version", m.Version)
		add(gauge, "node_lag", "Deliveries that a node has yet to file.", float64(m.Lag), "node", m.Node)
		add(gauge, "node_unshared", "Deliveries that a node has yet to share.", float64(m.Waiting), "node", m.Node)
		add(gauge, "node_clock_offset_seconds", "A node's clock against that of the node that leads.", m.Clock.Seconds(), "node", m.Node)
		add(prometheus.CounterValue, "node_maybe_notified_twice_total", "Notifications that a node sent again because another was lost while it sent them.", float64(m.Twice), "node", m.Node)
	}
}
