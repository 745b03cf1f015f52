package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// facts is what several checks need, each asked once and by whichever check is first.
type facts struct {
	cfg    Config
	status func() (daemon.Status, error)
	github func() (account, error)
	log    func() (logSummary, error)
	ring   func() (accepted, error)
	hooks  map[hooks.Target]func() ([]hooks.Hook, error)
	recent map[hooks.Target]func() ([]hooks.Delivery, error)
}

// account is a working login.
type account struct {
	client *hooks.Client
	user   hooks.User
}

// accepted are the fingerprints that are accepted now.
type accepted struct {
	current string
	all     []string
}

// errNoGitHub is why a check that needs GitHub was not done; the check of the login says more.
var errNoGitHub = errors.New("GitHub could not be asked, see the check of the login")

// errNoHooks is why a check that needs the hooks of a repository was not done; the check of the hook says more.
var errNoHooks = errors.New("the hooks could not be listed, see the check of the hook")

// told replaces an error that another check tells, so that it is told once.
func told(err error) error {
	if errors.Is(err, errNoGitHub) {
		return err
	}
	return errNoHooks
}

func newFacts(ctx context.Context, cfg Config) *facts {
	f := &facts{cfg: cfg, hooks: map[hooks.Target]func() ([]hooks.Hook, error){}, recent: map[hooks.Target]func() ([]hooks.Delivery, error){}}
	f.status = once(ctx, cfg.Timeout, func(ctx context.Context) (daemon.Status, error) { return daemon.Dial(cfg.Home).Status(ctx) })
	f.log = once(ctx, cfg.Timeout, f.readLog)
	f.ring = once(ctx, cfg.Timeout, f.readRing)
	f.github = once(ctx, cfg.Timeout, func(ctx context.Context) (account, error) {
		client, err := cfg.GitHub()
		if err != nil {
			return account{}, err
		}
		user, err := client.User(ctx)
		return account{client, user}, err
	})
	for _, t := range cfg.Targets {
		list := once(ctx, cfg.Timeout, func(ctx context.Context) ([]hooks.Hook, error) {
			a, err := f.github()
			if err != nil {
				return nil, errNoGitHub
			}
			return a.client.List(ctx, t)
		})
		f.hooks[t] = list
		f.recent[t] = once(ctx, cfg.Timeout, func(ctx context.Context) ([]hooks.Delivery, error) { return f.deliveries(ctx, t) })
	}
	return f
}

// once asks at most once, within its own time: the check that happens to ask first must not cut the others short.
func once[T any](ctx context.Context, limit time.Duration, ask func(context.Context) (T, error)) func() (T, error) {
	return sync.OnceValues(func() (T, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return ask(ctx)
	})
}

// checks are all checks, from this machine outwards.
func (f *facts) checks() []check {
	all := []check{
		{"receiver", f.receiver},
		{"version", f.version},
		{"service", f.service},
		{"address", f.address},
		{"firewall", f.firewall},
		{"permissions", f.permissions},
		{"log", f.logDirectory},
		{"disk space", f.disk},
		{"notifications", f.notifications},
	}
	if f.cfg.Store != nil {
		all = append(all, check{"secret", f.secret}, check{"age of the secret", f.age}, check{"rotation", f.rotation})
	}
	for _, p := range f.cfg.Probes {
		all = append(all, check{p.Name, p.run})
	}
	all = append(all, check{"public URL", f.publicAddress}, check{"certificate", f.certificate}, check{"tunnel", f.tunnel})
	if f.cfg.GitHub == nil {
		return all
	}
	all = append(all, check{"GitHub login", f.login}, check{"clock", f.clock}, check{"allow-list", f.allowList})
	if len(f.cfg.Targets) == 0 {
		return append(all, check{"hooks", f.noTargets})
	}
	for _, t := range f.cfg.Targets {
		all = append(all,
			check{"hook of " + t.String(), func(ctx context.Context) finding { return f.hook(ctx, t) }},
			check{"secret of " + t.String(), func(ctx context.Context) finding { return f.signedWith(ctx, t) }},
			check{"deliveries of " + t.String(), func(ctx context.Context) finding { return f.lastDeliveries(ctx, t) }},
			check{"missed deliveries of " + t.String(), func(ctx context.Context) finding { return f.missed(ctx, t) }},
		)
	}
	return all
}

// readRing asks for the secrets in force.
func (f *facts) readRing(context.Context) (accepted, error) {
	now := f.cfg.Now()
	ring, err := f.cfg.Store.Ring(now)
	if err != nil {
		return accepted{}, err
	}
	a := accepted{all: ring.Fingerprints(now)}
	if len(a.all) > 0 {
		a.current = a.all[0]
	}
	return a, nil
}

// publicURL is where GitHub should send.
func (f *facts) publicURL() string {
	if f.cfg.PublicURL != "" {
		return f.cfg.PublicURL
	}
	st, err := f.status()
	if err != nil {
		return ""
	}
	return st.PublicURL
}

// port is that of the receiver, 0 where it is not known.
func (f *facts) port() int {
	address := f.cfg.Address
	if st, err := f.status(); err == nil && st.Address != "" {
		address = st.Address
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// ours tells the hooks of a target that lead to this receiver: by their address, or because the log has something from
// them that verified.
func (f *facts) ours(t hooks.Target) ([]hooks.Hook, []hooks.Hook, error) {
	all, err := f.hooks[t]()
	if err != nil {
		return nil, nil, err
	}
	known, logErr := f.log()
	public := f.publicURL()
	var own []hooks.Hook
	for _, h := range all {
		if hooks.SameReceiver(h.URL, public) || logErr == nil && known.verified[h.ID].File != "" {
			own = append(own, h)
		}
	}
	return own, all, nil
}

// logSummary is what the log says about hooks and notifications.
type logSummary struct {
	missing  bool // there is no log yet
	counts   logs.Counts
	problems []logs.Problem
	pending  []logs.Entry
	verified map[int64]logs.Entry // the newest verified record of each hook
}

// span is how far back GitHub keeps deliveries.
const span = 3 * 24 * time.Hour

func (f *facts) deliveries(ctx context.Context, t hooks.Target) ([]hooks.Delivery, error) {
	own, _, err := f.ours(t)
	if err != nil {
		return nil, told(err)
	}
	a, err := f.github()
	if err != nil {
		return nil, errNoGitHub
	}
	var all []hooks.Delivery
	for _, h := range own {
		list, err := a.client.Deliveries(ctx, t, h.ID, hooks.DeliveryQuery{Since: f.cfg.Now().Add(-span), Limit: maxDeliveries})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// maxDeliveries bounds what is looked at of one hook.
const maxDeliveries = 500

// ago writes how long ago something was, as a person says it.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// flag is how a command line names a target.
func flag(t hooks.Target) string {
	if t.IsOrg() {
		return "--org " + t.String()
	}
	return "-R " + t.String()
}
