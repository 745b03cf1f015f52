package host

import (
	"context"
	"os"
	"os/signal"
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
	useRanges, err := r.ranges.prepare(ctx, r.cfg.Daemon.Home, s)
	if err != nil {
		return err
	}
	if err := r.server.Reload(r.core(s)); err != nil {
		return err
	}
	useRanges()
	r.mu.Lock()
	old := r.settings
	r.settings = s
	r.mu.Unlock()
	if old.Port != s.Port || old.Bind != s.Bind || old.Logs.Dir != s.Logs.Dir || !sameCluster(old.Cluster, s.Cluster) {
		r.logger.Warn("address, log directory and cluster change with a restart only")
	}
	r.logger.Info("settings read again", "secrets", s.Server.Keys.Fingerprints(time.Now()))
	return nil
}
