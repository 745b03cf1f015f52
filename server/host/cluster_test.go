package host

import (
	"testing"
	"time"
)

// Three nodes share what any of them gets; each is killed in turn under load.
func TestKilledNodesLoseNothing(t *testing.T) {
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	for round := range 3 {
		n := w.nodes[round%3]
		before := l.total()
		w.wait("deliveries", 30*time.Second, func() bool { return l.total() > before+50 })
		n.kill()
		before = l.total()
		w.wait("deliveries while a node is down", 30*time.Second, func() bool { return l.total() > before+50 })
		n.start()
		w.wait("the node to be back", 60*time.Second, func() bool {
			s, err := n.status()
			return err == nil && s.Ready && s.Quorum
		})
	}
	l.end()
	w.prove(l)
}
