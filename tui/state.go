package tui

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"

	"hookctl/logs"
)

// state is what the interface remembers from one run to the next.
type state struct {
	Page         string   `json:"page"`
	Filter       string   `json:"filter,omitempty"`
	History      []string `json:"history,omitempty"`
	Share        int      `json:"share,omitempty"`
	Hidden       bool     `json:"hidden,omitempty"`
	NoMouse      bool     `json:"no_mouse,omitempty"`
	Repositories []string `json:"repositories,omitempty"`
}

// readState is what was remembered, where it can be read.
func (c Config) readState() (s state, ok bool) {
	b, err := os.ReadFile(c.stateFile())
	return s, err == nil && json.Unmarshal(b, &s) == nil
}

// writeState remembers; the directory is the receiver's own.
func (c Config) writeState(s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := c.stateFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("remember page and filter: %w", err)
	}
	if err := maybe.WriteFile(path, b, 0o600); err != nil {
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
	for i, p := range a.pages {
		if p.name() == s.Page {
			a.at = i
		}
	}
	ev := a.events()
	if f, err := logs.ParseFilter(s.Filter, a.cfg.Now()); err == nil {
		ev.feed.filter = f
	}
	ev.history, ev.hidden = s.History, s.Hidden
	if s.Share >= 20 && s.Share <= 80 {
		ev.share = s.Share
	}
	a.mouse = a.mouse && !s.NoMouse
	a.hooks().restoreRepositories(s.Repositories)
}

// save writes the state.
func (a *app) save() error {
	ev := a.events()
	return a.cfg.writeState(state{Page: a.pages[a.at].name(), Filter: ev.feed.filter.String(), History: ev.history, Share: ev.share,
		Hidden: ev.hidden, NoMouse: !a.mouse && !a.cfg.NoMouse, Repositories: a.hooks().repositories()})
}

// close waits for work under way, which ends because the context did, takes
// half an export away, and lets go of the log.
func (a *app) close() {
	a.jobs.wait()
	if e := a.events().export; e != nil && !e.named {
		e.drop()
	}
	if a.log != nil {
		a.log.Close() //nolint:errcheck,gosec // only read from
	}
}

func (a *app) home() *homePage         { return a.pages[0].(*homePage) }
func (a *app) events() *eventsPage     { return a.pages[1].(*eventsPage) }
func (a *app) hooks() *hooksPage       { return a.pages[2].(*hooksPage) }
func (a *app) receiver() *receiverPage { return a.pages[3].(*receiverPage) }
