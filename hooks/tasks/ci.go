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
	for _, j := range r.failure.Jobs {
		one := *w
		one.key = w.t.ciKey(j.Name)
		part := r
		part.key, part.job, part.failure = one.key, j.Name, &Failure{Jobs: []Job{j}}
		works = append(works, &one)
		if err := s.planRun(ctx, &one, part, false); err != nil {
			return works, err
		}
	}
	l, err := s.readLedger()
	if err != nil {
		return works, err
	}
	for _, name := range r.failure.Passed {
		one := *w
		one.key, one.problem = w.t.ciKey(name), nil
		if e := l.Entries[one.key]; e == nil && !l.Read[w.t.repo.id].IsZero() {
			continue
		}
		part := r
		part.key, part.job, part.failure = one.key, name, nil
		works = append(works, &one)
		if err := s.planRun(ctx, &one, part, true); err != nil {
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
		return s.planGreen(ctx, w, found)
	}
	s.planRed(w, r, l, found)
	for _, twin := range found.twins {
		w.closeTwin(twin)
	}
	return nil
}

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
	list, err := api.labelled(ctx, s.cfg.CI.Labels[0])
	if err != nil {
		return f, err
	}
	if e != nil && !e.Creating.IsZero() && w.now.Sub(e.Creating) < creatingTime {
		more, err := api.newest(ctx)
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
	slices.SortFunc(open, func(a, b *ghIssue) int { return sign(a.Number - b.Number) })
	for i, o := range open {
		if i == 0 {
			f.issue = o
		} else {
			f.twins = append(f.twins, o.Number)
		}
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

// planRed plans for a run that failed.
func (s *Sync) planRed(w *work, r report, l *ledger, f found) {
	c, now, old := w.t.ci, w.now.UTC(), f.issue
	w.keep = func(e *entry) { e.State, e.Green, e.Workflow, e.Job = "open", false, w.t.ciKey(""), r.job }
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
				s.again(w, st, r, l.Entries[w.key])
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
	s.onBoard(w, s.cfg.Board.Todo, "")
	w.updated("reopened", fmt.Sprintf("CI %s fails again on branch %s", quoted(c.name), quoted(c.branch)))
}

// again plans for a run that the issue has already: after an interruption its comment and its place on the board may be missing.
func (s *Sync) again(w *work, st state, r report, e *entry) {
	if st.Noted == w.t.ci.mark() {
		w.comment("red-"+st.Noted, r.again(nil, true), fmt.Sprintf("issue #%d has this run, and its comment", w.issue))
	}
	if e != nil && e.State != "open" {
		s.onBoard(w, s.cfg.Board.Todo, "")
	}
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
		do: func(ctx context.Context, w *work) error {
			err := s.update(ctx, func(l *ledger) {
				e := l.entryOf(w.key, kindCI, w.t.repo, w.now.UTC())
				e.Creating, e.Title, e.File, e.Last = w.now.UTC(), title, w.d.File, w.now.UTC()
				if e.State != "open" {
					e.State = "suggested"
				}
			})
			if err != nil {
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
					if err := s.update(ctx, func(l *ledger) {
						l.Writes = append(l.Writes, write{w.t.repo.name, w.issue, "labeled:" + strings.ToLower(label), w.now.UTC()})
					}); err != nil {
						return err
					}
				}
			}
			if !made.has(s.cfg.CI.Labels[0]) {
				w.problem = hooks.WithCure(fmt.Errorf("GitHub did not set the label %s", s.cfg.CI.Labels[0]), "the user needs the role Triage on "+w.t.repo.name+" for labels")
			}
			return w.settleTwins(ctx)
		}})
	s.onBoard(w, s.cfg.Board.Todo, "")
	w.updated("created", fmt.Sprintf("CI %s fails on branch %s", quoted(w.t.ci.name), quoted(w.t.ci.branch)))
}

// settleTwins looks whether another receiver created an issue for the same failure at the same time. Of both the older stays.
func (w *work) settleTwins(ctx context.Context) error {
	list, err := w.issues().newest(ctx)
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
	n := number
	w.add(step{Action: Action{Action: "close", Issue: &n}, did: fmt.Sprintf("closed #%d, a duplicate of #%d", number, w.issue), do: func(ctx context.Context, w *work) error {
		return w.endTwin(ctx, number, w.issue)
	}})
}

func (w *work) endTwin(ctx context.Context, twin, of int64) error {
	keep := w.issue
	w.issue = twin
	defer func() { w.issue = keep }()
	note := w.noteOnce("twin", fmt.Sprintf("Duplicate of #%d: two receivers saw the failure at the same time.\n", of))
	if err := note(ctx, w); err != nil {
		return err
	}
	return w.patch(ctx, "closed", twin, map[string]any{"state": "closed", "state_reason": "not_planned"})
}

// edit adds the step that brings the body up to date and, where it is closed, opens the issue again. What a person wrote stays.
func (s *Sync) edit(w *work, r report, old *ghIssue, p parsed, st state) {
	fields := map[string]any{}
	event, what := "edited", "edited"
	if !old.open() {
		fields["state"], event, what = "open", "reopened", "reopened"
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
	action := map[string]string{"edited": "edit", "reopened": "reopen"}[event]
	w.add(step{Action: Action{Action: action, Title: old.Title, Body: body}, did: fmt.Sprintf("%s issue #%d", what, old.Number), do: func(ctx context.Context, w *work) error {
		return w.patch(ctx, event, old.Number, fields)
	}})
}

// withState is a body that a person changed, with a newer state and every other word as it is.
func (p parsed) withState(st state) string {
	st.Sum = p.state.Sum // it still differs
	return fmt.Sprintf(markerFormat, p.key) + "\n" + st.line() + "\n" + p.ours + endMark + p.rest
}

// planGreen plans for a run that passed.
func (s *Sync) planGreen(ctx context.Context, w *work, f found) error {
	c := w.t.ci
	if f.issue == nil || !f.issue.open() {
		w.skip = "it passed, and there is no open issue"
		w.issue, w.url = 0, ""
		if f.issue != nil {
			w.keep = func(e *entry) { e.State = "closed" }
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
	why, err := w.held(ctx, issue)
	if err != nil {
		return err
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
	s.onBoard(w, s.cfg.Board.DoneName, "") // first: after an interruption a closed issue is not looked at again
	w.close(fmt.Sprintf("closed issue #%d", issue.Number))
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

// updated adds what the sinks are notified of a change. The subject holds nothing that an outsider chose.
func (w *work) updated(what, why string) {
	w.add(step{Action: Action{Action: "notify", Title: "task_updated"}, did: "the sinks are notified", do: func(_ context.Context, w *work) error {
		w.notices = append(w.notices, Notice{Type: "task_updated", Priority: "low",
			Subject: fmt.Sprintf("Issue #%d %s in %s", w.issue, what, w.t.repo.name),
			Message: strings.TrimSpace(fmt.Sprintf("Issue #%d of %s was %s by hookctl: %s. %s", w.issue, w.t.repo.name, what, why, w.url)),
			Context: map[string]any{"change": what, "branch": w.t.ci.branch, "workflow": w.t.ci.name, "run_id": w.t.ci.id}})
		return nil
	}})
}

// quoted is a name from outside within a sentence for an agent.
func quoted(s string) string { return `"` + strings.ReplaceAll(plain(s), `"`, "'") + `"` }
