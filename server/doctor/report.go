package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hookctl/logs/jsonfile"
)

// Report is what a run found. As JSON it is what state/doctor.json keeps.
type Report struct {
	At     time.Time `json:"at"` // when the last check was done; zero for a report that there is not yet
	Checks []Check   `json:"checks"`
}

func reportFile(home string) string { return filepath.Join(home, "state", "doctor.json") }

// keep writes the report where [Last] finds it. A home that does not exist is not created by looking at it.
func (r Report) keep(home string) error {
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := jsonfile.Write(reportFile(home), r); err != nil {
		return fmt.Errorf("keep the report of the checks: %w", err)
	}
	return nil
}

// Last is the report of the last run on all targets that was not cancelled, by whichever face; the zero Report where there is
// none yet.
func Last(home string) (Report, error) {
	r, err := jsonfile.Read[Report](reportFile(home))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Report{}, fmt.Errorf("read the report of the last checks: %w", err)
	}
	return r, nil
}

// about are the checks of a report with certain names.
func (r Report) about(named func(string) bool) []Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return !named(c.Name) })
}

// many is from how many targets on the ok ones are shown together.
const many = 6

// Short is the checks for people: with many targets, one line of each kind stands for those that are ok, so that the others can
// be seen beside it.
func (r Report) Short() []Check {
	targets, fine := map[string]int{}, map[string]int{}
	for _, c := range r.Checks {
		if ofTarget(c.Name) {
			k, _, _ := strings.Cut(c.Name, " of ")
			targets[k]++
			if c.Status == OK {
				fine[k]++
			}
		}
	}
	if targets[string(ofHook)] < many {
		return r.Checks
	}
	short := slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c.Status == OK && ofTarget(c.Name) })
	for _, k := range kinds() {
		if n := fine[string(k)]; n > 0 {
			short = append(short, ok("ok on %d of %d repositories; --json shows each", n, targets[string(k)]).named(string(k)))
		}
	}
	return short
}
