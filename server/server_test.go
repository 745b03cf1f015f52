package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

const testSecret = "shared by the server's tests"

// receiver is a server that runs on a loopback port with a log of its own.
type receiver struct {
	*Server
	url  string
	dir  string
	log  *logs.Writer
	stop func() error // drains and returns what Serve returned
}

// run starts a receiver; change may alter its settings.
func run(t testing.TB, change func(*Config)) *receiver {
	t.Helper()
	return runIn(t, t.TempDir(), change)
}

// runIn is run on a log directory that is there already.
func runIn(t testing.TB, dir string, change func(*Config)) *receiver {
	t.Helper()
	s := newTestServerIn(t, dir, change)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &receiver{Server: s, url: "http://" + l.Addr().String(), dir: dir, log: s.log, stop: serve(t, s, l)}
}

func newTestServer(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	return newTestServerIn(t, t.TempDir(), change)
}

func newTestServerIn(t testing.TB, dir string, change func(*Config)) *Server {
	t.Helper()
	w, err := logs.OpenWriter(t.Context(), logs.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(w)
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve runs a server on a listener until the test ends, or until the function that it returns is called.
func serve(t testing.TB, s *Server, l net.Listener) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	stop = sync.OnceValue(func() error {
		cancel()
		err := <-served
		if closing := s.log.Close(); closing != nil {
			t.Errorf("close the log: %v", closing)
		}
		return err
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return stop
}

func testConfig(w *logs.Writer) Config {
	return Config{
		Log: w, Keys: secret.NewRing(secret.Key{Value: testSecret}), Rules: route.Rules{WatchedBranches: []string{"main", "master", "develop"}},
		Version: "test", Retry: Retry{First: 5 * time.Millisecond, Max: 20 * time.Millisecond},
		Limits: Limits{Farewell: time.Millisecond}, CoalesceMax: -1,
	}
}

// request makes a signed delivery.
func request(t testing.TB, url, event, guid string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-GitHub-Hook-ID", "4711")
	r.Header.Set("X-Hub-Signature-256", secret.Sign(testSecret, body))
	return r
}

// do sends a request and returns the status and the body, which must be one line of JSON.
func do(t testing.TB, r *http.Request) (int, map[string]any) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(b), "\n") != 1 || !strings.HasSuffix(string(b), "\n") {
		t.Errorf("the answer is not one line: %q", b)
	}
	var body map[string]any
	if err := json.Unmarshal(b, &body); err != nil {
		t.Errorf("the answer %q: %v", b, err)
	}
	return resp.StatusCode, body
}

// deliver sends a sample and expects it to be taken.
func (r *receiver) deliver(t testing.TB, name, guid string) {
	t.Helper()
	event, payload := sample(t, name)
	if status, body := do(t, request(t, r.url+"/webhook", event, guid, payload)); status != http.StatusOK {
		t.Fatalf("%s: %d %v", name, status, body)
	}
}

// record returns the only record of a delivery.
func (r *receiver) record(t testing.TB, guid string) *logs.Record {
	t.Helper()
	found, err := r.log.Log().Find(t.Context(), guid)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d records of %s, %v", len(found), guid, err)
	}
	rec, err := r.log.Log().Read(t.Context(), found[0].File)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// await polls until ok, for at most two minutes: a healthy run never comes near that.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still waiting: %s", what)
		}
	}
}

// awaitStatus waits until the first notification of a delivery has a status.
func (r *receiver) awaitStatus(t testing.TB, guid, status string) logs.Notification {
	t.Helper()
	var n logs.Notification
	await(t, guid+" "+status, func() bool {
		rec := r.record(t, guid)
		if len(rec.Notifications) == 0 {
			return false
		}
		n = rec.Notifications[0]
		return n.Status == status
	})
	return n
}

// maestro is a simulated AI Maestro. Its answer may be changed while it runs.
type maestro struct {
	*httptest.Server
	mu       sync.Mutex
	answer   func(n int) (status int, body string) // n counts from 1; status 0 hangs until the client goes
	received []maestroMessage                      // those it took
	asked    int
}

type maestroMessage struct {
	From         string `json:"from"`
	To           string `json:"to"`
	Subject      string `json:"subject"`
	Priority     string `json:"priority"`
	FromVerified *bool  `json:"fromVerified"`
	Content      struct {
		Type    string         `json:"type"`
		Message string         `json:"message"`
		Context map[string]any `json:"context"`
	} `json:"content"`
}

func newMaestro(t testing.TB) *maestro {
	m := &maestro{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/messages", m.take)
	mux.HandleFunc("GET /api/v1/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"healthy"}`) })
	mux.HandleFunc("GET /api/messages", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch agent := q.Get("agent"); {
		case q.Get("action") != "resolve":
			w.WriteHeader(http.StatusBadRequest)
		case agent == "orchestrator-amoa", strings.HasSuffix(agent, "-amoa"):
			// As the real one, an unknown name falls back to its last segment.
			fmt.Fprint(w, `{"resolved":{"agentId":"a1","alias":"orchestrator-amoa"}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":"not found"}`)
		}
	})
	m.Server = httptest.NewServer(mux)
	t.Cleanup(m.Close)
	return m
}

func (m *maestro) take(w http.ResponseWriter, r *http.Request) {
	var msg maestroMessage
	if err := json.NewDecoder(r.Body).Decode(&msg); err != nil {
		http.Error(w, `{"error":"bad"}`, http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.asked++
	status, body := http.StatusCreated, fmt.Sprintf(`{"message":{"id":"msg-%d"},"notified":false}`, m.asked)
	if m.answer != nil {
		status, body = m.answer(m.asked)
	}
	if status == http.StatusCreated {
		m.received = append(m.received, msg)
	}
	m.mu.Unlock()
	if status == 0 {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func (m *maestro) set(answer func(n int) (int, string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

func (m *maestro) messages() []maestroMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]maestroMessage(nil), m.received...)
}

func (m *maestro) attempts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *maestro) sink() sink.Config {
	return sink.Config{Type: "aimaestro", URL: m.URL, To: "orchestrator-amoa"}
}

// guid makes a GUID of a number.
func guid(n int) string { return fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", n) }

// sample reads a payload of route/testdata/decide and the event that it is of.
func sample(t testing.TB, name string) (event string, payload []byte) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("route", "testdata", "decide", name+".json"))
	var kind struct {
		Event string `json:"_event_type"`
	}
	var b bytes.Buffer
	if err := errors.Join(err, json.Unmarshal(raw, &kind), json.Compact(&b, raw)); err != nil {
		t.Fatal(err)
	}
	return kind.Event, b.Bytes()
}
