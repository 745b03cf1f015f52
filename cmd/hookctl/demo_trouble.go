package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
	"hookctl/server/doctor"
	"hookctl/server/host"
)

// The demo has two failures to look at: a notification that its sink refuses, and a delivery that never arrives.

// archived is why the demo's team refuses its first notification.
const archived = "the channel #ci is archived"

// team is a simulated place where people are notified, the sink "team" of the demo. It refuses the first notification; by the time
// that somebody sends it again, it takes everything.
type team struct {
	url     string
	server  *http.Server
	served  chan struct{}
	refused atomic.Int64
	taken   atomic.Int64
}

func startTeam(ctx context.Context) (*team, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the demo's team: %w", err)
	}
	t := &team{url: "http://" + l.Addr().String(), served: make(chan struct{})}
	t.server = &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(t.served)
		_ = t.server.Serve(l) // it ends when close says so
	}()
	return t, nil
}

func (t *team) close() error {
	err := t.server.Close()
	<-t.served
	return err
}

// ServeHTTP takes a notification, or refuses it.
func (t *team) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
	case t.refused.CompareAndSwap(0, 1):
		http.Error(w, archived, http.StatusForbidden)
	default:
		t.taken.Add(1)
	}
}

// way is how the simulated GitHub reaches the receiver, as a tunnel does: wherever that listens now.
type way struct {
	home string
	cut  atomic.Bool // nothing gets through

	mu    sync.Mutex
	local string // where the receiver was last
}

// resolve gives the address behind the public URL, "" while the way is cut.
func (v *way) resolve(ctx context.Context) string {
	if v.cut.Load() {
		return ""
	}
	st, err := daemon.Dial(v.home).Status(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	if host, port, bad := net.SplitHostPort(st.Address); err == nil && bad == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		v.local = "http://" + net.JoinHostPort(host, port) + "/webhook"
	}
	return v.local
}

// miss sends a delivery while the way is cut, and returns what GitHub notes of it.
func (d *demo) miss(ctx context.Context, repo string) (reason string, err error) {
	d.way.cut.Store(true)
	defer d.way.cut.Store(false)
	results, err := d.github.Deliver(ctx, repo, "pull_request", githubtest.SampleFor("pull_request.opened", repo))
	if err != nil {
		return "", err
	}
	if len(results) != 1 || results[0].OK() {
		return "", errors.New("the delivery that should not arrive did")
	}
	return results[0].Status, nil
}

// resendFailed waits for the notification that the team refuses, and sends it again as `events resend --failed` does. It returns why
// it was refused.
func (d *demo) resendFailed(ctx context.Context) (reason string, err error) {
	err = await(ctx, "wait for the notification that fails", func() (bool, error) {
		reason, err = d.refusal(ctx)
		return reason != "", err
	})
	if err != nil {
		return "", err
	}
	// Until then, another notification of the same record is still under way.
	return reason, await(ctx, "send the notification again", func() (bool, error) {
		done, err := host.Dial(d.settings.Home).Resend(ctx, nil, true)
		return done.Done > 0, err
	})
}

// refusal is why the team refused a notification, "" while it did not.
func (d *demo) refusal(ctx context.Context) (reason string, err error) {
	err = withLog(ctx, d.settings, "", func(log *logs.Log, _ logs.Filter) error {
		failures, err := doctor.ReadFailures(ctx, log)
		reason = strings.TrimPrefix(failures.Newest, "team: ")
		return err
	})
	return reason, err
}

// forge sends a delivery with a wrong signature, as somebody else than GitHub would, and returns the answer.
func (d *demo) forge(ctx context.Context) (status int, err error) {
	payload := githubtest.SampleFor("push.main", d.repos[0])
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.way.resolve(ctx), strings.NewReader(string(payload)))
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "00000000-0000-4000-8000-000000000000",
		"X-Hub-Signature-256": secret.Sign("somebody else's", payload),
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send a forged delivery: %w", err)
	}
	return resp.StatusCode, resp.Body.Close()
}
