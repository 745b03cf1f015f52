package kit

import (
	"fmt"
	"net/url"

	tea "charm.land/bubbletea/v2"
)

// WebAddress reports whether s is an address that a browser may open. Text
// from outside must not choose another program through its scheme.
func WebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Browse opens a page in the browser.
func (s *Shell) Browse(address string) tea.Cmd {
	if !WebAddress(address) {
		return s.Warn("this is no address for a browser")
	}
	open := s.cfg.Browse
	return func() tea.Msg {
		if err := open(address); err != nil {
			return Failure{fmt.Errorf("open the browser: %w", err)}
		}
		return Notice("opened in the browser")
	}
}
