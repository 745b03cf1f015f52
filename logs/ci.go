package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hookctl/logs/jsonscan"
	"hookctl/logs/text"
	"slices"
	"strings"
	"time"
)

// The state of CI is kept while records are put into the index: run has a row for every run, lane one for each repository,
// branch and workflow, with two places among its runs: the newest run, and the newest that decided. Records come in any order, the
// newest first when the index is made. The lanes of a deleted branch are not live until it runs again. A run's spot is its id, its
// attempt and whether it has ended.
const ciSQL = `
CREATE TABLE run(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, run INTEGER NOT NULL, attempt INTEGER NOT NULL,
	done INTEGER NOT NULL, verdict INTEGER NOT NULL, sha TEXT NOT NULL);
CREATE INDEX run_lane ON run(lane, verdict, run, attempt, done, id);
CREATE TABLE lane(id INTEGER PRIMARY KEY, repo TEXT NOT NULL COLLATE NOCASE, branch TEXT NOT NULL, workflow TEXT NOT NULL,
	live INTEGER NOT NULL, verdict INTEGER NOT NULL, new_run INTEGER NOT NULL, new_attempt INTEGER NOT NULL, new_done INTEGER NOT NULL, new_id INTEGER NOT NULL,
	dec_run INTEGER NOT NULL, dec_attempt INTEGER NOT NULL, dec_done INTEGER NOT NULL, dec_id INTEGER NOT NULL);
CREATE UNIQUE INDEX lane_key ON lane(repo, branch, workflow);
CREATE INDEX lane_live ON lane(verdict, new_done) WHERE live;
CREATE TABLE gone(repo TEXT NOT NULL COLLATE NOCASE, branch TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(repo, branch)) WITHOUT ROWID;`

const laneColumns = `verdict, new_run, new_attempt, new_done, new_id, dec_run, dec_attempt, dec_done, dec_id`

// latestSQL is the latest run of a lane with a verdict.
const latestSQL = `SELECT run, attempt, done, id FROM run WHERE lane = ? AND verdict = ? ORDER BY run DESC, attempt DESC, done DESC, id DESC LIMIT 1`

// sinceSQL is the first of the unbroken row of runs that decided like the newest: the one behind the latest that decided otherwise.
const sinceSQL = `(SELECT f.id FROM run f WHERE f.lane = l.id AND f.verdict = l.verdict AND (f.run, f.attempt, f.done, f.id) > (SELECT * FROM
	(SELECT o.run, o.attempt, o.done, o.id FROM run o WHERE o.lane = l.id AND o.verdict = 3 - l.verdict ORDER BY o.run DESC, o.attempt DESC, o.done DESC, o.id DESC LIMIT 1)
	UNION ALL SELECT -1, 0, 0, 0 LIMIT 1) ORDER BY f.run, f.attempt, f.done, f.id LIMIT 1)`

// spot is where a run stands among those of its lane; the zero spot is before all.
type spot struct {
	run, attempt int64
	done         bool
	id           int64 // of the record
}

func (p spot) compare(q spot) int {
	return cmp.Or(cmp.Compare(p.run, q.run), cmp.Compare(p.attempt, q.attempt), compareBool(p.done, q.done), cmp.Compare(p.id, q.id))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

type lane struct {
	id              int64
	laneKey             // repo as it was first written
	verdict         int // of decided
	newest, decided spot
	changed         bool
}

func (l *lane) fields() []any {
	return append(append([]any{&l.verdict}, l.newest.fields()...), l.decided.fields()...)
}

func (p *spot) fields() []any { return []any{&p.run, &p.attempt, &p.done, &p.id} }

type laneKey struct{ repo, branch, workflow string }

// putRun takes a record's run into account, once.
func (in *inserter) putRun(ctx context.Context, e *Entry) error {
	if e.run.Deleted && e.Repository != "" && e.Branch != "" {
		return in.putGone(ctx, e)
	}
	if e.run.Workflow == "" || e.Repository == "" || e.Branch == "" {
		return nil
	}
	l, err := in.lane(ctx, laneKey{e.Repository, e.Branch, e.run.Workflow})
	if err != nil {
		return err
	}
	v, done := verdict(e.Conclusion)
	p := spot{e.run.ID, e.run.Attempt, done, e.key}
	res, err := in.tx.ExecContext(ctx, `INSERT INTO run VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, e.key, l.id, p.run, p.attempt, p.done, v, e.run.SHA)
	if err != nil {
		return err
	}
	if added, err := res.RowsAffected(); err != nil || added == 0 {
		return err
	}
	l.add(p, v)
	return nil
}

func (in *inserter) putGone(ctx context.Context, e *Entry) error {
	if err := in.keepLanes(ctx); err != nil {
		return err
	}
	_, err := in.tx.ExecContext(ctx, `INSERT INTO gone VALUES(?,?,?) ON CONFLICT DO UPDATE SET id = max(id, excluded.id)`, e.Repository, e.Branch, e.key)
	if err == nil {
		_, err = in.tx.ExecContext(ctx, `UPDATE lane SET live = 0 WHERE repo = ? AND branch = ? AND new_id < ?`, e.Repository, e.Branch, e.key)
	}
	return err
}

// lane finds a lane, or begins one.
func (in *inserter) lane(ctx context.Context, key laneKey) (*lane, error) {
	folded := laneKey{asciiLower(key.repo), key.branch, key.workflow}
	if l := in.lanes[folded]; l != nil {
		return l, nil
	}
	l := &lane{laneKey: key}
	err := in.tx.QueryRowContext(ctx, `SELECT id, repo, `+laneColumns+` FROM lane WHERE repo = ? AND branch = ? AND workflow = ?`, key.repo, key.branch, key.workflow).
		Scan(append([]any{&l.id, &l.repo}, l.fields()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		if err = nil; in.lastLane == 0 {
			err = in.tx.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM lane`).Scan(&in.lastLane)
		}
		in.lastLane++
		l.id, l.changed = in.lastLane, true
	}
	if err != nil {
		return nil, err
	}
	in.lanes[folded] = l
	return l, nil
}

// add takes a run into account.
func (l *lane) add(p spot, verdict int) {
	if p.compare(l.newest) > 0 {
		l.newest, l.changed = p, true
	}
	if verdict != undecided && p.compare(l.decided) > 0 {
		l.decided, l.verdict, l.changed = p, verdict, true
	}
}

// recall makes a lane of its rows, when one of those that it rests on is gone.
func (l *lane) recall(ctx context.Context, tx *transaction) error {
	*l = lane{id: l.id, laneKey: l.laneKey}
	for _, verdict := range []int{undecided, passed, failed} {
		var p spot
		err := tx.QueryRowContext(ctx, latestSQL, l.id, verdict).Scan(p.fields()...)
		if err == nil {
			l.add(p, verdict)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// keepLanes writes the lanes that have changed.
func (in *inserter) keepLanes(ctx context.Context) error {
	for _, l := range in.lanes {
		if !l.changed {
			continue
		}
		if err := l.keep(ctx, in.tx); err != nil {
			return err
		}
	}
	clear(in.lanes)
	return nil
}

func (l *lane) keep(ctx context.Context, tx *transaction) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO lane(`+laneColumns+`, id, repo, branch, workflow, live) VALUES(?,?,?,?,?,?,?,?,?,?10,?11,?12,?13,
		NOT EXISTS (SELECT 1 FROM gone WHERE repo = ?11 AND branch = ?12 AND id > ?5))`, append(l.fields(), l.id, l.repo, l.branch, l.workflow)...)
	return err
}

// removeRun forgets the run of a record that is removed.
func removeRun(ctx context.Context, tx *transaction, id int64) error {
	l := &lane{}
	err := tx.QueryRowContext(ctx, `DELETE FROM run WHERE id = ? RETURNING lane`, id).Scan(&l.id)
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT repo, branch, workflow, `+laneColumns+` FROM lane WHERE id = ?`, l.id).
			Scan(append([]any{&l.repo, &l.branch, &l.workflow}, l.fields()...)...)
	}
	if err == nil && (id == l.newest.id || id == l.decided.id) {
		if err = l.recall(ctx, tx); err == nil && l.newest.id == 0 {
			_, err = tx.ExecContext(ctx, `DELETE FROM lane WHERE id = ?`, l.id)
		} else if err == nil {
			err = l.keep(ctx, tx)
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// States of a workflow on a branch.
const (
	CIPassing = "passing"
	CIFailing = "failing"
	CIRunning = "running"
	CIUnknown = "unknown" // no run decided, or one began a day ago and its end did not come
)

// CIState is the state of CI of a repository's branch and workflow.
type CIState struct {
	Repository string    `json:"repository"`
	Branch     string    `json:"branch"`
	Workflow   string    `json:"workflow"` // name of the workflow, of another app's check or of a status
	State      string    `json:"state"`    // passing, failing, running or unknown
	Since      time.Time `json:"since"`    // when the first of the runs came that all failed, or passed, since; or when the newest run began
	SHA        string    `json:"sha"`
	RunID      *int64    `json:"run_id"` // null for what is no run of a workflow
	URL        string    `json:"url"`
	File       string    `json:"file"` // the record that says so
}

// CIQuery chooses what [Log.CI] returns; the zero value is everything.
type CIQuery struct {
	Repositories []string // owner/name; none is all
	Branch       string
	Red          bool // only what fails
}

// CICounts are how many workflows of all branches are in each state.
type CICounts struct{ Failing, Running, Passing, Unknown int }

// CICounts counts what [Log.CI] would return, in a moment also where that is much.
func (l *Log) CICounts(ctx context.Context) (c CICounts, err error) {
	rows, err := ask(ctx, l, func(rows *sql.Rows) (row CICounts, err error) {
		var verdict, n int
		var done bool
		err = rows.Scan(&verdict, &done, &n)
		switch {
		case !done:
			row.Running = n
		case verdict == failed:
			row.Failing = n
		case verdict == passed:
			row.Passing = n
		default:
			row.Unknown = n
		}
		return row, err
	}, `SELECT verdict, new_done, count(*) FROM lane WHERE live GROUP BY verdict, new_done`)
	for _, row := range rows {
		c = CICounts{Failing: c.Failing + row.Failing, Running: c.Running + row.Running, Passing: c.Passing + row.Passing, Unknown: c.Unknown + row.Unknown}
	}
	return c, err
}

// CI returns the state of CI from the log alone: what fails first, the newest failure first, then what runs, what is
// unknown and what passes, by name. A branch that was deleted is left out until something runs on it again.
func (l *Log) CI(ctx context.Context, q CIQuery, now time.Time) ([]CIState, error) {
	conds := []string{"l.live"}
	var args []any
	if len(q.Repositories) > 0 {
		conds = append(conds, "l.repo IN ("+repeated("?", len(q.Repositories))+")")
		for _, repo := range q.Repositories {
			args = append(args, repo)
		}
	}
	if q.Branch != "" {
		conds, args = append(conds, "l.branch = ?"), append(args, q.Branch)
	}
	running := fmt.Sprintf("(l.new_done = 0 AND l.new_id > %d)", orderKey(now.Add(-24*time.Hour)))
	if q.Red {
		conds = append(conds, fmt.Sprintf("l.verdict = %d AND l.new_done = 1", failed))
	}
	states, err := ask(ctx, l, func(rows *sql.Rows) (s CIState, err error) {
		var verdict int
		var open, ours bool
		var run, since int64
		err = rows.Scan(&s.Repository, &s.Branch, &s.Workflow, &verdict, &open, &ours, &since, &s.SHA, &run, &s.URL, &s.File)
		switch {
		case open && ours:
			s.State = CIRunning
		case open || verdict == undecided:
			s.State = CIUnknown
		case verdict == passed:
			s.State = CIPassing
		default:
			s.State = CIFailing
		}
		if run != 0 {
			s.RunID = &run
		}
		s.Since = time.Unix(0, since).UTC()
		return s, err
	}, `SELECT l.repo, l.branch, l.workflow, l.verdict, l.new_done = 0, `+running+`, CASE WHEN l.new_done = 0 OR l.verdict = 0 THEN l.new_id ELSE `+sinceSQL+` END,
		n.sha, CASE r.event WHEN 'workflow_run' THEN n.run ELSE 0 END, r.url, r.file
		FROM lane l
		JOIN run n ON n.id = CASE WHEN l.new_done = 0 OR l.verdict = 0 THEN l.new_id ELSE l.dec_id END JOIN record r ON r.id = n.id`+whereClause(conds), args...)
	if err != nil {
		return nil, err
	}
	rank := func(s CIState) int {
		return slices.Index([]string{CIFailing, CIRunning, CIUnknown, CIPassing}, s.State)
	}
	slices.SortFunc(states, func(a, b CIState) int {
		newest := 0
		if a.State == CIFailing && b.State == CIFailing {
			newest = b.Since.Compare(a.Since)
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), newest, strings.Compare(a.Repository, b.Repository),
			strings.Compare(a.Branch, b.Branch), strings.Compare(a.Workflow, b.Workflow))
	})
	return states, nil
}

// Run is what a payload says of one run of CI, and of a branch that is gone: what [Log.CI] is derived from. It is part of
// the record's payload_summary.
type Run struct {
	// Workflow is the workflow's name, the name of a check of another app than GitHub Actions, or the context of a status;
	// "" for what says nothing of a branch of this repository: runs of forks, the checks of Actions, which the run of
	// their workflow sums up, and all other events.
	Workflow string `json:"workflow,omitempty"`
	ID       int64  `json:"run_id,omitempty"`      // of the workflow's run, the check run or the status; higher is newer
	Attempt  int64  `json:"run_attempt,omitempty"` // of the workflow's run, from 1
	SHA      string `json:"sha,omitempty"`         // of the commit
	Deleted  bool   `json:"deleted,omitempty"`     // the branch is gone
}

// RunOf reads the payload of a delivery. branch is one of those that a status names, the default branch if it is among them. Only
// the events of CI, pushes and deletions give something, see
// https://docs.github.com/en/webhooks/webhook-events-and-payloads.
func RunOf(event string, payload jsonscan.Fields) (r Run, branch string) {
	switch event {
	case "workflow_run":
		run, _ := jsonscan.Object(payload.Get(event))
		r = Run{ID: jsonscan.Integer(run.Get("id")), Attempt: jsonscan.Integer(run.Get("run_attempt")), SHA: run.Text("head_sha")}
		if from := run.Text("head_repository", "full_name"); from == "" || strings.EqualFold(from, payload.Text("repository", "full_name")) {
			r.Workflow = cmp.Or(run.Text("name"), payload.Text("workflow", "name"), run.Text("path"))
		}
	case "check_run":
		run, _ := jsonscan.Object(payload.Get(event))
		r = Run{ID: jsonscan.Integer(run.Get("id")), SHA: run.Text("head_sha")}
		if run.Text("app", "slug") != "github-actions" {
			r.Workflow = run.Text("name")
		}
	case "status":
		r = Run{Workflow: payload.Text("context"), ID: jsonscan.Integer(payload.Get("id")), SHA: payload.Text("sha")}
		main := payload.Text("repository", "default_branch")
		jsonscan.Elements(payload.Get("branches"), func(v []byte) {
			if name, ok := jsonscan.Text(jsonscan.At(v, "name")); ok && (branch == "" || name == main) {
				branch = name
			}
		})
	case "push":
		r = Run{SHA: payload.Text("after"), Deleted: payload.Is("deleted")}
	case "delete":
		r.Deleted = payload.Text("ref_type") == "branch"
	}
	r.Workflow, r.SHA = text.Line(r.Workflow, 200), text.SHA(r.SHA)
	return r, text.Line(branch, 255)
}

// Verdicts of a run.
const (
	undecided = iota // it is under way, or says nothing: cancelled, skipped, stale, action_required
	passed
	failed
)

// verdict says what a conclusion decides, and whether the run has ended.
func verdict(conclusion string) (verdict int, done bool) {
	switch asciiLower(conclusion) {
	case "", "pending":
		return undecided, false
	case "success", "neutral":
		return passed, true
	case "failure", "timed_out", "startup_failure", "error":
		return failed, true
	}
	return undecided, true
}
