package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/hooks/tunnel"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/cluster"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/server/route"
	sinks "hookctl/server/sink"
)

// The test binary is also a receiver of a cluster, so that it can be killed as one.

const nodeVariable = "HOOKCTL_TEST_NODE"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == tunnel.Cloudflared {
		fmt.Fprintln(os.Stderr, runTestTunnel(os.Args[1:]))
		os.Exit(1)
	}
	if config := os.Getenv(nodeVariable); config != "" {
		if err := runTestNode(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if config := os.Getenv(bareVariable); config != "" {
		fmt.Fprintln(os.Stderr, runBare(config))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// testNode is what a node of the tests is started with.
type testNode struct {
	Home, Sink, Key, Version string
	Port                     int
	Settings                 cluster.Settings
	Debug                    bool
	Tunnel                   string

	path   string        // where it looks for programs first
	binary string        // instead of this test's own
	skew   time.Duration // of its clock, where binary takes one
}

func storeOf(home string) *secret.Store {
	return secret.NewStore(secret.Config{
		EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "state", "rotation.json"), Environ: func(string) string { return "" },
	})
}

func (c testNode) load() (*Settings, error) {
	store := storeOf(c.Home)
	ring, err := store.Ring(time.Now())
	if err != nil {
		return nil, err
	}
	key, err := cluster.ParseKey(c.Key)
	if err != nil {
		return nil, err
	}
	log := logs.Config{Dir: filepath.Join(c.Home, "logs")}
	s := &Settings{
		Bind: "127.0.0.1", Port: c.Port, Tunnel: c.Tunnel, Logs: log, Store: store,
		Server: server.Config{
			Keys: ring, Version: c.Version, Rules: route.Rules{WatchedBranches: []string{"main"}}, CoalesceMax: -1,
			Sinks: []sinks.Config{{Type: "http", URL: c.Sink, Timeout: 5 * time.Second}},
			Retry: server.Retry{First: 100 * time.Millisecond, Max: time.Second},
		},
		Fleet:   fleet.Config{Home: c.Home, Logs: log, Store: store, GitHub: func() (*hooks.Client, error) { return nil, hooks.ErrNotLoggedIn }, SaveURL: func(context.Context, string) error { return nil }},
		Cluster: &Cluster{Settings: c.Settings, Key: key},
	}
	if c.Settings.Name == "" { // a single machine, to compare with
		s.Cluster = nil
	}
	return s, nil
}

func runTestNode(config string) error {
	var c testNode
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM) // as the program does
	defer stop()
	return Run(ctx, Config{Load: c.load, Daemon: daemon.Config{Home: c.Home}, Stderr: os.Stderr, Debug: c.Debug})
}

// node is a process of the cluster, from the outside.
type node struct {
	t       testing.TB
	config  testNode
	mu      sync.Mutex
	process *exec.Cmd
	log     *os.File
}

func (n *node) name() string    { return n.config.Settings.Node }
func (n *node) url() string     { return fmt.Sprintf("http://127.0.0.1:%d/webhook", n.config.Port) }
func (n *node) logDir() string  { return filepath.Join(n.config.Home, "logs") }
func (n *node) client() *Client { return Dial(n.config.Home) }

func (n *node) start() {
	n.t.Helper()
	config, err := json.Marshal(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	binary := n.config.binary
	if binary == "" {
		if binary, err = os.Executable(); err != nil {
			n.t.Fatal(err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process = exec.Command(binary, "-test.run=^$") // #nosec G204 -- this test itself
	n.process.Env = append(os.Environ(), nodeVariable+"="+string(config), fmt.Sprintf("%s=%d", skewVariable, int64(n.config.skew.Seconds())))
	if n.config.path != "" {
		n.process.Env = append(n.process.Env, "PATH="+n.config.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	n.process.Stdout, n.process.Stderr = n.log, n.log
	if err := n.process.Start(); err != nil {
		n.t.Fatal(err)
	}
}

// kill ends the process as kill -9 does.
func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return
	}
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
	n.process = nil
}

// stop ends the process as hookctl stop does.
func (n *node) stop() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return
	}
	_ = n.process.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	p := n.process
	go func() { defer close(done); _ = p.Wait() }()
	_ = daemon.Dial(n.config.Home).Stop(context.Background())
	select {
	case <-done:
	case <-time.After(patience):
		n.t.Errorf("node %s does not stop", n.name())
		_ = p.Process.Kill()
		<-done
	}
	n.process = nil
}

func (n *node) status() (cluster.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return n.client().ClusterStatus(ctx)
}

// world is a cluster of processes, a sink that takes what they notify, and GitHub.
type world struct {
	t     testing.TB
	nodes []*node
	sink  *sink
	key   string // the webhook secret
	links map[string]*link

	oneNode bool // what is delivered for one repository is delivered to one node
}

const testSecret = "a secret that is long enough"

type worldOptions struct {
	links  bool // routes lead through proxies that can be cut
	slow   bool // and that can delay
	single bool
	change func(*testNode) // before the nodes start
}

func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	w := &world{t: t, key: testSecret, links: map[string]*link{}, sink: newSink(t)}
	clusterKey, err := cluster.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"a", "b", "c"}
	if o.single {
		names = names[:1]
	}
	ports := freePorts(t, 2*len(names))
	for i, name := range names {
		home, err := os.MkdirTemp("", "hc") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(home) })
		if err := storeOf(home).SetCurrent(testSecret); err != nil {
			t.Fatal(err)
		}
		listen := fmt.Sprintf("127.0.0.1:%d", ports[i])
		n := &node{t: t, config: testNode{Home: home, Sink: w.sink.url, Key: clusterKey, Version: "1.0.0", Port: ports[len(names)+i], Debug: os.Getenv("HOOKCTL_TEST_DEBUG") != ""}}
		if !o.single {
			n.config.Settings = cluster.Settings{Name: "test", Node: name, Embed: &cluster.Embed{Listen: listen}, MaxBytes: 1 << 30}
		}
		if n.log, err = os.Create(filepath.Join(t.TempDir(), name+".log")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.log.Close() })
		w.nodes = append(w.nodes, n)
	}
	for i, from := range w.nodes {
		for j, to := range w.nodes {
			if i == j || o.single {
				continue
			}
			address := to.config.Settings.Embed.Listen
			if o.links {
				l := newLink(t, address, o.slow)
				w.links[from.name()+to.name()] = l
				address = l.address
				from.config.Settings.Embed.Advertise = "127.0.0.1:1" // nobody finds a way around the links
			}
			from.config.Settings.Embed.Peers = append(from.config.Settings.Embed.Peers, address)
		}
	}
	for _, n := range w.nodes {
		if o.change != nil {
			o.change(&n.config)
		}
	}
	t.Cleanup(func() {
		for _, n := range w.nodes {
			n.kill()
			if log, err := os.ReadFile(n.log.Name()); err != nil || bytes.Contains(log, []byte("DATA RACE")) {
				t.Errorf("node %s has a data race (%v):\n%s", n.name(), err, log)
			}
		}
		if t.Failed() || os.Getenv("HOOKCTL_TEST_DEBUG") != "" {
			w.showLogs()
		}
	})
	return w
}

func (w *world) showLogs() {
	for _, n := range w.nodes {
		data, _ := os.ReadFile(n.log.Name())
		_ = os.WriteFile(filepath.Join(os.TempDir(), "cluster-node-"+n.name()+".log"), data, 0o600)
		lines := strings.Split(string(data), "\n")
		w.t.Logf("node %s:\n%s", n.name(), strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// lastPort is the port that was looked at last. Ports are those from 10000 to 19999: systems give out others by themselves, and the
// tests of the program take theirs above.
var lastPort atomic.Int64

// freePorts finds ports that nothing listens on and that no other world of this process was given: a node that starts again needs
// the one it had.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	lastPort.CompareAndSwap(0, rand.Int64N(10000)) // #nosec G404 -- no secret
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := 10000 + int(lastPort.Add(1)%10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		switch {
		case err == nil:
			defer l.Close() //nolint:errcheck // only to find a free one
			ports = append(ports, port)
		case tries > 1000:
			t.Fatal(err)
		}
	}
	return ports
}

func (w *world) start() *world {
	w.t.Helper()
	for _, n := range w.nodes {
		n.start()
	}
	w.wait("every node to be ready", func() bool { return w.each(func(s cluster.Status) bool { return s.Ready && s.Quorum }) })
	return w
}

// stop stops all nodes at once.
func (w *world) stop() {
	w.t.Helper()
	var all sync.WaitGroup
	for _, n := range w.nodes {
		all.Go(n.stop)
	}
	all.Wait()
}

// each reports whether a condition holds on every node.
func (w *world) each(holds func(cluster.Status) bool) bool {
	for _, n := range w.nodes {
		s, err := n.status()
		if err != nil || !holds(s) {
			return false
		}
	}
	return true
}

// patience bounds every wait of the tests. It is long: how fast a node is says nothing of what it promises.
const patience = 4 * time.Minute

func (w *world) wait(what string, done func() bool) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	defer func() {
		if took := time.Since(begun); took > 20*time.Second {
			w.t.Logf("waited %s for %s", took.Round(time.Second), what)
		}
	}()
	for end := begun.Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			for _, n := range w.nodes {
				s, err := n.status()
				w.t.Logf("node %s: %+v %v", n.name(), s, err)
			}
			w.t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// sink takes notifications and remembers them in order.
type sink struct {
	url string
	mu  sync.Mutex
	got map[string][]string // by repository: the numbers of deliveries, in order
	n   int
	bad atomic.Bool // it answers 503
}

func newSink(t testing.TB) *sink {
	s := &sink{got: map[string][]string{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Subject string `json:"subject"`
			Data    struct {
				Context map[string]any `json:"context"`
			} `json:"data"`
		}
		if s.bad.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		id, _ := event.Data.Context["delivery_id"].(string)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got[event.Subject] = append(s.got[event.Subject], id)
		s.n++
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// load is GitHub: it delivers for many repositories at once, in order for each, to any node, and again to another one where the
// answer is not 2xx, as somebody does who presses "redeliver".
type load struct {
	w       *world
	stop    chan struct{}
	done    sync.WaitGroup
	mu      sync.Mutex
	acked   map[string][]string // by repository: GUIDs in order
	refused map[int]int         // answers by status
	longest time.Duration
	key     atomic.Pointer[string]
	pace    time.Duration
}

func (w *world) load(repositories int, pace time.Duration) *load {
	l := &load{w: w, stop: make(chan struct{}), acked: map[string][]string{}, refused: map[int]int{}, pace: pace}
	l.key.Store(&w.key)
	client := &http.Client{Timeout: 12 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for i := range repositories {
		repository := fmt.Sprintf("octo/r%d", i)
		l.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				first := n
				if w.oneNode {
					first = i
				}
				l.deliver(client, repository, n, first)
				select {
				case <-l.stop:
				case <-time.After(l.pace):
				}
			}
		})
	}
	return l
}

func payloadOf(repository string, n, size int) []byte {
	fill := strings.Repeat("x", size)
	return fmt.Appendf(nil, `{"action":"completed","workflow_run":{"id":%d,"name":"CI","conclusion":"failure","head_branch":"main","head_sha":"%040d","event":"push","html_url":"https://github.com/%s/actions/runs/%d"},"workflow":{"name":"CI"},"repository":{"full_name":"%s","html_url":"https://github.com/%s"},"sender":{"login":"octocat"},"fill":"%s"}`, n+1, n, repository, n, repository, repository, fill)
}

// deliver delivers until it is acknowledged or the load ends, from one node on.
func (l *load) deliver(client *http.Client, repository string, n, first int) {
	guid, body := uuid.NewString(), payloadOf(repository, n, 2000)
	for try := first; ; try++ {
		if l.w.oneNode {
			try = first
		}
		node := l.w.nodes[try%len(l.w.nodes)]
		begun := time.Now()
		status, err := post(client, node.url(), *l.key.Load(), guid, body)
		took := time.Since(begun)
		l.mu.Lock()
		if err == nil && status == http.StatusOK {
			l.acked[repository] = append(l.acked[repository], guid)
			l.longest = max(l.longest, took)
			l.mu.Unlock()
			return
		}
		l.refused[status]++
		l.mu.Unlock()
		select {
		case <-l.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func post(client *http.Client, url, key, guid string, body []byte) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": guid, "X-Hub-Signature-256": secret.Sign(key, body)} {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode, nil
}

func (l *load) end() {
	close(l.stop)
	l.done.Wait()
}

func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, list := range l.acked {
		n += len(list)
	}
	return n
}

// prove holds the promises of a cluster against what happened: nothing that was acknowledged is lost, one record of each delivery
// on every node, each notified once and in order but for those that are counted, none refused for its signature.
func (w *world) prove(l *load) {
	w.t.Helper()
	w.wait("every node to have everything", func() bool {
		return w.each(func(s cluster.Status) bool { return s.Complete(len(w.nodes)) })
	})
	w.wait("every delivery to be notified", func() bool { return w.sink.has(l.acked) })
	why := ""
	defer func() {
		if why != "" {
			w.t.Log(why)
		}
	}()
	w.wait("every outcome on every node", func() bool {
		for _, n := range w.nodes {
			if s, err := daemon.Dial(n.config.Home).Status(context.Background()); err != nil || s.Alarm != "" {
				why = fmt.Sprint(n.name(), " ", s.Alarm, err)
				return false
			}
		}
		why = w.pendingEverywhere()
		return why == ""
	})
	twice := int64(0)
	if s, err := w.nodes[0].status(); err == nil {
		for _, m := range s.Members {
			twice += m.Twice
		}
	}
	w.stop()
	if l.refused[http.StatusUnauthorized] > 0 {
		w.t.Errorf("%d deliveries were refused for their signature", l.refused[http.StatusUnauthorized])
	}
	lost, double := 0, 0
	for _, n := range w.nodes {
		records := recordsOf(w.t, n.logDir())
		for repository, list := range l.acked {
			for _, guid := range list {
				if records[guid] == 0 {
					lost++
					w.t.Logf("node %s lacks %s of %s", n.name(), guid, repository)
				}
			}
		}
		for guid, count := range records {
			if count > 1 {
				double++
				w.t.Logf("node %s has %s %d times", n.name(), guid, count)
			}
		}
	}
	again := w.sink.judge(w.t, l.acked)
	w.t.Logf("%d acknowledged, %d lost, %d recorded twice, %d notified twice (%d counted), longest answer %s, other answers %v", l.total(), lost, double, len(again), twice, l.longest.Round(time.Millisecond), l.refused)
	if lost > 0 || double > 0 {
		w.t.Errorf("lost %d, recorded twice %d", lost, double)
	}
	if full(w.t) && l.longest > 10*time.Second { // a machine that is busy with other tests shows nothing
		w.t.Errorf("an answer took %s; GitHub waits 10 s", l.longest)
	}
	w.doubles(again, twice)
}

// doubles allows no more notifications twice than the nodes counted, and those that a node counted that was killed later.
func (w *world) doubles(again []string, counted int64) {
	w.t.Helper()
	logged := 0
	for _, n := range w.nodes {
		data, err := os.ReadFile(n.log.Name())
		if err != nil {
			w.t.Fatal(err)
		}
		logged += strings.Count(string(data), "it is sent again, maybe twice")
	}
	if len(again) > max(logged, int(counted)) {
		w.t.Errorf("%d were notified twice, and %d counted as possible", len(again), max(logged, int(counted)))
		for _, guid := range again {
			for _, n := range w.nodes {
				w.t.Logf("%s on %s: %s", guid, n.name(), w.notesOf(n, guid))
			}
		}
	}
}

// pendingEverywhere names a record that waits for a notification on some node, "" for none.
func (w *world) pendingEverywhere() string {
	for _, n := range w.nodes {
		log, err := logs.Open(w.t.Context(), logs.Config{Dir: n.logDir()})
		if err != nil {
			w.t.Fatal(err)
		}
		list, err := log.Pending(w.t.Context())
		if err = errors.Join(err, log.Close()); err != nil {
			w.t.Fatal(err)
		}
		if len(list) > 0 {
			why := fmt.Sprintf("node %s: %d pending, the first is %+v", n.name(), len(list), list[0])
			for _, n := range w.nodes {
				why += "\non " + n.name() + ": " + w.notesOf(n, list[0].DeliveryID)
			}
			return why
		}
	}
	return ""
}

// notesOf is what a node's files say of the notifications of a delivery.
func (w *world) notesOf(n *node, guid string) (notes string) {
	files, err := filepath.Glob(filepath.Join(n.logDir(), "*.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file) // #nosec G304 -- in a directory of this test
		rec := new(logs.Record)
		if err == nil && bytes.Contains(raw, []byte(guid)) && rec.UnmarshalJSON(raw) == nil {
			notes += fmt.Sprintf("%s %+v ", filepath.Base(file), rec.Notifications)
		}
	}
	if status, err := daemon.Dial(n.config.Home).Status(context.Background()); err == nil {
		notes += fmt.Sprintf("(%d pending)", status.PendingNotifications)
	}
	return notes
}

// recordsOf counts the records of a log by GUID.
func recordsOf(t testing.TB, dir string) map[string]int {
	t.Helper()
	writer, err := logs.OpenWriter(t.Context(), logs.Config{Dir: dir}) // what is in the spool counts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	if err := writer.Log().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for e, err := range writer.Log().All(t.Context(), logs.Filter{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		counts[e.DeliveryID]++
	}
	return counts
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

func (s *sink) has(acked map[string][]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for repository, list := range acked {
		got := map[string]bool{}
		for _, guid := range s.got[repository] {
			got[guid] = true
		}
		if slices.ContainsFunc(list, func(guid string) bool { return !got[guid] }) {
			return false
		}
	}
	return true
}

// judge returns how many notifications came more than once, and fails where one is out of order.
func (s *sink) judge(t testing.TB, acked map[string][]string) (again []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for repository, list := range acked {
		place := map[string]int{}
		for i, guid := range list {
			place[guid] = i
		}
		seen := map[string]bool{}
		last := -1
		for _, guid := range s.got[repository] {
			if seen[guid] {
				again = append(again, guid)
				continue
			}
			seen[guid] = true
			at, known := place[guid]
			if !known {
				continue // stored and not acknowledged
			}
			if at < last {
				t.Errorf("%s: number %d was notified after number %d", repository, at, last)
			}
			last = at
		}
	}
	return again
}
