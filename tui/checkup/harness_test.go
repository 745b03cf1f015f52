package checkup

import (
	"context"
	"os"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/doctor"
	"hookctl/tui/kit"
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

func shots() kittest.States[*pageScreen] {
	return kittest.States[*pageScreen]{List: doctorStates(), Open: checking, Of: func(s *pageScreen) (*kittest.Screen, *kit.Shell) { return s.Screen, s.Shell }}
}

func TestGoldenScreensOfDoctor(t *testing.T) { shots().Golden(t) }

func TestEverySizeOfDoctorFits(t *testing.T) { shots().Fit(t) }

func TestStylesOfEveryScreen(t *testing.T) { shots().Styles(t) }
