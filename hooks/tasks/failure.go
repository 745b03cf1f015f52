package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// Run names one attempt of a workflow run.
type Run struct {
	Repository hooks.Target
	ID         int64
	Attempt    int64 // 1 if zero
}

// Failure is what the jobs of a failed run say.
type Failure struct {
	Jobs []Job `json:"jobs"` // the failed ones, at most 20
	// More is how many other jobs failed.
	More int `json:"more,omitempty"`
	// Passed are the names of the jobs that passed.
	Passed []string `json:"-"`
}

// Job is a failed job.
type Job struct {
	ID         int64    `json:"id"`
	Name       string   `json:"name"`
	Conclusion string   `json:"conclusion"`
	URL        string   `json:"url"`
	Steps      []string `json:"steps"` // the failed ones
	Log        Excerpt  `json:"log"`   // empty where it was not asked for
	// NoLog says why there is no log although it was asked for.
	NoLog string `json:"no_log,omitempty"`
}

const (
	jobsShown = 20 // failed jobs of a run
	jobsRead  = 3  // whose logs are read
)

// ReadFailure asks GitHub for the failed jobs of a run, and with logs for the ends of the first three jobs' logs. A log that is
// gone (404, 410) or cannot be read is no error: the job says so. hide takes further secrets out of a line; nil is none.
func ReadFailure(ctx context.Context, client *hooks.Client, run Run, logs bool, hide func(string) string) (Failure, error) {
	type step struct{ Name, Conclusion string }
	type job struct {
		ID               int64
		Name, Conclusion string
		HTMLURL          string `json:"html_url"`
		Steps            []step
	}
	var f Failure
	call := issues{client, run.Repository}.call("list the jobs of the run", "GET", fmt.Sprintf("/actions/runs/%d/attempts/%d/jobs?per_page=100&page=", run.ID, max(run.Attempt, 1)), nil)
	call.Permission = "Actions: read"
	first := call.Path
	for page := 1; ; page++ {
		var answer struct{ Jobs []job }
		call.Path = first + strconv.Itoa(page)
		if err := client.Do(ctx, call, &answer); err != nil {
			return f, err
		}
		for _, j := range answer.Jobs {
			name := line(j.Name, 100)
			if j.Conclusion == "success" {
				f.Passed = append(f.Passed, name)
			}
			if !isFailure(j.Conclusion) {
				continue
			}
			if len(f.Jobs) == jobsShown {
				f.More++
				continue
			}
			failed := Job{ID: j.ID, Name: name, Conclusion: line(j.Conclusion, 40), URL: address(j.HTMLURL), Steps: []string{}}
			for _, s := range j.Steps {
				if isFailure(s.Conclusion) && len(failed.Steps) < 10 {
					failed.Steps = append(failed.Steps, line(s.Name, 100))
				}
			}
			f.Jobs = append(f.Jobs, failed)
		}
		if len(answer.Jobs) < 100 || page == 10 {
			break
		}
	}
	if !logs {
		return f, nil
	}
	for i := range f.Jobs[:min(jobsRead, len(f.Jobs))] {
		if err := f.Jobs[i].readLog(ctx, client, run.Repository, hide); err != nil {
			return f, err
		}
	}
	return f, nil
}

// readLog reads the end of a job's log. Only what another attempt may change is an error.
func (j *Job) readLog(ctx context.Context, client *hooks.Client, repo hooks.Target, hide func(string) string) error {
	call := issues{client, repo}.call("read the log of a job", "GET", fmt.Sprintf("/actions/jobs/%d/logs", j.ID), nil)
	call.Permission = "Actions: read"
	file, err := client.Elsewhere(ctx, call)
	if err == nil {
		j.Log, err = readExcerpt(file, func(s string) string {
			if hide != nil {
				s = hide(s)
			}
			return client.Redact(s)
		})
		err = errors.Join(err, file.Close())
	}
	var e *hooks.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &e) && (e.Status == 404 || e.Status == 410):
		j.NoLog = "GitHub no longer has it"
	case errors.Is(err, hooks.ErrRateLimited):
		return err
	default:
		j.NoLog = line(err.Error(), 200)
	}
	return nil
}

// isFailure knows the conclusions that mean that something failed. Cancelled, skipped, neutral, stale and action_required are none.
func isFailure(conclusion string) bool {
	return slices.Contains([]string{"failure", "timed_out", "startup_failure", "error"}, conclusion)
}

// line is text from outside as one clean line of at most so many characters.
func line(s string, most int) string { return text.Cut(text.Clean(s), most) }

// address is a URL from outside where it is one, else "".
func address(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s) > 1000 || text.Clean(s) != s {
		return ""
	}
	return u.String()
}

// timeOf reads a time of GitHub; the zero time where it is none.
func timeOf(s string) time.Time {
	at, _ := time.Parse(time.RFC3339, s)
	return at
}
