package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// public is the address of this world's receiver; every host below hooks.example.com leads to it.
const (
	public  = "https://hooks.example.com"
	hookURL = public + "/webhook"
)

// world is a simulated GitHub and a receiver with its control socket, which verifies, records and answers like the real one.
type world struct {
	*githubtest.Server
	t      *testing.T
	home   string
	socket string
	store  *secret.Store
	cfg    Config
	fleet  *Fleet
	saved  string // the public URL in the settings

	mu     sync.Mutex
	ring   *secret.Ring
	log    *logs.Writer
	pings  []received
	deaf   bool                  // a reload is answered, and nothing is read
	before func(r *http.Request) // sees every call to GitHub before it is sent
	after  func(r *http.Request) // and after it was answered
	status int                   // what deliveries get instead of being looked at
}

// received is a ping that was accepted.
type received struct {
	hookID      int64
	fingerprint string
}

func newWorld(t *testing.T, repositories ...string) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{t: t, home: filepath.Join(dir, "h"), socket: filepath.Join(dir, "g")}
	w.store = secret.NewStore(secret.Config{EnvFile: filepath.Join(w.home, ".env"), RotationFile: filepath.Join(w.home, "state", "rotation.json"),
		Environ: func(string) string { return "" }})
	if err := w.store.SetCurrent("the-first-secret-of-this-world"); err != nil {
		t.Fatal(err)
	}
	local := w.receiver()
	w.Server = githubtest.New(githubtest.Options{Resolve: func(address string) string {
		u, err := url.Parse(address)
		if err != nil || !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), "hooks.example.com") {
			return ""
		}
		return "http://" + local + u.EscapedPath()
	}})
	t.Cleanup(w.Close)
	w.RateLimit(githubtest.RateLimit{Limit: 1 << 30, Remaining: 1 << 30, WritesPerMinute: 1 << 30, WritesPerHour: 1 << 30})
	if err := w.Start(w.socket); err != nil {
		t.Fatal(err)
	}
	for _, r := range repositories {
		w.AddRepository(r, githubtest.Repository{})
	}
	w.saved = public
	w.cfg = Config{
		Home: w.home, Logs: logs.Config{Dir: filepath.Join(w.home, "webhook_logs")}, Store: w.store, GitHub: w.client,
		PublicURL: public, Events: []string{"issues", "push"},
		Probe: func(context.Context, string, string) error { return nil },
		SaveURL: func(_ context.Context, url string) error {
			w.saved = url
			return nil
		},
	}
	w.again()
	return w
}

// again makes the fleet of another process, or of changed settings.
func (w *world) again() *Fleet {
	w.cfg.PublicURL = w.saved
	w.fleet = New(w.cfg)
	return w.fleet
}

func (w *world) client() (*hooks.Client, error) {
	return hooks.New(hooks.Config{Host: "github.com", Socket: w.socket, Token: githubtest.DefaultToken, Transport: &watched{w: w, base: unixTransport(w.socket)},
		Limits: hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, Concurrent: 8, MaxWait: 3 * time.Second, Tries: 2, Pause: 50 * time.Millisecond}})
}

// watched lets a test act around calls to GitHub.
type watched struct {
	w    *world
	base http.RoundTripper
}

func (r *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	r.w.mu.Lock()
	before, after := r.w.before, r.w.after
	r.w.mu.Unlock()
	if before != nil {
		before(req)
	}
	res, err := r.base.RoundTrip(req)
	if after != nil && err == nil {
		after(req)
	}
	return res, err
}

func unixTransport(socket string) http.RoundTripper {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial}
}

// receiver runs one until the test is over, and returns where it listens.
func (w *world) receiver() (address string) {
	w.t.Helper()
	inst, err := daemon.Lock(daemon.Config{Home: w.home})
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := inst.Listen(w.t.Context(), "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	if w.log, err = logs.OpenWriter(context.WithoutCancel(w.t.Context()), logs.Config{Dir: filepath.Join(w.home, "webhook_logs")}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.reload(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(w.receive), ReadHeaderTimeout: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = srv.Serve(ln) })
	group.Go(func() {
		control := daemon.Control{Status: w.say, Reload: w.reload}
		if err := inst.Serve(ctx, control); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(func() {
		cancel()
		_ = srv.Close()
		group.Wait()
		if err := errors.Join(w.log.Close(), inst.Close()); err != nil {
			w.t.Error(err)
		}
	})
	w.until("the receiver to answer", func() bool {
		_, err := daemon.Dial(w.home).Status(w.t.Context())
		return err == nil
	})
	return ln.Addr().String()
}

func (w *world) say() daemon.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return daemon.Status{Secrets: w.ring.Fingerprints(time.Now()), Instance: "this-one"}
}

func (w *world) reload(context.Context) error {
	ring, err := w.store.Ring(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && !w.deaf {
		w.ring = ring
	}
	return err
}

// receive takes a delivery in, as the receiver does: also at the root and with a slash at the end.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path != "" && path != "/webhook" && !strings.HasPrefix(path, "/webhook/") {
		http.NotFound(rw, r)
		return
	}
	w.mu.Lock()
	ring, status := w.ring, w.status
	w.mu.Unlock()
	if status != 0 {
		rw.WriteHeader(status)
		return
	}
	id, _ := strconv.ParseInt(r.Header.Get("X-GitHub-Hook-ID"), 10, 64)
	print, ok := ring.Match(body, r.Header.Get("X-Hub-Signature-256"), id, path, time.Now())
	if !ok {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	var payload struct {
		Repository struct {
			FullName string `json:"full_name"`
		}
	}
	_ = json.Unmarshal(body, &payload)
	rec := &logs.Record{EventType: r.Header.Get("X-GitHub-Event"), DeliveryID: r.Header.Get("X-GitHub-Delivery"), HookID: id, Source: logs.SourceDelivery,
		Summary: logs.Summary{Repository: payload.Repository.FullName}, Signature: logs.Signature{Verified: true, Secret: print}, Payload: body}
	if err := w.log.Append(r.Context(), rec); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	if rec.EventType == "ping" {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pings = append(w.pings, received{id, print})
	}
}

// ingest records a delivery that was fetched.
func (w *world) ingest(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error) {
	rec := &logs.Record{EventType: d.Event, DeliveryID: d.GUID, HookID: h.ID, Source: logs.SourceCatchup, Payload: d.Payload}
	if name := hooks.PathName(h.URL); name != "" {
		rec.Headers = map[string]string{logs.PathHeader: name}
	}
	err = w.log.Append(ctx, rec)
	return rec.File, false, err
}

// set changes the world while its goroutines run.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	deadline := time.After(2 * time.Minute)
	for !done() {
		select {
		case <-deadline:
			w.t.Fatalf("waited too long for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func targets(names ...string) []hooks.Target {
	var list []hooks.Target
	for _, name := range names {
		t, err := hooks.ParseTarget(name)
		if err != nil {
			panic(err)
		}
		list = append(list, t)
	}
	return list
}

// setup sets hooks up, and fails the test where one is not verified.
func (w *world) setup(r SetupRequest) SetupReport {
	w.t.Helper()
	report := w.trySetup(r)
	if report.Failed() {
		w.t.Fatalf("setup: %+v", report.Results)
	}
	return report
}

func (w *world) trySetup(r SetupRequest) SetupReport {
	w.t.Helper()
	if r.Wait == 0 {
		r.Wait = 3 * time.Second
	}
	plan, err := w.fleet.PlanSetup(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := w.fleet.Setup(w.t.Context(), plan, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) rotate(r RotateRequest) RotateReport {
	w.t.Helper()
	plan, err := w.fleet.PlanRotation(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := w.fleet.Rotate(w.t.Context(), plan, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) list(r ListRequest) List {
	w.t.Helper()
	l, err := w.fleet.List(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// one is the only hook of ours on a repository.
func (w *world) one(name string) Hook {
	w.t.Helper()
	l := w.list(ListRequest{Targets: targets(name)})
	if len(l.Ours()) != 1 {
		w.t.Fatalf("%s has %d hooks of ours: %+v, aside %+v", name, len(l.Ours()), l.Hooks, l.Aside)
	}
	return l.Ours()[0]
}

func (w *world) current() string {
	w.t.Helper()
	value, _, err := w.store.Current()
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// byHand adds a hook as a person does with gh, and has GitHub ping it. It returns once the receiver has the ping.
func (w *world) byHand(name string, h githubtest.Hook) int64 {
	w.t.Helper()
	id := w.AddHook(name, h)
	w.ping(name, id)
	w.until("the ping of "+name, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.ContainsFunc(w.pings, func(p received) bool { return p.hookID == id })
	})
	return id
}

func (w *world) ping(name string, id int64) {
	w.t.Helper()
	client, err := w.client()
	if err == nil {
		err = client.Ping(w.t.Context(), targets(name)[0], id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// delivers reports whether a push to a repository is accepted from every hook of it.
func (w *world) delivers(name string) bool {
	w.t.Helper()
	results, err := w.Deliver(w.t.Context(), name, "push", githubtest.SampleFor("push.main", name))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Log().Settle(w.t.Context()); err != nil { // another process is to see what was recorded
		w.t.Fatal(err)
	}
	return len(results) > 0 && !slices.ContainsFunc(results, func(d githubtest.Delivery) bool { return !d.OK() })
}

func codes(list []hooks.Warning) []string {
	out := []string{}
	for _, w := range list {
		out = append(out, w.Code)
	}
	return out
}
