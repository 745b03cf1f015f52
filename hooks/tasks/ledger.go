package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/logs/jsonfile"
)

// ledger is what sync remembers: state/sync.json of the home. Everything in it but the suggestions can be found again at GitHub.
type ledger struct {
	Entries map[string]*entry `json:"entries"`
	// Writes are our own of the last hour, to know their echoes and to stop when there are too many.
	Writes []write `json:"writes,omitempty"`
	// Read says when the issues of a repository, by its id, were last read into Entries: an unknown key has no issue then.
	Read map[int64]time.Time `json:"read,omitempty"`
	// Newest is the newest run of a key, red or green, so that an older one that comes late is known.
	Newest map[string]seenRun `json:"newest,omitempty"`
	// Owed are the notices of changes, by their keys and records.
	Owed map[string]*owed `json:"owed,omitempty"`
	// Stopped are repositories where sync stopped because of too many writes, and until when.
	Stopped map[string]time.Time `json:"stopped,omitempty"`
}

// entry is one failure, merge or block.
type entry struct {
	Key        string    `json:"key"`
	Kind       string    `json:"kind"`
	Repository string    `json:"repository"`
	RepoID     int64     `json:"repo_id"`
	Title      string    `json:"title"` // of the issue that there is or would be
	Issue      int64     `json:"issue,omitempty"`
	URL        string    `json:"url,omitempty"`
	State      string    `json:"state"` // open, closed or suggested
	Since      time.Time `json:"since"`
	Last       time.Time `json:"last"`
	File       string    `json:"file,omitempty"` // the record that it is about last

	// Of CI: the key of the whole workflow, of an issue for a job.
	Workflow string `json:"workflow,omitempty"`
	Job      string `json:"job,omitempty"`
	// Creating is since when an issue is being created: GitHub may have created it although its answer was lost.
	Creating time.Time `json:"creating,omitzero"`
	// Green says that it was closed by us, after a green run.
	Green bool `json:"green,omitempty"`

	// Former is the column that it was in, before it was blocked or done.
	Former string `json:"former,omitempty"`
	// Reminded is when a block was escalated, or reminded of last.
	Reminded time.Time `json:"reminded,omitzero"`

	// What keeps failing, until it succeeds.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// write is one change that we made at GitHub.
type write struct {
	Repository string    `json:"repository"`
	Issue      int64     `json:"issue,omitempty"`
	Action     string    `json:"action"` // as the event names it that GitHub sends of it
	At         time.Time `json:"at"`
}

const (
	echoTime    = 10 * time.Minute    // within which an event may be the echo of our own write
	writesTime  = time.Hour           // in which writesMost changes of a repository are made
	writesMost  = 20                  //
	closedShown = 14 * 24 * time.Hour // how long a closed entry is listed
)

func (s *Sync) ledgerFile() string { return filepath.Join(s.cfg.Home, "state", "sync.json") }

// read reads the ledger; without a file it is empty.
func (s *Sync) readLedger() (*ledger, error) {
	l, err := jsonfile.Read[ledger](s.ledgerFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, hooks.WithCure(err, "move it away: what is in it but the suggestions is found again at GitHub")
	}
	orEmpty(&l.Entries)
	orEmpty(&l.Read)
	orEmpty(&l.Newest)
	orEmpty(&l.Owed)
	orEmpty(&l.Stopped)
	return &l, nil
}

func orEmpty[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}

// update changes the ledger while no other process does. It is durable on return.
func (s *Sync) update(ctx context.Context, change func(*ledger)) error {
	err := jsonfile.Update(ctx, s.ledgerFile(), s.readLedger, func(l **ledger) {
		change(*l)
		(*l).tidy(s.now())
	})
	if err != nil {
		return fmt.Errorf("remember what sync did: %w", err)
	}
	return nil
}

// tidy forgets what no rule asks for any more.
func (l *ledger) tidy(now time.Time) {
	l.Writes = slices.DeleteFunc(l.Writes, func(w write) bool { return now.Sub(w.At) > writesTime })
	maps.DeleteFunc(l.Stopped, func(_ string, until time.Time) bool { return now.After(until) })
	maps.DeleteFunc(l.Owed, func(_ string, o *owed) bool { return now.Sub(o.At) > closedShown })
	maps.DeleteFunc(l.Newest, func(_ string, run seenRun) bool { return now.Sub(run.At) > closedShown })
	maps.DeleteFunc(l.Entries, func(_ string, e *entry) bool { return e.State == "closed" && now.Sub(e.Last) > 4*closedShown })
}

// echo reports whether an event is what GitHub sends of our own write. Several hooks may send it, so it stays one.
func (l *ledger) echo(now time.Time, repo string, issue int64, action string) bool {
	return slices.ContainsFunc(l.Writes, func(w write) bool {
		return w.Repository == repo && w.Issue == issue && w.Action == action && now.Sub(w.At) <= echoTime
	})
}

// entryOf is the entry of a key, made where it is missing.
func (l *ledger) entryOf(key, kind string, r repository, now time.Time) *entry {
	e := l.Entries[key]
	if e == nil {
		e = &entry{Key: key, Kind: kind, RepoID: r.id, Since: now}
		l.Entries[key] = e
	}
	e.Repository = r.name
	return e
}

// note changes the entry of a work in the ledger, and makes it where it is missing. state is that of one that is not open; "" leaves
// it, and a new one is suggested.
func (w *work) note(ctx context.Context, state string, change func(*entry)) error {
	return w.s.update(ctx, func(l *ledger) {
		w.learn(l)
		e := l.entryOf(w.key, w.t.kind, w.t.repo, w.now.UTC())
		e.File, e.Last = w.d.File, w.now.UTC()
		if e.State != "open" {
			e.State = cmp.Or(state, e.State, "suggested")
		}
		change(e)
	})
}

// learn notes what the plan found at GitHub.
func (w *work) learn(l *ledger) {
	for _, f := range w.learned {
		f(l)
	}
}

// failing notes what keeps failing, nil for nothing.
func (e *entry) failing(err error) {
	e.Error, e.Hint = "", hooks.CureOf(err)
	if err != nil {
		e.Error = line(err.Error(), 300)
	}
}
