package daemon

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// What a connection waits for. HTTP/1 takes turns, so reads and writes tell.
const (
	connFresh    = iota // accepted, nothing read
	connOwed            // something was read, nothing written since: a request is coming in or being answered
	connAnswered        // the last word was ours
)

// freshFor is how long a new connection is given to say its first byte before it counts as idle.
const freshFor = 500 * time.Millisecond

// conn is an accepted connection that knows whether its peer is owed an answer, and that can be moved to another process
// while it is not.
//
// http.Server.Shutdown waits for requests whose handler runs, and for new connections; but a connection whose request
// header it has just finished reading it closes without a word. So the listener waits for those before it lets the
// server be shut down. Idle connections it closes too, and a proxy that keeps them open may have a request on its way
// just then. So at a handover they are parked: the server's Read, which has taken no byte yet, waits, the
// next receiver gets a copy of the descriptor, and only then Read fails and the server lets go of its own.
type conn struct {
	net.Conn
	l        *listener
	accepted time.Time

	mu       sync.Mutex
	state    int
	watched  bool          // the Read that waits, or was the last, is one of a single byte
	ahead    bool          // the server holds a byte of a request that it has not begun to read
	pinned   bool          // it cannot move: a TLS session's keys are in this process
	deadline time.Time     // for reading, as the server set it
	kicked   bool          // the deadline of the socket is another one, to end a Read
	wake     chan struct{} // closed to end parking; nil while not parked
	gone     bool          // another process has it, or the parking is over
}

// Read reads, and notes that the peer has begun to speak. While the listener parks idle connections it waits instead.
func (c *conn) Read(b []byte) (int, error) {
	// While a handler runs, http.Server reads single bytes to learn of a peer who hangs up. Such a Read is left alone.
	watching := len(b) == 1
	c.mu.Lock()
	c.watched = watching
	c.mu.Unlock()
	if !watching {
		if parked, err := c.park(); parked {
			return 0, err
		}
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard(b[:n], watching)
		return n, err
	}
	if !watching && errors.Is(err, os.ErrDeadlineExceeded) {
		if parked, parkErr := c.park(); parked {
			return 0, parkErr
		}
	}
	return n, err
}

func (c *conn) heard(b []byte, watching bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const tlsHandshake = 0x16
	if c.state == connFresh && b[0] == tlsHandshake {
		c.pinned = true
	}
	// The byte that a watching Read took belongs to the next request. The server uses it before it reads on.
	c.ahead = watching
	c.state = connOwed
	if c.kicked {
		c.kicked = false
		_ = c.Conn.SetReadDeadline(c.deadline) // a connection that is closed meanwhile fails at the next Read
	}
}

// park waits while the connection is idle and its listener parks. It reports false where it does not apply.
func (c *conn) park() (parked bool, err error) {
	c.mu.Lock()
	if !c.l.parking.Load() || !c.idle() || c.expired() {
		c.mu.Unlock()
		return false, nil
	}
	if c.gone {
		c.mu.Unlock()
		return true, errGone()
	}
	wake := make(chan struct{})
	c.wake = wake
	c.mu.Unlock()
	<-wake
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || !c.expired() {
		return true, errGone()
	}
	return true, os.ErrDeadlineExceeded
}

// errGone is an error of reading in the form to which http.Server answers nothing: to others it answers 400, which the
// peer would take for the next receiver's answer.
func errGone() error { return &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed} }

func (c *conn) idle() bool { return c.state != connOwed && !c.pinned }

// expired reports whether the server itself wants no Read to wait: so it ends the one that watches for a peer who hangs
// up while a handler runs.
func (c *conn) expired() bool { return !c.deadline.IsZero() && !c.deadline.After(time.Now()) }

func (c *conn) unpark() {
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
}

// kick ends a Read that waits for a peer who is not owed anything, so that it is begun again and parks.
func (c *conn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle() && c.wake == nil && !c.watched {
		c.kicked = true
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed needs no kick
	}
}

// SetReadDeadline bounds Read.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline, c.kicked = t, false
	if c.expired() {
		c.unpark()
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline bounds Read and Write.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Write notes that the peer is being answered. Who never asked here gets no answer from here.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	moved := c.gone && c.state == connFresh
	c.mu.Unlock()
	if moved {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.mu.Lock()
		if !c.ahead { // else this answer is not yet that of the newest request
			c.state = connAnswered
		}
		c.mu.Unlock()
	}
	return n, err
}

// Close forgets the connection.
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	c.mu.Lock()
	c.gone = true
	c.unpark()
	c.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) owed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case connOwed:
		return true
	case connFresh:
		return time.Since(c.accepted) < freshFor
	}
	return false
}

// settled reports whether nothing more is to be waited for before the server is shut down: at a handover, that the
// connection is parked.
func (c *conn) settled() bool {
	if !c.l.parking.Load() {
		return !c.owed()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wake != nil || c.gone || c.pinned && c.state != connOwed
}

// leave gives a copy of a parked connection, and lets the server's Read fail. It gives nil where it is not parked.
func (c *conn) leave() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wake == nil || c.gone {
		return nil, nil
	}
	filer, ok := c.Conn.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, nil
	}
	return filer.File()
}

// release ends the parking; the server closes what it has of the connection.
func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.unpark()
}
