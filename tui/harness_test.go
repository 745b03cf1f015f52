package tui

import (
	"context"
	"os"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/tunnel"
	"hookctl/server/doctor"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
	"hookctl/tui/wizard"
)

// scratch is a directory that all tests share and none changes.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "hookctl-tui"); err != nil {
		panic(err)
	}
	code := kittest.Main(m)
	os.RemoveAll(scratch)
	os.Exit(code)
}

// appScreen is the whole interface on a screen.
type appScreen struct {
	*kittest.Screen
	*app
}

func newAppScreen(t testing.TB, a *app, w, h int) *appScreen {
	return &appScreen{kittest.NewScreen(t, a, w, h), a}
}

// appRig is the interface on a rig.
type appRig struct {
	*kittest.Rig
	*app
	cfg *kittest.Settings
}

func newAppRig(t *testing.T, repositories ...string) *appRig {
	t.Helper()
	r := kittest.NewRig(t, repositories...)
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, Config{Home: r.Cfg.Home, Logs: r.Cfg.Logs, Store: r.Cfg.Store, Daemon: r.Cfg.Daemon, Fleet: fleet.New(r.Cfg.Config), Theme: "dark",
		Setup: wizard.Defaults{Tunnels: tunnel.Finder{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}},
			SetupDefaults: fleet.SetupDefaults{Port: 9000, Agent: "orchestrator-amoa", Sink: "http://127.0.0.1:23000", Wait: 10 * time.Second,
				Probe: func(context.Context, string, string) error { return nil }}},
		Browse: func(string) error { return nil }})
	r.Model = a
	t.Cleanup(func() {
		r.Leave()
		stop()
		a.close()
	})
	return &appRig{r, a, r.Cfg}
}

// testConfig is a home of its own with an empty log.
func testConfig(t testing.TB) Config {
	cfg := kittest.QuietSettings(t)
	home := cfg.Home
	return Config{
		Home: home, Logs: cfg.Logs, Store: cfg.Store, Daemon: cfg.Daemon, Fleet: fleet.New(cfg.Config),
		Setup: wizard.Defaults{SetupDefaults: fleet.SetupDefaults{URL: "https://hooks.example.com/webhook", Repositories: []string{"octo-org/web"}}},
		Theme: "dark", Now: func() time.Time { return kittest.Noon },
		Browse: func(string) error { return nil },
	}
}

func newScreen(t testing.TB, cfg Config, w, h int) *appScreen {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a := newApp(ctx, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	t.Cleanup(func() {
		stop()
		a.close()
	})
	return newAppScreen(t, a, w, h)
}

// Full is a screen with events and a receiver that runs.
func Full(t testing.TB, w, h int, change ...func(*Config)) *appScreen {
	t.Helper()
	cfg := testConfig(t)
	for _, c := range change {
		c(&cfg)
	}
	if err := os.CopyFS(cfg.Logs.Dir, os.DirFS(kittest.SampleLogs(t))); err != nil {
		t.Fatal(err)
	}
	kittest.FillHome(t, cfg.Home, cfg.Store)
	cfg.Settings = sampleSettings()
	cfg.Checks = func(_ context.Context, progress func(doctor.Check)) {
		progress(doctor.Check{Name: "sign-in", Status: "ok", Detail: "octocat, with the scopes repo, admin:repo_hook"})
		progress(doctor.Check{Name: "receiver", Status: "fail", Detail: "the receiver is not running", Fix: "hookctl start"})
		progress(doctor.Check{Name: "secret age", Status: "warn", Detail: "the secret is 120 days old", Fix: "hookctl rotate --all"})
	}
	s := newScreen(t, cfg, w, h)
	status := kittest.RunningStatus()
	status.Secret = "9f9f5111" // that of the home
	status.Secrets = []string{status.Secret}
	s.Settle(s.heard(status, nil))
	return s
}
