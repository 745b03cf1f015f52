package daemon

import (
	"net"
	"sync/atomic"
	"time"
)

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
// http.Server.Shutdown waits for requests whose handler runs, and for new connections; but a connection whose request
// header it has just finished reading it closes without a word. So the listener waits for those before
// it lets the server be shut down.
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
