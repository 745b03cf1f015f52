package hooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// relaying is a relay that runs against a simulation.
type relaying struct {
	t      *testing.T
	w      *world
	states chan RelayState
	got    chan RelayDelivery
	stop   func() error // ends it and returns what Run did
}

func startRelay(t *testing.T, w *world, change func(*Relay)) *relaying {
	t.Helper()
	run := &relaying{t: t, w: w, states: make(chan RelayState, 100), got: make(chan RelayDelivery, 100)}
	r := &Relay{Client: w.client, Target: Target{"o", "r"},
		Events: []string{"push"}, Secret: "k", State: func(s RelayState) { run.states <- s }, pause: time.Millisecond,
		Handle: func(_ context.Context, d RelayDelivery) (RelayAnswer, error) {
			run.got <- d
			return RelayAnswer{Status: 202, Header: http.Header{"X-Seen": {"yes"}}, Body: []byte("recorded")}, nil
		}}
	if change != nil {
		change(r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	var result error
	run.stop = func() error {
		once.Do(func() { cancel(); result = <-done })
		return result
	}
	t.Cleanup(func() { _ = run.stop() })
	return run
}

// connected waits until the relay is connected and returns its hook.
func (r *relaying) connected() int64 {
	r.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case s := <-r.states:
			if s.Connected {
				return s.HookID
			}
		case <-deadline:
			r.t.Fatal("the relay is not connected")
		}
	}
}

func (r *relaying) deliver() githubtest.Delivery {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	list, err := r.w.Deliver(ctx, "o/r", "push", githubtest.Sample("push.main"))
	if err != nil || len(list) != 1 {
		r.t.Fatalf("delivered %+v: %v", list, err)
	}
	return list[0]
}

func TestRelayBringsDeliveries(t *testing.T) {
	for _, unsigned := range []bool{false, true} {
		t.Run(fmt.Sprintf("unsigned=%v", unsigned), func(t *testing.T) {
			w := newWorldWith(t, githubtest.Options{RelayUnsigned: unsigned}, "o/r")
			run := startRelay(t, w, nil)
			id := run.connected()
			for range 10 { // keys come in varying case
				sent := run.deliver()
				if sent.StatusCode != 202 || sent.Response != "recorded" || sent.HookID != id {
					t.Fatalf("%+v", sent)
				}
				got := <-run.got
				if got.HookID != id || got.Header.Get("X-GitHub-Event") != "push" || got.Header.Get("X-GitHub-Delivery") != sent.GUID || string(got.Body) != string(githubtest.Sample("push.main")) {
					t.Fatalf("%+v", got)
				}
				if signed := got.Header.Get("X-Hub-Signature-256") != ""; signed == unsigned {
					t.Fatalf("signed: %v", signed)
				}
			}
			if err := run.stop(); err != nil {
				t.Errorf("a relay that was stopped: %v", err)
			}
			if list := w.Hooks("o/r"); len(list) != 0 {
				t.Errorf("it left %+v behind", list)
			}
			checkPublished(t, w.Requests())
		})
	}
}

func TestRelayRemovesWhatIsStale(t *testing.T) {
	w := newWorld(t, "o/r")
	w.AddHook("o/r", githubtest.Hook{Name: "cli", Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: "https://webhook-forwarder.github.com/hook/x"}})
	web := w.AddHook("o/r", githubtest.Hook{Active: true, Events: []string{"star"}, Config: githubtest.Config{URL: hookURL}})
	run := startRelay(t, w, nil)
	id := run.connected()
	if list := w.Hooks("o/r"); len(list) != 2 || list[0].ID != web || list[1].ID != id {
		t.Errorf("%+v", list)
	}
}

// However a connection breaks, deliveries come again after it.
func TestRelayConnectsAgain(t *testing.T) {
	for _, test := range []struct {
		name string
		cut  func(w *world, hook int64)
	}{
		{"broken", func(w *world, _ int64) { w.BreakRelays(false) }},
		{"broken, and GitHub does not notice", func(w *world, _ int64) { w.BreakRelays(true) }},
		{"hook deleted by somebody", func(w *world, hook int64) {
			if err := w.client.Delete(w.t.Context(), Target{"o", "r"}, hook); err != nil {
				w.t.Error(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "o/r")
			run := startRelay(t, w, nil)
			first := run.connected()
			test.cut(w, first)
			second := run.connected()
			if second == first {
				t.Error("the hook is the same")
			}
			if sent := run.deliver(); !sent.OK() || sent.HookID != second {
				t.Errorf("%+v", sent)
			}
		})
	}
}

// interrupting ends a context when GitHub has acted on a call, before its answer is read.
type interrupting struct {
	base      http.RoundTripper
	method    string
	interrupt func()
}

// RoundTrip passes the call on.
func (i interrupting) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := i.base.RoundTrip(req)
	if err == nil && req.Method == i.method {
		i.interrupt()
		_ = res.Body.Close()
		return nil, context.Cause(req.Context())
	}
	return res, err
}

func TestRelayLeavesNoHookWhenItIsInterruptedAsItOpens(t *testing.T) {
	w := newWorld(t, "o/r")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := w.newClient(Config{Transport: interrupting{baseTransport(w.socket), http.MethodPost, cancel}})
	relay := &Relay{Client: client, Target: Target{"o", "r"}, Events: []string{"push"}, Secret: "k"}
	if err := relay.Run(ctx); err != nil {
		t.Error(err)
	}
	if list := w.Hooks("o/r"); len(list) != 0 {
		t.Errorf("it left %+v behind", list)
	}
}

func TestRelaySaysThatItCouldNotRemoveItsHook(t *testing.T) {
	w := newWorld(t, "o/r")
	run := startRelay(t, w, nil)
	run.connected()
	w.Fault(githubtest.Fault{Method: http.MethodDelete, Status: http.StatusInternalServerError})
	if err := run.stop(); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "its hook could not be removed") || CureOf(err) == "" {
		t.Errorf("a relay whose hook stays: %v", err)
	}
}

// GitHub fails and loses answers while a relay opens: it opens nevertheless, and leaves one hook.
func TestRelayOpensThroughFaults(t *testing.T) {
	w := newWorld(t, "o/r")
	w.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", DropAfter: true, Times: 1})
	w.Fault(githubtest.Fault{Method: "POST", Path: "/repos/*/*/hooks", Status: 502, Times: 1})
	run := startRelay(t, w, nil)
	id := run.connected()
	if list := w.Hooks("o/r"); len(list) != 1 || list[0].ID != id || !list[0].Active {
		t.Errorf("%+v", list)
	}
}

func TestRelayAnswersForAHandlerThatFails(t *testing.T) {
	w := newWorld(t, "o/r")
	run := startRelay(t, w, func(r *Relay) {
		r.Handle = func(context.Context, RelayDelivery) (RelayAnswer, error) {
			return RelayAnswer{}, errors.New("disk full")
		}
	})
	run.connected()
	if sent := run.deliver(); sent.StatusCode != 500 || strings.Contains(sent.Response, "disk") {
		t.Errorf("%+v", sent)
	}
}

func TestRelayStaysAliveWhileNothingComes(t *testing.T) {
	w := newWorld(t, "o/r")
	run := startRelay(t, w, func(r *Relay) { r.alive, r.patience = time.Millisecond, 20*time.Second })
	id := run.connected()
	for range 20 { // each has room for several pings before it
		if sent := run.deliver(); !sent.OK() || sent.HookID != id {
			t.Fatalf("%+v", sent)
		}
	}
}

// A connection that died without a sign is found out by its silence.
func TestRelayLeavesADeadConnection(t *testing.T) {
	w := newWorld(t, "o/r")
	run := startRelay(t, w, func(r *Relay) { r.alive, r.patience = 5*time.Millisecond, 50*time.Millisecond })
	first := run.connected()
	w.FreezeRelays()
	second := run.connected()
	if second == first {
		t.Error("the hook is the same")
	}
	if sent := run.deliver(); !sent.OK() || sent.HookID != second {
		t.Errorf("%+v", sent)
	}
}

func TestRelaySaysWhyNot(t *testing.T) {
	for _, test := range []struct {
		name    string
		arrange func(*world)
		change  func(*Relay)
		is      error
		says    string
	}{
		{"an organization", nil, func(r *Relay) { r.Target = Target{Owner: "org"} }, nil, "hooks of repositories on github.com only"},
		{"no admin role", func(w *world) { w.Grant("o/r", "read") }, nil, ErrNotAdmin, "404"},
		{"no such repository", nil, func(r *Relay) { r.Target = Target{"o", "gone"} }, ErrNotFound, "404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "o/r")
			if test.arrange != nil {
				test.arrange(w)
			}
			r := &Relay{Client: w.client, Target: Target{"o", "r"}, Events: []string{"push"}}
			if test.change != nil {
				test.change(r)
			}
			err := r.Run(t.Context())
			if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A token must not go to an address that is not GitHub's, whatever names it.
func TestRelayTokenGoesToGitHubOnly(t *testing.T) {
	w := newWorld(t, "o/r")
	r := &Relay{Client: w.client, Target: Target{"o", "r"}}
	for _, address := range []string{"", "ws://webhook-forwarder.github.com/x", "wss://github.com.example.com/x", "wss://evilgithub.com/x", "https://api.github.com/x", "wss://%zz"} {
		if _, err := r.connect(t.Context(), address); err == nil || !strings.Contains(err.Error(), "no address of its own") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestRelayKeepsSecretsToItself(t *testing.T) {
	r := &Relay{Client: &Client{token: "t0ken"}, Target: Target{"o", "r"}, Secret: "s3cret"}
	for _, text := range []string{fmt.Sprint(r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r)} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "t0ken") {
			t.Errorf("it prints %s", text)
		}
	}
	var got RelayDelivery
	r = &Relay{Handle: func(_ context.Context, d RelayDelivery) (RelayAnswer, error) { got = d; return RelayAnswer{}, nil }}
	answer, err := r.handle(t.Context(), []byte(`{"header":{"x-github-encoded-secret":["x"],"X-GitHub-Event":["ping"]},"body":"e30="}`), 7)
	if err != nil || string(answer) != `{"Status":200,"Header":{},"Body":""}` {
		t.Errorf("%s %v", answer, err)
	}
	if got.Header.Get("X-Github-Encoded-Secret") != "" || got.Header.Get("X-GitHub-Event") != "ping" || string(got.Body) != "{}" || got.HookID != 7 {
		t.Errorf("%+v", got)
	}
}
