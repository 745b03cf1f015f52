package webhooks

import (
	"context"
	"errors"
	"os"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// pageScreen is the page on a screen.
type pageScreen struct {
	*kittest.Screen
	*kittest.World
	hooks *Page
}

func hooksOf(a *kittest.World) *Page {
	fetch := func(ctx context.Context, r fleet.CatchUpRequest) (fleet.CatchUpReport, error) {
		return a.Fleet.CatchUp(ctx, r, func(context.Context, hooks.Hook, hooks.Delivery) (string, bool, error) {
			return "", false, errors.New("nothing records here")
		})
	}
	p := New(a.Shell, Config{Fleet: a.Fleet, CatchUp: fetch, Log: &a.Log, Receiver: &a.Status, Events: eventLines, Poll: a.Poll})
	a.Put(p)
	return p
}

// eventLines are the events to choose from.
func eventLines(org bool) []kit.Choice {
	var first, rest []kit.Choice
	for _, e := range hooks.Events() {
		switch {
		case e.OrgOnly && !org || e.Name == "ping":
		case e.Default:
			first = append(first, kit.Choice{ID: e.Name, Right: e.Sentence})
		default:
			rest = append(rest, kit.Choice{ID: e.Name, Right: e.Sentence})
		}
	}
	return append(first, rest...)
}

func newHookScreen(t testing.TB, cfg kittest.Settings, w, h int) *pageScreen {
	t.Helper()
	a := kittest.NewWorld(t, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	p := hooksOf(a)
	return &pageScreen{kittest.NewScreen(t, a, w, h), a, p}
}

// hooked is a screen on a simulated GitHub, with a receiver that runs.
func hooked(t testing.TB, w, h int, change ...func(*kittest.Settings)) *pageScreen {
	t.Helper()
	cfg := kittest.FullSettings(t)
	_, cfg.GitHub = kittest.Simulated(t)
	for _, c := range change {
		c(&cfg)
	}
	s := newHookScreen(t, cfg, w, h)
	s.Send(kittest.Says(kittest.RunningStatus(), nil))
	return s
}

// pageRig is the page on a rig.
type pageRig struct {
	*kittest.Rig
	*kittest.World
	cfg   *kittest.Settings
	hooks *Page
}

func newHookRig(t *testing.T, repositories ...string) *pageRig {
	t.Helper()
	r := kittest.NewRig(t, repositories...)
	r.Cfg.PublicURL, r.Cfg.Repositories = kittest.PublicURL, repositories
	return hooksOn(t, r, *r.Cfg)
}

// hooksOn is the page on a rig that may have had another one.
func hooksOn(t *testing.T, r *kittest.Rig, cfg kittest.Settings) *pageRig {
	a := kittest.NewWorld(t, cfg)
	p := hooksOf(a)
	r.Model = a
	return &pageRig{r, a, r.Cfg, p}
}
