package tui

import (
	"fmt"
	"net/url"
	"slices"

	tea "charm.land/bubbletea/v2"
)

// webAddress reports whether s is an address that a browser may open. Text
// from outside must not choose another program through its scheme.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// browse opens a page in the browser.
func (a *app) browse(address string) tea.Cmd {
	if !webAddress(address) {
		return a.warn("this is no address for a browser")
	}
	open := a.cfg.Browse
	return func() tea.Msg {
		if err := open(address); err != nil {
			return failure{fmt.Errorf("open the browser: %w", err)}
		}
		return notice("opened in the browser")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
