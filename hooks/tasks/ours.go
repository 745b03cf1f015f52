package tasks

import (
	"context"
	"fmt"
)

// planOurs notes what became of an issue that the ledger knows: a person closed, opened or deleted it, or our own change comes
// back.
func (s *Sync) planOurs(_ context.Context, w *work) error {
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	w.key, w.skip = "", "no task of sync"
	for key, e := range l.Entries {
		if e.RepoID != w.t.repo.id || e.Issue != w.t.number {
			continue
		}
		w.key, w.issue, w.url = key, e.Issue, e.URL
		w.skip = fmt.Sprintf("noted that issue #%d was %s", e.Issue, w.t.issue.action)
		at := w.now.UTC()
		if l.echo(w.now, w.t.repo.name, w.t.number, w.t.issue.action) {
			w.skip = "hookctl itself did that"
			return nil
		}
		switch action := w.t.issue.action; action {
		case "reopened":
			w.keep = func(e *entry) { e.State, e.Last, e.Green = "open", at, false }
		case "deleted":
			w.keep = func(e *entry) { e.State, e.Last, e.Issue, e.URL = "closed", at, 0, "" }
		default:
			w.keep = func(e *entry) { e.State, e.Last, e.Green = "closed", at, false }
		}
	}
	return nil
}
