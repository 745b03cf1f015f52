package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/server/fleet"
)

// errFigures is returned where the demo counted something else than expected.
var errFigures = errors.New("a count of the demo is wrong")

// storyTimeout bounds everything that the story waits for.
const storyTimeout = 5 * time.Minute

// printStory prints each step of the demo after it was done and checked.
func (d *demo) printStory(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storyTimeout)
	defer cancel()
	say := func(chapter, format string, args ...any) {
		fmt.Fprintf(d.p.out, "%-10s %s\n", chapter, text.Clean(fmt.Sprintf(format, args...)))
	}
	say("home", "temporary, with a simulated GitHub and a simulated AI Maestro on this machine")

	results, err := d.setUp(ctx, nil)
	if err != nil {
		return err
	}
	status, err := daemon.Dial(d.settings.Home).Status(ctx)
	if err != nil {
		return err
	}
	say("receiver", "started in the background on %s, secret %s", status.Address, status.Secret)
	for _, r := range results {
		say("setup", "hook %d on %s: its ping arrived, verified", r.HookID, r.Target)
	}
	kinds, err := d.deliverEveryKind(ctx)
	if err != nil {
		return err
	}
	say("deliver", "%d deliveries, one for each row of the routing table and each near miss", kinds)
	forged, err := d.forge(ctx)
	if err != nil {
		return err
	}
	say("refuse", "a forged delivery was answered with %d and not recorded", forged)

	issue, err := d.failAndPass(ctx)
	if err != nil {
		return err
	}
	say("sync", "a failure on main became %s with the failing lines; the next green run closed it", issue)

	rotated, during, err := d.rotateUnderTraffic(ctx)
	if err != nil {
		return err
	}
	say("rotate", "secret %s → %s on %d hooks under steady traffic: %d deliveries, %d refused", rotated.Old, rotated.New, len(rotated.Hooks), during.sent, during.refused)

	reason, err := d.miss(ctx, d.repos[1])
	if err != nil {
		return err
	}
	caught, err := d.p.catchUp(ctx, d.settings, d.p.fleet(d.settings), fleet.CatchUpRequest{})
	if err != nil {
		return err
	}
	fetched := caught.Recorded
	say("catchup", "a delivery did not arrive (GitHub: %s); fetched from GitHub's list: %d", reason, fetched)

	refusal, err := d.resendFailed(ctx)
	if err != nil {
		return err
	}

	sent, recorded, notified, err := d.count(ctx, fetched)
	if err != nil {
		return err
	}
	say("resend", "the sink team refused a notification (%s); sent again, it was taken", refusal)
	say("notify", "%d records notified, %d messages at AI Maestro, none pending", notified, len(d.maestro.Messages()))
	say("count", "sent %d, recorded %d, lost %d", sent, recorded, sent-recorded)

	if err := daemon.Stop(ctx, d.p.daemonConfig(d.settings)); err != nil {
		return err
	}
	say("stop", "the receiver finished its work and stopped; the home is removed")
	if recorded != sent || during.refused != 0 || !rotated.Complete || forged != http.StatusUnauthorized || fetched != 1 || d.team.taken.Load() == 0 || notified == 0 {
		return errFigures
	}
	return nil
}

// failAndPass sends a run that fails and one that passes, and waits for the issue that project sync makes of the first to be
// closed by the second. It returns the name of the issue.
func (d *demo) failAndPass(ctx context.Context) (string, error) {
	repo := d.repos[0]
	issue, err := d.fail(ctx, repo)
	if err != nil {
		return "", err
	}
	passed := githubtest.Run{Number: 42, Conclusion: "success"}
	if _, err := d.github.Deliver(ctx, repo, "workflow_run", d.github.RunPayload(repo, passed)); err != nil {
		return "", err
	}
	_, err = d.awaitIssue(ctx, repo, func(i githubtest.Issue) bool { return i.Number == issue.Number && i.State == "closed" })
	return fmt.Sprintf("%s#%d", repo, issue.Number), err
}

// fail sends a run that fails, and waits for its issue.
func (d *demo) fail(ctx context.Context, repo string) (githubtest.Issue, error) {
	d.github.SetJobs(repo, 9000000000000041, 1, githubtest.Job{Name: "unit tests", Conclusion: "failure",
		Steps: []githubtest.Step{{Name: "Run tests", Conclusion: "failure"}},
		Log:   []byte("2026-01-01T12:30:45.1234567Z --- FAIL: TestWidgetsAreRound\n2026-01-01T12:30:45.1234567Z     widget_test.go:12: got a square\n")})
	if _, err := d.github.Deliver(ctx, repo, "workflow_run", d.github.RunPayload(repo, githubtest.Run{Number: 41})); err != nil {
		return githubtest.Issue{}, err
	}
	return d.awaitIssue(ctx, repo, func(i githubtest.Issue) bool {
		return i.State == "open" && strings.Contains(i.Body, "widget_test.go:12: got a square")
	})
}

// awaitIssue waits until a repository has an issue that is as wanted.
func (d *demo) awaitIssue(ctx context.Context, repo string, wanted func(githubtest.Issue) bool) (issue githubtest.Issue, err error) {
	err = await(ctx, "wait for the issue that sync makes", func() (bool, error) {
		issues := d.github.Issues(repo)
		at := slices.IndexFunc(issues, wanted)
		if at >= 0 {
			issue = issues[at]
		}
		return at >= 0, nil
	})
	return issue, err
}

// await asks again and again until something is done; what says what it is about where ctx ends first.
func await(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}

// deliverEveryKind sends each sample that the hooks subscribe to.
func (d *demo) deliverEveryKind(ctx context.Context) (sent int, err error) {
	for i, sample := range githubtest.SampleIndex() {
		if sample.Event == "ping" {
			continue
		}
		repo := d.repos[i%len(d.repos)]
		results, err := d.github.Deliver(ctx, repo, sample.Event, githubtest.SampleFor(sample.Name, repo))
		if err != nil {
			return sent, err
		}
		for _, r := range results {
			if !r.OK() {
				return sent, fmt.Errorf("deliver %s: %s", sample.Name, r.Status)
			}
			sent++
		}
	}
	return sent, nil
}

// traffic is what was sent during a rotation.
type traffic struct{ sent, refused int }

// rotateUnderTraffic changes the secret while both repositories keep sending.
func (d *demo) rotateUnderTraffic(ctx context.Context) (fleet.RotateReport, traffic, error) {
	all := d.p.fleet(d.settings)
	plan, err := all.PlanRotation(ctx, fleet.RotateRequest{})
	if err != nil {
		return fleet.RotateReport{}, traffic{}, err
	}
	sending, stop := context.WithCancel(ctx)
	var senders sync.WaitGroup
	var sent, refused atomic.Int64
	for _, repo := range d.repos {
		senders.Go(func() { d.sendSteadily(sending, ctx, repo, &sent, &refused) })
	}
	report, err := all.Rotate(ctx, plan, nil)
	stop()
	senders.Wait()
	return report, traffic{int(sent.Load()), int(refused.Load())}, err
}

// sendSteadily sends a push every ten milliseconds until sending ends. Each one is seen through to its answer.
func (d *demo) sendSteadily(sending, ctx context.Context, repo string, sent, refused *atomic.Int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	payload := githubtest.SampleFor("push.feature", repo)
	for {
		select {
		case <-sending.Done():
			return
		case <-tick.C:
		}
		results, err := d.github.Deliver(ctx, repo, "push", payload)
		if err != nil {
			return
		}
		for _, r := range results {
			sent.Add(1)
			if !r.OK() {
				refused.Add(1)
			}
		}
	}
}

// accepted is how many deliveries, pings among them, GitHub saw answered with 2xx.
func (d *demo) accepted() (n int) {
	for _, repo := range d.repos {
		for _, hook := range d.github.Hooks(repo) {
			for _, delivery := range d.github.Deliveries(hook.ID) {
				if delivery.OK() {
					n++
				}
			}
		}
	}
	return n
}

// count waits until the log has what was sent and every notification is through, and returns how many deliveries were sent, those that
// were fetched among them, how many records there are and how many of them were notified.
func (d *demo) count(ctx context.Context, fetched int) (sent, recorded, notified int, err error) {
	log, err := logs.Open(ctx, d.settings.Logs(nil))
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	delivered, err := parseFilter("status:sent since:" + d.began.UTC().Format(time.RFC3339))
	if err != nil {
		return 0, 0, 0, err
	}
	waiting, err := parseFilter("status:pending")
	if err != nil {
		return 0, 0, 0, err
	}
	late := time.Now().Add(time.Minute) // then the counts show what is missing
	err = await(ctx, "wait until everything is recorded and notified", func() (bool, error) {
		status, err := daemon.Dial(d.settings.Home).Status(ctx)
		if err != nil {
			return false, err
		}
		var counts [3]int
		for i, filter := range []logs.Filter{{}, delivered, waiting} {
			if counts[i], err = log.Count(ctx, filter); err != nil {
				return false, err
			}
		}
		sent, recorded, notified = d.accepted()+fetched, counts[0]-d.past, counts[1]
		return recorded == sent && counts[2] == 0 && status.PendingNotifications == 0 || time.Now().After(late), nil
	})
	return sent, recorded, notified, err
}
