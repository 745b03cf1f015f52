package host

import (
	"encoding/json"
	"fmt"

	"hookctl/server/daemon"
)

// status is what `hookctl status` shows of the running receiver.
func (r *receiver) status() daemon.Status {
	s := r.current()
	status := reshape[daemon.Status](r.server.Stats())
	status.Address, status.Version, status.LogDir, status.PublicURL = r.address, s.Server.Version, r.started.Logs.Dir, s.PublicURL
	status.Instance, status.Cluster, status.NeedsRestart = r.server.Instance(), r.clusterStatus(), needsRestart(r.started, s)
	if len(status.Secrets) > 0 {
		status.Secret = status.Secrets[0]
	}
	return status
}

// reshape takes what a package that may not import daemon says into daemon's own type: both write the same keys as JSON, and a key
// that daemon does not have is not for others.
func reshape[A any](from any) (to A) {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, &to)
	}
	if err != nil {
		panic(fmt.Sprintf("%T as %T: %v", from, to, err)) // a mistake in this program
	}
	return to
}
