package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
)

// socket is what a listening socket must offer to be handed on; those of TCP and unix do.
type socket interface {
	net.Listener
	SetDeadline(time.Time) error
	File() (*os.File, error)
}

// inherited is a listening socket that this process was given and has not asked for yet.
type inherited struct {
	socket
	systemd bool // from a .socket unit, which decides the address
}

// listener is a socket whose accepting can be put to rest without closing it, so that the next receiver can go on
// with the connections that wait in its queue.
type listener struct {
	socket
	resting  atomic.Bool
	restOnce sync.Once
	rested   chan struct{} // closed once Accept has seen the rest
	endOnce  sync.Once
	ended    chan struct{}
	mu       sync.Mutex
	open     map[*conn]struct{}
}

func newListener(s socket) *listener {
	return &listener{socket: s, rested: make(chan struct{}), ended: make(chan struct{}), open: map[*conn]struct{}{}}
}

// Accept waits for a connection. At rest it waits for Close.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.socket.Accept()
	if err == nil {
		c := &conn{Conn: nc, l: l, accepted: time.Now()}
		l.mu.Lock()
		l.open[c] = struct{}{}
		l.mu.Unlock()
		return c, nil
	}
	if !l.resting.Load() || !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	l.restOnce.Do(func() { close(l.rested) })
	<-l.ended
	return nil, net.ErrClosed
}

// Close ends Accept. The socket itself lives on where another process has it too.
func (l *listener) Close() error {
	l.endOnce.Do(func() { close(l.ended) })
	return l.socket.Close()
}

// rest stops accepting and then waits, no longer than limit, until every connection that was accepted has reached the server (its
// loop has come back to Accept) and has been answered. After that the server can be shut down without cutting anybody off.
func (l *listener) rest(limit time.Duration) {
	l.resting.Store(true)
	if err := l.SetDeadline(time.Unix(1, 0)); err != nil {
		return // it is closed
	}
	deadline := time.After(limit)
	select {
	case <-l.rested:
	case <-l.ended:
		return
	case <-deadline:
		return
	}
	tick := time.Tick(time.Millisecond)
	for l.owing() > 0 {
		select {
		case <-tick:
		case <-l.ended:
			return
		case <-deadline:
			return
		}
	}
}

// owing counts the peers that wait for an answer.
func (l *listener) owing() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int64
	for c := range l.open {
		if c.owed() {
			n++
		}
	}
	return n
}

// Listen gives the socket for address (host:port): the one that systemd or the receiver before passed on, or a new
// one. A socket from systemd is taken whatever its address, since its unit decides.
func (i *Instance) Listen(ctx context.Context, address string) (net.Listener, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, s := range i.inherited {
		if s.systemd || sameAddress(s.Addr(), address) {
			i.inherited = append(i.inherited[:n:n], i.inherited[n+1:]...)
			return i.give(s.socket), nil
		}
	}
	// A socket that was passed on for another address may be in the way of this one (0.0.0.0 before, 127.0.0.1 now).
	if err := i.dropInherited(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, portError(address, err)
	}
	s, ok := ln.(socket)
	if !ok {
		return ln, nil
	}
	return i.give(s), nil
}

func (i *Instance) give(s socket) net.Listener {
	l := newListener(s)
	i.listeners = append(i.listeners, l)
	return l
}

// dropInherited closes what nobody asked for: connections to it would wait for ever.
func (i *Instance) dropInherited() (err error) {
	for _, s := range i.inherited {
		err = errors.Join(err, s.Close())
	}
	i.inherited = nil
	return err
}

// unclaimed closes the sockets that Listen was not asked for.
func (i *Instance) unclaimed() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dropInherited()
}

// fromSystemd collects the sockets that systemd opened for this process.
func fromSystemd() ([]inherited, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take the sockets from systemd: %w", err)
	}
	var all []inherited
	for _, ln := range listeners {
		if s, ok := ln.(socket); ok {
			all = append(all, inherited{socket: s, systemd: true})
		}
	}
	return all, nil
}

// sameAddress reports whether a socket that listens on have serves want; port 0 is served by any port.
func sameAddress(have net.Addr, want string) bool {
	h, ok := have.(*net.TCPAddr)
	if !ok {
		return false
	}
	w, err := net.ResolveTCPAddr("tcp", want)
	if err != nil || w.Port != 0 && w.Port != h.Port {
		return false
	}
	unspecified := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	return unspecified(h.IP) && unspecified(w.IP) || h.IP.Equal(w.IP)
}

// portError says what the system said without repeating the address, and who has the port.
func portError(address string, err error) error {
	reason := err
	if op, ok := errors.AsType[*net.OpError](reason); ok {
		reason = op.Err
	}
	if sys, ok := errors.AsType[*os.SyscallError](reason); ok {
		reason = sys.Err
	}
	failed := fmt.Errorf("cannot listen on %s: %w", address, reason)
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaEADDRINUSE) {
		if holder := portHolder(address); holder != "" {
			failed = fmt.Errorf("%w, %s uses it", failed, holder)
		}
	}
	if errors.Is(err, syscall.EACCES) {
		return &hinted{failed, "ports below 1024 need privileges: choose a higher one with hookctl start --port N"}
	}
	return &hinted{failed, "stop the program that uses the port, or choose another one: hookctl start --port N, or WEBHOOK_PORT=N in .env"}
}

// What a connection waits for. HTTP/1 takes turns, so reads and writes show it.
const (
	connFresh    = iota // accepted, nothing read
	connOwed            // something was read, nothing written since: a request is coming in or being answered
	connAnswered        // the last word was ours
)

// freshFor is how long a new connection is given to say its first byte before it counts as idle.
const freshFor = 500 * time.Millisecond

// conn is an accepted connection that knows whether its peer is owed an answer.
//
// http.Server.Shutdown waits for requests whose handler runs, and for new connections; but a connection whose request header it
// has just finished reading it closes without a word. So the listener waits for those before it lets the server be shut down.
type conn struct {
	net.Conn
	l        *listener
	accepted time.Time
	state    atomic.Int32
}

// Read notes that the peer has begun to speak.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.state.Store(connOwed)
	}
	return n, err
}

// Write notes that the peer is being answered.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.state.Store(connAnswered)
	}
	return n, err
}

// Close forgets the connection.
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) owed() bool {
	switch c.state.Load() {
	case connOwed:
		return true
	case connFresh:
		return time.Since(c.accepted) < freshFor
	}
	return false
}
