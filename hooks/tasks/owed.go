package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// owed is what the sinks are to be notified of. It stands in the ledger from before the first change at GitHub, so that whatever
// interrupts the change and the record, the next attempt notifies; what the record notified already is not sent again.
type owed struct {
	What  string    `json:"what"` // created, reopened or closed
	Why   string    `json:"why"`
	Issue int64     `json:"issue,omitempty"` // 0 where it is to be created
	URL   string    `json:"url,omitempty"`
	At    time.Time `json:"at"`
}

// owedKey is the place in the ledger: several records may be about one key.
func (w *work) owedKey() string { return w.key + " " + w.d.File }

// updated adds what the sinks are notified of a change.
func (w *work) updated(what, why string) {
	w.owe(&owed{What: what, Why: why, Issue: w.issue, URL: w.url, At: w.now.UTC()})
}

// stillOwed adds what an interrupted attempt did at GitHub and did not live to notify of.
func (w *work) stillOwed(l *ledger) {
	o := l.Owed[w.owedKey()]
	if o == nil {
		return
	}
	if w.issue == 0 {
		w.issue, w.url = o.Issue, o.URL
	}
	w.owe(o)
}

func (w *work) owe(o *owed) {
	w.owes = o
	w.add(step{Action: Action{Action: "notify", Title: "task_updated"}, did: "the sinks are notified", do: func(context.Context) error {
		w.notices = append(w.notices, w.notice(*o))
		return nil
	}})
}

// notice is the message of a change. Its subject holds nothing that an outsider chose.
func (w *work) notice(o owed) Notice {
	n := Notice{Type: "task_updated", Priority: "low", Context: map[string]any{"change": o.What}}
	if w.t.kind == kindMerged {
		p := w.t.pull
		n.Subject = fmt.Sprintf("Pull request #%d of %s closed its issues", w.t.number, w.t.repo.name)
		n.Message = fmt.Sprintf("Pull request #%d of %s was merged into %s, for which GitHub closes nothing by itself; hookctl: %s. %s", w.t.number, w.t.repo.name, quoted(p.base), o.Why, p.url)
		n.Context["pull_request"], n.Context["base"] = w.t.number, p.base
		return n
	}
	c := w.t.ci
	n.Subject = fmt.Sprintf("Issue #%d %s in %s", w.issue, o.What, w.t.repo.name)
	n.Message = strings.TrimSpace(fmt.Sprintf("Issue #%d of %s was %s by hookctl: %s. %s", w.issue, w.t.repo.name, o.What, o.Why, w.url))
	n.Context["branch"], n.Context["workflow"], n.Context["run_id"] = c.branch, c.name, c.id
	return n
}
