package line

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
)

// draft is what was answered so far. It holds no secret. Its file is that of the wizard of the full screen, so that one
// goes on where the other was left.
type draft struct {
	Step   int      `json:"step"`
	Chosen []string `json:"repositories"` // and organizations
	URL    string   `json:"url"`
	Events []string `json:"events"`
	Nobody bool     `json:"notify_nobody"`
	Agent  string   `json:"agent"`
}

// newDraft begins with what the settings say.
func newDraft(s Setup) draft {
	d := draft{Events: s.Events, Agent: s.Agent, Nobody: s.Agent == ""}
	d.add(s.Repositories)
	if len(d.Events) == 0 {
		d.Events = hooks.DefaultEvents()
	}
	return d
}

// add chooses repositories and organizations; what is none is left out.
func (d *draft) add(names []string) {
	for _, name := range names {
		if t, err := hooks.ParseTarget(name); err == nil && !slices.Contains(d.Chosen, t.String()) {
			d.Chosen = append(d.Chosen, t.String())
		}
	}
}

// targets are the chosen repositories and organizations.
func (d *draft) targets() []hooks.Target {
	list := make([]hooks.Target, 0, len(d.Chosen))
	for _, name := range d.Chosen {
		if t, err := hooks.ParseTarget(name); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// file is where the draft of a home is.
func (d *draft) file(home string) string { return filepath.Join(home, "run", "wizard.json") }

// load takes up what was answered before and returns the step to go on with. A file that cannot be read is none: it is a
// convenience, not data.
func (d *draft) load(home string) (goal int) {
	b, err := os.ReadFile(d.file(home)) // #nosec G304 -- our own file below the home
	var was draft
	if err != nil || json.Unmarshal(b, &was) != nil {
		return stepSignIn
	}
	d.add(was.Chosen)
	d.URL, d.Agent = cmp.Or(was.URL, d.URL), cmp.Or(was.Agent, d.Agent)
	if len(was.Events) > 0 {
		d.Events = was.Events
	}
	d.Nobody = was.Nobody || d.Agent == ""
	switch {
	case len(d.Chosen) == 0:
		return stepSignIn
	case d.URL == "": // a tunnel that was to be run is not kept
		return min(was.Step, stepURL)
	}
	return was.Step
}

// save keeps the answers up to a step.
func (d *draft) save(home string, step int) error {
	d.Step = step
	b, err := json.Marshal(d)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(d.file(home)), 0o700)
	}
	if err == nil {
		err = maybe.WriteFile(d.file(home), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("save the answers: %w", err)
	}
	return nil
}

// remove forgets the answers: everything is set up.
func (d *draft) remove(home string) error {
	if err := os.Remove(d.file(home)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the saved answers: %w", err)
	}
	return nil
}
