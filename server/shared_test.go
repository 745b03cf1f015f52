package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/sink"
)

// others stands in for the other nodes.
type others struct {
	mu        sync.Mutex
	answer    error // of Publish
	published []string
	claims    func(file string) bool
	outcomes  map[string][]logs.Notification
	trying    int // attempts that were claimed and have no outcome
	cutOff    atomic.Bool
	starting  atomic.Bool
}

func (o *others) shared() *Shared {
	return &Shared{
		Instance: "the cluster",
		Ready: func(context.Context) error {
			if o.starting.Load() {
				return errors.New("no quorum")
			}
			return nil
		},
		Healthy: func() bool { return !o.cutOff.Load() },
		Publish: func(_ context.Context, rec *logs.Record) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.published = append(o.published, rec.File)
			return o.answer
		},
		Claim: func(_ context.Context, file string) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.claims != nil && !o.claims(file) {
				return false
			}
			o.trying++
			return true
		},
		Outcome: func(file string, list []logs.Notification, ended int) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.outcomes[file] = list
			o.trying -= ended
		},
	}
}

// post sends a request and returns the answer without its body.
func post(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

func (o *others) answers(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = err
}

// A 2xx means that the others have it; what they do not have stays here, and the same delivery is published again.
func TestSharedDeliveriesAreAnsweredOnceTheOthersHaveThem(t *testing.T) {
	o := &others{outcomes: map[string][]logs.Notification{}}
	s := run(t, func(c *Config) { c.Shared = o.shared() })
	for _, test := range []struct {
		err    error
		status int
	}{{nil, 200}, {fmt.Errorf("stream: %w", logs.ErrFull), 507}, {ErrNotShared, 503}} {
		o.answers(test.err)
		guid := fmt.Sprintf("guid-%d", test.status)
		_, body := sample(t, "workflow_run_failure")
		res := post(t, request(t, s.url+"/webhook", "workflow_run", guid, body))
		if res.StatusCode != test.status || (res.StatusCode == 503) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%v: answered %d with Retry-After %q, want %d", test.err, res.StatusCode, res.Header.Get("Retry-After"), test.status)
		}
		if _, known, err := s.log.Log().Known(t.Context(), guid, ""); !known || err != nil {
			t.Errorf("%v: the delivery is not stored, %v", test.err, err)
		}
		o.answers(nil)
		if res := post(t, request(t, s.url+"/webhook", "workflow_run", guid, body)); res.StatusCode != 200 {
			t.Errorf("%v: the next attempt is answered %d", test.err, res.StatusCode)
		}
	}
	if len(o.published) != 6 {
		t.Errorf("published %d times, want 6: %v", len(o.published), o.published)
	}
}

func TestANodeThatIsCutOffRefusesNoSignature(t *testing.T) {
	o := &others{outcomes: map[string][]logs.Notification{}}
	s := run(t, func(c *Config) { c.Shared = o.shared() })
	health := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		return post(t, r).StatusCode
	}
	unknown := func() int {
		_, body := sample(t, "workflow_run_failure")
		r := request(t, s.url+"/webhook", "workflow_run", "guid", body)
		r.Header.Set("X-Hub-Signature-256", secret.Sign("a secret that came later", body))
		return post(t, r).StatusCode
	}
	if h, u := health(), unknown(); h != 200 || u != 401 {
		t.Errorf("healthy: %d and %d", h, u)
	}
	o.cutOff.Store(true)
	if h, u := health(), unknown(); h != 503 || u != 503 {
		t.Errorf("cut off: %d and %d", h, u)
	}
	o.starting.Store(true)
	_, body := sample(t, "workflow_run_failure")
	if res := post(t, request(t, s.url+"/webhook", "workflow_run", "guid-2", body)); res.StatusCode != 503 {
		t.Errorf("starting: %d", res.StatusCode)
	}
}

// A delivery that waited for the start of its node is judged by the secrets that the start brought.
func TestADeliveryThatWaitedIsJudgedByTheNewSecrets(t *testing.T) {
	o := &others{outcomes: map[string][]logs.Notification{}}
	const later = "a secret that came later"
	waiting, proceed := make(chan struct{}), make(chan struct{})
	var cfg Config
	s := run(t, func(c *Config) {
		c.Shared = o.shared()
		c.Shared.Ready = func(context.Context) error { close(waiting); <-proceed; return nil }
		cfg = *c
	})
	answered := make(chan int)
	go func() {
		_, body := sample(t, "workflow_run_failure")
		r := request(t, s.url+"/webhook", "workflow_run", "guid", body)
		r.Header.Set("X-Hub-Signature-256", secret.Sign(later, body))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			answered <- 0
			return
		}
		_ = res.Body.Close()
		answered <- res.StatusCode
	}()
	<-waiting
	cfg.Keys = secret.NewRing(secret.Key{Value: later})
	if err := s.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	close(proceed)
	if status := <-answered; status != 200 {
		t.Errorf("answered %d", status)
	}
}

// Only what is announced is sent, in the order of the announcements, and only what can be claimed. What was withdrawn is sent when
// it is announced again.
func TestAnnouncedNotificationsAreClaimedAndSentInOrder(t *testing.T) {
	o := &others{outcomes: map[string][]logs.Notification{}}
	maestro := newMaestro(t)
	s := run(t, func(c *Config) {
		c.Shared = o.shared()
		c.Sinks = []sink.Config{maestro.sink()}
	})
	var files []string
	for i := range 6 {
		guid := fmt.Sprintf("guid-%d", i)
		s.deliver(t, "workflow_run_failure", guid)
		file, _, err := s.log.Log().Known(t.Context(), guid, "")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	announce := func(list ...string) {
		t.Helper()
		for _, file := range list {
			if err := s.Announce(t.Context(), file); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.mu.Lock()
	o.claims = func(file string) bool { return file != files[4] }
	o.mu.Unlock()
	announce(files[3], files[1], files[4], files[0])
	await(t, "three notifications", func() bool { return len(maestro.messages()) == 3 })
	o.mu.Lock()
	o.claims = func(string) bool { return false }
	o.mu.Unlock()
	announce(files[2], files[5])
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Withdraw(ctx); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	o.claims = nil
	o.mu.Unlock()
	announce(files[5], files[2], files[4])
	await(t, "six notifications", func() bool { return len(maestro.messages()) == 6 })
	want := []int{3, 1, 0, 5, 2, 4}
	for i, m := range maestro.messages() {
		if got := m.Content.Context["delivery_id"]; got != fmt.Sprintf("guid-%d", want[i]) {
			t.Errorf("number %d is %v, want guid-%d", i, got, want[i])
		}
	}
	await(t, "every outcome", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.outcomes) == 6 && o.trying == 0
	})
}
