package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"hookctl/hooks"
	"hookctl/logs/jsonfile"
)

// Draft is what was answered so far in a setup that was left. It holds no secret. The wizard and line mode share it, so that
// one continues where the other was left.
type Draft struct {
	Step         int      `json:"step"`         // as the wizard counts
	Repositories []string `json:"repositories"` // and organizations
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	Nobody       bool     `json:"notify_nobody"`
	Agent        string   `json:"agent"`
	Also         []string `json:"notify_also,omitempty"`
}

// Add chooses repositories and organizations; what is not the name of one is left out.
func (d *Draft) Add(names ...string) {
	for _, name := range names {
		if t, err := hooks.ParseTarget(name); err == nil && !slices.Contains(d.Repositories, t.String()) {
			d.Repositories = append(d.Repositories, t.String())
		}
	}
}

// Targets are the chosen repositories and organizations.
func (d *Draft) Targets() []hooks.Target {
	var list []hooks.Target
	for _, name := range d.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// DraftFile keeps the draft of a home in run/wizard.json. Writers that run at the same time each carry a number, and an older
// one never undoes what a newer one wrote.
type DraftFile struct {
	path string
	mu   sync.Mutex
	last int
}

// NewDraftFile is the file of a home.
func NewDraftFile(home string) *DraftFile {
	return &DraftFile{path: filepath.Join(home, "run", "wizard.json")}
}

// Read gives the draft, and false where none can be read: it is a convenience, not data.
func (f *DraftFile) Read() (Draft, bool) {
	d, err := jsonfile.Read[Draft](f.path)
	return d, err == nil
}

// Save writes a draft, or removes the file for nil: everything is set up.
func (f *DraftFile) Save(number int, d *Draft) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.last {
		return nil
	}
	f.last = number
	if d == nil {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the saved answers: %w", err)
		}
		return nil
	}
	if err := jsonfile.Write(f.path, d); err != nil {
		return fmt.Errorf("save the answers: %w", err)
	}
	return nil
}
