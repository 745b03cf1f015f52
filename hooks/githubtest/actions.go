package githubtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Job is a job of a workflow run.
type Job struct {
	ID         int64 // made up where it is 0
	Name       string
	Conclusion string
	Steps      []Step
	// Log is what the job printed, as GitHub keeps it, with time stamps. Nil is a log that is gone: 410 Gone.
	Log []byte
}

// Step is a step of a job.
type Step struct{ Name, Conclusion string }

type runKey struct{ run, attempt int64 }

func (s *Server) actionRoutes(both func(method, rest string, need access, f onTarget)) {
	both("GET", "/actions/runs", issueRead, func(*call, *target) answer { return ok(map[string]any{"total_count": 0, "workflow_runs": []any{}}) })
	both("GET", "/actions/runs/{run}/attempts/{attempt}/jobs", issueRead, s.listJobs)
	both("GET", "/actions/jobs/{job}/logs", access{scopes: []string{"public_repo", "repo"}}, s.jobLog)
}

// SetJobs says which jobs an attempt of a run has.
func (s *Server) SetJobs(repo string, run, attempt int64, jobs ...Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.mustTarget(repo)
	if t.jobs == nil {
		t.jobs = map[runKey][]Job{}
	}
	for i := range jobs {
		if jobs[i].ID == 0 {
			jobs[i].ID = s.nextID()
		}
	}
	t.jobs[runKey{run, attempt}] = jobs
}

func (s *Server) listJobs(c *call, t *target) answer {
	run, err1 := strconv.ParseInt(c.r.PathValue("run"), 10, 64)
	attempt, err2 := strconv.ParseInt(c.r.PathValue("attempt"), 10, 64)
	jobs, known := t.jobs[runKey{run, attempt}]
	if err1 != nil || err2 != nil || !known {
		return notFound()
	}
	all := []map[string]any{}
	for _, j := range jobs {
		steps := []map[string]any{}
		for n, step := range j.Steps {
			steps = append(steps, map[string]any{"name": step.Name, "conclusion": step.Conclusion, "status": "completed", "number": n + 1})
		}
		all = append(all, map[string]any{"id": j.ID, "run_id": run, "run_attempt": attempt, "name": j.Name, "status": "completed", "conclusion": j.Conclusion,
			"steps": steps, "html_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d/job/%d", t.name(), run, j.ID)})
	}
	list, link := page(c, t.url(c.base)+"/actions/runs/"+itoa(run)+"/attempts/"+itoa(attempt)+"/jobs", all)
	return withLink(ok(map[string]any{"total_count": len(all), "jobs": list}), link)
}

// jobLog answers with a signed address of another host, good for one minute.
func (s *Server) jobLog(c *call, t *target) answer {
	id, err := strconv.ParseInt(c.r.PathValue("job"), 10, 64)
	if err != nil {
		return notFound()
	}
	for _, jobs := range t.jobs {
		for _, j := range jobs {
			if j.ID != id {
				continue
			}
			if j.Log == nil {
				return refuse(http.StatusGone, "Logs for this job have expired")
			}
			return answer{status: http.StatusFound}.with("Location", s.files.sign(j.Log, s.now().Add(time.Minute)))
		}
	}
	return notFound()
}

// files is the other host, on which GitHub keeps logs. It refuses a request with a token, as the real one does, and an address
// that it did not sign.
type files struct {
	s      *Server
	base   string
	server *http.Server
	served chan error
	signed map[string]file // by signature
	asked  []http.Header
}

type file struct {
	data  []byte
	until time.Time
}

// startFiles begins to serve logs. Call it with mu held.
func (s *Server) startFiles() error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for logs: %w", err)
	}
	f := &files{s: s, base: "http://" + l.Addr().String(), signed: map[string]file{}, served: make(chan error, 1)}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	s.files = f
	go func() { f.served <- f.server.Serve(l) }()
	return nil
}

// sign makes an address of data. Call it with the server's mu held.
func (f *files) sign(data []byte, until time.Time) string {
	signature := strings.ReplaceAll(newGUID(), "-", "")
	f.signed[signature] = file{data, until}
	return f.base + "/logs/job.txt?se=" + until.UTC().Format("20060102T150405Z") + "&sig=" + signature
}

// ServeHTTP serves a log.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.s.mu.Lock()
	f.asked = append(f.asked, r.Header.Clone())
	found, known := f.signed[r.URL.Query().Get("sig")]
	late := known && f.s.now().After(found.until)
	f.s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "InvalidAuthenticationInfo", http.StatusBadRequest)
	case !known || late:
		http.Error(w, "AuthenticationFailed", http.StatusForbidden)
	default:
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(found.data) // a reader that has enough goes away
	}
}

// LogRequests are the headers of what was asked of the host of logs.
func (s *Server) LogRequests() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		return nil
	}
	return slices.Clone(s.files.asked)
}
