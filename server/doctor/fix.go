package doctor

import (
	"context"
	"fmt"
	"os"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// Repair is one thing that Fix did, or tried.
type Repair struct {
	Check  string `json:"check"`           // the check whose finding it fixes
	Action string `json:"action"`          // what was done
	Error  string `json:"error,omitempty"` // why it did not work
}

// Fix fixes what can be fixed without asking, and reports what it did: modes that are too open, a stale control socket, a
// receiver that is not running although it could, and one that does not have the newest secrets. Nothing of it can lose
// a delivery, and GitHub is not touched. [Run] afterwards shows what is left.
func Fix(ctx context.Context, cfg Config) []Repair {
	cfg = cfg.withDefaults()
	f := newFacts(ctx, cfg)
	list := f.fixPermissions()
	if socket, err := daemon.RemoveStaleSocket(cfg.Home); err != nil || socket != "" {
		list = append(list, repair("receiver", "removed the stale control socket "+socket, err))
	}
	return append(list, f.fixReceiver(ctx)...)
}

func repair(check, action string, err error) Repair {
	r := Repair{Check: check, Action: action}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func (f *facts) fixPermissions() []Repair {
	open, err := f.tooOpen()
	var list []Repair
	if err != nil {
		list = append(list, repair("permissions", "read the modes of files", err))
	}
	for _, g := range open {
		err := os.Chmod(g.path, g.mode)
		list = append(list, repair("permissions", fmt.Sprintf("chmod %o %s", g.mode, text.Shell(g.path)), err))
	}
	return list
}

// fixReceiver starts the receiver, or makes it read its secrets again.
func (f *facts) fixReceiver(ctx context.Context) []Repair {
	st, err := f.status()
	if stopped(err) {
		if f.cfg.Store != nil {
			if ring, err := accepted(f.cfg.Store, f.cfg.Now()); err != nil || len(ring) == 0 {
				return nil // it would not start; the check of the secret says why
			}
		}
		st, err := daemon.Restart(ctx, f.cfg.Daemon) // which keeps the flags of the last start
		action := "started the receiver"
		if err == nil {
			action = fmt.Sprintf("started the receiver (pid %d) on %s", st.PID, st.Address)
		}
		return []Repair{repair("receiver", action, err)}
	}
	if err != nil || f.cfg.Store == nil {
		return nil // where it starts, stops or hangs, a person decides whether to end it
	}
	ring, err := accepted(f.cfg.Store, f.cfg.Now())
	if err != nil || len(lacking(st, ring)) == 0 {
		return nil
	}
	_, err = daemon.Dial(f.cfg.Home).Reload(ctx)
	return []Repair{repair("secret", "made the receiver read its secrets again", err)}
}
