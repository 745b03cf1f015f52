package tui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"

	"hookctl/tui/events"
)

// state is what the interface remembers from one run to the next.
type state struct {
	Page string `json:"page"`
	events.State
	NoMouse bool `json:"no_mouse,omitempty"`
}

// readState is what was remembered, where it can be read.
func (c Config) readState() (s state, ok bool) {
	b, err := os.ReadFile(c.stateFile())
	if errors.Is(err, fs.ErrNotExist) { // earlier versions kept it where things may vanish
		b, err = os.ReadFile(filepath.Join(c.Home, "run", "tui.json"))
	}
	return s, err == nil && json.Unmarshal(b, &s) == nil
}

// writeState remembers; the directory is the receiver's own.
func (c Config) writeState(s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := c.stateFile()
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
		err = maybe.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember page and filter: %w", err)
	}
	return nil
}

// restore puts page, filter and history back. What cannot be read is left out:
// it is a convenience, not data.
func (a *app) restore() {
	s, ok := a.cfg.readState()
	if !ok {
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
	return a.cfg.writeState(state{Page: a.Pages[a.At].Name(), State: a.events.State(), NoMouse: !a.Mouse && !a.cfg.NoMouse})
}

// close waits for work under way, which ends because the context did, and lets go of the log.
func (a *app) close() {
	a.Close()
	if a.log.Value != nil {
		a.log.Value.Close() //nolint:errcheck,gosec // only read from
	}
}
