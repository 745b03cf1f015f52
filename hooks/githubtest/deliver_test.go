package githubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// sink is a receiver that keeps what it gets.
type sink struct {
	*httptest.Server
	got chan received
}

type received struct {
	header http.Header
	body   []byte
}

func newSink(t *testing.T, status int) *sink {
	t.Helper()
	k := &sink{got: make(chan received, 100)}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		k.got <- received{r.Header, body}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"seen":true}`)
	}))
	t.Cleanup(k.Close)
	return k
}

// next is the next delivery; it fails the test where none comes.
func (k *sink) next(t *testing.T) received {
	t.Helper()
	select {
	case r := <-k.got:
		return r
	case <-time.After(2 * time.Minute):
		t.Fatal("no delivery came")
		return received{}
	}
}

func TestDeliversSigned(t *testing.T) {
	k := newSink(t, 200)
	s, _ := start(t, Options{Resolve: func(string) string { return k.URL }})
	s.AddRepository("octo-org/widgets", Repository{})
	id := s.AddHook("octo-org/widgets", Hook{Active: true, Events: []string{"push"}, Config: Config{URL: "https://hooks.example.com/", Secret: "k"}})
	results, err := s.Deliver(t.Context(), "octo-org/widgets", "push", Sample("push.main"))
	if err != nil || len(results) != 1 || !results[0].OK() || results[0].HookID != id || results[0].ID < 1<<53 || results[0].Response != `{"seen":true}` {
		t.Fatalf("results = %+v, %v", results, err)
	}
	got := k.next(t)
	if want := "sha256=" + sign(sha256.New, "k", got.body); got.header.Get("X-Hub-Signature-256") != want {
		t.Errorf("signature %q, want %q", got.header.Get("X-Hub-Signature-256"), want)
	}
	if got.header.Get("X-GitHub-Delivery") != results[0].GUID || got.header.Get("X-GitHub-Hook-ID") != itoa(id) {
		t.Errorf("headers %v", got.header)
	}
}

func withHook(t *testing.T, opts Options, k *sink, h Hook) (*Server, int64) {
	t.Helper()
	opts.Resolve = func(string) string { return k.URL }
	s := New(opts)
	t.Cleanup(s.Close)
	s.AddRepository(widgets, Repository{})
	if h.URL == "" {
		h.URL = "https://hooks.example.com/webhook"
	}
	return s, s.AddHook(widgets, h)
}

// awaitDeliveries waits until a hook has so many deliveries.
func awaitDeliveries(t *testing.T, s *Server, id int64, n int) []Delivery {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if list := s.Deliveries(id); len(list) >= n {
			return list
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d deliveries, want %d", len(s.Deliveries(id)), n)
		}
	}
}

// The vector of GitHub's documentation.
func TestSignatureVector(t *testing.T) {
	if got := sign(sha256.New, "It's a Secret to Everybody", []byte("Hello, World!")); got != "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("signature %s", got)
	}
}

func TestDeliveryHeaders(t *testing.T) {
	k := newSink(t, 200)
	s, id := withHook(t, Options{}, k, Hook{Active: true, Events: []string{"*"}, Config: Config{Secret: "k"}})
	if _, err := s.Deliver(t.Context(), widgets, "workflow_run", Sample("workflow_run.failure")); err != nil {
		t.Fatal(err)
	}
	got := k.next(t)
	for name, want := range map[string]string{"X-GitHub-Event": "workflow_run", "Content-Type": "application/json", "User-Agent": userAgent,
		"X-GitHub-Hook-Installation-Target-Type": "repository", "X-GitHub-Hook-ID": itoa(id),
		"X-Hub-Signature": "sha1=" + sign(sha1.New, "k", got.body)} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if string(got.body) != string(Sample("workflow_run.failure")) {
		t.Error("the payload was changed on its way")
	}
}

func TestFormDeliveryIsSignedAsSent(t *testing.T) {
	k := newSink(t, 200)
	s, _ := withHook(t, Options{}, k, Hook{Active: true, Config: Config{Secret: "k", ContentType: "form"}})
	if _, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main")); err != nil {
		t.Fatal(err)
	}
	got := k.next(t)
	form, err := url.ParseQuery(string(got.body))
	if err != nil || form.Get("payload") != string(Sample("push.main")) || got.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%v %v %s", err, got.header, got.body)
	}
	if got.header.Get("X-Hub-Signature-256") != "sha256="+sign(sha256.New, "k", got.body) {
		t.Error("the signature does not cover the raw form")
	}
}

func TestWithoutASecretNothingIsSigned(t *testing.T) {
	k := newSink(t, 200)
	s, _ := withHook(t, Options{}, k, Hook{Active: true})
	if _, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main")); err != nil {
		t.Fatal(err)
	}
	if got := k.next(t); got.header.Get("X-Hub-Signature-256") != "" || got.header.Get("X-Hub-Signature") != "" {
		t.Errorf("headers %v", got.header)
	}
}

func TestOnlyActiveSubscribedHooksGetEvents(t *testing.T) {
	k := newSink(t, 200)
	s, _ := withHook(t, Options{}, k, Hook{Active: false, Events: []string{"push"}})
	s.AddHook(widgets, Hook{Active: true, Events: []string{"star"}, Config: Config{URL: "https://b.example.com"}})
	s.AddOrg("octo-org")
	org := s.AddHook("octo-org", Hook{Active: true, Events: []string{"*"}, Config: Config{URL: "https://c.example.com"}})
	results, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main"))
	if err != nil || len(results) != 1 || results[0].HookID != org {
		t.Errorf("%+v %v", results, err)
	}
	if got := k.next(t); got.header.Get("X-GitHub-Hook-Installation-Target-Type") != "organization" {
		t.Errorf("%v", got.header)
	}
}

func TestPingReachesInactiveHooksToo(t *testing.T) {
	k := newSink(t, 200)
	s, id := withHook(t, Options{}, k, Hook{Active: false, Config: Config{Secret: "k"}})
	if r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks/"+itoa(id)+"/pings", ""); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	got := k.next(t)
	var ping struct {
		Zen        string
		HookID     int64 `json:"hook_id"`
		Repository struct {
			FullName string `json:"full_name"`
		}
	}
	if err := json.Unmarshal(got.body, &ping); err != nil || ping.Zen == "" || ping.HookID != id || ping.Repository.FullName != widgets || strings.Contains(string(got.body), `"k"`) {
		t.Errorf("%v %s", err, got.body)
	}
	awaitDeliveries(t, s, id, 1)
	if last := s.Hooks(widgets)[0].Last; last != (LastResponse{200, "active", "OK"}) {
		t.Errorf("last response %+v", last)
	}
}

func TestCreationPings(t *testing.T) {
	k := newSink(t, 200)
	s, _ := withHook(t, Options{}, k, Hook{Events: []string{"star"}})
	if r := octocat(t, s, "POST", "/repos/"+widgets+"/hooks", body(goodConfig, "")); r.status != 201 {
		t.Fatal(r.text)
	}
	if got := k.next(t); got.header.Get("X-GitHub-Event") != "ping" || got.header.Get("X-Hub-Signature-256") == "" {
		t.Errorf("%v", got.header)
	}
}

func TestTestsSendTheLatestPush(t *testing.T) {
	k := newSink(t, 200)
	s, id := withHook(t, Options{}, k, Hook{Active: true, Events: []string{"push"}})
	path := "/repos/" + widgets + "/hooks/" + itoa(id)
	octocat(t, s, "POST", path+"/tests", "")
	if got := k.next(t); string(got.body) != string(SampleFor("push.main", widgets)) {
		t.Errorf("%s", got.body)
	}
	if _, err := s.Deliver(t.Context(), widgets, "push", Sample("push.tag")); err != nil {
		t.Fatal(err)
	}
	k.next(t)
	octocat(t, s, "POST", path+"/tests", "")
	if got := k.next(t); string(got.body) != string(Sample("push.tag")) {
		t.Errorf("%s", got.body)
	}
	octocat(t, s, "PATCH", path, `{"events":["star"]}`)
	octocat(t, s, "POST", path+"/tests", "")
	octocat(t, s, "POST", path+"/pings", "")
	if got := k.next(t); got.header.Get("X-GitHub-Event") != "ping" {
		t.Errorf("a hook without push was sent %s", got.header.Get("X-GitHub-Event"))
	}
}

func TestFailedDeliveriesSayWhy(t *testing.T) {
	refusing := newSink(t, 500)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without it the server does not see the sender leave
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	moved := httptest.NewServer(http.RedirectHandler(refusing.URL, http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	for _, test := range []struct {
		name, url string
		code      int
		status    string
		last      LastResponse
	}{
		{"refused", refusing.URL, 500, "Invalid HTTP Response: 500", LastResponse{500, "", "Invalid HTTP Response: 500"}},
		{"redirected", moved.URL, 307, "Invalid HTTP Response: 307", LastResponse{307, "", "Invalid HTTP Response: 307"}},
		{"slow", slow.URL, 504, "timed out", LastResponse{504, "timeout", "Service Timeout"}},
		{"nobody there", closed.URL, 502, "failed to connect to host", LastResponse{502, "", "failed to connect to host"}},
		{"no such host", "", 502, "failed to connect to host", LastResponse{502, "", "failed to connect to host"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := Options{DeliveryTimeout: 10 * time.Second}
			if test.name == "slow" {
				opts.DeliveryTimeout = 50 * time.Millisecond
			}
			opts.Resolve = func(string) string { return test.url }
			s := New(opts)
			defer s.Close()
			s.AddRepository(widgets, Repository{})
			s.AddHook(widgets, Hook{Active: true, Config: Config{URL: "https://hooks.example.com"}})
			results, err := s.Deliver(t.Context(), widgets, "push", Sample("push.main"))
			if err != nil || len(results) != 1 || results[0].StatusCode != test.code || results[0].Status != test.status || results[0].OK() {
				t.Errorf("%+v %v", results, err)
			}
			if last := s.Hooks(widgets)[0].Last; last != test.last {
				t.Errorf("last response %+v, want %+v", last, test.last)
			}
		})
	}
}

func TestDeliverRefusesNonsense(t *testing.T) {
	s := quiet(t, Options{})
	if _, err := s.Deliver(t.Context(), widgets, "push", []byte("{")); err == nil {
		t.Error("torn JSON was delivered")
	}
	if _, err := s.Deliver(t.Context(), "octo-org/nothing", "push", []byte("{}")); err == nil {
		t.Error("a repository that is not there had an event")
	}
	s.AddHook(widgets, Hook{Active: true})
	huge := append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), maxPayload)...), `"}`...)
	if results, err := s.Deliver(t.Context(), widgets, "push", huge); err != nil || len(results) != 0 {
		t.Errorf("a payload above 25 MB: %d results, %v", len(results), err)
	}
}
