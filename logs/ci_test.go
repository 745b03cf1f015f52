package logs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// ciRecord is a record of a run on main of octo-org/api; the order in which records came is that of minute.
func ciRecord(minute int, workflow string, run, attempt int64, conclusion string) *Record {
	return &Record{
		EventType: "workflow_run", ReceivedAt: testTime.Add(time.Duration(minute) * time.Minute), DeliveryID: fmt.Sprintf("%d-%d-%d-%s", minute, run, attempt, conclusion),
		Summary: Summary{
			Action: "completed", Repository: "octo-org/api", Branch: "main", Conclusion: conclusion, URL: fmt.Sprintf("https://github.com/octo-org/api/actions/runs/%d", run),
			Run: Run{Workflow: workflow, ID: run, Attempt: attempt, SHA: fmt.Sprintf("%040x", run)},
		},
	}
}

// linesOf is what CI returns, a line for each state.
func linesOf(t *testing.T, l *Log, q CIQuery, now time.Time) string {
	t.Helper()
	states, err := l.CI(t.Context(), q, now)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range states {
		run := int64(0)
		if s.RunID != nil {
			run = *s.RunID
		}
		fmt.Fprintf(&b, "%s %s %s %s since %s run %d\n", s.State, s.Repository, s.Branch, s.Workflow, s.Since.Sub(testTime).Round(time.Minute), run)
	}
	return b.String()
}

func TestStateOfCI(t *testing.T) {
	later := testTime.Add(time.Hour)
	branch := func(r *Record, name string) *Record { r.Summary.Branch = name; return r }
	gone := func(minute int, event, name string) *Record {
		return &Record{EventType: event, ReceivedAt: testTime.Add(time.Duration(minute) * time.Minute), DeliveryID: fmt.Sprint("gone", minute),
			Summary: Summary{Repository: "octo-org/api", Branch: name, Run: Run{Deleted: true}}}
	}
	status := ciRecord(1, "ci/buildbox", 77, 0, "error")
	status.EventType = "status"
	tests := []struct {
		name    string
		records []*Record
		now     time.Time
		want    string
	}{
		{"one failure", []*Record{ciRecord(1, "CI", 5, 1, "failure")}, later, "failing octo-org/api main CI since 1m0s run 5\n"},
		{"failing since the first of them", []*Record{ciRecord(0, "CI", 4, 1, "success"), ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 6, 1, "timed_out")}, later,
			"failing octo-org/api main CI since 1m0s run 6\n"},
		{"green again", []*Record{ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 6, 1, "success")}, later, "passing octo-org/api main CI since 2m0s run 6\n"},
		{"a later attempt counts", []*Record{ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 5, 2, "success")}, later, "passing octo-org/api main CI since 2m0s run 5\n"},
		{"an older run that ends late does not", []*Record{ciRecord(1, "CI", 6, 1, "success"), ciRecord(2, "CI", 5, 1, "failure")}, later,
			"passing octo-org/api main CI since 1m0s run 6\n"},
		{"the start of a run that comes late does not", []*Record{ciRecord(1, "CI", 6, 1, "failure"), ciRecord(2, "CI", 6, 1, "")}, later,
			"failing octo-org/api main CI since 1m0s run 6\n"},
		{"cancelled and skipped decide nothing", []*Record{ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 6, 1, "cancelled"), ciRecord(3, "CI", 7, 1, "skipped")}, later,
			"failing octo-org/api main CI since 1m0s run 5\n"},
		{"nothing decided", []*Record{ciRecord(2, "CI", 6, 1, "cancelled")}, later, "unknown octo-org/api main CI since 2m0s run 6\n"},
		{"running", []*Record{ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 6, 1, "")}, later, "running octo-org/api main CI since 2m0s run 6\n"},
		{"an end that does not come", []*Record{ciRecord(1, "CI", 5, 1, "failure"), ciRecord(2, "CI", 6, 1, "")}, later.Add(24 * time.Hour), "unknown octo-org/api main CI since 2m0s run 6\n"},
		{"a status", []*Record{status}, later, "failing octo-org/api main ci/buildbox since 1m0s run 0\n"},
		{"red first", []*Record{ciRecord(1, "A", 1, 1, "success"), ciRecord(2, "B", 2, 1, "cancelled"), ciRecord(3, "C", 3, 1, ""), ciRecord(4, "D", 4, 1, "failure"), ciRecord(5, "E", 5, 1, "failure")}, later,
			"failing octo-org/api main E since 5m0s run 5\nfailing octo-org/api main D since 4m0s run 4\nrunning octo-org/api main C since 3m0s run 3\n" +
				"unknown octo-org/api main B since 2m0s run 2\npassing octo-org/api main A since 1m0s run 1\n"},
		{"a deleted branch leaves", []*Record{branch(ciRecord(1, "CI", 5, 1, "failure"), "old"), ciRecord(1, "CI", 6, 1, "success"), gone(2, "push", "old")}, later,
			"passing octo-org/api main CI since 1m0s run 6\n"},
		{"and comes back", []*Record{gone(2, "delete", "old"), branch(ciRecord(3, "CI", 5, 1, "failure"), "old")}, later, "failing octo-org/api old CI since 3m0s run 5\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			w := openWriter(t, Config{Dir: dir})
			for _, r := range tt.records {
				mustAppend(t, w, r)
			}
			if got := linesOf(t, w.Log(), CIQuery{}, tt.now); got != tt.want {
				t.Errorf("as they came:\n%s", gocmp.Diff(tt.want, got))
			}
			w.Close()
			withoutIndex(t, dir)
			l := openLog(t, dir)
			ready(t, l)
			if got := linesOf(t, l, CIQuery{}, tt.now); got != tt.want {
				t.Errorf("from the newest on:\n%s", gocmp.Diff(tt.want, got))
			}
		})
	}
}

// TestStateOfCIWhateverTheOrder holds what the index keeps against what all runs say, while runs come in any order and go.
func TestStateOfCIWhateverTheOrder(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		l := openLog(t, dir)
		ready(t, l)
		var all []Entry
		for i := range 30 {
			r := ciRecord(rng.IntN(600), []string{"CI", "Lint"}[rng.IntN(2)], int64(1+rng.IntN(6)), int64(1+rng.IntN(2)), []string{"", "success", "success", "failure", "failure", "cancelled"}[rng.IntN(6)])
			r.File = fmt.Sprintf("20260101_%06d_workflow_run.json", i)
			e := r.Entry(1)
			if rng.IntN(5) == 0 && len(all) > 0 {
				k := rng.IntN(len(all))
				if err := l.index.removeFiles(t.Context(), []string{all[k].File}); err != nil {
					t.Fatal(err)
				}
				all = slices.Delete(all, k, k+1)
				continue
			}
			batch := []Entry{e}
			if err := l.index.put(t.Context(), batch, nil); err != nil {
				t.Fatal(err)
			}
			all = append(all, batch[0])
			got, want := laneNow(t, l), model(all)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d after %d: %s\n%v", seed, i, diff, all)
			}
		}
	}
}

func laneNow(t *testing.T, l *Log) map[string]string {
	t.Helper()
	states, err := l.CI(t.Context(), CIQuery{}, testTime.Add(20*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range states {
		got[s.Workflow] = s.State + " " + s.File
	}
	return got
}

// model is the state by reading all runs. Since may begin earlier than the runs that are left, so it is held elsewhere.
func model(all []Entry) map[string]string {
	want := map[string]string{}
	for _, workflow := range []string{"CI", "Lint"} {
		var runs []Entry
		for _, e := range all {
			if e.run.Workflow == workflow {
				runs = append(runs, e)
			}
		}
		slices.SortFunc(runs, func(a, b Entry) int {
			return cmp.Or(cmp.Compare(b.run.ID, a.run.ID), cmp.Compare(b.run.Attempt, a.run.Attempt), compareBool(b.Conclusion != "", a.Conclusion != ""), cmp.Compare(b.key, a.key))
		})
		for i, e := range runs {
			v, done := verdict(e.Conclusion)
			if i == 0 {
				want[workflow] = CIUnknown + " " + e.File
				if !done {
					want[workflow] = CIRunning + " " + e.File
					break
				}
			}
			if v != undecided {
				want[workflow] = map[int]string{passed: CIPassing, failed: CIFailing}[v] + " " + e.File
				break
			}
		}
	}
	return want
}

func TestSinceIsKeptWhateverTheOrder(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		l := openLog(t, t.TempDir())
		ready(t, l)
		verdicts := make([]string, 12)
		for i := range verdicts {
			verdicts[i] = []string{"success", "failure"}[rng.IntN(2)]
		}
		since := len(verdicts) - 1
		for since > 0 && verdicts[since-1] == verdicts[since] {
			since--
		}
		for _, i := range rng.Perm(len(verdicts)) {
			r := ciRecord(i, "CI", int64(i+1), 1, verdicts[i])
			r.File = fmt.Sprintf("20260101_%06d_workflow_run.json", i)
			if err := l.index.put(t.Context(), []Entry{r.Entry(1)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		states, err := l.CI(t.Context(), CIQuery{}, testTime.Add(time.Hour))
		if err != nil || len(states) != 1 || states[0].Since.Sub(testTime) != time.Duration(since)*time.Minute {
			t.Fatalf("seed %d: %v, %v; want since minute %d of %v", seed, states, err, since, verdicts)
		}
	}
}

func TestCIChoosesRepositoryAndBranch(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	for i, repo := range []string{"octo-org/api", "octo-org/web", "acme/api"} {
		for j, branch := range []string{"main", "develop"} {
			r := ciRecord(i*2+j, "CI", int64(i*2+j+1), 1, []string{"success", "failure"}[j])
			r.Summary.Repository, r.Summary.Branch = repo, branch
			mustAppend(t, w, r)
		}
	}
	now := testTime.Add(time.Hour)
	for _, tt := range []struct {
		q    CIQuery
		want int
	}{
		{CIQuery{}, 6}, {CIQuery{Branch: "main"}, 3}, {CIQuery{Repositories: []string{"OCTO-ORG/api", "acme/api"}}, 4},
		{CIQuery{Red: true}, 3}, {CIQuery{Red: true, Branch: "main"}, 0}, {CIQuery{Repositories: []string{"octo-org/api"}, Branch: "develop", Red: true}, 1},
	} {
		states, err := w.Log().CI(t.Context(), tt.q, now)
		if err != nil || len(states) != tt.want {
			t.Errorf("%+v: %d states, %v", tt.q, len(states), err)
		}
	}
}

// TestOlderRecordsGiveTheStateOfCI reads records without the summary's newer keys: those of eight days.
func TestOlderRecordsGiveTheStateOfCI(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UTC()
	payload := func(id int, branch string) string {
		return fmt.Sprintf(`{"action":"completed","workflow_run":{"id":%d,"run_attempt":1,"name":"CI","head_sha":"%040x","conclusion":"failure","head_branch":%q},"repository":{"full_name":"o/r"}}`, id, id, branch)
	}
	for i, age := range []time.Duration{time.Hour, 9 * 24 * time.Hour} {
		r := &Record{EventType: "workflow_run", ReceivedAt: now.Add(-age), Summary: Summary{Repository: "o/r", Branch: fmt.Sprint("b", i), Conclusion: "failure"}, Payload: []byte(payload(i+1, fmt.Sprint("b", i)))}
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "workflow\":\"") || os.WriteFile(filepath.Join(dir, numbered(stem(r.ReceivedAt, r.EventType), 1)), data, 0o600) != nil {
			t.Fatalf("%s", data)
		}
	}
	l := openLog(t, dir)
	ready(t, l)
	states, err := l.CI(t.Context(), CIQuery{}, now)
	if err != nil || len(states) != 1 || states[0].Branch != "b0" || states[0].Workflow != "CI" || *states[0].RunID != 1 || states[0].State != CIFailing {
		t.Errorf("%+v, %v", states, err)
	}
}
