package checkup

import (
	"context"
	"os"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/doctor"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// pageScreen is the page on a screen.
type pageScreen struct {
	*kittest.Screen
	*kittest.World
	doctor *Page
}

// checking is a screen whose checks find what is wrong.
func checking(t testing.TB, w, h int, change ...func(*kittest.Settings)) *pageScreen {
	t.Helper()
	cfg := kittest.FullSettings(t)
	for _, c := range change {
		c(&cfg)
	}
	a := kittest.NewWorld(t, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	nothing := func() tea.Cmd { return nil }
	p := New(a.Shell, Config{Start: nothing, Restart: nothing, Reload: nothing, Checks: func(_ context.Context, progress func(doctor.Check)) {
		progress(doctor.Check{Name: "sign-in", Status: "ok", Detail: "octocat, with the scopes repo, admin:repo_hook"})
		progress(doctor.Check{Name: "receiver", Status: "fail", Detail: "the receiver is not running", Fix: "hookctl start"})
		progress(doctor.Check{Name: "secret age", Status: "warn", Detail: "the secret is 120 days old", Fix: "hookctl rotate --all"})
	}})
	a.Put(p)
	s := kittest.NewScreen(t, a, w, h)
	s.Send(kittest.Says(kittest.RunningStatus(), nil))
	return &pageScreen{s, a, p}
}

// doctorStates are the page with many checks.
func doctorStates() map[string]func(*pageScreen) {
	return map[string]func(*pageScreen){
		"doctor-many": examined,
		"doctor-find": func(s *pageScreen) { examined(s); s.Press("/"); s.Typed("west-03 deliv") },
	}
}

// The screens as people see them, at any size, and their actions.
func TestGoldenScreensOfDoctor(t *testing.T) {
	for name, enter := range doctorStates() {
		t.Run(name, func(t *testing.T) {
			kittest.RequireScreens(t, func(w, h int, ascii bool) *kittest.Screen {
				s := checking(t, w, h, func(c *kittest.Settings) { c.ASCII = ascii })
				enter(s)
				return s.Screen
			})
			s := checking(t, 80, 24)
			enter(s)
			kittest.RequireWhole(t, s.Actions())
			kittest.RequireFits(t, s.Screen)
		})
	}
}

// The styles of every screen at every size, as one hash each.
func TestStylesOfEveryScreen(t *testing.T) {
	styles := kittest.NewStyles(t)
	for name, enter := range doctorStates() {
		s := checking(t, 80, 24)
		enter(s)
		styles.Add(name, s.Screen, s.Theme)
	}
	styles.RequireEqual()
}
