package events

import (
	"context"
	"os"
	"testing"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// pageScreen is the page on a screen.
type pageScreen struct {
	*kittest.Screen
	*kittest.World
	events  *Page
	arrived []logs.Entry // what came in later
}

// newEventScreen shows the page; saved and save are its saved filters.
func newEventScreen(t testing.TB, cfg kittest.Settings, w, h int, saved map[string]string, save func(context.Context, string, string) error) *pageScreen {
	t.Helper()
	a := kittest.NewWorld(t, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	p := New(a.Shell, Config{Filters: saved, SaveFilter: save, Log: &a.Log, Receiver: &a.Status,
		Address: func() string { return "http://127.0.0.1:9000" }})
	a.Put(p)
	return &pageScreen{Screen: kittest.NewScreen(t, a, w, h), World: a, events: p}
}

// eventful is a screen with events and a receiver that runs.
func eventful(t testing.TB, w, h int, change ...func(*kittest.Settings)) *pageScreen {
	t.Helper()
	cfg := kittest.FullSettings(t)
	for _, c := range change {
		c(&cfg)
	}
	s := newEventScreen(t, cfg, w, h, nil, nil)
	s.Send(kittest.Says(kittest.RunningStatus(), nil))
	return s
}
