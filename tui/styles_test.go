package tui

import (
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// enter is a way to a screen, from an empty one that suits it.
type enter struct {
	name  string
	on    func(t testing.TB, w, h int) *appScreen
	visit func(*appScreen)
}

// everyState is all screens of the frame, and the boxes that its pages open,
// in the order of their names. The pages test the rest of theirs.
func everyState() []enter {
	var all []enter
	for name, f := range states() {
		all = append(all, enter{name, func(t testing.TB, w, h int) *appScreen { return shown(t, name, w, h) }, f})
	}
	for name, keys := range map[string][]string{
		"hooks": {"3"}, "hooks-delete": {"3", "D"}, "hooks-events": {"3", "m"}, "hooks-copy": {"3", "y"}, "hooks-find": {"3", "/"}, "deliveries": {"3", "enter"},
		"wizard": {"w"},
	} {
		all = append(all, enter{name, connected, func(s *appScreen) { s.Press(keys...) }})
	}
	slices.SortFunc(all, func(a, b enter) int { return strings.Compare(a.name, b.name) })
	return all
}

// connected is a screen on a simulated GitHub with a hook.
func connected(t testing.TB, w, h int) *appScreen {
	gh, dial := kittest.Simulated(t)
	gh.AddHook("octo-org/web", githubtest.Hook{Name: "web", Active: true, Events: hooks.DefaultEvents(),
		Config: githubtest.Config{URL: kittest.PublicURL, ContentType: "json", Secret: "0123456789abcdef", InsecureSSL: "0"}})
	return Full(t, w, h, func(c *Config) {
		c.Fleet = fleet.New(fleet.Config{Home: c.Home, Logs: c.Logs, Store: c.Store, Daemon: c.Daemon, GitHub: dial,
			PublicURL: c.Setup.URL, Repositories: c.Setup.Repositories, Now: c.Now})
	})
}

// The styles of every screen at every size, light and dark, as one hash each:
// a change of style shows which screens changed.
func TestStylesOfEveryScreen(t *testing.T) {
	kittest.RequireStyles(t, func(add func(string, *kittest.Screen, *kit.Theme)) {
		for _, st := range everyState() {
			s := st.on(t, 80, 24)
			st.visit(s)
			add(st.name, s.Screen, s.Theme)
		}
	})
}
