package host

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
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
