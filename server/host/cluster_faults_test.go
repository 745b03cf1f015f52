package host

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"hookctl/server/daemon"
)

// skewVariable is by how many seconds the clock of a node is wrong.
const skewVariable = "HOOKCTL_TEST_SKEW"

// skewed builds this test with a clock that can be wrong: with its own time.Now, so that the embedded server has it, too.
func skewed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	was, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const call = "sec, nsec, mono := runtimeNow()\n"
	begin, rest, _ := strings.Cut(string(was), "func Now() Time {")
	if !strings.Contains(rest, call) {
		t.Fatal("time.Now is written in another way by now")
	}
	overlay := map[string]string{}
	for name, text := range map[string]string{
		"time.go": begin + "func Now() Time {" + strings.Replace(rest, call, call+"\tsec += skew\n", 1),
		"skew.go": `package time
import "syscall"
var skew = func() (n int64) {
	text, _ := syscall.Getenv("` + skewVariable + `")
	sign := int64(1)
	for _, c := range text {
		if c == '-' { sign = -1 } else { n = 10*n + int64(c-'0') }
	}
	return sign * n
}()
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(source, name)] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "skewed.test")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", file, "-o", binary, ".").CombinedOutput(); err != nil { // #nosec G204 -- this test itself
		t.Fatalf("build with another clock: %v\n%s", err, out)
	}
	return binary
}

// The clocks of two nodes are ten minutes wrong, in both directions; each node that leads and each that notifies is killed.
func TestClusterOfClocksThatDiffer(t *testing.T) {
	onlyInFull(t)
	binary := skewed(t)
	skew := map[string]time.Duration{"b": 10 * time.Minute, "c": -10 * time.Minute}
	w := newWorld(t, worldOptions{change: func(c *testNode) { c.binary, c.skew = binary, skew[c.Settings.Node] }}).start()
	l := w.load(8, 5*time.Millisecond)
	w.wait("the clocks to show", func() bool {
		s, err := w.nodes[0].status()
		at := map[string]time.Duration{}
		for _, m := range s.Members {
			at[m.Node] = m.Clock
		}
		return err == nil && (at["b"]-at["c"]).Round(time.Minute) == 20*time.Minute
	})
	for round := range 6 {
		l.some(50)
		n := w.by([]string{"leader", "notify"}[round%2])
		finish := func() {}
		if round == 3 {
			i := slices.Index(w.nodes, n)
			finish = w.beginRotation(l, w.nodes[(i+1)%3])
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

// Only one node may notify: while it is dead nobody does, and nothing is missed.
func TestClusterWithNodesThatOnlyReceive(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{change: func(c *testNode) { c.Settings.NotifyOff = c.Settings.Node != "c" }}).start()
	l := w.load(8, 5*time.Millisecond)
	l.some(50)
	only := w.by("notify")
	if only != w.nodes[2] {
		t.Fatalf("node %s notifies", only.name())
	}
	only.kill()
	w.wait("the lease to end", func() bool {
		s, err := w.nodes[0].status()
		_, held := s.Leases["notify"]
		return err == nil && !held
	})
	before := w.sink.count()
	l.some(100)
	if after := w.sink.count(); after != before {
		t.Errorf("%d notifications were sent by nodes that only receive", after-before)
	}
	only.start()
	w.back(only)
	l.end()
	w.prove(l)
}

// With ack: local a node that is cut off acknowledges, and is even killed before the others have it. The order is that of each
// node.
func TestClusterThatAcknowledgesLocally(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{links: true, change: func(c *testNode) { c.Settings.AckLocal = true }}).start()
	w.oneNode = true
	l := w.load(8, 5*time.Millisecond)
	l.some(50)
	off := w.nodes[2]
	w.cutOff(off.name(), true)
	w.wait("the node to notice", func() bool { s, err := off.status(); return err == nil && !s.Quorum })
	var alone []string
	for n := range 50 {
		guid := uuid.NewString()
		if status, err := post(http.DefaultClient, off.url(), testSecret, guid, payloadOf("octo/alone", n, 2000)); err != nil || status != http.StatusOK {
			t.Fatalf("a node that is cut off answers %d, %v; want 200", status, err)
		}
		alone = append(alone, guid)
	}
	off.kill()
	off.start()
	w.cutOff(off.name(), false)
	w.back(off)
	l.end()
	l.acked["octo/alone"] = alone
	w.prove(l)
}

// A rotation that goes on without a node that is away; the node accepts the new secret from its first answer on.
func TestClusterRotatesWithoutANodeThatIsAway(t *testing.T) {
	onlyInFull(t)
	w := newWorld(t, worldOptions{}).start()
	l := w.load(8, 5*time.Millisecond)
	l.some(50)
	on, away := w.nodes[0], w.nodes[2]
	if err := on.client().LeaveOut(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), "node b is up") {
		t.Errorf("leaving out a node that is up: %v", err)
	}
	if err := on.client().LeaveOut(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), "no member") {
		t.Errorf("leaving out a stranger: %v", err)
	}
	away.kill()
	w.refuseRotation(away, on)
	if err := on.client().LeaveOut(t.Context(), away.name()); err != nil {
		t.Fatal(err)
	}
	w.rotate(l, on)
	away.start()
	w.wait("the node to accept the new secret", func() bool {
		status, err := post(http.DefaultClient, away.url(), *l.key.Load(), uuid.NewString(), payloadOf("octo/back", 1, 10))
		if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("the node that was left out answers %d", status)
		}
		return err == nil && status == http.StatusOK
	})
	w.rotate(l, away) // it is a member again
	l.end()
	w.prove(l)
}

// operated is the configuration of a NATS whose users have credentials, and the credentials of one.
func operated(t *testing.T) (config, credentials string) {
	t.Helper()
	must := func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	pair := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		t.Helper()
		k, err := create()
		if err != nil {
			t.Fatal(err)
		}
		return k, must(k.PublicKey())
	}
	operator, operatorID := pair(nkeys.CreateOperator)
	_, systemID := pair(nkeys.CreateAccount)
	account, accountID := pair(nkeys.CreateAccount)
	user, userID := pair(nkeys.CreateUser)
	o := jwt.NewOperatorClaims(operatorID)
	o.SystemAccount = systemID
	a := jwt.NewAccountClaims(accountID)
	a.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(must(jwt.NewUserClaims(userID).Encode(account)), seed)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(file, creds, 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload { %s: %s, %s: %s }\n",
		must(o.Encode(operator)), systemID, systemID, must(jwt.NewAccountClaims(systemID).Encode(operator)), accountID, must(a.Encode(operator))), file
}

// The NATS is the user's own, with credentials and its usual limit of 1 MiB for a message: servers and nodes are killed in turn.
func TestClusterOnAnExistingNATS(t *testing.T) {
	onlyInFull(t)
	config, credentials := operated(t)
	servers := newNATS(t, config)
	w := newWorld(t, worldOptions{change: func(c *testNode) {
		c.Settings.Embed, c.Settings.URLs, c.Settings.Credentials = nil, servers.urls, credentials
	}}).start()
	l := w.load(8, 5*time.Millisecond)
	for round := range 3 {
		l.some(50)
		finish := w.beginRotation(l, w.nodes[(round+1)%3])
		servers.kill(round)
		l.some(50)
		servers.start(round)
		w.nodes[round].kill()
		l.some(50)
		w.nodes[round].start()
		w.back(w.nodes[round])
		finish()
	}
	large, guid := payloadOf("octo/large", 1, 2_000_000), uuid.NewString()
	w.wait("a body above the limit of the NATS to be acknowledged", func() bool {
		status, err := post(http.DefaultClient, w.nodes[0].url(), *l.key.Load(), guid, large)
		return err == nil && status == http.StatusOK
	})
	l.end()
	l.acked["octo/large"] = []string{guid}
	w.prove(l)
}

// A NATS that refuses the credentials: the node waits, answers 503 and names what is wrong.
func TestClusterWithForeignCredentials(t *testing.T) {
	onlyInFull(t)
	config, _ := operated(t)
	_, foreign := operated(t)
	servers := newNATS(t, config)
	w := newWorld(t, worldOptions{change: func(c *testNode) {
		c.Settings.Embed, c.Settings.URLs, c.Settings.Credentials = nil, servers.urls, foreign
	}})
	n := w.nodes[0]
	n.start()
	w.wait("503", func() bool {
		status, err := post(http.DefaultClient, n.url(), testSecret, uuid.NewString(), payloadOf("octo/x", 1, 10))
		return err == nil && status == http.StatusServiceUnavailable
	})
	w.wait("an alarm that says why", func() bool {
		s, err := daemon.Dial(n.config.Home).Status(t.Context())
		return err == nil && strings.Contains(s.Alarm, "the NATS of the cluster cannot be used") && strings.Contains(strings.ToLower(s.Alarm), "authorization")
	})
	n.kill()
}
