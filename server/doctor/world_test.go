package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
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
	"hookctl/hooks/tunnel"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

const (
	repo   = "octo-org/widgets"
	public = "https://hooks.example.com" // every host below it leads to the receiver, too
)

func target() hooks.Target { return hooks.Target{Owner: "octo-org", Repo: "widgets"} }

// world is a simulated GitHub, a receiver in this process that verifies, records and answers like the real one, and the
// configuration of a doctor between them. Nothing is wrong with it.
type world struct {
	t      *testing.T
	gh     *githubtest.Server
	store  *secret.Store
	value  string // the secret
	home   string
	host   string // of GitHub
	cfg    Config // without Fleet
	github func() (*hooks.Client, error)
	names  []string // setup.repositories
	log    *logs.Writer
	hookID int64
	end    func() // stops the receiver

	mu       sync.Mutex
	status   daemon.Status
	rejected []daemon.Rejected
	answer   int // what deliveries get instead of being recorded
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "h")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, home: home, host: "github.com"}
	w.store = secret.NewStore(secret.Config{
		EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "state", "rotation.json"), Environ: func(string) string { return "" },
	})
	if w.value, err = secret.Generate(); err != nil {
		t.Fatal(err)
	}
	if err := w.store.SetCurrent(w.value); err != nil {
		t.Fatal(err)
	}
	print := secret.Fingerprint(w.value)
	w.status = daemon.Status{Version: "1.0.0", LogDir: filepath.Join(home, "webhook_logs"), Secret: print, Secrets: []string{print}, Instance: "this-one"}

	w.gh = githubtest.New(githubtest.Options{AllowLocal: true, Resolve: func(address string) string {
		u, err := url.Parse(address)
		if err != nil || !strings.HasSuffix(u.Hostname(), "hooks.example.com") && u.Hostname() != "new.ngrok-free.app" {
			return ""
		}
		return "http://" + w.say().Address + u.EscapedPath()
	}})
	t.Cleanup(w.gh.Close)
	socket := filepath.Join(dir, "g")
	if err := w.gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	w.gh.AddRepository(repo, githubtest.Repository{})
	w.cfg = Config{
		Home: home, Version: "1.0.0", Logs: logs.Config{Dir: w.status.LogDir}, Store: w.store, Simulated: true,
		Tunnels: tunnel.Finder{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}},
		Timeout: time.Minute,
	}
	w.github = func() (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: w.host, Socket: socket, Token: githubtest.DefaultToken,
			Limits: hooks.Limits{Tries: 1, MaxWait: time.Second, Pause: 50 * time.Millisecond}})
	}
	w.start()
	w.cfg.Address, w.cfg.PublicURL = w.status.Address, public
	if err := w.config().Fleet.Remember(t.Context(), target()); err != nil {
		t.Fatal(err)
	}
	w.hookID = w.gh.AddHook(repo, w.hook())
	return w
}

// hook is one as setup makes it.
func (w *world) hook() githubtest.Hook {
	return githubtest.Hook{Active: true, Events: []string{"push", "issues"},
		Config: githubtest.Config{URL: public + "/webhook", ContentType: "json", Secret: w.value, InsecureSSL: "0"}}
}

// start runs the receiver until end is called, or the test is over.
func (w *world) start() {
	w.t.Helper()
	inst, err := daemon.Lock(daemon.Config{Home: w.home})
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := inst.Listen(w.t.Context(), "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.status.Address, w.status.Since = ln.Addr().String(), time.Now()
	srv := &http.Server{Handler: http.HandlerFunc(w.serve)}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = srv.Serve(ln) })
	group.Go(func() {
		if err := inst.Serve(ctx, daemon.Control{Status: w.say, Rejected: func() []daemon.Rejected { return w.rejected }, Reload: w.reload}); err != nil {
			w.t.Error(err)
		}
	})
	w.end = sync.OnceFunc(func() {
		cancel()
		_ = srv.Close()
		group.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.log != nil {
			err = w.log.Close()
			w.log = nil
		}
		if err := errors.Join(err, inst.Close()); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(w.end)
	for { // until it answers
		if _, err := daemon.Dial(w.home).Status(w.t.Context()); err == nil {
			return
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatal("the receiver does not answer")
		case <-time.After(time.Millisecond):
		}
	}
}

// writer opens the log when the first delivery arrives; most checks do without one.
func (w *world) writer() *logs.Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.log == nil {
		var err error
		if w.log, err = logs.OpenWriter(context.WithoutCancel(w.t.Context()), w.cfg.Logs); err != nil {
			panic(err) // Fatal is for the test's own goroutine, which this may not be
		}
	}
	return w.log
}

func (w *world) say() daemon.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// reload takes the secrets of now in. The tunnel's trouble with hooks that setup moved is over then.
func (w *world) reload(context.Context) error {
	ring, err := w.store.Ring(time.Now())
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Secrets = ring.Fingerprints(time.Now())
	w.status.Secret, w.status.Alarm, w.status.Alarms = w.status.Secrets[0], "", nil
	return nil
}

// ingest records a delivery that was fetched.
func (w *world) ingest(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error) {
	rec := &logs.Record{EventType: d.Event, DeliveryID: d.GUID, HookID: h.ID, Source: logs.SourceCatchup, Payload: d.Payload}
	err = w.writer().Append(ctx, rec)
	return rec.File, false, err
}

// direct makes the public URL that of the receiver itself, as seen from this machine.
func (w *world) direct() {
	w.cfg.Simulated, w.host = false, "ghe.example.com"
	w.cfg.PublicURL = "http://" + w.status.Address + "/webhook"
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/healthz") {
		_ = json.NewEncoder(rw).Encode(map[string]string{"status": "ok", "instance": w.say().Instance, "nonce": r.URL.Query().Get("nonce")})
		return
	}
	w.mu.Lock()
	code := w.answer
	w.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || code != 0 {
		rw.WriteHeader(code)
		return
	}
	id, _ := strconv.ParseInt(r.Header.Get("X-GitHub-Hook-ID"), 10, 64)
	ring, err := w.store.Ring(time.Now())
	if err != nil {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	print, ok := ring.Match(body, r.Header.Get("X-Hub-Signature-256"), id, r.URL.Path, time.Now())
	if !ok {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	rec := &logs.Record{EventType: r.Header.Get("X-GitHub-Event"), DeliveryID: r.Header.Get("X-GitHub-Delivery"), HookID: id,
		Source: logs.SourceDelivery, Signature: logs.Signature{Verified: true, Secret: print}, Payload: body}
	if err := w.writer().Append(r.Context(), rec); err != nil {
		rw.WriteHeader(http.StatusInternalServerError)
	}
}

// refuse makes the receiver answer deliveries with a status.
func (w *world) refuse(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = code
}

// deliver sends a push to every hook of the repository, and waits until what was taken can be read in the log.
func (w *world) deliver() {
	w.t.Helper()
	results, err := w.gh.Deliver(w.t.Context(), repo, "push", githubtest.SampleFor("push.main", repo))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range results {
		if d.OK() {
			w.await(d.GUID, "")
		}
	}
}

// await waits until a delivery can be read in the log, which is a little later than its answer.
func (w *world) await(guid, path string) {
	w.t.Helper()
	log, err := logs.Open(w.t.Context(), w.cfg.Logs)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	deadline := time.After(2 * time.Minute)
	for {
		found, err := log.Find(w.t.Context(), guid)
		if err != nil {
			w.t.Fatal(err)
		}
		if slices.ContainsFunc(found, func(e logs.Entry) bool { return e.Path == path }) {
			return
		}
		select {
		case <-deadline:
			w.t.Fatalf("delivery %s does not appear in the log", guid)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// later moves the doctor's clock.
func (w *world) later(d time.Duration) {
	w.cfg.Now = func() time.Time { return time.Now().Add(d) }
}

// changeHook replaces the hook by another one.
func (w *world) changeHook(change func(*githubtest.Hook)) {
	w.gh.Remove(repo)
	w.gh.AddRepository(repo, githubtest.Repository{})
	h := w.hook()
	change(&h)
	w.hookID = w.gh.AddHook(repo, h)
}

// config is the doctor's, with a fleet of its own as another process has.
func (w *world) config() Config {
	cfg := w.cfg
	cfg.Fleet = fleet.New(fleet.Config{Home: w.home, Logs: cfg.Logs, Store: w.store, GitHub: w.github, PublicURL: cfg.PublicURL, Repositories: w.names,
		Events: []string{"issues", "push"}, Wait: 10 * time.Second, Probe: func(context.Context, string, string) error { return nil }, Now: cfg.Now,
		SaveURL: func(_ context.Context, url string) error { w.cfg.PublicURL = url; return nil }})
	return cfg
}

// one does a single check; the zero one where there is no such check.
func (w *world) one(name string) Check {
	w.t.Helper()
	cfg := w.config().withDefaults()
	for _, c := range newFacts(w.t.Context(), cfg).checks() {
		if c.name == name {
			return do(w.t.Context(), cfg.Timeout, c)
		}
	}
	return Check{}
}
