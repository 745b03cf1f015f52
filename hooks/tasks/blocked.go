package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// planBlocked plans for the label that says that a task is blocked: set or removed.
func (s *Sync) planBlocked(ctx context.Context, w *work) error {
	t := w.t
	w.why = fmt.Sprintf("issue #%d was %s %s", t.number, map[string]string{kindBlocked: "labeled", kindUnblocked: "unlabeled"}[t.kind], quoted(t.issue.label))
	w.issue, w.url, w.title = t.number, t.issue.url, t.issue.title
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	action := map[string]string{kindBlocked: "labeled", kindUnblocked: "unlabeled"}[t.kind] + ":" + strings.ToLower(t.issue.label)
	if l.echo(w.now, t.repo.name, t.number, action) {
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
	blocked := issue.open() && issue.has(s.cfg.Blocked.Label)
	if t.kind == kindBlocked {
		return s.planBlock(ctx, w, issue, e, blocked)
	}
	if blocked {
		w.skip = "the label is there again"
		return nil
	}
	return s.planUnblock(w, issue, e)
}

func (s *Sync) planBlock(ctx context.Context, w *work, issue *ghIssue, e *entry, blocked bool) error {
	if !blocked {
		w.skip = "the issue is no longer blocked"
		return nil
	}
	since := w.t.issue.at
	if since.IsZero() {
		since = w.now
	}
	former := ""
	if e != nil && e.State == "open" {
		former, since = e.Former, e.Since
	}
	notice, err := s.escalation(ctx, w, issue, since, "")
	if err != nil {
		return err
	}
	s.moveOnBoard(w, w.t.repo.target(), 0, s.cfg.Board.Blocked, "", func(ctx context.Context, was string) error {
		if strings.EqualFold(was, s.cfg.Board.Blocked) {
			return nil
		}
		former = was
		return s.update(ctx, func(l *ledger) { // now: after an interruption the board shows only where the task is
			e := l.entryOf(w.key, kindBlocked, w.t.repo, w.now.UTC())
			e.State, e.Former, e.Since, e.Title, e.Issue, e.URL = "open", former, since.UTC(), w.title, w.issue, w.url
		})
	})
	w.add(step{Action: Action{Action: "notify", Title: notice.Subject, Body: notice.Message}, did: "escalated", do: func(_ context.Context, w *work) error {
		w.notices = append(w.notices, notice)
		return nil
	}})
	w.keep = func(e *entry) {
		e.State, e.Former = "open", former
		if e.Reminded.IsZero() || e.Since.Before(since) {
			e.Since, e.Reminded = since.UTC(), since.UTC()
		}
	}
	return nil
}

func (s *Sync) planUnblock(w *work, issue *ghIssue, e *entry) error {
	w.keep = func(e *entry) { e.State, e.Reminded = "closed", time.Time{} }
	former := s.cfg.Board.Todo
	if e != nil && e.Former != "" {
		former = e.Former
	}
	if issue.open() {
		s.moveOnBoard(w, w.t.repo.target(), 0, former, s.cfg.Board.Blocked, nil)
	}
	// The sinks hear of it by the route of its own.
	w.skip = "noted that it is no longer blocked"
	if e != nil && e.State == "open" {
		w.skip += ", after " + text.Span(w.now.Sub(e.Since))
	}
	return nil
}

// trusted says whose words an agent may read: those of people who work on the repository.
func trusted(association string) bool {
	return slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, association)
}

// titleOf is the title of an issue for a message, where somebody wrote it who works on the repository.
func (s *Sync) titleOf(i *ghIssue) string {
	if !trusted(i.Assoc) {
		return "(its author does not work on the repository, so its title is not repeated)"
	}
	return quoted(text.Cut(i.Title, 200))
}

// escalation is the message about a blocked task: all that a person needs to decide without opening it. reminder is empty for
// the first one.
func (s *Sync) escalation(ctx context.Context, w *work, issue *ghIssue, since time.Time, reminder string) (Notice, error) {
	comments, err := w.issues().comments(ctx, issue.Number)
	if err != nil {
		return Notice{}, err
	}
	type blocker struct {
		Number  int64
		State   string
		HTMLURL string `json:"html_url"`
	}
	var blockers []blocker
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
	fmt.Fprintf(&b, ": %s. Blocked since %s", s.titleOf(issue), stampOf(since))
	if w.t.sender != "" && reminder == "" {
		fmt.Fprintf(&b, ", labeled by %s", w.t.sender)
	}
	b.WriteString(". Assigned to " + orNobody(strings.Join(who, ", ")) + ".")
	if n := len(comments); n > 0 {
		c := comments[n-1]
		if trusted(c.Assoc) && !isOurs(c.Body) {
			fmt.Fprintf(&b, " The last comment, by %s on %s: %s.", line(c.User.Login, 64), stampOf(timeOf(c.At)), quoted(text.Cut(redact(text.Clean(c.Body)), 500)))
		} else if !isOurs(c.Body) {
			b.WriteString(" The last comment is by somebody who does not work on the repository.")
		}
	}
	if len(waits) > 0 {
		b.WriteString(" It waits for " + strings.Join(waits, ", ") + ".")
	}
	url := address(issue.HTMLURL)
	b.WriteString(" " + url)
	return Notice{Type: "task_escalated", Priority: "high", Sinks: nonEmpty(s.cfg.Blocked.Sinks),
		Subject: fmt.Sprintf("Task GH-%d needs a decision in %s", issue.Number, w.t.repo.name), Message: b.String(),
		Context: map[string]any{"task_id": fmt.Sprintf("GH-%d", issue.Number), "assignees": who, "blocked_since": since.UTC(), "waits_for": waits, "reminder": reminder != "",
			"url": url, "number": issue.Number}}, nil
}

func nonEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func orNobody(s string) string {
	if s == "" {
		return "nobody"
	}
	return s
}

// Reminder is an escalation that is due again. File is the record that it belongs to.
type Reminder struct {
	File   string
	Notice Notice
}

// Due returns the reminders that are due at a time, and notes them as sent. A task that is no longer blocked at GitHub is taken
// off the list instead.
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
		still := issue != nil && issue.open() && issue.has(s.cfg.Blocked.Label)
		var n Notice
		if still {
			if n, err = s.escalation(ctx, w, issue, e.Since, text.Span(now.Sub(e.Since))); err != nil {
				return list, err
			}
			n.complete(w)
			list = append(list, Reminder{e.File, n})
		}
		if err := s.update(ctx, func(l *ledger) {
			if e := l.Entries[key]; e != nil && still {
				e.Reminded, e.Last = now.UTC(), now.UTC()
			} else if e != nil {
				e.State, e.Last = "closed", now.UTC()
			}
		}); err != nil {
			return list, err
		}
	}
	return list, nil
}
