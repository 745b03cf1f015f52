package wizard

import (
	"context"
	"os"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/tunnel"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// wizardDesk opens the wizard as the app does.
type wizardDesk struct {
	*kittest.World
	setup  *Defaults
	wizard *Wizard
}

func newWizardDesk(a *kittest.World, setup *Defaults) *wizardDesk {
	d := &wizardDesk{World: a, setup: setup}
	a.SetUp = func() tea.Cmd {
		if d.wizard != nil && !d.wizard.Over {
			return d.wizard.Resume()
		}
		d.wizard = d.newWizard()
		return d.wizard.Start()
	}
	return d
}

func (d *wizardDesk) newWizard() *Wizard {
	a := d.World
	return New(a.Shell, Config{
		Home: a.Cfg.Home, Fleet: fleet.New(a.Cfg.Config), Store: a.Cfg.Store, Setup: d.setup,
		Log: &a.Log, Receiver: &a.Status, Poll: a.Poll,
		Done: func(address string) tea.Cmd {
			d.setup.URL = address
			return a.Poll(false)
		},
	})
}

// wizardScreen is the wizard on a screen.
type wizardScreen struct {
	*kittest.Screen
	*wizardDesk
}

// View is the screen.
func (s *wizardScreen) View() tea.View { return s.World.View() }

// wizarded is a screen on a simulated GitHub, with a receiver that runs.
func wizarded(t testing.TB, w, h int, change ...func(*kittest.Settings)) *wizardScreen {
	t.Helper()
	cfg := kittest.FullSettings(t)
	_, cfg.GitHub = kittest.Simulated(t)
	for _, c := range change {
		c(&cfg)
	}
	a := kittest.NewWorld(t, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	d := newWizardDesk(a, &Defaults{Tunnels: noTunnels(), SetupDefaults: fleet.SetupDefaults{
		URL: cfg.PublicURL, Repositories: cfg.Repositories, Port: 9000, Agent: "orchestrator-amoa", Sink: "http://127.0.0.1:23000", Wait: 30 * time.Second, Trust: true}})
	s := kittest.NewScreen(t, a, w, h)
	s.Send(kittest.Says(kittest.RunningStatus(), nil))
	return &wizardScreen{s, d}
}

// noTunnels looks where no tunnel can be found.
func noTunnels() tunnel.Finder {
	return tunnel.Finder{NgrokAPI: []string{"http://127.0.0.1:1"}, Cloudflared: []string{"http://127.0.0.1:1"}}
}

// wizardRig is the wizard on a rig.
type wizardRig struct {
	*kittest.Rig
	*wizardDesk
	cfg    *kittest.Settings
	events string // how toReview answers which events: "without check_run", or as they are
}

func newWizardRig(t *testing.T, repositories ...string) *wizardRig {
	t.Helper()
	r := kittest.NewRig(t, repositories...)
	return wizardOn(t, r)
}

// wizardOn is the wizard on a rig that may have had another one.
func wizardOn(t *testing.T, r *kittest.Rig) *wizardRig {
	a := kittest.NewWorld(t, *r.Cfg)
	d := newWizardDesk(a, &Defaults{Tunnels: noTunnels(), SetupDefaults: fleet.SetupDefaults{Port: 9000, Agent: "orchestrator-amoa", Sink: "http://127.0.0.1:23000", Wait: 10 * time.Second,
		Probe: func(context.Context, string, string) error { return nil }}})
	r.Model = a
	return &wizardRig{Rig: r, wizardDesk: d, cfg: r.Cfg}
}
