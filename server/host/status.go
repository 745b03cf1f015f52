package host

import (
	"slices"

	"hookctl/server/daemon"
)

// status is what `hookctl status` shows of the running receiver.
func (r *receiver) status() daemon.Status {
	s := r.current()
	stats := r.server.Stats()
	status := daemon.Status{
		Address:              r.address,
		Version:              s.Server.Version,
		LogDir:               r.started.Logs.Dir,
		Received:             stats.Received,
		Rejected:             stats.Rejected,
		Duplicates:           stats.Duplicates,
		PendingNotifications: stats.Pending,
		PendingSince:         stats.PendingSince,
		Counting:             stats.Counting,
		FailedNotifications:  stats.Failed,
		Secrets:              stats.Secrets,
		Instance:             r.server.Instance(),
		Alarm:                stats.Alarm,
		PublicURL:            s.PublicURL,
		Cluster:              r.clusterStatus(),
		NeedsRestart:         needsRestart(r.started, s),
	}
	for _, f := range stats.FailingSinks {
		status.FailingSinks = append(status.FailingSinks, daemon.FailingSink(f))
	}
	for _, a := range stats.Alarms {
		status.Alarms = append(status.Alarms, daemon.Alarm(a))
	}
	if len(stats.Secrets) > 0 {
		status.Secret = stats.Secrets[0]
	}
	return status
}

func (r *receiver) rejected() []daemon.Rejected {
	list := r.server.Rejections()
	out := make([]daemon.Rejected, 0, len(list))
	for _, x := range slices.Backward(list) { // The control socket lists the newest last.
		out = append(out, daemon.Rejected{
			Time: x.Time, Address: x.Address, Reason: x.Reason, Event: x.Event, DeliveryID: x.DeliveryID, HookID: x.HookID, Fingerprints: x.Fingerprints, Former: x.Former,
		})
	}
	return out
}
