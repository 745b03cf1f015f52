package hooks

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

const hookURL = "https://hooks.example.com/webhook"

// fast are limits for tests: GitHub's pace is the subject of the tests in limits_test.go only.
func fast() Limits {
	return Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, Concurrent: 8, MaxWait: 3 * time.Second, Tries: 8, Pause: 5 * time.Millisecond}
}

// world is a simulated GitHub, a receiver and a client between them.
type world struct {
	*githubtest.Server
	t        *testing.T
	client   *Client
	store    *secret.Store
	receiver *receiver
	socket   string
	odd      bool // answers are not as published, on purpose
}

func newWorld(t *testing.T, repositories ...string) *world {
	t.Helper()
	return newWorldWith(t, githubtest.Options{}, repositories...)
}

func newWorldWith(t *testing.T, opts githubtest.Options, repositories ...string) *world {
	t.Helper()
	// The path of a socket is short, and t.TempDir's is not on every system.
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{t: t, socket: filepath.Join(dir, "s"), store: storeIn(filepath.Join(dir, "home"))}
	w.receiver = newReceiver(w.store)
	server := httptest.NewServer(w.receiver)
	t.Cleanup(server.Close)
	opts.Resolve = func(url string) string {
		if SameURL(url, hookURL) {
			return server.URL + "/webhook"
		}
		return ""
	}
	w.Server = githubtest.New(opts)
	t.Cleanup(w.Close)
	t.Cleanup(func() {
		if !w.odd {
			checkPublished(t, w.Requests())
		}
	})
	w.RateLimit(githubtest.RateLimit{Limit: 1 << 30, Remaining: 1 << 30, WritesPerMinute: 1 << 30, WritesPerHour: 1 << 30})
	if err := w.Start(w.socket); err != nil {
		t.Fatal(err)
	}
	for _, r := range repositories {
		w.AddRepository(r, githubtest.Repository{})
	}
	w.client = w.newClient(Config{})
	return w
}

// newClient makes a client of the simulation.
func (w *world) newClient(cfg Config) *Client {
	w.t.Helper()
	cfg.Host, cfg.Socket = "github.com", w.socket
	if cfg.Token == "" {
		cfg.Token = githubtest.DefaultToken
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = fast()
	}
	c, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func storeIn(home string) *secret.Store {
	return secret.NewStore(secret.Config{EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "state", "rotation.json"), Environ: func(string) string { return "" }})
}

func (w *world) setSecret(value string) {
	w.t.Helper()
	if err := w.store.SetCurrent(value); err != nil {
		w.t.Fatal(err)
	}
}

// request is the setup that most tests ask for.
func (w *world) request(targets ...string) SetupRequest {
	w.t.Helper()
	value, _, err := w.store.Current()
	if err != nil {
		w.t.Fatal(err)
	}
	r := SetupRequest{URL: hookURL, Events: []string{"push", "issues"}, Secret: value, Active: true, Wait: 3 * time.Second}
	for _, t := range targets {
		r.Targets = append(r.Targets, target(w.t, t))
	}
	return r
}

func target(t *testing.T, name string) Target {
	t.Helper()
	parsed, err := ParseTarget(name)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// setup makes hooks and returns them as GitHub lists them.
func (w *world) setup(targets ...string) []Hook {
	w.t.Helper()
	plan, err := w.client.PlanSetup(w.t.Context(), w.request(targets...))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.client.Apply(w.t.Context(), plan, w.receiver.confirm, nil); err != nil {
		w.t.Fatal(err)
	}
	var all []Hook
	for _, name := range targets {
		list, err := w.client.List(w.t.Context(), target(w.t, name))
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

// rotator is one of this world. The receiver reads its secrets again for every delivery, so it accepts what is saved.
func (w *world) rotator() *Rotator {
	return &Rotator{Client: w.client, Store: w.store, Accept: w.receiver.accept, Confirm: w.receiver.confirm, Wait: 3 * time.Second}
}

// received is one delivery that the receiver got.
type received struct {
	event, guid string
	hookID      int64
	fingerprint string // "" for a refused one
	at          time.Time
}

// receiver accepts what is signed with a key of its store, and remembers it.
type receiver struct {
	store *secret.Store
	now   func() time.Time

	mu      sync.Mutex
	got     []received
	changed chan struct{} // closed and replaced with every delivery
	status  int           // what it answers instead of looking, unless 0
}

func newReceiver(store *secret.Store) *receiver {
	return &receiver{store: store, now: time.Now, changed: make(chan struct{})}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	hookID, _ := strconv.ParseInt(req.Header.Get("X-GitHub-Hook-ID"), 10, 64)
	ring, err := r.store.Ring(r.now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	print, ok := ring.Match(body, req.Header.Get("X-Hub-Signature-256"), hookID, req.URL.Path, r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	r.got = append(r.got, received{req.Header.Get("X-GitHub-Event"), req.Header.Get("X-GitHub-Delivery"), hookID, print, time.Now()})
	close(r.changed)
	r.changed = make(chan struct{})
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// answer makes the receiver answer with a status without looking; 0 makes it work again.
func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) deliveries() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

// confirm is a Confirm over what was received.
func (r *receiver) confirm(ctx context.Context, hookID int64, fingerprint string, since time.Time) error {
	for {
		r.mu.Lock()
		changed := r.changed
		for i := len(r.got) - 1; i >= 0; i-- {
			d := r.got[i]
			if d.event == "ping" && d.hookID == hookID && d.fingerprint == fingerprint && !d.at.Before(since) {
				r.mu.Unlock()
				return nil
			}
		}
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// accept is what a reload of the receiver answers.
func (r *receiver) accept(_ context.Context, prints []string) error {
	ring, err := r.store.Ring(r.now())
	if err != nil {
		return err
	}
	have := make(map[string]bool)
	for _, p := range ring.Fingerprints(r.now()) {
		have[p] = true
	}
	for _, p := range prints {
		if !have[p] {
			return fmt.Errorf("%s is not accepted", p)
		}
	}
	return nil
}
