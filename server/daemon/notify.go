package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// watch waits for the end of ctx, or of the control socket, which is an error, and repairs the run directory where
// somebody removed it. It gives the control socket that is served at the end. Under systemd (Type=notify, WatchdogSec=) it says READY, and then shows at half the watchdog's
// interval that the receiver can still give its status: one that is locked up cannot, and systemd restarts it.
func (i *Instance) watch(ctx context.Context, c Control, srv *http.Server, d *door) (*door, error) {
	if _, err := sd.SdNotify(false, sd.SdNotifyReady); err != nil {
		return d, fmt.Errorf("notify systemd that the receiver is ready: %w", err)
	}
	upkeep := time.NewTicker(upkeepInterval)
	defer upkeep.Stop()
	problem := ""
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		return d, fmt.Errorf("read systemd's watchdog interval: %w", err)
	}
	var tick <-chan time.Time
	if interval > 0 {
		t := time.NewTicker(interval / 2)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case err := <-d.done:
			return d, fmt.Errorf("serve the control socket: %w", err)
		case <-ctx.Done():
			return d, nil
		case <-upkeep.C:
			if d, err = i.repair(srv, d); err == nil {
				problem = ""
			} else if text := err.Error(); text != problem { // once, and not every other second
				problem = text
				fmt.Fprintln(os.Stderr, "repair the run directory:", err)
			}
		case <-tick:
			i.status(c)
			i.notify(sd.SdNotifyWatchdog)
		}
	}
}

// notify reports a state to systemd where that listens. A failure goes to stderr, which is systemd's journal: the
// receiver goes on, and systemd acts on the silence.
func (i *Instance) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		fmt.Fprintf(os.Stderr, "notify systemd %s: %v\n", state, err)
	}
}
