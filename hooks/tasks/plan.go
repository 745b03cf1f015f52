package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks"
)

// Action is one step of a plan, as sync preview prints it.
type Action struct {
	Action     string `json:"action"` // create, edit, comment, label, close, reopen, board or notify
	Repository string `json:"repository"`
	Issue      *int64 `json:"issue"` // null where the issue does not exist yet
	Title      string `json:"title"`
	Body       string `json:"body"`
	Why        string `json:"why"` // what happened
}

// step is an action and how it is done. It can be repeated: do finds out by itself what was done before.
type step struct {
	Action
	do func(context.Context) error
	// did is what the outcome says once it is done.
	did string
	// aside says that its failure keeps the other steps from nothing, such as a move on a board.
	aside bool
}

// work is a plan on its way: for one delivery and one key.
type work struct {
	s      *Sync
	client *hooks.Client
	t      *trigger
	d      Delivery
	key    string
	now    time.Time

	issue int64 // that it is about; set by the step that creates it
	url   string
	steps []step
	skip  string // why there are no steps
	why   string // what happened, that the steps are for
	// keep changes the entry in the ledger once the steps are done; nil leaves it alone.
	keep    func(*entry)
	notices []Notice
	owes    *owed  // what the sinks are notified of once the steps are done
	title   string // of the issue, for the ledger
	problem error  // of the plan itself: what could not be read, though the rest can be done
	learned []func(*ledger)
}

func (w *work) add(st step) {
	st.Repository, st.Why = w.t.repo.name, w.why
	if w.issue != 0 && st.Issue == nil {
		st.Issue = new(w.issue)
	}
	w.steps = append(w.steps, st)
}

// summary is what the steps do, in one line, or why there is nothing left to do.
func (w *work) summary() string {
	var parts []string
	for _, st := range w.steps {
		if st.Action.Action != "notify" {
			parts = append(parts, st.did)
		}
	}
	return cmp.Or(strings.Join(parts, "; "), w.skip)
}

// plan makes the works of a trigger: one, or with an issue for each job as many as there are jobs. It reads and writes nothing
// but the ledger's knowledge of issues that it found.
func (s *Sync) plan(ctx context.Context, t *trigger, d Delivery) ([]*work, error) {
	client, err := s.github()
	if err != nil {
		return nil, err
	}
	w := &work{s: s, client: client, t: t, d: d, now: s.now()}
	switch t.kind {
	case kindCI:
		return s.planCI(ctx, w)
	case kindMerged:
		w.key = t.numberKey()
		err = s.planPull(ctx, w)
	case kindBlocked:
		w.key = t.numberKey()
		err = s.planBlocked(ctx, w)
	default:
		err = s.planOurs(w)
	}
	return []*work{w}, err
}

// apply carries a plan out. What failed for good beside what was done is the outcome's Problem.
func (w *work) apply(ctx context.Context) (problem error, err error) {
	for _, st := range w.steps {
		err := st.do(ctx)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s: %w", st.Action.Action, err)
		if !st.aside || !lasting(err) {
			return problem, err
		}
		problem = errors.Join(problem, err)
	}
	return problem, nil
}

// lasting reports whether an error stays until a person does something, so that trying again is of no use.
func lasting(err error) bool {
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		return true
	}
	var e *hooks.Error
	if !errors.As(err, &e) || errors.Is(err, hooks.ErrRateLimited) || errors.Is(err, hooks.ErrUnreachable) {
		return false
	}
	return e.Status >= 400 && e.Status < 500 && e.Status != 401 && e.Status != 408 && e.Status != 409 && e.Status != 429
}

// change makes one call that changes something, within the limit of changes for a repository. event and issue are what GitHub
// will send of it.
func (w *work) change(ctx context.Context, event string, call hooks.Call, out any) error {
	if err := w.s.mayWrite(ctx, w.t.repo.name); err != nil {
		return err
	}
	if err := w.wrote(ctx, w.issue, event); err != nil { // before, so that the echo cannot come first
		return err
	}
	if err := w.client.Do(ctx, call, out); err != nil {
		return err
	}
	if made, ok := out.(*ghIssue); ok && w.issue == 0 {
		return w.wrote(ctx, made.Number, event)
	}
	return nil
}

// wrote notes a change of ours in the ledger.
func (w *work) wrote(ctx context.Context, issue int64, event string) error {
	return w.s.update(ctx, func(l *ledger) {
		l.Writes = append(l.Writes, write{w.t.repo.name, issue, event, w.s.now().UTC()})
	})
}

// TooManyError says that sync stopped for a repository.
type TooManyError struct {
	Repository string
	Until      time.Time
}

// Error says until when.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("sync stopped for %s after %d changes in an hour; it goes on at %s", e.Repository, writesMost, e.Until.Local().Format("15:04"))
}

// Hint says where to look.
func (e *TooManyError) Hint() string {
	return "see what it did: hookctl sync list; it goes on by itself"
}

// mayWrite is nil unless too much was changed in a repository in the last hour: then something goes round in circles.
func (s *Sync) mayWrite(ctx context.Context, repo string) error {
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	now := s.now()
	n, oldest := 0, now
	for _, w := range l.Writes {
		if w.Repository == repo && now.Sub(w.At) < writesTime && (w.Issue != 0 || w.Action != "opened") {
			n++
			if w.At.Before(oldest) {
				oldest = w.At
			}
		}
	}
	if n < writesMost {
		return nil
	}
	until := oldest.Add(writesTime)
	if err := s.update(ctx, func(l *ledger) { l.Stopped[repo] = until.UTC() }); err != nil {
		return err
	}
	return &TooManyError{repo, until}
}
