package daemon

import (
	"context"
	"fmt"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// watch waits for the end of ctx, or of the control socket, which is an error. Under systemd (Type=notify,
// WatchdogSec=) it says READY, and then shows at half the watchdog's interval that the receiver can still tell its
// status: one that is locked up cannot, and systemd restarts it.
func (i *Instance) watch(ctx context.Context, c Control, socket <-chan error) error {
	if _, err := sd.SdNotify(false, sd.SdNotifyReady); err != nil {
		return fmt.Errorf("tell systemd that the receiver is ready: %w", err)
	}
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read systemd's watchdog interval: %w", err)
	}
	var tick <-chan time.Time
	if interval > 0 {
		t := time.NewTicker(interval / 2)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case err := <-socket:
			return fmt.Errorf("serve the control socket: %w", err)
		case <-ctx.Done():
			return nil
		case <-tick:
			i.status(c)
			i.tell(sd.SdNotifyWatchdog)
		}
	}
}

// tell reports a state to systemd where that listens. What goes wrong is told on stderr, which is systemd's journal:
// the receiver goes on, and systemd acts on the silence.
func (i *Instance) tell(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		fmt.Fprintf(os.Stderr, "tell systemd %s: %v\n", state, err)
	}
}
