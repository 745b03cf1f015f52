package tasks

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// planBlocked plans for the label that says that a task is blocked: set or removed.
func (s *Sync) planBlocked(ctx context.Context, w *work) error {
	t := w.t
	w.why = fmt.Sprintf("issue #%d was %s %s", t.number, t.issue.action, quoted(t.issue.label))
	w.issue, w.url, w.title = t.number, t.issue.url, t.issue.title
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	if l.echo(w.now, t.repo.name, t.number, t.issue.action+":"+strings.ToLower(t.issue.label)) {
		w.skip = "hookctl itself changed the label"
		return nil
	}
	e := l.Entries[w.key]
	issue, err := w.issues().get(ctx, t.number)
	if err != nil {
		return err
	}
	if issue == nil {
		w.skip = "the issue is gone"
		w.keep = func(e *entry) { e.State = "closed" }
		return nil
	}
	blocked, labeled := issue.open() && issue.has(s.cfg.Blocked.Label), t.issue.action == "labeled"
	switch {
	case labeled && blocked:
		return s.planBlock(ctx, w, issue, e)
	case labeled:
		w.skip = "the issue is no longer blocked"
	case blocked:
		w.skip = "the label is there again"
	default:
		s.planUnblock(w, issue, e)
	}
	return nil
}

func (s *Sync) planBlock(ctx context.Context, w *work, issue *ghIssue, e *entry) error {
	since := cmp.Or(w.t.issue.at, w.now)
	if e != nil && e.State == "open" {
		since = e.Since
	}
	notice, err := s.escalation(ctx, w, issue, since, "")
	if err != nil {
		return err
	}
	s.onBoard(w, move{column: s.cfg.Board.Blocked, before: s.remember(w, s.cfg.Board.Blocked, since)})
	w.add(step{Action: Action{Action: "notify", Title: notice.Subject, Body: notice.Message}, did: "escalated", do: func(context.Context) error {
		w.notices = append(w.notices, notice)
		return nil
	}})
	w.keep = func(e *entry) {
		e.State = "open"
		if e.Reminded.IsZero() || e.Since.Before(since) {
			e.Since, e.Reminded = since.UTC(), since.UTC()
		}
	}
	return nil
}

func (s *Sync) planUnblock(w *work, issue *ghIssue, e *entry) {
	w.keep = func(e *entry) { e.State, e.Former, e.Reminded = "closed", "", time.Time{} }
	former := s.cfg.Board.Todo
	if e != nil {
		former = cmp.Or(e.Former, former)
	}
	if issue.open() {
		s.onBoard(w, move{column: former, only: s.cfg.Board.Blocked})
	}
	// The sinks hear of it by the route of its own.
	w.skip = "noted that it is no longer blocked"
	if e != nil && e.State == "open" {
		w.skip += ", after " + text.Span(w.now.Sub(e.Since))
	}
}

// escalation is the message about a blocked task: all that a person needs to decide without opening it. reminder is empty for
// the first one.
func (s *Sync) escalation(ctx context.Context, w *work, issue *ghIssue, since time.Time, reminder string) (Notice, error) {
	comments, err := w.issues().comments(ctx, issue.Number)
	if err != nil {
		return Notice{}, err
	}
	var blockers []struct {
		State   string
		HTMLURL string `json:"html_url"`
	}
	// An old Enterprise Server does not know dependencies: then the list is empty.
	err = w.client.Do(ctx, w.issues().call("list what the issue waits for", "GET", fmt.Sprintf("/issues/%d/dependencies/blocked_by?per_page=30", issue.Number), nil), &blockers)
	if err != nil && !lasting(err) {
		return Notice{}, err
	}
	who := []string{}
	for _, a := range issue.Assignees {
		who = append(who, line(a.Login, 64))
	}
	waits := []string{}
	for _, b := range blockers {
		if b.State == "open" && address(b.HTMLURL) != "" && len(waits) < 10 {
			waits = append(waits, address(b.HTMLURL))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Task GH-%d of %s is blocked", issue.Number, w.t.repo.name)
	if reminder != "" {
		fmt.Fprintf(&b, " for %s now", reminder)
	}
	fmt.Fprintf(&b, ": %s. Blocked since %s", quoted(text.Cut(issue.Title, 200)), stampOf(since))
	if w.t.sender != "" {
		fmt.Fprintf(&b, ", labeled by %s", w.t.sender)
	}
	fmt.Fprintf(&b, ". Assigned to %s.", cmp.Or(strings.Join(who, ", "), "nobody"))
	authors := map[string]string{}
	if n := len(comments); n > 0 && !isOurs(comments[n-1].Body) {
		c := comments[n-1]
		authors[line(c.User.Login, 64)] = line(c.Assoc, 40)
		fmt.Fprintf(&b, " The last comment, by %s on %s: %s.", line(c.User.Login, 64), stampOf(timeOf(c.At)), quoted(text.Cut(redact(text.Clean(c.Body)), 500)))
	}
	if len(waits) > 0 {
		b.WriteString(" It waits for " + strings.Join(waits, ", ") + ".")
	}
	url := address(issue.HTMLURL)
	b.WriteString(" " + url)
	return Notice{Type: "task_escalated", Priority: "high", Sinks: append([]string(nil), s.cfg.Blocked.Sinks...), // nil where it is empty
		Subject: fmt.Sprintf("Task GH-%d needs a decision in %s", issue.Number, w.t.repo.name), Message: b.String(), Authors: authors,
		Context: map[string]any{"task_id": fmt.Sprintf("GH-%d", issue.Number), "assignees": who, "blocked_since": since.UTC(), "waits_for": waits, "reminder": reminder != "",
			"url": url, "number": issue.Number}}, nil
}

// Reminder is an escalation that is due again. File is the record that it belongs to.
type Reminder struct {
	Key, File string
	Notice    Notice
}

// Due returns the reminders that are due at a time; [Sync.Reminded] notes each that was sent. A task that is no longer blocked
// at GitHub is taken off the list instead.
func (s *Sync) Due(ctx context.Context, now time.Time) ([]Reminder, error) {
	if s.cfg.Mode != ModeAct || s.cfg.Blocked.Remind <= 0 {
		return nil, nil
	}
	l, err := s.readLedger()
	if err != nil {
		return nil, err
	}
	var list []Reminder
	for key, e := range l.Entries {
		if e.Kind != kindBlocked || e.State != "open" || e.Reminded.IsZero() || now.Sub(e.Reminded) < s.cfg.Blocked.Remind {
			continue
		}
		client, err := s.github()
		if err != nil {
			return list, err
		}
		target, err := hooks.ParseTarget(e.Repository)
		if err != nil {
			continue
		}
		w := &work{s: s, client: client, key: key, now: now, issue: e.Issue, url: e.URL, t: &trigger{kind: kindBlocked, repo: repository{id: e.RepoID, name: target.String()}}, d: Delivery{Event: "issues"}}
		issue, err := w.issues().get(ctx, e.Issue)
		if err != nil {
			return list, err
		}
		if issue == nil || !issue.open() || !issue.has(s.cfg.Blocked.Label) {
			if err := s.changeEntry(ctx, key, func(e *entry) { e.State, e.Last = "closed", now.UTC() }); err != nil {
				return list, err
			}
			continue
		}
		n, err := s.escalation(ctx, w, issue, e.Since, text.Span(now.Sub(e.Since)))
		if err != nil {
			return list, err
		}
		n.complete(w)
		list = append(list, Reminder{key, e.File, n})
	}
	return list, nil
}

// Reminded notes that a reminder was sent at a time.
func (s *Sync) Reminded(ctx context.Context, key string, now time.Time) error {
	return s.changeEntry(ctx, key, func(e *entry) { e.Reminded, e.Last = now.UTC(), now.UTC() })
}

// changeEntry changes an entry of the ledger that may be gone.
func (s *Sync) changeEntry(ctx context.Context, key string, change func(*entry)) error {
	return s.update(ctx, func(l *ledger) {
		if e := l.Entries[key]; e != nil {
			change(e)
		}
	})
}
