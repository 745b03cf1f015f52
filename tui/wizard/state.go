package wizard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// wizardState is what a wizard that was left is taken up from. It holds no
// secret: a new one that was not saved yet is simply made again.
type wizardState struct {
	Step         int      `json:"step"`
	Repositories []string `json:"repositories"`
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	Nobody       bool     `json:"notify_nobody"`
	Agent        string   `json:"agent"`
}

// wizardRestored is the state that was found; nil for none.
type wizardRestored struct {
	of    *Wizard
	state *wizardState
}

func (c Config) wizardFile() string { return filepath.Join(c.Home, "run", "wizard.json") }

// stateFile is the file of a wizard. Commands run at the same time, so each
// carries a number, and an older one never undoes what a newer one wrote.
type stateFile struct {
	path string
	mu   sync.Mutex
	last int
}

// put writes the content, or removes the file where that is nil.
func (f *stateFile) put(number int, content []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.last {
		return nil
	}
	f.last = number
	if content == nil {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the answers: %w", err)
		}
		return nil
	}
	err := os.MkdirAll(filepath.Dir(f.path), 0o700)
	if err == nil {
		err = maybe.WriteFile(f.path, content, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	return nil
}

// keep writes a state.
func (f *stateFile) keep(number int, s wizardState) error {
	b, err := json.Marshal(s)
	if err == nil {
		err = f.put(number, append(b, '\n'))
	}
	return err
}

// save keeps what is chosen.
func (w *Wizard) save() tea.Cmd {
	s := wizardState{
		Step: w.at, Repositories: w.repos.pick.Picked(), URL: w.address.url(), Events: w.events.pick.Picked(),
		Nobody: w.notify.at == notifyNobody, Agent: w.notify.agent(),
	}
	w.saves++
	file, number := w.file, w.saves
	return func() tea.Msg {
		if err := file.keep(number, s); err != nil {
			return kit.Failure{Err: err}
		}
		return nil
	}
}

// forget removes the state: the wizard is done.
func (w *Wizard) forget() tea.Cmd {
	w.saves++
	file, number := w.file, w.saves
	return func() tea.Msg {
		if err := file.put(number, nil); err != nil {
			return kit.Failure{Err: err}
		}
		return nil
	}
}

// restore reads the state. One that cannot be read is none: it is a
// convenience, not data.
func (w *Wizard) restore() tea.Cmd {
	file := w.file.path
	return func() tea.Msg {
		return wizardRestored{w, readWizard(file)}
	}
}

// readWizard reads the state, nil where there is none.
func readWizard(file string) *wizardState {
	b, err := os.ReadFile(file) // #nosec G304 -- our own file below the home
	var s wizardState
	if err != nil || json.Unmarshal(b, &s) != nil {
		return nil
	}
	return &s
}

// restored takes the state up, and goes on there once the sign-in holds.
func (w *Wizard) restored(m wizardRestored) tea.Cmd {
	if m.of != w || m.state == nil || w.at != stepSignIn {
		return nil
	}
	s := m.state
	for _, name := range s.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil {
			w.repos.pick.On[t.String()] = true
		}
	}
	w.repos.pick.Set(w.repos.pick.Items)
	if s.URL != "" {
		w.address.choose(text.Clean(s.URL))
		w.address.touched = true
	}
	if len(s.Events) > 0 {
		clear(w.events.pick.On)
		for _, e := range s.Events {
			w.events.pick.On[text.Clean(e)] = true
		}
		w.events.pick.Set(EventItems(w.events.orgs))
	}
	if s.Agent != "" {
		w.notify.input.SetValue(text.Clean(s.Agent))
	}
	if s.Nobody {
		w.notify.at = notifyNobody
	}
	// The receiver may have stopped since, and GitHub have changed.
	w.goal = min(s.Step, stepReceiver)
	if w.signIn.ok() {
		return w.jump()
	}
	return nil
}

// jump goes on where the wizard was left.
func (w *Wizard) jump() tea.Cmd {
	if _, err := w.address.check(); err != nil { // also one that was insisted on: it is asked for again
		w.goal = min(w.goal, stepURL)
	}
	w.at, w.goal = w.goal, 0
	if w.at == stepSignIn {
		return nil
	}
	return tea.Batch(w.steps[w.at].open(), w.repos.open(), w.shell.Say("going on where you left; esc goes back"))
}
