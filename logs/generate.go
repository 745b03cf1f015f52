package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Generate writes n plausible records into a log directory, evenly spread
// over the span before until, for demonstrations and measurements. It is fast
// because nothing is made durable, and so not for real deliveries; a Writer
// may be open on the directory. The same seed gives the same records.
// progress, which may be nil, gets how many are done, now and then, from
// several goroutines.
func Generate(ctx context.Context, dir string, n int, until time.Time, span time.Duration, seed uint64, progress func(done int)) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("generate records: %w", err)
	}
	var done atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		work.Go(func() error {
			// Each worker takes a stretch of time of its own, so that names do not collide.
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				r := Sample(seed, i, until.Add(-span+time.Duration(float64(span)*float64(i)/float64(n))))
				if err := cmp.Or(ctx.Err(), writeSample(dir, r)); err != nil {
					return fmt.Errorf("generate records: %w", err)
				}
				if k := done.Add(1); progress != nil && k%1000 == 0 {
					progress(int(k))
				}
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	if progress != nil {
		progress(n)
	}
	return nil
}

func writeSample(dir string, r *Record) error {
	data, err := r.Encode()
	if err != nil {
		return err
	}
	for k := 1; ; k++ {
		f, err := os.OpenFile(filepath.Clean(filepath.Join(dir, numbered(stem(r.ReceivedAt, r.EventType), k))), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	}
}

// Sample returns the i-th plausible record of a seed.
func Sample(seed uint64, i int, at time.Time) *Record {
	rng := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // neither secret nor random, but plausible
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	repo := pick("octo-org", "octo-org", "acme", "hubot") + "/" + pick("api", "web", "docs", "infra", "mobile", "search", "billing", "cli")
	number := int64(1 + rng.IntN(9000))
	r := &Record{
		EventType:  pick("push", "push", "push", "pull_request", "pull_request", "issues", "issue_comment", "workflow_run", "workflow_run", "check_run", "check_run", "check_run", "release"),
		ReceivedAt: at.UTC(), Timestamp: at.UTC().Format(timeLayout), Source: SourceDelivery, HookID: int64(4711 + rng.IntN(4)),
		DeliveryID: fmt.Sprintf("%08x-%04x-11f1-%04x-%012x", rng.Uint32(), rng.IntN(1<<16), 0x8000|rng.IntN(1<<14), rng.Uint64()&0xffffffffffff),
		Signature:  Signature{Verified: true, Secret: "a1b2c3d4"},
	}
	s := &r.Summary
	s.Repository, s.Sender = repo, pick("octocat", "hubot", "monalisa", "dependabot[bot]", "defunkt", "mojombo")
	s.Branch = pick("main", "main", "develop", "feature/login", "feature/search-"+fmt.Sprint(rng.IntN(400)), "fix/"+fmt.Sprint(number))
	title := pick("Fix", "Add", "Remove", "Speed up", "Document", "Rename") + " " + pick("the login", "a flaky test", "retries", "the cache", "error messages", "the index", "pagination") + " " +
		pick("in the API", "on Windows", "for large logs", "of the client", "after review", "once more") + " " + fmt.Sprint(rng.IntN(100000))
	notify := func(kind, priority string) {
		r.Result = kind + ": " + title
		r.Notifications = []Notification{{Type: kind, Priority: priority, Sink: "aimaestro", To: "orchestrator-amoa", Status: StatusSent, Attempts: 1,
			At: r.ReceivedAt.Add(40 * time.Millisecond), MessageID: fmt.Sprintf("msg-%d", i)}}
	}
	s.Title = title
	s.URL = "https://github.com/" + repo
	switch r.EventType {
	case "push":
		if s.Branch == "main" || s.Branch == "develop" {
			notify("push", "low")
		}
	case "pull_request":
		s.Action, s.Number = pick("opened", "closed", "synchronize", "labeled"), &number
		s.URL += fmt.Sprintf("/pull/%d", number)
		if s.Action == "opened" {
			notify("pr_created", "medium")
		}
	case "issues", "issue_comment":
		s.Action, s.Number = pick("opened", "closed", "labeled", "created"), &number
		s.URL += fmt.Sprintf("/issues/%d", number)
	case "workflow_run", "check_run":
		s.Action, s.Conclusion = "completed", pick("success", "success", "success", "failure", "cancelled")
		name := pick("CI Tests", "Build", "Lint", "Release", "Nightly")
		s.Title = name + " #" + fmt.Sprint(number)
		s.Run = Run{Workflow: name, ID: 10_000_000_000 + int64(i), Attempt: 1, SHA: strings.ReplaceAll(r.DeliveryID, "-", "")}
		s.URL += fmt.Sprintf("/actions/runs/%d", 10_000_000_000+rng.Int64N(1_000_000_000))
		switch {
		case s.Conclusion == "failure" && r.EventType == "workflow_run":
			notify("ci_failure", "high")
		case s.Conclusion == "failure":
			notify("ci_failure", "medium")
		case s.Conclusion == "success" && r.EventType == "workflow_run":
			notify("ci_success", "low")
		}
	case "release":
		s.Action = "published"
	}
	r.Headers = map[string]string{"X-GitHub-Event": r.EventType, "X-GitHub-Delivery": r.DeliveryID, "User-Agent": "GitHub-Hookshot/5f9a2c1", "Content-Type": "application/json"}
	r.Payload = fmt.Appendf(nil, `{"action":%q,"repository":{"full_name":%q,"html_url":"https://github.com/%s"},"sender":{"login":%q},"ref":"refs/heads/%s","number":%d,"title":%q,"body":%q}`,
		s.Action, repo, repo, s.Sender, s.Branch, number, title, strings.Repeat(title+". ", 1+rng.IntN(20)))
	return r
}
