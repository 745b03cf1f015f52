package doctor

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// facts is what several checks need, each asked once and by whichever check is first.
type facts struct {
	cfg     Config
	status  func() (daemon.Status, error)
	github  func() (account, error)
	targets func() ([]hooks.Target, error)
	hooks   func() (fleet.List, error)
	log     func() (logSummary, error)

	writable func(dir string) error   // why this user cannot write there
	ownerOf  func(path string) string // see ownerOf
}

// account is a working login.
type account struct {
	client *hooks.Client
	user   hooks.User
}

// logSummary is what the log says about its records and their notifications.
type logSummary struct {
	missing  bool // there is no log yet
	total    int  // records
	failures Failures
	problems []logs.Problem
	pending  []logs.Entry
}

// errNoGitHub is why a check that needs GitHub was not done; the check of the login says more.
var errNoGitHub = errors.New("GitHub could not be asked, see the check of the login")

// errNoHooks is why a check of hooks was not done; the check "hook of" says more.
var errNoHooks = errors.New("the hooks could not be listed, see the check of the hook")

// skipped is what is found by a check that could not be done because of something that another check reports.
func skipped(err error) Check { return unknown("not checked: %v", err) }

func newFacts(ctx context.Context, cfg Config) *facts {
	f := &facts{cfg: cfg, writable: writable, ownerOf: ownerOf}
	f.status = once(ctx, cfg.Timeout, daemon.Dial(cfg.Home).Status)
	f.log = once(ctx, cfg.Timeout, f.readLog)
	f.targets = once(ctx, cfg.Timeout, func(ctx context.Context) ([]hooks.Target, error) {
		if cfg.Targets != nil {
			return cfg.Targets, nil
		}
		return cfg.Fleet.Targets(ctx)
	})
	f.github = once(ctx, cfg.Timeout, func(ctx context.Context) (account, error) {
		client, err := cfg.Fleet.GitHub()
		if err != nil {
			return account{}, err
		}
		user, err := client.User(ctx)
		return account{client, user}, err
	})
	f.hooks = sync.OnceValues(func() (fleet.List, error) { return f.readHooks(ctx) })
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
		{"refused requests", f.refusedRequests},
		{"version", f.version},
		{"service", f.service},
		{"address", f.address},
		{"firewall", f.firewall},
		{"permissions", f.permissions},
		{"log", f.logDirectory},
		{"disk space", f.disk},
		{"notifications", f.notifications},
		{"agents", f.offers},
	}
	if f.cfg.Sync != nil {
		all = append(all, check{"sync", f.sync})
	}
	if f.cfg.Cluster {
		all = append(all, check{"cluster", f.cluster})
	}
	all = append(all, check{"secret", f.secret}, check{"age of the secret", f.age}, check{"rotation", f.rotation})
	for _, p := range f.cfg.Probes {
		all = append(all, check{p.Name, p.run})
	}
	all = append(all, check{"public URL", f.publicAddress}, check{"certificate", f.certificate}, check{"tunnel", f.tunnel},
		check{"GitHub login", f.login}, check{"clock", f.clock}, check{"allow-list", f.allowList})
	targets, err := f.targets()
	if err != nil || len(targets) == 0 {
		return append(all, check{"hooks", f.noTargets})
	}
	for _, t := range targets {
		for _, k := range kinds() {
			all = append(all, check{k.of(t), func(context.Context) Check { return f.hooksOf(t, k) }})
		}
	}
	return all
}

// accepted are the fingerprints of the secrets in force, the current one first.
func accepted(store *secret.Store, now time.Time) ([]string, error) {
	ring, err := store.Ring(now)
	if err != nil {
		return nil, err
	}
	return ring.Fingerprints(now), nil
}

// withLog runs something on the log once its index is complete, and nothing where there is no log yet: looking creates none.
func (f *facts) withLog(ctx context.Context, do func(*logs.Log) error) (missing bool, err error) {
	if _, err := os.Stat(f.cfg.Logs.Dir); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	log, err := logs.Open(ctx, f.cfg.Logs)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := log.Ready(ctx); err != nil {
		return false, err
	}
	return false, do(log)
}

func (f *facts) readLog(ctx context.Context) (sum logSummary, err error) {
	sum.missing, err = f.withLog(ctx, func(log *logs.Log) error {
		var err error
		if sum.total, err = log.Count(ctx, logs.Filter{}); err != nil {
			return err
		}
		if sum.failures, err = ReadFailures(ctx, log); err != nil {
			return err
		}
		if sum.problems, err = log.Problems(ctx); err != nil {
			return err
		}
		sum.pending, err = log.Pending(ctx)
		return err
	})
	return sum, err
}

// listsAtOnce is how many targets are expected to be listed within the time of one check.
const listsAtOnce = 12

// readHooks lists the hooks of all targets with their latest deliveries.
func (f *facts) readHooks(ctx context.Context) (list fleet.List, err error) {
	if _, err := f.github(); err != nil {
		return list, errNoGitHub
	}
	targets, err := f.targets()
	if err != nil {
		return list, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout*time.Duration(1+len(targets)/listsAtOnce))
	defer cancel()
	request := fleet.ListRequest{Targets: targets, Deliveries: true}
	missing, err := f.withLog(ctx, func(log *logs.Log) error {
		list, err = f.cfg.Fleet.With(log).List(ctx, request)
		return err
	})
	if missing {
		list, err = f.cfg.Fleet.List(ctx, request)
	}
	return list, err
}

// publicURL is where GitHub should send.
func (f *facts) publicURL() string {
	st, _ := f.status() // nothing beside an error
	return cmp.Or(f.cfg.PublicURL, st.PublicURL)
}

// listens is where the receiver does, or should: no host and port 0 where that is not known.
func (f *facts) listens() (host string, port int, err error) {
	st, _ := f.status()
	host, text, err := net.SplitHostPort(cmp.Or(st.Address, f.cfg.Address))
	port, _ = strconv.Atoi(text)
	return host, port, err
}

// StartedWith reports whether the receiver was started with a flag, which restart keeps, and with which value.
func StartedWith(st daemon.Status, flag string) (value string, given bool) {
	for i, arg := range st.Args {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			return value, true
		}
		if arg == flag {
			return strings.Join(st.Args[i+1:min(i+2, len(st.Args))], ""), true
		}
	}
	return "", false
}
