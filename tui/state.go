package tui

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"hookctl/logs/jsonfile"
	"hookctl/tui/events"
)

// state is what the interface remembers from one run to the next.
type state struct {
	Page string `json:"page"`
	events.State
	NoMouse bool `json:"no_mouse,omitempty"`
}

// stateFile is where page, filter and recent filters are kept between runs.
func (c Config) stateFile() string { return filepath.Join(c.Home, "state", "tui.json") }

// restore puts page, filter and history back. What cannot be read is left out:
// it is a convenience, not data.
func (a *app) restore() {
	s, err := jsonfile.Read[state](a.cfg.stateFile())
	if errors.Is(err, fs.ErrNotExist) { // earlier versions kept it where things may vanish
		s, err = jsonfile.Read[state](filepath.Join(a.cfg.Home, "run", "tui.json"))
	}
	if err != nil {
		return
	}
	for i, p := range a.Pages {
		if p.Name() == s.Page {
			a.At = i
		}
	}
	a.events.Restore(s.State)
	a.Mouse = a.Mouse && !s.NoMouse
}

// save writes the state.
func (a *app) save() error {
	err := jsonfile.Write(a.cfg.stateFile(), state{Page: a.Pages[a.At].Name(), State: a.events.State(), NoMouse: !a.Mouse && !a.cfg.NoMouse})
	if err != nil {
		return fmt.Errorf("remember page and filter: %w", err)
	}
	return nil
}

// close waits for work under way, which ends because the context did, and lets go of the log.
func (a *app) close() {
	a.Close()
	if a.log.Value != nil {
		a.log.Value.Close() //nolint:errcheck,gosec // only read from
	}
}
