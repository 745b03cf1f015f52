package kittest

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// Settings are what a test gives a world.
type Settings struct {
	fleet.Config
	Dial  func(host string) (*hooks.Client, error) // the simulated GitHub by another host name; of a Rig only
	Theme string
	ASCII bool
}

// World is a tea.Model around the page under test, as the interface is around
// all of them: it opens the log, watches it, and asks the receiver. The other
// pages are blank.
type World struct {
	*kit.Shell
	Cfg    Settings
	Fleet  *fleet.Fleet // of the settings, as they were when the world was made
	Log    kit.Answer[*logs.Log]
	Status kit.Answer[daemon.Status]
	news   <-chan []logs.Entry
	SetUp  func() tea.Cmd     // opens what w opens
	Stop   context.CancelFunc // ends what the world started
}

// QuietSettings are a home of its own with an empty log, at noon.
func QuietSettings(t testing.TB) Settings {
	home := t.TempDir()
	return Settings{Theme: "dark", Config: fleet.Config{
		Home: home, Logs: logs.Config{Dir: filepath.Join(home, "webhook_logs"), Now: func() time.Time { return Noon }},
		Store: StoreAt(home), Daemon: daemon.Config{Home: home}, GitHub: signedOut, PublicURL: PublicURL, Repositories: []string{"octo-org/web"},
		Now: func() time.Time { return Noon },
	}}
}

// FullSettings are those of a home with events, a secret, and a receiver's log.
func FullSettings(t testing.TB) Settings {
	t.Helper()
	cfg := QuietSettings(t)
	if err := os.CopyFS(cfg.Logs.Dir, os.DirFS(SampleLogs(t))); err != nil {
		t.Fatal(err)
	}
	FillHome(t, cfg.Home, cfg.Store)
	return cfg
}

// FillHome gives a home a secret and a receiver's log.
func FillHome(t testing.TB, home string, store *secret.Store) {
	t.Helper()
	if err := store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	if err := store.NoteChanged(Noon); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(daemon.LogFile(home), []byte(SampleLog), 0o600); err != nil {
		t.Fatal(err)
	}
}

// StoreAt is the store of the secrets of a home.
func StoreAt(home string) *secret.Store {
	return secret.NewStore(secret.Config{EnvFile: filepath.Join(home, ".env"), RotationFile: filepath.Join(home, "state", "rotation.json"), Environ: func(string) string { return "" }})
}

// blank is a page that shows nothing.
type blank string

func (b blank) Name() string           { return string(b) }
func (b blank) Open(any) tea.Cmd       { return nil }
func (b blank) Update(tea.Msg) tea.Cmd { return nil }
func (b blank) View(_, _ int) string   { return "" }
func (b blank) Actions() []kit.Action  { return nil }

// NewWorld makes a world; give it its page with put. It ends with the test.
func NewWorld(t testing.TB, cfg Settings) *World {
	ctx, stop := context.WithCancel(context.Background())
	a := &World{Cfg: cfg, Fleet: fleet.New(cfg.Config), SetUp: func() tea.Cmd { return nil }, Stop: stop}
	a.Shell = kit.New(ctx, kit.Config{Theme: cfg.Theme, Ascii: cfg.ASCII, Now: cfg.Now, Cure: hooks.CureOf,
		SetUp: func() tea.Cmd { return a.SetUp() },
		Again: func() tea.Cmd { return a.Poll(false) }, Fresh: func() bool { return false }, Offer: func() []kit.Choice { return nil },
		Lamp: func() kit.Lamp {
			return kit.Lamp{Known: a.Status.Known, Running: a.Status.OK(), Stopped: a.Status.Err == daemon.ErrNotRunning, Address: a.Status.Value.Address}
		}})
	a.Pages = []kit.Page{blank(kit.PageHome), blank(kit.PageEvents), blank(kit.PageHooks), blank(kit.PageReceiver), blank(kit.PageDoctor)}
	t.Cleanup(func() {
		stop()
		a.Close()
		if a.Log.Value != nil {
			a.Log.Value.Close() //nolint:errcheck,gosec // only read from
		}
	})
	return a
}

// Put gives the world the page under test.
func (a *World) Put(p kit.Page) {
	for i, have := range a.Pages {
		if have.Name() == p.Name() {
			a.Pages[i] = p
		}
	}
}

// PublicURL is where GitHub reaches the receiver.
func (a *World) PublicURL() string {
	return cmp.Or(a.Status.Value.PublicURL, a.Cfg.PublicURL)
}

// Says is an answer of the receiver, as a message.
func Says(s daemon.Status, err error) tea.Msg {
	return kit.Answer[daemon.Status]{Value: s, Err: err, Known: true}
}

type pollAgain struct{}

// Poll asks the receiver how it is; again goes on with that.
func (a *World) Poll(again bool) tea.Cmd {
	ask := func() tea.Msg { return Says(daemon.Dial(a.Cfg.Home).Status(a.Ctx)) }
	if !again {
		return ask
	}
	return tea.Batch(ask, a.Waits(tea.Tick(200*time.Millisecond, func(time.Time) tea.Msg { return pollAgain{} })))
}

func (a *World) watch() tea.Msg {
	if batch, ok := <-a.news; ok {
		return kit.News[logs.Entry](batch)
	}
	return nil
}

// Init opens the log, asks the receiver, and opens the page in front.
func (a *World) Init() tea.Cmd {
	return tea.Batch(func() tea.Msg {
		l, err := logs.Open(a.Ctx, a.Cfg.Logs)
		return kit.Answer[*logs.Log]{Value: l, Err: err, Known: true}
	}, a.Poll(true), a.Pages[a.At].Open(nil))
}

// Update hands what the interface would hand to the page under test.
func (a *World) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if cmd, taken := a.Take(msg); taken {
		return a, cmd
	}
	var cmds []tea.Cmd
	switch m := msg.(type) {
	case pollAgain:
		return a, a.Poll(true)
	case kit.Answer[*logs.Log]:
		if a.Log = m; m.OK() {
			if ch, err := m.Value.Watch(a.Ctx); err == nil && a.news == nil {
				a.news = ch
				cmds = append(cmds, a.Waits(a.watch))
			}
			cmds = append(cmds, func() tea.Msg { m.Value.Ready(a.Ctx); return kit.Indexed{} }) //nolint:errcheck,gosec // only waited for
		}
	case kit.Answer[daemon.Status]:
		a.Status = m
	case kit.News[logs.Entry]:
		if a.news != nil {
			cmds = append(cmds, a.Waits(a.watch))
		}
	}
	cmds = append(cmds, a.Broadcast(msg))
	return a, tea.Batch(cmds...)
}

// View draws the screen.
func (a *World) View() tea.View { return a.Screen() }
