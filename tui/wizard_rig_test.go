package tui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// publicURL is where the simulated GitHub sends to; it leads to the receiver
// of the home.
const publicURL = "https://hooks.example.com/webhook"

// rig is the interface on a simulated GitHub, with a small receiver of its
// own. Commands run as in the program: at the same time, their answers one by
// one.
type rig struct {
	t *testing.T
	*app
	gh   *githubtest.Server
	home string
	msgs chan tea.Msg
	quit chan struct{}
}

// newRig makes a home and a GitHub with these repositories.
func newRig(t *testing.T, repositories ...string) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	r := &rig{t: t, home: home, msgs: make(chan tea.Msg, 64), quit: make(chan struct{})}
	r.gh = githubtest.New(githubtest.Options{AllowLocal: true, Resolve: func(url string) string {
		if !strings.HasPrefix(url, "https://hooks.example.com/") {
			return url
		}
		status, err := daemon.Dial(home).Status(context.Background())
		if err != nil {
			return ""
		}
		return "http://" + status.Address + strings.TrimPrefix(url, "https://hooks.example.com")
	}})
	t.Cleanup(r.gh.Close)
	r.gh.RateLimit(githubtest.RateLimit{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 20})
	for _, name := range repositories {
		r.gh.AddRepository(name, githubtest.Repository{})
	}
	socket := filepath.Join(dir, "gh.sock")
	if err := r.gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	limits := hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, MaxWait: time.Second, Tries: 3, Pause: 5 * time.Millisecond}
	cfg := Config{
		Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}, Store: storeAt(home),
		Daemon: daemon.Config{Home: home, Executable: os.Args[0], Args: []string{"-test.run=^TestReceiverProcess$"}, Env: append(os.Environ(), "HOOKCTL_TEST_RECEIVER="+home)},
		Hooks: func() (*hooks.Client, error) {
			return hooks.New(hooks.Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: socket, Limits: limits})
		},
		Setup: SetupDefaults{Port: 9000, Agent: "orchestrator-amoa", Sink: "http://127.0.0.1:23000", Wait: 10 * time.Second,
			// Nothing listens on port 1, so no tunnel of this machine is found.
			Tunnels: hooks.Tunnels{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}},
			Probe:   func(context.Context, string, string) error { return nil }},
		Version: "v0.0.0-test", Theme: "dark", Browse: func(string) error { return nil },
	}
	ctx, stop := context.WithCancel(context.Background())
	r.app = newApp(ctx, cfg)
	t.Cleanup(func() {
		close(r.quit)
		stop()
		r.close()
		if err := daemon.Stop(context.Background(), cfg.Daemon); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
			t.Error(err)
		}
	})
	return r
}

// start opens the interface.
func (r *rig) start() {
	r.handle(tea.WindowSizeMsg{Width: 80, Height: 24})
	r.run(r.Init())
}

// run has a command done and its message queued.
func (r *rig) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		if msg == nil {
			return
		}
		select {
		case r.msgs <- msg:
		case <-r.quit:
		}
	}()
}

func (r *rig) handle(msg tea.Msg) {
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			r.run(c)
		}
		return
	}
	_, cmd := r.Update(msg)
	r.run(cmd)
	r.View()
}

// press sends keys by their names.
func (r *rig) press(keys ...string) {
	for _, k := range keys {
		r.handle(key(k))
	}
}

func (r *rig) typed(text string) {
	for _, c := range text {
		r.press(string(c))
	}
}

// until handles messages until a condition holds.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	late := time.After(30 * time.Second)
	for !holds() {
		select {
		case msg := <-r.msgs:
			r.handle(msg)
		case <-late:
			r.t.Fatalf("waited in vain for %s:\n%s", what, r.text())
		}
	}
}

// shows waits until the screen has the text.
func (r *rig) shows(want string) {
	r.t.Helper()
	r.until(strconv.Quote(want), func() bool { return strings.Contains(r.text(), want) })
}

func (r *rig) text() string {
	lines := strings.Split(ansi.Strip(r.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// receive starts the receiver and waits until the interface knows.
func (r *rig) receive() daemon.Status {
	r.t.Helper()
	status, err := daemon.Start(context.Background(), r.cfg.Daemon)
	if err != nil {
		r.t.Fatal(err)
	}
	return status
}

// hook puts a hook on a repository that delivers here, with the current secret.
func (r *rig) hook(repository string) int64 {
	r.t.Helper()
	value, _, err := r.cfg.Store.Current()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.gh.AddHook(repository, githubtest.Hook{Name: "web", Active: true, Events: hooks.DefaultEvents(),
		Config: githubtest.Config{URL: publicURL, ContentType: "json", Secret: value, InsecureSSL: "0"}})
}

func storeAt(home string) *secret.Store {
	return secret.NewStore(secret.Config{EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "run", "rotation.json"), Environ: func(string) string { return "" }})
}

// TestReceiverProcess is no test: it is the receiver that daemon.Start runs,
// as small as the interface needs it.
func TestReceiverProcess(t *testing.T) {
	home := os.Getenv("HOOKCTL_TEST_RECEIVER")
	if home == "" {
		return
	}
	if err := receiveAt(home); err != nil {
		t.Fatal(err)
	}
}

func receiveAt(home string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	inst, err := daemon.Lock(daemon.Config{Home: home})
	if err != nil {
		return err
	}
	defer inst.Close()
	store := storeAt(home)
	var ring atomic.Pointer[secret.Ring]
	reload := func(context.Context) error {
		keys, err := store.Ring(time.Now())
		if err == nil && keys.Empty() {
			err = errors.New("there is no secret")
		}
		if err == nil {
			ring.Store(keys)
		}
		return err
	}
	if err := reload(ctx); err != nil {
		return err
	}
	w, err := logs.OpenWriter(ctx, logs.Config{Dir: filepath.Join(home, "webhook_logs")})
	if err != nil {
		return err
	}
	defer w.Close()
	ln, err := inst.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: takeIn(w, &ring), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(ln) })
	defer serving.Wait()
	defer s.Close()
	return inst.Serve(ctx, daemon.Control{
		Status: func() daemon.Status {
			prints := ring.Load().Fingerprints(time.Now())
			return daemon.Status{Address: ln.Addr().String(), Secret: prints[0], Secrets: prints, Instance: "test-instance", PublicURL: publicURL}
		},
		Reload: reload, Stop: stop,
		Extra: map[string]http.Handler{"POST /tunnel": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"url":"https://hooks.example.com"}`)
		}), "POST /catchup": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })},
	})
}

// takeIn records what is signed with an accepted secret.
func takeIn(w *logs.Writer, ring *atomic.Pointer[secret.Ring]) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/healthz" {
			_ = json.NewEncoder(rw).Encode(map[string]string{"status": "ok", "instance": "test-instance", "nonce": req.URL.Query().Get("nonce")})
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		id, _ := strconv.ParseInt(req.Header.Get("X-GitHub-Hook-ID"), 10, 64)
		print, ok := ring.Load().Match(body, req.Header.Get("X-Hub-Signature-256"), id, req.URL.Path, time.Now())
		if !ok {
			http.Error(rw, "wrong signature", http.StatusUnauthorized)
			return
		}
		var payload struct {
			Repository struct {
				FullName string `json:"full_name"`
			}
		}
		_ = json.Unmarshal(body, &payload)
		err = w.Append(req.Context(), &logs.Record{
			EventType: req.Header.Get("X-GitHub-Event"), DeliveryID: req.Header.Get("X-GitHub-Delivery"), HookID: id, Source: logs.SourceDelivery,
			Signature: logs.Signature{Verified: true, Secret: print}, Summary: logs.Summary{Repository: payload.Repository.FullName}, Payload: body,
		})
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	})
}
