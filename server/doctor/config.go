package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/netip"
	"path/filepath"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tasks"
	"hookctl/hooks/tunnel"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// Config says what to look at. Store and Fleet are required.
type Config struct {
	Home    string // HOOKCTL_HOME
	EnvFile string // Home/.env if empty
	Version string // of this program; the receiver should have the same

	Daemon daemon.Config // how the receiver is started, for Fix; Home is filled in
	Logs   logs.Config
	Store  *secret.Store

	Address   string         // where the receiver should listen, host:port
	PublicURL string         // where GitHub should send; what the receiver says if empty
	Allow     []netip.Prefix // the receiver's allow-list; nil if none exists
	MaxAge    time.Duration  // of the secret; 0 means 90 days

	Cluster bool // the settings make the receiver a node of a cluster

	Fleet   *fleet.Fleet   // knows the hooks and the login
	Targets []hooks.Target // looks at these only; nil for all that the fleet knows
	Tunnel  string         // which the receiver should run, as receiver.tunnel names it; "" leaves that check out
	Tunnels tunnel.Finder  // where tunnels are looked for

	// Clock returns GitHub's time; nil asks GitHub.
	Clock func(context.Context) (time.Time, error)

	Probes []Probe

	// Sync is project sync, whose rights are checked; nil where it is off. SyncMode is suggest or act.
	Sync     *tasks.Sync
	SyncMode string

	// Local says that the public address need not be public: a demonstration, where GitHub is simulated.
	Local bool
	// Simulated says that GitHub is a simulation that sends straight to the receiver: the public address exists for it alone.
	Simulated bool
	// Roots are the authorities that certificates are checked against; nil means the system's, which is what GitHub's
	// answer is closest to.
	Roots *x509.CertPool
	// Timeout bounds one check; 0 means 15 s.
	Timeout time.Duration
	Now     func() time.Time // nil means time.Now
}

// Probe is a check that another package knows how to do, such as whether a sink can be reached.
type Probe struct {
	Name string // "AI Maestro"
	Fix  string // what to do when it fails, unless the error has its own hint
	// Check gives what was seen, or the error. A *Warning is no failure.
	Check func(context.Context) (detail string, err error)
}

// Warning is an error of a Probe that is worth a warning only.
type Warning struct{ Err error }

// Error is that of what is inside.
func (w *Warning) Error() string { return w.Err.Error() }

// Unwrap gives what is inside.
func (w *Warning) Unwrap() error { return w.Err }

func (c Config) withDefaults() Config {
	c.EnvFile = cmp.Or(c.EnvFile, filepath.Join(c.Home, ".env"))
	c.MaxAge = cmp.Or(c.MaxAge, 90*24*time.Hour)
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Daemon.Home = c.Home
	return c
}
