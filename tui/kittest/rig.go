package kittest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/server/host"
)

// PublicURL is where the simulated GitHub sends to; it leads to the receiver
// of the home.
const PublicURL = "https://hooks.example.com/webhook"

// Rig is the interface on a simulated GitHub, with a small receiver of its
// own. Commands run as in the program: at the same time, their answers one by
// one.
type Rig struct {
	T *testing.T
	driver
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
		if err := receive(home); err != nil {
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
	var err error
	if temp, err = os.MkdirTemp("", "hookctl-kittest"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it is temporary
	return m.Run()
}

// temp is for what is made once for all tests of a package.
var temp string

// receiverHome names the variable that says which home a test's program is the receiver of.
const receiverHome = "HOOKCTL_TEST_RECEIVER"

// NewRig makes a home and a GitHub with these repositories. It needs a Model,
// and a TestMain that calls Main.
func NewRig(t *testing.T, repositories ...string) *Rig {
	t.Helper()
	r := (&Rig{}).Another(t)
	all := map[string]githubtest.Repository{}
	for _, name := range repositories {
		all[name] = githubtest.Repository{}
	}
	limits := hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, MaxWait: time.Second, Tries: 3, Pause: 5 * time.Millisecond}
	gh, dir, dial := listening(t, githubtest.Options{AllowLocal: true, Resolve: func(url string) string {
		if !strings.HasPrefix(url, "https://hooks.example.com/") {
			return url
		}
		status, err := daemon.Dial(r.Home).Status(context.Background())
		if err != nil {
			return ""
		}
		return "http://" + status.Address + strings.TrimPrefix(url, "https://hooks.example.com")
	}}, limits, all)
	gh.RateLimit(githubtest.RateLimit{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 20})
	home := filepath.Join(dir, "home")
	r.GitHub, r.Home = gh, home
	r.Cfg = &Settings{Dial: dial, Theme: "dark", Config: fleet.Config{
		Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}, Store: StoreAt(home),
		Daemon: daemon.Config{Home: home, Executable: os.Args[0], Env: append(os.Environ(), receiverHome+"="+home)},
		GitHub: func() (*hooks.Client, error) { return r.Cfg.Dial("github.com") },
	}}
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
	other.send = other.Handle
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

// receive is the receiver that daemon.Start runs. It is signed in nowhere.
func receive(home string) error {
	return host.Run(context.Background(), host.Config{Daemon: daemon.Config{Home: home}, Stderr: io.Discard, Load: func() (*host.Settings, error) {
		keys, err := StoreAt(home).Ring(time.Now())
		return &host.Settings{Bind: "127.0.0.1", PublicURL: PublicURL, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs")}, Store: StoreAt(home),
			Server: server.Config{Keys: keys}, Fleet: fleet.Config{Home: home, Store: StoreAt(home), GitHub: signedOut}}, err
	}})
}

// signedOut is no login.
func signedOut() (*hooks.Client, error) { return nil, hooks.ErrNotLoggedIn }
