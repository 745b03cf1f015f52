package tasks

import "fmt"

// planOurs notes what became of an issue that the ledger knows: a person closed, opened or deleted it, or our own change comes
// back.
func (s *Sync) planOurs(w *work) error {
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	w.skip = "no task of sync"
	for key, e := range l.Entries {
		if e.RepoID != w.t.repo.id || e.Issue != w.t.number {
			continue
		}
		w.key, w.issue, w.url = key, e.Issue, e.URL
		w.skip = fmt.Sprintf("noted that issue #%d was %s", e.Issue, w.t.issue.action)
		if l.echo(w.now, w.t.repo.name, w.t.number, w.t.issue.action) {
			w.skip = "hookctl itself did that"
			return nil
		}
		w.keep = func(e *entry) {
			e.State, e.Last = "closed", w.now.UTC()
			switch w.t.issue.action {
			case "reopened":
				e.State, e.Green = "open", false
			case "deleted":
				e.Issue, e.URL = 0, ""
			default:
				e.Green = false
			}
		}
	}
	return nil
}
