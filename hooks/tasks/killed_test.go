package tasks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

const userBoard = "mona/7"

// cut stands between sync and GitHub. At the call with the number at it ends the process: it cancels its context and
// loses the answer, and the request too where GitHub must not act.
type cut struct {
	calls atomic.Int64
	at    int64
	acts  bool
	end   atomic.Pointer[context.CancelFunc]
}

// listen puts c in front of the world's GitHub.
func (c *cut) listen(w *world) {
	w.t.Helper()
	upstream := filepath.Join(w.home, "s")
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "github", r.In.Host
		},
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", upstream)
		}},
	}
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Header.Get("X-Cut") != "" {
			(*c.end.Load())()
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	listener, err := net.Listen("unix", filepath.Join(w.home, "p"))
	if err != nil {
		w.t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if c.calls.Add(1) == c.at {
			if !c.acts {
				(*c.end.Load())()
				panic(http.ErrAbortHandler)
			}
			// The caller goes away when its context ends, and GitHub must answer first.
			r = r.WithContext(context.WithoutCancel(r.Context()))
			r.Header.Set("X-Cut", "1")
		}
		proxy.ServeHTTP(rw, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	w.t.Cleanup(func() { _ = server.Close(); <-done })
}

// event is what GitHub sends at that moment of a story.
type event func(w *world, task int) (name string, payload []byte)

func ran(r githubtest.Run) event {
	return func(w *world, _ int) (string, []byte) { return "workflow_run", w.RunPayload(repo, r) }
}

func labeled(action string, labels ...string) event {
	return func(w *world, task int) (string, []byte) {
		w.ChangeIssue(repo, task, func(i *githubtest.Issue) { i.Labels = labels })
		return "issues", w.IssuePayload(repo, task, action, "blocked")
	}
}

// story is what happens, with which settings, and what its end must have.
type story struct {
	events  []event
	change  func(*Config)
	applied bool // a person applies what is suggested for each event
	end     string
}

// stories have every kind of change.
func stories() map[string]story {
	runs := []event{ran(githubtest.Run{Number: 1}), ran(githubtest.Run{Number: 2}), ran(githubtest.Run{Number: 2, Attempt: 2, Conclusion: "success"}),
		ran(githubtest.Run{Number: 3}), ran(githubtest.Run{Number: 4, Conclusion: "success"})}
	task := []event{labeled("labeled", "blocked"), labeled("unlabeled"), func(w *world, task int) (string, []byte) {
		return "pull_request", w.MergedPayload(repo, 90, "develop", fmt.Sprintf("Fixes #%d", task))
	}}
	passed := func(w *world, _ int) (string, []byte) {
		w.SetJobs(repo, 9000000000000002, 2, githubtest.Job{Name: "job0", Conclusion: "success"}, githubtest.Job{Name: "job1", Conclusion: "success"})
		return runs[2](w, 0)
	}
	noBoard := func(c *Config) { c.Board = BoardSettings{} }
	return map[string]story{
		"CI":                   {events: runs, end: "#2 closed CI: Tests fails on main, labels [ci-failure flaky], column Done"},
		"task":                 {events: task, end: "#1 closed Gears are missing, labels [], column Done"},
		"CI without a board":   {events: runs, change: noBoard, end: "#2 closed CI: Tests fails on main, labels [ci-failure flaky], column \n"},
		"task without a board": {events: task, change: noBoard, end: "#1 closed Gears are missing, labels [], column In Progress"},
		"an issue for each job": {events: []event{runs[0], runs[1], passed}, change: func(c *Config) { c.CI.PerJob = true; c.Board = BoardSettings{} },
			end: "#3 closed CI: Tests / job1 fails on main, labels [ci-failure flaky]"},
		"suggested and applied": {events: runs[:3], change: func(c *Config) { c.Mode = ModeSuggest }, applied: true,
			end: "#2 closed CI: Tests fails on main, labels [ci-failure flaky], column Done"},
	}
}

// lived is what a story leaves at GitHub.
func lived(t *testing.T, c *cut, story story) string {
	t.Helper()
	w := newWorld(t, githubtest.Options{LabelLag: 3})
	w.AddProject(userBoard, false, "Status", "Todo", "In Progress", "In Review", "Done", "Blocked")
	w.SetScopes("admin:repo_hook", "repo", "project")
	c.listen(w)
	client, err := hooks.New(hooks.Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: filepath.Join(w.home, "p"),
		Limits: hooks.Limits{WritesPerMinute: 1 << 20, WritesPerHour: 1 << 16, Concurrent: 8, MaxWait: 3 * time.Second, Tries: 1, Pause: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	task := w.AddIssue(repo, githubtest.Issue{Title: "Gears are missing", Assignees: []string{"mona"}, Column: "In Progress"})
	for i := range int64(3) {
		w.failing(i+1, "FAIL\n", fmt.Sprintf("job%d", i))
	}
	var b strings.Builder
	for n, event := range story.events {
		w.now = w.now.Add(time.Hour)
		name, payload := event(w, task)
		d := w.delivery(name, payload)
		d.File = fmt.Sprintf("%d_%s.json", n, name)
		// once lets one process after the other do something, each with the ledger that the last one left, until one lives to its end.
		once := func(do func(*Sync, context.Context, Delivery) (Outcome, error)) {
			for try := 0; ; try++ {
				s := w.sync(func(cfg *Config) {
					cfg.GitHub = func() (*hooks.Client, error) { return client, nil }
					cfg.Board = BoardSettings{Project: userBoard, Field: "Status", Todo: "Todo", InProgress: "In Progress", InReview: "In Review", DoneName: "Done", Blocked: "Blocked"}
					if story.change != nil {
						story.change(cfg)
					}
				})
				ctx, end := context.WithCancel(t.Context())
				c.end.Store(&end)
				out, err := do(s, ctx, d)
				killed := ctx.Err() != nil
				end()
				if err == nil && out.Problem == nil {
					for _, n := range out.Notices {
						fmt.Fprintf(&b, "notice: %s %s\n", n.Subject, n.Message)
					}
					list, err := s.List()
					if err != nil {
						t.Fatal(err)
					}
					for _, i := range list {
						fmt.Fprintf(&b, "%s %s %s %s\n", i.Key, i.State, i.Title, i.URL)
					}
					return
				}
				if !killed || try > 0 {
					t.Fatalf("event %d (%s): %v, %v", n+1, name, err, out.Problem)
				}
			}
		}
		once((*Sync).Handle)
		if story.applied {
			once((*Sync).Apply)
		}
		for _, i := range w.Issues(repo) {
			fmt.Fprintf(&b, "event %d: #%d is %s in column %s\n", n+1, i.Number, i.State, i.Column)
		}
	}
	for _, i := range w.Issues(repo) {
		fmt.Fprintf(&b, "#%d %s %s, labels %v, column %s\n", i.Number, i.State, i.Title, i.Labels, i.Column)
		for _, note := range i.Comments {
			first, _, _ := strings.Cut(note.Body, "\n")
			b.WriteString("  " + first + "\n")
		}
	}
	return b.String()
}

// A process that ends at any call, before or after GitHub acted, leaves what the next one completes: the same issues, comments,
// labels, states and columns as without the end, and none of them twice.
func TestKilledAtEveryCall(t *testing.T) {
	for name, story := range stories() {
		whole := &cut{}
		want := lived(t, whole, story)
		if !strings.Contains(want, story.end) || !strings.Contains(want, "notice: ") {
			t.Fatalf("%s, without an end:\n%s", name, want)
		}
		for _, acts := range []bool{false, true} {
			for at := int64(1); at <= whole.calls.Load(); at++ {
				t.Run(fmt.Sprintf("%s, call %d, GitHub acts: %t", name, at, acts), func(t *testing.T) {
					if got := lived(t, &cut{at: at, acts: acts}, story); got != want {
						t.Errorf("got:\n%swant:\n%s", got, want)
					}
				})
			}
		}
	}
}
