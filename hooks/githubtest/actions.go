package githubtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Job is a job of a workflow run.
type Job struct {
	Name       string
	Conclusion string
	Steps      []Step
	// Log is what the job printed, as GitHub keeps it, with time stamps. Nil is a log that is gone: 410 Gone.
	Log []byte

	id int64
}

// Step is a step of a job.
type Step struct{ Name, Conclusion string }

type runKey struct{ run, attempt int64 }

// SetJobs says which jobs an attempt of a run has.
func (s *Server) SetJobs(repo string, run, attempt int64, jobs ...Job) {
	s.change(repo, func(t *target) {
		for i := range jobs {
			jobs[i].id = s.nextID()
		}
		t.jobs[runKey{run, attempt}] = jobs
	})
}

func (*call) listRuns() answer {
	return ok(map[string]any{"total_count": 0, "workflow_runs": []any{}})
}

func (c *call) listJobs() answer {
	run, attempt := c.id("run"), c.id("attempt")
	jobs, known := c.t.jobs[runKey{run, attempt}]
	if !known {
		return notFound()
	}
	all := []map[string]any{}
	for _, j := range jobs {
		steps := []map[string]any{}
		for n, step := range j.Steps {
			steps = append(steps, map[string]any{"name": step.Name, "conclusion": step.Conclusion, "status": "completed", "number": n + 1})
		}
		all = append(all, map[string]any{"id": j.id, "run_id": run, "run_attempt": attempt, "name": j.Name, "status": "completed", "conclusion": j.Conclusion,
			"steps": steps, "html_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d/job/%d", c.t.name(), run, j.id)})
	}
	return ok(map[string]any{"total_count": len(all), "jobs": c.page(all)})
}

// jobLog answers with a signed address of another host, good for one minute.
func (c *call) jobLog() answer {
	id := c.id("job")
	for _, jobs := range c.t.jobs {
		for _, j := range jobs {
			switch {
			case j.id != id:
			case j.Log == nil:
				return refuse(http.StatusGone, "Logs for this job have expired")
			default:
				signature, until := strings.ReplaceAll(newGUID(), "-", ""), c.s.now().Add(time.Minute)
				c.s.signed[signature] = file{j.Log, until}
				return answer{status: http.StatusFound}.
					with("Location", "http://"+c.s.files.addr+"/logs/job.txt?se="+until.UTC().Format("20060102T150405Z")+"&sig="+signature)
			}
		}
	}
	return notFound()
}

// file is what the other host has, on which GitHub keeps logs.
type file struct {
	data  []byte
	until time.Time
}

// serveFile is the other host. It refuses a request with a token, as the real one does, and an address that was not signed.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	found := s.signed[r.URL.Query().Get("sig")]
	late := s.now().After(found.until)
	s.mu.Unlock()
	a := answer{status: http.StatusOK, body: rawBody(found.data)}
	if r.Header.Get("Authorization") != "" {
		a = answer{status: http.StatusBadRequest, body: rawBody("InvalidAuthenticationInfo")}
	} else if late { // as is what was never signed
		a = answer{status: http.StatusForbidden, body: rawBody("AuthenticationFailed")}
	}
	s.record(r, nil, a)
	a.with("Content-Type", "text/plain").write(w)
}
