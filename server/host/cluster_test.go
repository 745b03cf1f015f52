package host

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/cluster"
	"hookctl/server/daemon"
)

// The proof of the cluster: real processes on loopback, under load. `go test` runs the short form; this runs everything, with
// 30 rounds of kill -9:
//
//	HOOKCTL_CLUSTER_PROOF=full go test ./server/host -run Cluster -timeout 90m -v

func full(t testing.TB) bool { t.Helper(); return os.Getenv("HOOKCTL_CLUSTER_PROOF") == "full" }

func onlyInFull(t *testing.T) {
	t.Helper()
	if !full(t) {
		t.Skip("part of the full proof: HOOKCTL_CLUSTER_PROOF=full")
	}
}

// some waits until so many more deliveries are acknowledged.
func (l *load) some(n int) {
	l.w.t.Helper()
	l.until(l.total() + n)
}

func (l *load) until(n int) {
	l.w.t.Helper()
	l.w.wait("deliveries to be acknowledged", func() bool { return l.total() >= n })
}

// back waits until a node takes part again.
func (w *world) back(n *node) {
	w.t.Helper()
	w.wait("node "+n.name()+" to be back", func() bool {
		s, err := n.status()
		return err == nil && s.Ready && s.Quorum
	})
}

// by is the node that leads, or that has a lease.
func (w *world) by(role string) *node {
	w.t.Helper()
	var found *node
	w.wait("a node that has "+role, func() bool {
		for _, n := range w.nodes {
			s, err := n.status()
			if err != nil {
				continue
			}
			name := s.Leases[role].Node
			if role == "leader" {
				name = s.Stream.Leader
			}
			if i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.name() == name }); i >= 0 {
				found = w.nodes[i]
				return true
			}
		}
		return false
	})
	return found
}

// rotate replaces the secret as hookctl rotate does on a node: GitHub signs with the new one once every node accepts both.
func (w *world) rotate(l *load, on *node) {
	w.t.Helper()
	w.beginRotation(l, on)()
}

// beginRotation writes down that a rotation begins, which the node shares at once where it can; finish carries it through. What
// happens to the nodes in between happens during a rotation.
func (w *world) beginRotation(l *load, on *node) (finish func()) {
	w.t.Helper()
	store := storeOf(on.config.Home)
	was, _, err := store.Current()
	if err != nil {
		w.t.Fatal(err)
	}
	next, err := secret.Generate()
	if err != nil {
		w.t.Fatal(err)
	}
	state := &secret.Rotation{Old: was, New: next, Started: time.Now(), Grace: time.Hour}
	step := func(what string, do func() error) {
		w.t.Helper()
		if err := do(); err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
	}
	reload := func() bool {
		_, err := daemon.Dial(on.config.Home).Reload(context.Background())
		return err == nil
	}
	step("begin", func() error { return store.SaveRotation(state) })
	var sharing sync.WaitGroup
	sharing.Go(func() { reload() }) // as far as it gets
	return func() {
		w.t.Helper()
		sharing.Wait()
		w.wait("every node to accept both secrets", reload)
		l.key.Store(&next)
		state.Promoted, state.Expires = time.Now(), time.Now().Add(time.Hour)
		step("promote", func() error { return store.SaveRotation(state) })
		step("promote", func() error { return store.SetCurrent(next) })
		w.wait("every node to have the new secret", reload)
	}
}

// The short proof, in two worlds side by side, since most of it is waiting for elections. In the first the node that leads is
// killed, then the one that notifies.
func TestClusterOutlivesItsLeaderAndItsNotifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{}).start()
	l := w.load(6, 100*time.Millisecond)
	for _, role := range []string{"leader", "notify"} {
		l.some(20)
		killed := w.by(role)
		killed.kill()
		l.some(20)
		killed.start()
		w.back(killed)
	}
	l.end()
	w.prove(l)
}

// In the second a node is cut off and healed, the secret is rotated, and a body comes that no message holds.
func TestClusterHealsANodeThatWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{links: true}).start()
	l := w.load(6, 100*time.Millisecond)
	l.some(20)
	off, enough := w.nodes[2], l.total()+20
	w.cutOff(off.name(), true)
	w.wait("the node to notice", func() bool { s, err := off.status(); return err == nil && !s.Quorum })
	for n, key := range []string{testSecret, "a secret that came later"} { // one that it does not know
		if status, err := post(http.DefaultClient, off.url(), key, uuid.NewString(), payloadOf("octo/cutoff", n, 10)); err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("a node that is cut off answers %d, %v; want 503", status, err)
		}
	}
	l.until(enough)
	w.cutOff(off.name(), false)
	w.back(off)
	w.rotate(l, off)
	size := 8_000_000 // more than a message holds
	if full(t) {
		size = 24_000_000
	}
	large, guid := payloadOf("octo/large", 1, size), uuid.NewString()
	w.wait("a large delivery to be acknowledged", func() bool {
		status, err := post(http.DefaultClient, w.nodes[0].url(), *l.key.Load(), guid, large)
		return err == nil && status == http.StatusOK
	})
	l.end()
	l.acked["octo/large"] = []string{guid}
	w.prove(l)
	for _, n := range w.nodes {
		rec := recordOf(t, n.logDir(), guid)
		if !bytes.Equal(rec.Payload, large) {
			t.Errorf("node %s has %d bytes of the large delivery, want %d", n.name(), len(rec.Payload), len(large))
		}
	}
}

func recordOf(t *testing.T, dir, guid string) *logs.Record {
	t.Helper()
	log, err := logs.Open(t.Context(), logs.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	list, err := log.Find(t.Context(), guid)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d records of %s, %v", len(list), guid, err)
	}
	rec, err := log.Read(t.Context(), list[0].File)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// 30 rounds of kill -9, of each node in turn, every tenth during a rotation.
func TestClusterOfKilledNodes(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	for round := range 30 {
		n := w.nodes[round%3]
		l.some(50)
		finish := func() {}
		if round%10 == 9 {
			finish = w.beginRotation(l, w.nodes[(round+1)%3])
		}
		n.kill()
		l.some(50)
		n.start()
		w.back(n)
		finish()
	}
	l.end()
	w.prove(l)
}

// Every node is cut off in turn, twice; a rotation that began in the meantime waits until it is back.
func TestClusterOfNodesThatAreCutOff(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{links: true}).start()
	l := w.load(8, 5*time.Millisecond)
	for round := range 6 {
		off, other := w.nodes[round%3], w.nodes[(round+1)%3]
		l.some(50)
		w.cutOff(off.name(), true)
		l.some(50)
		if round == 1 {
			w.refuseRotation(off, other)
		}
		finish := w.beginRotation(l, other)
		w.cutOff(off.name(), false)
		w.back(off)
		finish()
	}
	l.end()
	w.prove(l)
}

// refuseRotation begins a rotation while a node is away, which must be named, and takes it back.
func (w *world) refuseRotation(off, on *node) {
	w.t.Helper()
	w.wait("the node to be away", func() bool {
		s, err := on.status()
		return err == nil && slices.ContainsFunc(s.Members, func(m cluster.Member) bool { return m.Node == off.name() && !m.Up })
	})
	store := storeOf(on.config.Home)
	was, _, err := store.Current()
	if err != nil {
		w.t.Fatal(err)
	}
	before, err := store.Rotation()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := store.SaveRotation(&secret.Rotation{Old: was, New: "a secret that GitHub never gets", Started: time.Now()}); err != nil {
		w.t.Fatal(err)
	}
	w.wait("the node that is away to be named", func() bool { // an election may come before
		_, err := daemon.Dial(on.config.Home).Reload(w.t.Context())
		if err == nil {
			w.t.Fatalf("a rotation goes on while node %s is away", off.name())
		}
		return strings.Contains(err.Error(), "node "+off.name()+" cannot be reached")
	})
	if before != nil {
		err = store.SaveRotation(before)
	} else {
		err = store.EndRotation()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Two of three nodes are down: nothing is acknowledged. Then they are back.
func TestClusterWithoutQuorum(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	for round := range 3 {
		l.some(50)
		w.nodes[(round+1)%3].kill()
		w.nodes[(round+2)%3].kill()
		client := &http.Client{Timeout: 12 * time.Second}
		w.wait("503", func() bool {
			status, err := post(client, w.nodes[round].url(), *l.key.Load(), uuid.NewString(), payloadOf("octo/alone", round, 10))
			return err == nil && status == http.StatusServiceUnavailable
		})
		finish := w.beginRotation(l, w.nodes[round])
		w.nodes[(round+1)%3].start()
		w.nodes[(round+2)%3].start()
		for _, n := range w.nodes {
			w.back(n)
		}
		finish()
	}
	l.end()
	w.prove(l)
}

// The stream is full: 507 and an alarm, and nothing that was acknowledged is pushed out. With more room everything is shared.
func TestClusterWithAFullStream(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{change: func(c *testNode) { c.Settings.MaxBytes = 1 << 20 }}).start()
	l := w.load(8, 5*time.Millisecond)
	w.wait("507", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.refused[http.StatusInsufficientStorage] > 0
	})
	w.rotate(l, w.nodes[1])
	if s, err := daemon.Dial(w.nodes[0].config.Home).Status(t.Context()); err != nil || !strings.Contains(s.Alarm, "full") {
		t.Errorf("the alarm is %q, %v", s.Alarm, err)
	}
	for _, n := range w.nodes {
		n.stop()
		n.config.Settings.MaxBytes = 1 << 30
		n.start()
		w.back(n)
	}
	l.some(50)
	l.end()
	w.prove(l)
}

// A node comes back with the disk of before: its log, its place in the stream and its part of the stream are old.
func TestClusterWithANodeFromAnOldDisk(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	l.some(100)
	n := w.nodes[2]
	n.stop()
	old := filepath.Join(t.TempDir(), "home")
	copyHome(t, n.config.Home, old)
	n.start()
	w.back(n)
	l.some(100)
	finish := w.beginRotation(l, w.nodes[0])
	n.kill()
	if err := os.RemoveAll(n.config.Home); err != nil {
		t.Fatal(err)
	}
	copyHome(t, old, n.config.Home)
	l.some(50)
	n.start()
	w.back(n)
	finish()
	l.end()
	w.prove(l)
}

func copyHome(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// The stream is lost; the files of one node feed a new one, and a node with an empty log gets everything.
func TestClusterIsRepublishedFromFiles(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	l.some(200)
	l.end()
	w.wait("everything to be everywhere and notified", func() bool { return w.sink.has(l.acked) && w.pendingEverywhere() == "" })
	for _, n := range w.nodes {
		n.stop()
	}
	for _, n := range w.nodes {
		if err := os.RemoveAll(filepath.Join(n.config.Home, "state", "jetstream")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(w.nodes[2].logDir()); err != nil {
		t.Fatal(err)
	}
	w.start()
	done, err := w.nodes[0].client().Republish(t.Context(), time.Time{})
	if err != nil || done.Records < 200 || done.Of != done.Records { // what came within the last minutes is published at every start anyway
		t.Errorf("republished %+v, %v", done, err)
	}
	w.prove(l)
}

// Rolling upgrade: each node is stopped and started, and nothing is refused that another try does not get through.
func TestClusterIsUpgradedNodeByNode(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	for _, n := range w.nodes {
		l.some(50)
		n.stop()
		n.config.Version = "2.0.0"
		n.start()
		w.back(n)
	}
	l.end()
	for status, count := range l.refused {
		if status != 0 && status != http.StatusServiceUnavailable {
			t.Errorf("%d answers %d", count, status)
		}
	}
	w.prove(l)
}
