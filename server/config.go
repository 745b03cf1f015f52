package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// ErrNoSecret says that there is no key to check signatures with. A receiver
// without one would believe anybody, so it does not start.
var ErrNoSecret = errors.New("no webhook secret is set")

// Config is everything a receiver needs. It is read by [New] and [Server.Reload] and
// never changed by them.
type Config struct {
	Log         *logs.Writer          // where deliveries are kept; only the one given to New counts
	Keys        *secret.Ring          // every secret that is valid; must not be empty
	route.Rules                       // of all paths
	Sinks       []sink.Config         // where notifications go; none means that none are made
	Coalesce    time.Duration         // how long followers of a notification are gathered; 0 switches it off
	CoalesceMax int                   // how many wait for one sink and repository before the rest becomes one summary; 0 is 20, negative is no bound
	Paths       map[string]PathConfig // by the name in /webhook/<name>
	Limits      Limits                // zero fields take the defaults
	Retry       Retry                 // zero fields take the defaults
	TLS         TLSConfig             // the zero value serves plain HTTP

	// Enrich, if set, is asked for what a ci_failure may say beyond its payload: after the delivery was answered, once for each
	// message, which waits for it at most 10 s and goes without it if it fails. It must end with its context.
	Enrich func(context.Context, *logs.Record) (Extra, error)

	// Allow returns the networks that may deliver; nil, or a nil result, admits everyone.
	// It is called for every request, so it must be quick: the caller keeps the list fresh.
	Allow func() []netip.Prefix
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix

	// Consumer consumes records beside the sinks; nil is none.
	Consumer *Consumer
	// Shared makes the receiver one of several that share their deliveries; nil is a single machine. Only the one given to New
	// counts.
	Shared *Shared

	Logger  *slog.Logger     // nil discards
	Version string           // shown at /healthz
	Now     func() time.Time // nil is time.Now
}

// Check finds what [New] and [Server.Reload] would refuse in the settings, without needing the log: a secret that
// is missing, a route, sink, priority or branch with a mistake, certificates that cannot be read.
func (c Config) Check() error {
	if _, err := newSettings(c); err != nil {
		return err
	}
	_, err := c.TLS.config(context.Background())
	return err
}

// routing are the rules for deliveries to /webhook/<name> or, with an empty name, for all others.
func (c Config) routing(name string) route.Rules {
	r := c.Rules
	if p, ok := c.Paths[name]; ok && p.WatchedBranches != nil {
		r.WatchedBranches = p.WatchedBranches
	}
	return r
}

// PathConfig is what differs for deliveries to /webhook/<name>. The secret of a name is in
// the ring, not here.
type PathConfig struct {
	WatchedBranches []string      // nil keeps the general ones
	Sinks           []sink.Config // nil keeps the general ones; an empty list makes no notifications
}

// TLSConfig makes the receiver speak HTTPS itself, from files or through ACME.
type TLSConfig struct {
	CertFile, KeyFile string // read again when either changes
	ACME              ACMEConfig
}

// ACMEConfig fetches and renews certificates through tls-alpn-01, so port 443 of the
// domain has to reach the receiver.
type ACMEConfig struct {
	Domains      []string // none switches ACME off
	Email        string
	CacheDir     string       // keeps account and certificates
	DirectoryURL string       // empty is Let's Encrypt
	Client       *http.Client // nil is the default one
}

// Limits bound what strangers can make the receiver spend. The bodies held at once take at most
// BytesInFlight plus one body of a hook and one of a stranger, and 64 KiB for each connection; with the log's copies and what the collector has not taken
// yet, the heap stays below four times that.
type Limits struct {
	Body          int64         // bytes of a body; 25 MiB, GitHub's own limit
	Header        int           // bytes of a request's header; 32 KiB
	BytesInFlight int64         // of bodies above 64 KiB held at once, two thirds of it for those above 1 MiB, half of each for hooks that have delivered before; 128 MiB
	Connections   int           // open connections; past it the longest idle one goes; 2048
	Grace         time.Duration // within which no connection goes for a newer one; 500 ms
	Requests      int           // whole requests being checked and stored at once; past it 429; 1024
	HeaderTimeout time.Duration // for the header; 5 s
	BodyTimeout   time.Duration // for header and body; 10 s, after which GitHub no longer waits
	PieceTimeout  time.Duration // for every 64 KiB of a body after the first; 2 s
	IdleTimeout   time.Duration // between two requests of a connection; 60 s
	Wait          time.Duration // for room in BytesInFlight before 503; 8 s
	Farewell      time.Duration // for connections that are kept open to say their last when the receiver stops; 250 ms
	Drain         time.Duration // for what is under way then; 10 s
}

// Retry says how long a notification is tried.
type Retry struct {
	First   time.Duration // before the second attempt; 1 s
	Max     time.Duration // between two attempts, before jitter; 10 min
	GiveUp  time.Duration // after which it is failed; 24 h
	PerSink int           // attempts under way at once for one sink; 8
}

const mib = 1 << 20

func (l Limits) withDefaults() Limits {
	def(&l.Body, 25*mib)
	def(&l.Header, 32<<10)
	def(&l.BytesInFlight, 128*mib)
	def(&l.Connections, 2048)
	def(&l.Grace, 500*time.Millisecond)
	def(&l.Requests, 1024)
	def(&l.HeaderTimeout, 5*time.Second)
	def(&l.BodyTimeout, 10*time.Second)
	def(&l.PieceTimeout, 2*time.Second)
	def(&l.IdleTimeout, time.Minute)
	def(&l.Wait, 8*time.Second)
	def(&l.Farewell, 250*time.Millisecond)
	def(&l.Drain, 10*time.Second)
	return l
}

func (r Retry) withDefaults() Retry {
	def(&r.First, time.Second)
	def(&r.Max, 10*time.Minute)
	def(&r.GiveUp, 24*time.Hour)
	def(&r.PerSink, 8)
	return r
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
