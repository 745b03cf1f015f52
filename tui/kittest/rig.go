package kittest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// PublicURL is where the simulated GitHub sends to; it leads to the receiver
// of the home.
const PublicURL = "https://hooks.example.com/webhook"

// Rig is the interface on a simulated GitHub, with a small receiver of its
// own. Commands run as in the program: at the same time, their answers one by
// one.
type Rig struct {
	T *testing.T
	tea.Model
	GitHub *githubtest.Server
	Home   string
	Cfg    *Settings
	msgs   chan tea.Msg
	quit   chan struct{}
	left   sync.Once
}

// Main runs the tests of a package: at one time zone, as one who is signed in nowhere and has a gh to sign in with,
// whatever the machine has. Where a rig starts the test's own program as the receiver, it is that instead.
func Main(m *testing.M) int {
	if home := os.Getenv(receiverHome); home != "" {
		if len(os.Args) > 1 { // a test that has it fail
			fmt.Fprintln(os.Stderr, "unknown arguments:", os.Args[1:])
			return 2
		}
		if err := ReceiveAt(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	time.Local = time.UTC
	for name, value := range map[string]string{"GH_PATH": "/usr/bin/gh", "GH_TOKEN": "", "GITHUB_TOKEN": "", "GH_CONFIG_DIR": os.DevNull} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	for _, dir := range []string{large.temp, samples.dir} { // removing "" does nothing
		_ = os.RemoveAll(dir)
	}
	return code
}

// receiverHome names the variable that says which home a test's program is the receiver of.
const receiverHome = "HOOKCTL_TEST_RECEIVER"

// NewRig makes a home and a GitHub with these repositories. It needs a Model,
// and a TestMain that calls Main.
func NewRig(t *testing.T, repositories ...string) *Rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	r := &Rig{T: t, Home: home, msgs: make(chan tea.Msg, 64), quit: make(chan struct{})}
	r.GitHub = githubtest.New(githubtest.Options{AllowLocal: true, Resolve: func(url string) string {
		if !strings.HasPrefix(url, "https://hooks.example.com/") {
			return url
		}
		status, err := daemon.Dial(home).Status(context.Background())
		if err != nil {
			return ""
		}
		return "http://" + status.Address + strings.TrimPrefix(url, "https://hooks.example.com")
	}})
	t.Cleanup(r.GitHub.Close)
	r.GitHub.RateLimit(githubtest.RateLimit{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 20})
	for _, name := range repositories {
		r.GitHub.AddRepository(name, githubtest.Repository{})
	}
	socket := filepath.Join(dir, "gh.sock")
	if err := r.GitHub.Start(socket); err != nil {
		t.Fatal(err)
	}
	limits := hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, MaxWait: time.Second, Tries: 3, Pause: 5 * time.Millisecond}
	r.Cfg = &Settings{
		Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}, Store: StoreAt(home),
		Daemon: daemon.Config{Home: home, Executable: os.Args[0], Env: append(os.Environ(), receiverHome+"="+home)},
		Dial: func(host string) (*hooks.Client, error) {
			return hooks.New(hooks.Config{Host: host, Token: githubtest.DefaultToken, Socket: socket, Limits: limits})
		},
		Theme: "dark",
	}
	r.Cfg.Hooks = func() (*hooks.Client, error) { return r.Cfg.Dial("github.com") }
	t.Cleanup(func() {
		r.Leave()
		if err := daemon.Stop(context.Background(), r.Cfg.Daemon); err != nil && !errors.Is(err, daemon.ErrNotRunning) {
			t.Error(err)
		}
	})
	return r
}

// Another is the same rig for another model.
func (r *Rig) Another(t *testing.T) *Rig {
	other := &Rig{T: t, GitHub: r.GitHub, Home: r.Home, Cfg: r.Cfg, msgs: make(chan tea.Msg, 64), quit: make(chan struct{})}
	t.Cleanup(other.Leave)
	return other
}

// Leave is the end of the program: nobody takes messages any more.
func (r *Rig) Leave() { r.left.Do(func() { close(r.quit) }) }

// Start opens the interface.
func (r *Rig) Start() {
	r.Handle(tea.WindowSizeMsg{Width: 80, Height: 24})
	r.Run(r.Init())
}

// Run has a command done and its message queued.
func (r *Rig) Run(cmd tea.Cmd) {
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

// Handle gives a message to the model and runs what comes of it.
func (r *Rig) Handle(msg tea.Msg) {
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, c := range batch {
			r.Run(c)
		}
		return
	}
	_, cmd := r.Update(msg)
	r.Run(cmd)
	r.View()
}

// Press sends keys by their names.
func (r *Rig) Press(keys ...string) {
	for _, k := range keys {
		r.Handle(Key(k))
	}
}

// Typed sends each character of text as a key.
func (r *Rig) Typed(text string) {
	for _, c := range text {
		r.Press(string(c))
	}
}

// Until handles messages until a condition holds.
func (r *Rig) Until(what string, holds func() bool) {
	r.T.Helper()
	late := time.After(90 * time.Second) // a healthy run never comes near it
	for !holds() {
		select {
		case msg := <-r.msgs:
			r.Handle(msg)
		case <-late:
			r.T.Fatalf("waited for %s without success:\n%s", what, r.Text())
		}
	}
}

// Shows waits until the screen has the text.
func (r *Rig) Shows(want string) {
	r.T.Helper()
	r.Until(strconv.Quote(want), func() bool { return strings.Contains(r.Text(), want) })
}

// Text is the screen without styles.
func (r *Rig) Text() string {
	lines := strings.Split(ansi.Strip(r.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// Receive starts the receiver and waits until the interface knows.
func (r *Rig) Receive() daemon.Status {
	r.T.Helper()
	status, err := daemon.Start(context.Background(), r.Cfg.Daemon)
	if err != nil {
		r.T.Fatal(err)
	}
	return status
}

// Hook puts a hook on a repository that delivers here, with the current secret.
func (r *Rig) Hook(repository string) int64 {
	r.T.Helper()
	value, _, err := r.Cfg.Store.Current()
	if err != nil {
		r.T.Fatal(err)
	}
	return r.GitHub.AddHook(repository, githubtest.Hook{Name: "web", Active: true, Events: hooks.DefaultEvents(),
		Config: githubtest.Config{URL: PublicURL, ContentType: "json", Secret: value, InsecureSSL: "0"}})
}

// ReceiveAt is the receiver that daemon.Start runs, as small as the interface
// needs it.
func ReceiveAt(home string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	inst, err := daemon.Lock(daemon.Config{Home: home})
	if err != nil {
		return err
	}
	defer inst.Close()
	store := StoreAt(home)
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
			return daemon.Status{Address: ln.Addr().String(), Secret: prints[0], Secrets: prints, Instance: "test-instance", PublicURL: PublicURL}
		},
		Reload: reload, Stop: stop,
		Extra: map[string]http.Handler{"POST /tunnel": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"url":"https://hooks.example.com"}`)
		}), "POST /ingest": ingest(w)},
	})
}

// ingest records what came another way than over the network.
func ingest(w *logs.Writer) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		var record logs.Record
		err := json.NewDecoder(req.Body).Decode(&record)
		if err == nil {
			err = w.Append(req.Context(), &record)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(rw).Encode(map[string]string{"file": record.File})
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
