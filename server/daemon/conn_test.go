package daemon

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// connPair is a connection that a listener accepted, and its other end.
func connPair(t *testing.T) (*listener, *conn, net.Conn) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(tcp.(socket), nil)
	peer, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = l.Close(), peer.Close(), accepted.Close() })
	return l, accepted.(*conn), peer
}

// reading is a Read that is under way.
func reading(c *conn, room int) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, room))
		done <- err
	}()
	return done
}

func awaitParked(t *testing.T, l *listener) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !l.settled() {
		select {
		case <-deadline:
			t.Fatal("the connection does not park")
		case <-time.After(time.Millisecond):
		}
	}
}

func say(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, from net.Conn, room int) string {
	t.Helper()
	b := make([]byte, room)
	n, err := from.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestAnIdleConnectionParksAndGoes(t *testing.T) {
	l, c, peer := connPair(t)
	say(t, peer, "question")
	if got := hear(t, c, 100); got != "question" || l.owing() != 1 {
		t.Errorf("heard %q, owing %d", got, l.owing())
	}
	say(t, c, "answer")
	if l.owing() != 0 {
		t.Error("owing after the answer")
	}
	read := reading(c, 100)
	l.parking.Store(true)
	awaitParked(t, l)
	f, err := c.leave()
	if err != nil {
		t.Fatal(err)
	}
	if f != nil { // systems that cannot copy a connection have no handover either
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	c.release()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server's Read gives %v", err)
	}
	if again, err := c.leave(); again != nil || err != nil {
		t.Errorf("it left twice: %v, %v", again, err)
	}
	say(t, peer, "next question") // it stays in the socket for the next receiver
	if _, err := c.Read(make([]byte, 100)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a later Read gives %v", err)
	}
}

func TestAConnectionThatIsOwedAnAnswerDoesNotPark(t *testing.T) {
	l, c, peer := connPair(t)
	say(t, peer, "quest")
	hear(t, c, 100)
	l.parking.Store(true)
	if l.settled() {
		t.Error("settled in the middle of a question")
	}
	say(t, peer, "ion")
	if got := hear(t, c, 100); got != "ion" {
		t.Errorf("heard %q", got)
	}
	say(t, c, "answer")
	read := reading(c, 100)
	awaitParked(t, l)
	c.release()
	<-read
}

func TestTheServersOwnDeadlineEndsParking(t *testing.T) {
	l, c, _ := connPair(t)
	l.parking.Store(true)
	read := reading(c, 100)
	awaitParked(t, l)
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the Read gives %v", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	read = reading(c, 100)
	awaitParked(t, l)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the Read gives %v", err)
	}
}

func TestAReadThatWatchesForThePeerIsLeftAlone(t *testing.T) {
	l, c, peer := connPair(t)
	say(t, peer, "question")
	hear(t, c, 100)
	read := reading(c, 1) // as http.Server does while a handler runs
	for watched := false; !watched; {
		c.mu.Lock()
		watched = c.watched
		c.mu.Unlock()
	}
	say(t, c, "the first part of an answer")
	l.parking.Store(true)
	for range 10 {
		if l.settled() {
			t.Fatal("settled while a handler runs")
		}
	}
	say(t, peer, "n") // the peer was quick: this is its next question
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	say(t, c, "the rest")
	if l.owing() != 1 {
		t.Error("the next question counts as answered")
	}
	say(t, peer, "ext question")
	if got := hear(t, c, 100); got != "ext question" {
		t.Errorf("heard %q", got)
	}
	say(t, c, "answer")
	if l.owing() != 0 {
		t.Error("owing after the answer")
	}
}

func TestAConnectionThatSaidNothingGoesWithoutAWord(t *testing.T) {
	l, c, _ := connPair(t)
	l.parking.Store(true)
	read := reading(c, 100)
	awaitParked(t, l)
	c.release()
	var op *net.OpError
	if err := <-read; !errors.As(err, &op) || op.Op != "read" { // http.Server is silent about these only
		t.Errorf("the server's Read gives %v", err)
	}
	if _, err := c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("something was written: %v", err)
	}
}

func TestATLSConnectionStays(t *testing.T) {
	l, c, peer := connPair(t)
	say(t, peer, "\x16\x03\x01")
	hear(t, c, 100)
	say(t, c, "server hello")
	read := reading(c, 100)
	l.parking.Store(true)
	if !l.settled() {
		t.Error("waited for")
	}
	if f, err := c.leave(); f != nil || err != nil {
		t.Errorf("it left: %v, %v", f, err)
	}
	say(t, peer, "more")
	if err := <-read; err != nil {
		t.Errorf("its Read gives %v", err)
	}
}

func TestConnectionsThatCameWithTheSocketAreAcceptedFirst(t *testing.T) {
	_, _, peer := connPair(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(tcp.(socket), []net.Conn{peer, peer})
	c, err := l.Accept()
	if err != nil || c.(*conn).Conn != peer {
		t.Errorf("accepted %v, %v", c, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := peer.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a connection that nobody accepted stays open: %v", err)
	}
}
