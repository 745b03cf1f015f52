package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"hookctl/hooks"
)

// Modes of sync.
const (
	ModeOff     = "off"     // nothing is planned
	ModeSuggest = "suggest" // plans wait for a person: sync apply
	ModeAct     = "act"     // plans are carried out
)

// Settings are the block sync of the settings. The zero value is off.
type Settings struct {
	Mode         string
	Repositories []string // patterns of owner/name; empty means every target of the fleet
	CI           CISettings
	Merged       MergedSettings
	Blocked      BlockedSettings
	Board        BoardSettings
}

// CISettings say what becomes of CI failures.
type CISettings struct {
	Branches     []string // patterns; "watched" stands for the watched branches, "all" for all. The default branch always counts
	PerJob       bool     // an issue for each job instead of each workflow
	Labels       []string // of the issues; the first one finds them again
	Logs         string   // excerpt, link or none; "" is excerpt for private repositories and link for public ones
	KeepOpen     bool     // a green run does not close
	ReopenWithin time.Duration
}

// MergedSettings say what a merge closes.
type MergedSettings struct {
	Close   []string // patterns of base branches for which GitHub closes nothing by itself
	Comment bool
}

// BlockedSettings say how a blocked issue is escalated.
type BlockedSettings struct {
	Label  string
	Remind time.Duration // 0 never
	Sinks  []string      // names; empty is all
}

// BoardSettings name a board and its columns. An empty column is one that issues are not moved to.
type BoardSettings struct {
	Project                                       string // owner/number; "" for none
	Field                                         string
	Todo, InProgress, InReview, Blocked, DoneName string
}

// owner and number of the board.
func (b BoardSettings) parts() (owner string, number int, err error) {
	owner, text, found := strings.Cut(b.Project, "/")
	number, err = strconv.Atoi(text)
	if _, bad := hooks.ParseTarget(owner); !found || err != nil || number < 1 || bad != nil {
		return "", 0, fmt.Errorf("%q is not a board: write it like octo-org/7, as in its address", line(b.Project, 100))
	}
	return owner, number, nil
}

// Problem is a mistake in the settings; Key is its place below sync, as "ci.labels".
type Problem struct {
	Key string
	Err error
}

// Error names the place.
func (p *Problem) Error() string { return "sync." + p.Key + ": " + p.Err.Error() }

// Unwrap gives what is wrong.
func (p *Problem) Unwrap() error { return p.Err }

// Check finds every mistake that can be found without asking anybody. They are of type [*Problem].
func (s Settings) Check() []*Problem {
	var list []*Problem
	report := func(key string, err error) { list = append(list, &Problem{key, err}) }
	patterns := func(key string, all []string) {
		for _, p := range all {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				report(key, fmt.Errorf("%q is not a pattern", line(p, 100)))
			}
		}
	}
	patterns("repositories", s.Repositories)
	patterns("ci.branches", s.CI.Branches)
	patterns("merged.close", s.Merged.Close)
	if len(s.CI.Labels) == 0 {
		report("ci.labels", errors.New("give at least one label: it finds the issues again"))
	}
	for _, label := range append(slices.Clone(s.CI.Labels), s.Blocked.Label) {
		if label == "" || len([]rune(label)) > 50 || strings.ContainsAny(label, ",\n") {
			report("ci.labels", fmt.Errorf("%q is not a label: it has 1 to 50 characters and no comma", line(label, 60)))
		}
	}
	if s.Board.Project != "" {
		if _, _, err := s.Board.parts(); err != nil {
			report("board.project", err)
		}
		if s.Board.Field == "" {
			report("board.field", errors.New("it is empty: give the name of the field, such as Status"))
		}
	}
	return list
}

// Config is what a [Sync] needs. Home and GitHub are required.
type Config struct {
	Settings
	Home    string                        // state/sync.json is in it
	GitHub  func() (*hooks.Client, error) // opened when something is to be asked
	Targets func(context.Context) ([]hooks.Target, error)
	Watched []string            // the watched branches, for CISettings.Branches
	Hide    func(string) string // takes secrets that hookctl knows out of a line; nil is none
	Now     func() time.Time    // time.Now if nil
	Logger  *slog.Logger        // nil for none
}

// Delivery is what sync knows of a record.
type Delivery struct {
	File       string // of the record
	Event      string
	Source     string // delivery, catchup, relay, replay or test
	ReceivedAt time.Time
	Payload    []byte
}

// Outcome is what became of a delivery.
type Outcome struct {
	Status  string // done, skipped or suggested
	Key     string
	Text    string // what was done, or why not
	Issue   int64
	URL     string
	Notices []Notice
	// Problem is what could not be done beside what was: it needs a person, and no other attempt would help.
	Problem error
}

// Statuses of an [Outcome].
const (
	Done      = "done"
	Skipped   = "skipped"
	Suggested = "suggested"
)

// Notice is a message for the sinks.
type Notice struct {
	Type     string // task_updated or task_escalated
	Priority string
	Subject  string // holds no word of an outsider
	Message  string
	Context  map[string]any
	Sinks    []string // names; nil is all
	// Authors are the author associations of those whose words Message has, besides the author of the issue itself, by login.
	Authors map[string]string
}
