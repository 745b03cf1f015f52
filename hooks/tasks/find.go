package tasks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// found is what there is at GitHub for a key.
type found struct {
	issue *ghIssue // the one to work on, nil for none
	twins []int64  // others that are open
}

// find looks for the issue of a key: where the ledger says, else by its label and marker.
func (s *Sync) find(ctx context.Context, w *work, l *ledger, green bool) (found, error) {
	e := l.Entries[w.key]
	api := w.issues()
	var f found
	if e != nil && e.Issue != 0 {
		issue, err := api.get(ctx, e.Issue)
		if err != nil {
			return f, err
		}
		if issue != nil && (issue.open() || green) {
			return found{issue: issue}, nil
		}
		f.issue = issue // closed: another may be open
	} else if green && !l.Read[w.t.repo.id].IsZero() {
		return f, nil
	}
	list, err := api.list(ctx, s.cfg.CI.Labels[0])
	if err != nil {
		return f, err
	}
	if e != nil && !e.Creating.IsZero() && w.now.Sub(e.Creating) < creatingTime {
		more, err := api.list(ctx, "")
		if err != nil {
			return f, err
		}
		list = append(list, more...)
	}
	repo, now := w.t.repo, w.now.UTC()
	w.learned = append(w.learned, func(l *ledger) {
		l.Read[repo.id] = now
		for i := range list {
			l.recognize(&list[i], repo)
		}
	})
	return f.among(list, w.key), nil
}

// among chooses the issue of a key from a list: of the open ones the oldest, else the one that was closed last.
func (f found) among(list []ghIssue, key string) found {
	var open []*ghIssue
	for i := range list {
		issue := &list[i]
		if parseBody(issue.Body).key != key || slices.ContainsFunc(open, func(o *ghIssue) bool { return o.Number == issue.Number }) {
			continue
		}
		if issue.open() {
			open = append(open, issue)
		} else if f.issue == nil || !f.issue.open() && issue.closedAt().After(f.issue.closedAt()) {
			f.issue = issue
		}
	}
	slices.SortFunc(open, func(a, b *ghIssue) int { return cmp.Compare(a.Number, b.Number) })
	if len(open) > 0 {
		f.issue, open = open[0], open[1:]
	}
	for _, o := range open {
		f.twins = append(f.twins, o.Number)
	}
	return f
}

// recognize enters an issue of ours that the ledger does not know.
func (l *ledger) recognize(i *ghIssue, r repository) {
	p := parseBody(i.Body)
	if p.key == "" || l.Entries[p.key] != nil {
		return
	}
	e := l.entryOf(p.key, kindCI, r, timeOf(i.CreatedAt))
	e.Title, e.Issue, e.URL, e.State, e.Last = line(i.Title, 200), i.Number, address(i.HTMLURL), "open", timeOf(i.CreatedAt)
	if !i.open() {
		e.State, e.Last = "closed", i.closedAt()
	}
	if p.state != nil && p.state.last() != nil {
		e.Since = p.state.Since
		if _, known := l.Newest[p.key]; !known {
			l.Newest[p.key] = *p.state.last()
		}
	}
}

// settleTwins looks whether another receiver created an issue for the same failure at the same time. Of both the older stays.
func (w *work) settleTwins(ctx context.Context) error {
	list, err := w.issues().list(ctx, "")
	if err != nil {
		return err
	}
	f := found{}.among(list, w.key)
	if f.issue == nil || !f.issue.open() || f.issue.Number > w.issue {
		return nil
	}
	for _, twin := range f.twins {
		if err := w.endTwin(ctx, twin, f.issue.Number); err != nil {
			return err
		}
	}
	w.issue, w.url = f.issue.Number, address(f.issue.HTMLURL)
	return nil
}

// closeTwin adds a step that closes another open issue for the same failure.
func (w *work) closeTwin(number int64) {
	w.add(step{Action: Action{Action: "close", Issue: &number}, did: fmt.Sprintf("closed #%d, a duplicate of #%d", number, w.issue), do: func(ctx context.Context) error {
		return w.endTwin(ctx, number, w.issue)
	}})
}

func (w *work) endTwin(ctx context.Context, twin, of int64) error {
	other := *w
	other.issue = twin
	if err := other.noteOnce("twin", fmt.Sprintf("Duplicate of #%d: two receivers saw the failure at the same time.\n", of))(ctx); err != nil {
		return err
	}
	return other.end("not_planned")(ctx)
}
