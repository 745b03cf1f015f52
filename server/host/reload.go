package host

import (
	"context"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"
)

// reloadOnHangup reloads on SIGHUP until ctx ends.
func (r *receiver) reloadOnHangup(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if err := r.reload(ctx); err != nil {
				r.logger.Error("reload failed, the old settings stay in force", "error", err)
			}
		}
	}
}

// reload reads secrets and settings again. A mistake in them leaves the old ones in force. In a cluster it returns when every
// node accepts the secrets: a rotation relies on that.
func (r *receiver) reload(ctx context.Context) error {
	if err := r.reloadHere(ctx); err != nil {
		return err
	}
	return r.shareSecrets(ctx)
}

// reloadHere is reload on this node alone.
func (r *receiver) reloadHere(ctx context.Context) error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	s, err := r.load()
	if err != nil {
		return err
	}
	ranges, err := prepareRanges(ctx, r.cfg.Daemon.Home, s)
	if err != nil {
		return err
	}
	if err := r.server.Reload(r.core(s)); err != nil {
		return err
	}
	r.ranges.current.Store(ranges)
	r.mu.Lock()
	r.settings = s
	r.mu.Unlock()
	if waiting := needsRestart(r.started, s); len(waiting) > 0 {
		r.logger.Warn("some settings change with a restart only", "settings", waiting)
	}
	r.logger.Info("settings read again", "secrets", s.Server.Keys.Fingerprints(time.Now()))
	return nil
}

// needsRestart are the keys of hookctl.yaml that differ between what a receiver was started with and what it read last, and
// that only a new process puts in force.
func needsRestart(started, now *Settings) (keys []string) {
	for _, x := range []struct {
		key  string
		same bool
	}{
		{"receiver.bind", started.Bind == now.Bind},
		{"receiver.port", started.Port == now.Port},
		{"receiver.metrics", started.Metrics == now.Metrics},
		{"receiver.tunnel", started.Tunnel == now.Tunnel},
		{"receiver.tls", reflect.DeepEqual(started.Server.TLS, now.Server.TLS)},
		{"log.dir", started.Logs.Dir == now.Logs.Dir},
		{"log.keep", started.Logs.Keep == now.Logs.Keep},
		{"log.max_size", started.Logs.MaxBytes == now.Logs.MaxBytes},
		{"cluster", reflect.DeepEqual(started.Cluster, now.Cluster)},
	} {
		if !x.same {
			keys = append(keys, x.key)
		}
	}
	return keys
}
