package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	nats "github.com/nats-io/nats.go"

	natsd "github.com/nats-io/nats-server/v2/server"

	"hookctl/logs/text"
)

const (
	maxMessage  = 8 << 20
	largeRecord = 7 << 20 // beyond it, or beyond what an existing NATS takes, a body goes through the object store
	headerRoom  = 4 << 10 // for the headers of a message
)

// engine is the NATS that a node works with.
type engine struct {
	server  atomic.Pointer[natsd.Server] // nil for an existing NATS
	conn    *nats.Conn
	expires time.Time              // of the certificate in the settings, zero for a derived one
	trouble atomic.Pointer[string] // why an existing NATS cannot be used, nil while it can
}

// InProcessConn connects to the server that runs now.
func (e *engine) InProcessConn() (net.Conn, error) { return e.server.Load().InProcessConn() }

// startEngine starts an embedded server, or prepares a connection. It waits for nobody: the others may start later.
func startEngine(ctx context.Context, c Config) (*engine, error) {
	e := &engine{}
	options := []nats.Option{
		nats.Name("hookctl " + c.Node), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(5 * time.Second), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { e.trouble.Store(new(text.Clean(err.Error()))) }),
		nats.ConnectHandler(func(*nats.Conn) { e.trouble.Store(nil) }), nats.ReconnectHandler(func(*nats.Conn) { e.trouble.Store(nil) }),
		nats.ReconnectBufSize(-1), // what cannot be sent now is tried again, and not sent late
	}
	where := strings.Join(c.URLs, ",")
	if c.Embed != nil {
		server, expires, err := embed(ctx, c)
		if err != nil {
			return nil, err
		}
		e.server.Store(server)
		e.expires = expires
		options, where = append(options, nats.InProcessServer(e), nats.UserInfo("hookctl", c.Secret.password("clients"))), ""
	} else if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	var err error
	if e.conn, err = nats.Connect(where, options...); err != nil {
		e.close()
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return e, nil
}

// embed starts a server. The options are read from text: built as a struct, an embedded server that was restarted lost its
// leader for good.
func embed(ctx context.Context, c Config) (*natsd.Server, time.Time, error) {
	conf, expires, err := c.Secret.tls(ctx, c.Embed, c.Node, time.Now())
	if err != nil {
		return nil, expires, err
	}
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nmax_payload: %d\nwrite_deadline: 5s\n", quote(c.Node), maxMessage)
	// Nobody but this process connects. A server that does not listen for clients at all never opens its routes either.
	fmt.Fprintf(&b, "host: 127.0.0.1\nport: -1\nauthorization { user: hookctl, password: %s }\n", quote(c.Secret.password("clients")))
	fmt.Fprintf(&b, "jetstream {\n  store_dir: %s\n  sync_interval: always\n  max_file_store: %d\n  max_memory_store: %d\n}\n", quote(c.Dir), 4*c.maxBytes()+(4<<30), 256<<20)
	fmt.Fprintf(&b, "cluster {\n  name: %s\n  listen: %s\n  authorization { user: hookctl, password: %s, timeout: 10 }\n", quote(c.Name), quote(c.Embed.Listen), quote(c.Secret.password("routes")))
	// A connection that the network swallows is given up after 30 s at most and dialed again. The usual 90 s would be the time that a node
	// stays away when the network is back.
	b.WriteString("  ping_interval: 10s\n  ping_max: 2\n")
	if c.Embed.Advertise != "" {
		fmt.Fprintf(&b, "  advertise: %s\n", quote(c.Embed.Advertise))
	}
	b.WriteString("  routes: [\n")
	for _, peer := range c.Embed.Peers {
		// The others only: a route to itself counts as a peer.
		fmt.Fprintf(&b, "    %s\n", quote((&url.URL{Scheme: "nats-route", User: url.UserPassword("hookctl", c.Secret.password("routes")), Host: peer}).String()))
	}
	b.WriteString("  ]\n}\n")
	opts := &natsd.Options{}
	if err := opts.ProcessConfigString(b.String()); err != nil {
		return nil, expires, fmt.Errorf("configure the embedded server: %w", err)
	}
	opts.NoSigs, opts.NoLog = true, true
	opts.Cluster.TLSConfig, opts.Cluster.TLSTimeout, opts.Cluster.TLSMap = conf, 10, false
	s, err := natsd.NewServer(opts)
	if err != nil {
		return nil, expires, fmt.Errorf("start the embedded server: %w", err)
	}
	s.SetLoggerV2(natsLog{c.Logger}, false, false, false)
	if l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", c.Embed.Listen); err != nil {
		return nil, expires, fmt.Errorf("listen for the other nodes: %w", err) // the server itself would end the process
	} else if err := l.Close(); err != nil {
		return nil, expires, err
	}
	s.Start() // the others may not be there yet
	return s, expires, nil
}

// yieldTime is longer than a route takes to be known on both sides, where a word takes up to 800 ms from one to the other.
const yieldTime = 2 * time.Second

// yields is how long a node waits in the middle of dialing another one. Each dials the other, and the server (nats-server 2.15,
// handleDuplicateRoute) drops the second connection of a pair. Where words take long, each side takes its own for the first, so
// both are dropped, and at every try after that. So one of the two comes later: by derived certificates, the one that
// has run for longer, and a node that starts again need not wait.
func yields(own, other []byte) time.Duration {
	switch bytes.Compare(own, other) {
	case 1:
		return 0
	case 0: // the user gave every node the same
		return rand.N(yieldTime) // #nosec G404 -- no secret
	}
	return yieldTime
}

func (c Config) maxBytes() int64 {
	if c.MaxBytes <= 0 {
		return 10_000_000_000
	}
	return c.MaxBytes
}

// close ends the connection, then the server, which hands what it leads to the others.
func (e *engine) close() {
	if e.conn != nil {
		e.conn.Close()
	}
	if s := e.server.Load(); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// keepEngine starts the embedded server again when it has stopped its streams: it does so, for good, when its disk is full. The
// others go on in the meantime.
func (n *Node) keepEngine(ctx context.Context) {
	if n.cfg.Embed == nil {
		return
	}
	for ctx.Err() == nil {
		pause(ctx, beat)
		s := n.engine.server.Load()
		if s.JetStreamEnabled() || ctx.Err() != nil {
			continue
		}
		if err := roomIn(n.cfg.Dir); err != nil {
			n.cfg.Alarm("cluster.disk", "the part of the cluster's streams on this node has stopped: "+err.Error(), "free some space; it goes on by itself")
			continue
		}
		s.Shutdown()
		s.WaitForShutdown()
		next, _, err := embed(n.life, n.cfg)
		if err != nil {
			n.log.Error("cannot start the cluster's streams again", "error", err)
			continue
		}
		n.engine.server.Store(next)
		n.log.Info("the cluster's streams go on on this node")
		n.cfg.Alarm("cluster.disk", "", "")
	}
}

// showTrouble raises an alarm while an existing NATS cannot be used.
func (n *Node) showTrouble() {
	if n.cfg.Embed != nil {
		return
	}
	alarm := ""
	if why := n.engine.trouble.Load(); why != nil {
		alarm = "the NATS of the cluster cannot be used: " + *why
	}
	n.cfg.Alarm("cluster.nats", alarm, "check cluster.urls and cluster.credentials: hookctl config edit")
}

// roomIn fails where a directory has no room for what a server writes as it starts.
func roomIn(dir string) error {
	f, err := os.CreateTemp(dir, "room")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<20))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// natsLog writes the server's log into ours. Its notices are details, and so are the warnings of a cluster that comes and goes;
// what is wrong shows in the node's own state.
type natsLog struct{ log *slog.Logger }

func (l natsLog) Noticef(f string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l natsLog) Warnf(f string, v ...any)   { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l natsLog) Errorf(f string, v ...any)  { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l natsLog) Fatalf(f string, v ...any)  { l.log.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l natsLog) Debugf(string, ...any)      {}
func (l natsLog) Tracef(string, ...any)      {}
