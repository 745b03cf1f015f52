package tasks

import (
	"context"
	"fmt"
	"time"
)

// planGreen plans for a run that passed.
func (s *Sync) planGreen(ctx context.Context, w *work, l *ledger, f found) error {
	c := w.t.ci
	if f.issue == nil || !f.issue.open() {
		w.skip = "it passed, and there is no open issue"
		w.issue, w.url = 0, ""
		if f.issue != nil {
			w.stillOwed(l)
			byUs := w.owes != nil
			w.keep = func(e *entry) { e.State, e.Green = "closed", e.Green || byUs }
		}
		return nil
	}
	issue := f.issue
	w.title = line(issue.Title, 200)
	p := parseBody(issue.Body)
	flaky, after := false, "?"
	if last := p.state.last(); last != nil {
		if c.compare(last.N, last.Attempt) <= 0 {
			w.skip = fmt.Sprintf("issue #%d has a newer run that failed", issue.Number)
			return nil
		}
		flaky = last.ID == c.id || c.system != "workflow" && last.SHA == c.sha
		after = fmt.Sprintf("%d.%d", last.ID, last.Attempt)
	}
	why := ""
	if !flaky { // else nobody fixed anything, so nobody's work is taken away
		var err error
		if why, err = w.held(ctx, issue); err != nil {
			return err
		}
	}
	run := link(fmt.Sprintf("run %d, attempt %d", c.id, c.attempt), c.url)
	body := fmt.Sprintf("Passes again: %s at commit %s.", run, md(c.sha))
	if flaky {
		body = fmt.Sprintf("Passed without a change: %s, at the same commit %s. That is flaky.", run, md(c.sha))
	}
	if s.cfg.CI.KeepOpen {
		why = "sync.ci.close says so"
	}
	if why != "" {
		body += " The issue stays open because " + why + "."
	}
	w.comment("green-after-"+after, body+"\n", fmt.Sprintf("commented on issue #%d that it passes again", issue.Number))
	if flaky && !issue.has("flaky") {
		w.label("flaky", fmt.Sprintf("labeled issue #%d flaky", issue.Number))
	}
	if why != "" {
		w.steps[0].did += ", and left it open because " + why
		return nil
	}
	s.onBoard(w, move{column: s.cfg.Board.DoneName, before: s.remember(w, s.cfg.Board.DoneName, time.Time{})}) // first: after an interruption a closed issue is not looked at again
	w.add(step{Action: Action{Action: "close"}, did: fmt.Sprintf("closed issue #%d", issue.Number), do: w.end("completed")})
	w.keep = func(e *entry) { e.State, e.Green = "closed", true }
	w.updated("closed", fmt.Sprintf("CI %s passes again on branch %s", quoted(c.name), quoted(c.branch)))
	return nil
}

// held says why an issue is not to be closed by us; "" where it may.
func (w *work) held(ctx context.Context, issue *ghIssue) (string, error) {
	if issue.has("hold") {
		return "it has the label hold", nil
	}
	if len(issue.Assignees) > 0 {
		return "it is assigned", nil
	}
	list, err := w.issues().comments(ctx, issue.Number)
	if err != nil {
		return "", err
	}
	for _, c := range list {
		if !isOurs(c.Body) && c.User.Type != "Bot" {
			return "a person commented on it", nil
		}
	}
	return "", nil
}
