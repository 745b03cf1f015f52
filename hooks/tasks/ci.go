package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
)

// renoteAfter is how long a failure goes on before a comment says so again.
const renoteAfter = 12 * time.Hour

// creatingTime is how long GitHub's lists may lack an issue that it made.
const creatingTime = 15 * time.Minute

// planCI plans for a finished run of CI.
func (s *Sync) planCI(ctx context.Context, w *work) ([]*work, error) {
	c := w.t.ci
	key := w.t.ciKey("")
	w.key = key
	r := report{key: key, t: w.t}
	perJob := s.cfg.CI.PerJob && c.system == "workflow"
	if c.system == "workflow" && s.logs(w.t) != "none" && (!c.green || perJob) {
		f, err := ReadFailure(ctx, w.client, Run{w.t.repo.target(), c.id, c.attempt}, s.logs(w.t) == "excerpt" && !c.green, s.cfg.Hide)
		var e *hooks.Error
		switch {
		case err == nil:
			r.failure = &f
			if !c.green && len(f.Jobs) == 0 {
				r.noJobs = "The run names no failed job."
			}
		case errors.Is(err, hooks.ErrScope) || errors.Is(err, hooks.ErrSSO) || errors.Is(err, hooks.ErrForbidden):
			w.problem, r.noJobs = err, "The jobs cannot be read: the token lacks a right."
		case errors.As(err, &e) && (e.Status == 404 || e.Status == 410):
			r.noJobs = "GitHub no longer has the jobs of the run."
		default:
			return []*work{w}, err
		}
	}
	if !perJob || r.failure == nil || len(r.failure.Jobs)+len(r.failure.Passed) == 0 {
		return []*work{w}, s.planRun(ctx, w, r, c.green)
	}
	var works []*work
	job := func(name string, failure *Failure) error {
		one := *w
		one.key = w.t.ciKey(name)
		r.key, r.job, r.failure = one.key, name, failure
		works = append(works, &one)
		return s.planRun(ctx, &one, r, failure == nil)
	}
	l, err := s.readLedger()
	if err != nil {
		return nil, err
	}
	all := *r.failure
	for _, j := range all.Jobs {
		if err := job(j.Name, &Failure{Jobs: []Job{j}}); err != nil {
			return works, err
		}
	}
	for _, name := range all.Passed {
		if l.Entries[w.t.ciKey(name)] == nil && !l.Read[w.t.repo.id].IsZero() {
			continue
		}
		if err := job(name, nil); err != nil {
			return works, err
		}
	}
	return works, nil
}

// logs is what becomes of logs for a repository.
func (s *Sync) logs(t *trigger) string {
	switch {
	case s.cfg.CI.Logs != "":
		return s.cfg.CI.Logs
	case t.repo.private:
		return "excerpt"
	}
	return "link"
}

// planRun plans for one key.
func (s *Sync) planRun(ctx context.Context, w *work, r report, green bool) error {
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	c := w.t.ci
	w.title = r.title()
	w.why = fmt.Sprintf("run %d, attempt %d, of %s on branch %s ended with %s", c.id, c.attempt, quoted(c.name), quoted(c.branch), c.conclusion)
	seen := c.seen(w.now)
	if newest, known := l.Newest[w.key]; known && c.compare(newest.N, newest.Attempt) < 0 {
		w.skip = "a newer run of it is known already"
		return nil
	}
	w.learned = append(w.learned, func(l *ledger) { l.Newest[w.key] = seen })
	found, err := s.find(ctx, w, l, green)
	if err != nil {
		return err
	}
	if found.issue != nil {
		w.issue, w.url = found.issue.Number, address(found.issue.HTMLURL)
	}
	if green {
		return s.planGreen(ctx, w, l, found)
	}
	s.planRed(w, r, l, found)
	for _, twin := range found.twins {
		w.closeTwin(twin)
	}
	return nil
}

// planRed plans for a run that failed.
func (s *Sync) planRed(w *work, r report, l *ledger, f found) {
	c, now, old := w.t.ci, w.now.UTC(), f.issue
	w.keep = func(e *entry) {
		e.State, e.Green, e.Former, e.Workflow, e.Job = "open", false, "", w.t.ciKey(""), r.job
	}
	fresh := state{Runs: []seenRun{c.seen(now)}, Jobs: failedJobs(r.failure), Since: c.seen(now).At, Count: 1, NotedAt: now}
	if old != nil && !old.open() {
		closed := old.closedAt()
		e := l.Entries[w.key]
		byUs := e != nil && e.Green
		switch {
		case !byUs && !c.finished.IsZero() && closed.After(c.finished):
			w.skip, w.keep = fmt.Sprintf("issue #%d was closed after this run had ended", old.Number), nil
			return
		case now.Sub(closed) > s.cfg.CI.ReopenWithin:
			r.older = w.url
			w.issue, w.url, old = 0, "", nil
		}
	}
	if old == nil {
		s.create(w, r, fresh)
		return
	}
	p := parseBody(old.Body)
	st := fresh
	if p.state != nil {
		st = *p.state
		if last := st.last(); last != nil {
			switch by := c.compare(last.N, last.Attempt); {
			case by < 0:
				w.skip = fmt.Sprintf("issue #%d has a newer run", old.Number)
				return
			case by == 0 && old.open():
				s.again(w, l, st, r)
				return
			}
		}
		st.Runs = append(st.Runs, c.seen(now))
		st.Runs = st.Runs[max(0, len(st.Runs)-runsShown):]
		st.Count++
		st.Jobs = fresh.Jobs
	}
	changed := p.state != nil && !slices.Equal(p.state.Jobs, st.Jobs)
	due := !old.open() || changed || now.Sub(st.NotedAt) >= renoteAfter
	if due {
		st.Noted, st.NotedAt = c.mark(), now
	}
	s.edit(w, r, old, p, st)
	if due {
		w.comment("red-"+c.mark(), r.again(p.state, old.open()), fmt.Sprintf("commented on issue #%d", old.Number))
	}
	if old.open() {
		return
	}
	s.backOnBoard(w, l)
	w.updated("reopened", fmt.Sprintf("CI %s fails again on branch %s", quoted(c.name), quoted(c.branch)))
}

// again plans for a run that the issue has already: after an interruption its comment and its place on the board may be missing.
func (s *Sync) again(w *work, l *ledger, st state, r report) {
	if st.Noted == w.t.ci.mark() {
		w.comment("red-"+st.Noted, r.again(nil, true), fmt.Sprintf("issue #%d has this run, and its comment", w.issue))
	}
	if e := l.Entries[w.key]; e != nil && e.State != "open" {
		s.backOnBoard(w, l)
	}
	w.stillOwed(l)
	w.skip = fmt.Sprintf("issue #%d has this run already", w.issue)
}

// again is a comment on a run that failed again.
func (r report) again(before *state, open bool) string {
	c := r.t.ci
	what := "Still failing"
	if !open {
		what = "Fails again"
	}
	text := fmt.Sprintf("%s: %s at commit %s ended with %s.", what, link(fmt.Sprintf("run %d, attempt %d", c.id, c.attempt), c.url), md(c.sha), md(c.conclusion))
	jobs := failedJobs(r.failure)
	if before != nil && !slices.Equal(before.Jobs, jobs) && len(jobs) > 0 {
		text += " Failed jobs: " + md(strings.Join(jobs, ", ")) + "."
	}
	return text + "\n"
}

func failedJobs(f *Failure) []string {
	list := []string{}
	if f != nil {
		for _, j := range f.Jobs {
			list = append(list, j.Name)
		}
	}
	slices.Sort(list)
	return list
}

// create adds the step that creates the issue.
func (s *Sync) create(w *work, r report, st state) {
	title, body := r.title(), r.write(st, "\n")
	w.add(step{Action: Action{Action: "create", Title: title, Body: body}, did: "created an issue: CI " + quoted(w.t.ci.name) + " fails on branch " + quoted(w.t.ci.branch),
		do: func(ctx context.Context) error {
			if err := w.note(ctx, "suggested", func(e *entry) { e.Creating, e.Title = w.now.UTC(), title }); err != nil {
				return err
			}
			call := w.issues().call("create the issue", "POST", "/issues", map[string]any{"title": title, "body": body, "labels": s.cfg.CI.Labels})
			call.Once = true // when the answer is lost, it is looked for
			var made ghIssue
			if err := w.change(ctx, "opened", call, &made); err != nil {
				return err
			}
			w.issue, w.url = made.Number, address(made.HTMLURL)
			for _, label := range s.cfg.CI.Labels {
				if strings.EqualFold(label, s.cfg.Blocked.Label) { // GitHub will say so, and it is no news
					if err := w.wrote(ctx, w.issue, "labeled:"+strings.ToLower(label)); err != nil {
						return err
					}
				}
			}
			if !made.has(s.cfg.CI.Labels[0]) {
				w.problem = hooks.WithCure(fmt.Errorf("GitHub did not set the label %s", s.cfg.CI.Labels[0]), "the user needs the role Triage on "+w.t.repo.name+" for labels")
			}
			return w.settleTwins(ctx)
		}})
	s.onBoard(w, move{column: s.cfg.Board.Todo})
	w.updated("created", fmt.Sprintf("CI %s fails on branch %s", quoted(w.t.ci.name), quoted(w.t.ci.branch)))
}

// edit adds the step that brings the body up to date and, where it is closed, opens the issue again. What a person wrote stays.
func (s *Sync) edit(w *work, r report, old *ghIssue, p parsed, st state) {
	fields := map[string]any{}
	action, event := "edit", "edited"
	if !old.open() {
		fields["state"], action, event = "open", "reopen", "reopened"
	}
	switch {
	case p.key == "":
		// A person took our marker out: the body is theirs.
	case p.whole || p.state == nil:
		fields["body"] = r.write(st, p.rest)
	default:
		fields["body"] = p.withState(st)
	}
	if len(fields) == 0 {
		return
	}
	body, _ := fields["body"].(string)
	w.add(step{Action: Action{Action: action, Title: old.Title, Body: body}, did: fmt.Sprintf("%s issue #%d", event, old.Number), do: func(ctx context.Context) error {
		return w.patch(ctx, event, fields)
	}})
}

// withState is a body that a person changed, with a newer state and every other word as it is.
func (p parsed) withState(st state) string {
	st.Sum = p.state.Sum // it still differs
	return fmt.Sprintf(markerFormat, p.key) + "\n" + st.line() + "\n" + p.ours + endMark + p.rest
}
