package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds how many are open. When one too many arrives, the one that has been waiting longest
// without a whole request is closed in its place: an attacker who holds thousands open
// pushes out his own, and the honest client gets in. Nobody is pushed out within the grace, so that
// a flood cannot cut off who is just speaking; until then newcomers wait to be accepted.
type connections struct {
	limit int
	grace time.Duration
	room  chan struct{} // notified when one closes
	mu    sync.Mutex
	open  map[net.Conn]*connection
}

type connection struct {
	whole bool      // its request is, so it must not be closed
	last  time.Time // when something happened on it
}

type connectionKey struct{}

func newConnections(l Limits) *connections {
	return &connections{limit: l.Connections, grace: l.Grace, room: make(chan struct{}, 1), open: map[net.Conn]*connection{}}
}

// context is http.Server.ConnContext.
func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// state is http.Server.ConnState. For a new connection it runs before the next one is accepted.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.makeRoom()
		c.open[conn] = &connection{last: time.Now()}
	case http.StateActive, http.StateIdle:
		if x := c.open[conn]; x != nil {
			x.whole, x.last = false, time.Now()
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		select {
		case c.room <- struct{}{}:
		default:
		}
	}
}

// makeRoom returns when there is room for one more. c.mu is held, but not while it waits.
func (c *connections) makeRoom() {
	for len(c.open) >= c.limit {
		wait := c.grace
		if conn := c.longestIdle(); conn != nil {
			if wait = c.grace - time.Since(c.open[conn].last); wait <= 0 {
				c.evict(conn)
				return
			}
		}
		c.mu.Unlock()
		select {
		case <-c.room:
		case <-time.After(wait):
		}
		c.mu.Lock()
	}
}

// longestIdle is nil where every request is whole.
func (c *connections) longestIdle() (oldest net.Conn) {
	for conn, x := range c.open {
		if !x.whole && (oldest == nil || x.last.Before(c.open[oldest].last)) {
			oldest = conn
		}
	}
	return oldest
}

func (c *connections) evict(conn net.Conn) {
	delete(c.open, conn)
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // Closing TLS politely could wait for the attacker.
	}
	_ = conn.Close()
}

// settle marks the connection of a request as not to be closed: its request is whole and
// about to be stored.
func (c *connections) settle(ctx context.Context) {
	conn, _ := ctx.Value(connectionKey{}).(net.Conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.open[conn]; x != nil {
		x.whole = true
	}
}

// farewell waits until every connection is closed, or for no longer than the limit. Until then deliveries are taken
// and each answer asks to close its connection. Without that, http.Server.Shutdown would close an idle connection just
// while a tunnel or a proxy writes the next delivery into it, which would then be lost.
func (c *connections) farewell(limit time.Duration) {
	over := time.After(limit)
	tick := time.Tick(max(limit/50, time.Millisecond))
	for c.count() > 0 {
		select {
		case <-over:
			return
		case <-tick:
		}
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
