package host

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// link leads from one node to another. It can be cut: what is on its way is lost, and nothing new gets through. And it can delay:
// everything arrives, in order, but late.
type link struct {
	address string
	slow    bool // it can delay
	cut     atomic.Bool
	delay   atomic.Int64 // in each direction, in nanoseconds
	over    chan struct{}
	mu      sync.Mutex
	conns   map[net.Conn]bool
}

func newLink(t testing.TB, to string, slow bool) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{address: listener.Addr().String(), slow: slow, over: make(chan struct{}), conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); close(l.over); l.set(true); all.Wait() })
	all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { l.carry(in, to) })
		}
	})
	return l
}

func (l *link) carry(in net.Conn, to string) {
	defer in.Close() //nolint:errcheck // it is cut
	if l.cut.Load() {
		return
	}
	out, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return
	}
	defer out.Close() //nolint:errcheck // it is cut
	l.mu.Lock()
	l.conns[in], l.conns[out] = true, true
	l.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			if l.slow {
				l.copy(way[1], way[0])
			} else {
				_, _ = io.Copy(way[1], way[0])
			}
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
	l.mu.Lock()
	delete(l.conns, in)
	delete(l.conns, out)
	l.mu.Unlock()
}

// piece is what arrives at a time.
type piece struct {
	data []byte
	at   time.Time
}

// copy carries what comes, each piece as late as the delay was when it came, until either end is closed.
func (l *link) copy(to io.Writer, from io.Reader) {
	way := make(chan piece, 4096)
	done := make(chan struct{})
	go func() {
		defer close(done)
		broken := false
		for p := range way {
			select {
			case <-time.After(time.Until(p.at)):
			case <-l.over:
			}
			if !broken && !l.cut.Load() {
				_, err := to.Write(p.data)
				broken = err != nil
			}
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			way <- piece{append([]byte(nil), buf[:n]...), time.Now().Add(time.Duration(l.delay.Load()))}
		}
		if err != nil {
			break
		}
	}
	close(way)
	<-done
}

func (l *link) set(cut bool) {
	l.cut.Store(cut)
	if !cut {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// around returns the links from and to a node, all of them for "".
func (w *world) around(name string) (list []*link) {
	for ends, l := range w.links {
		if strings.Contains(ends, name) {
			list = append(list, l)
		}
	}
	return list
}

// cutOff cuts a node off from the others, or heals that.
func (w *world) cutOff(name string, cut bool) {
	for _, l := range w.around(name) {
		l.set(cut)
	}
}

// delay makes the links of a node slow in each direction, all links for "".
func (w *world) delay(name string, d time.Duration) {
	for _, l := range w.around(name) {
		l.delay.Store(int64(d))
	}
}

// Every word between the nodes takes 300 ms: they find each other, take deliveries, notify and rotate.
func TestClusterOfSlowLinks(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{links: true, slow: true})
	w.delay("", 300*time.Millisecond)
	w.start()
	l := w.load(6, 100*time.Millisecond)
	l.some(12)
	w.rotate(l, w.nodes[1])
	l.some(6)
	l.end()
	w.prove(l)
}

// The network swallows what a node says and hears, and no connection notices. When it is back, the old ones stay dead.
func TestClusterOfConnectionsThatDieSilently(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{links: true, slow: true}).start()
	l := w.load(8, 5*time.Millisecond)
	for _, role := range []string{"notify", "leader"} {
		l.some(50)
		off := w.by(role)
		w.delay(off.name(), time.Hour)
		w.wait("the node to notice", func() bool { s, err := off.status(); return err == nil && !s.Quorum })
		l.some(50)
		w.delay(off.name(), 0)
		w.back(off)
	}
	l.end()
	w.prove(l)
}

// What a node says arrives after its leases have ended, and what it hears is as old: another one takes over, nothing is lost and
// nothing is sent by both. Each node is so late in turn: the one that notifies, the one that leads, and one during a rotation.
func TestClusterOfNodesThatAreLate(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{links: true, slow: true}).start()
	l := w.load(8, 5*time.Millisecond)
	for round, role := range []string{"notify", "leader", "notify", "leader"} {
		l.some(50)
		late := w.by(role)
		other := w.nodes[(slices.Index(w.nodes, late)+1)%3]
		w.delay(late.name(), 20*time.Second)
		w.wait("another node to have "+role, func() bool {
			s, err := other.status()
			now := s.Leases[role].Node
			if role == "leader" {
				now = s.Stream.Leader
			}
			return err == nil && now != "" && now != late.name()
		})
		l.some(50)
		finish := func() {}
		if round >= 2 {
			finish = w.beginRotation(l, other)
		}
		w.delay(late.name(), 0) // what is under way comes after this, late
		w.back(late)
		finish()
		l.some(50)
	}
	l.end()
	w.prove(l)
}
