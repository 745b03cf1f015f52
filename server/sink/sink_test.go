package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks/githubtest"
)

// TestMain lets the test binary be the program that command sinks run.
func TestMain(m *testing.M) {
	if mode := os.Getenv("SINK_HELPER"); mode != "" {
		os.Exit(sinkHelper(mode))
	}
	os.Exit(m.Run())
}

// sinkHelper writes down what it was given, then does what it is asked.
func sinkHelper(mode string) int {
	in, _ := io.ReadAll(os.Stdin)
	var env []string
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "HOOKCTL_") || strings.HasPrefix(v, "GITHUB_WEBHOOK_SECRET") || strings.HasPrefix(v, "EXTRA") {
			env = append(env, v)
		}
	}
	b, _ := json.Marshal(helperSaw{Args: os.Args[1:], Stdin: string(in), Env: env, PID: os.Getpid()})
	out := os.Getenv("SINK_OUT")
	if err := os.WriteFile(out+".tmp", b, 0o600); err != nil {
		return 9
	}
	if err := os.Rename(out+".tmp", out); err != nil {
		return 9
	}
	switch mode {
	case "fail":
		fmt.Println("recipient not\x1b[31m found") // amp-send prints its errors on standard output.
		return 1
	case "hang":
		select {}
	}
	return 0
}

type helperSaw struct {
	Args  []string
	Stdin string
	Env   []string
	PID   int
}

// await waits until something holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(2 * time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still waiting: %s", what)
		}
	}
}

func saw(t *testing.T, out string) helperSaw {
	t.Helper()
	var got helperSaw
	await(t, "the program", func() bool {
		b, err := os.ReadFile(out)
		return err == nil && json.Unmarshal(b, &got) == nil
	})
	return got
}

func TestAIMaestroAnswers(t *testing.T) {
	tests := []struct {
		name      string
		status    int
		body      string
		id        string
		permanent bool
		text      string // "" for success
	}{
		{"created", 201, `{"message":{"id":"msg-7"},"notified":true}`, "msg-7", false, ""},
		{"created, not notified", 201, `{"message":{"id":"msg-8"},"notified":false}`, "msg-8", false, ""},
		{"created without an id", 201, ``, "", false, ""},
		{"missing field", 400, `{"error":"Missing required fields"}`, "", true, "the answer is 400 Bad Request: Missing required fields"},
		{"missing field, newer", 400, `{"error":{"code":"invalid","message":"Bad content"}}`, "", true, "the answer is 400 Bad Request: Bad content"},
		{"unknown recipient", 500, `{"error":"No recipient agent UUID"}`, "", false,
			`the answer is 500 Internal Server Error: No recipient agent UUID (AI Maestro knows no agent "orchestrator-amoa"; register it or change the sink's recipient)`},
		{"unknown recipient, since v0.29", 500, `{"error":"internal_error","message":"No recipient agent UUID for orchestrator-amoa"}`, "", false,
			`the answer is 500 Internal Server Error: internal_error: No recipient agent UUID for orchestrator-amoa (AI Maestro knows no agent "orchestrator-amoa"; register it or change the sink's recipient)`},
		{"details", 500, `{"error":"Failed to send","details":"No recipient agent UUID"}`, "", false,
			`the answer is 500 Internal Server Error: Failed to send: No recipient agent UUID (AI Maestro knows no agent "orchestrator-amoa"; register it or change the sink's recipient)`},
		{"unknown host", 500, `{"error":"Target host 'h' not found"}`, "", false, "the answer is 500 Internal Server Error: Target host 'h' not found"},
		{"an empty 500", 500, ``, "", false, "the answer is 500 Internal Server Error"},
		{"HTML", 502, "<html>\x1b[31mBad</html>", "", false, "the answer is 502 Bad Gateway: <html>Bad</html>"},
		{"no such path", 404, ``, "", true, "the answer is 404 Not Found"},
		{"busy", 429, ``, "", false, "the answer is 429 Too Many Requests"},
		{"moved", 302, ``, "", true, "the answer is 302 Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprint(w, `{"resolved":{"alias":"orchestrator-amoa"}}`)
					return
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer there.Close()
			s, err := New(Config{Type: "aimaestro", URL: there.URL, To: "orchestrator-amoa"})
			if err != nil {
				t.Fatal(err)
			}
			id, err := s.Send(t.Context(), Message{Priority: "low", Subject: "s", Text: "m"})
			if tt.text == "" {
				if err != nil || id != tt.id {
					t.Errorf("%q, %v", id, err)
				}
				return
			}
			permanent := (*backoff.PermanentError)(nil)
			if err == nil || err.Error() != tt.text || errors.As(err, &permanent) != tt.permanent {
				t.Errorf("%v, permanent %v", err, errors.As(err, &permanent))
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer busy.Close()
	s, err := New(Config{Type: "http", URL: busy.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), Message{})
	later := (*backoff.RetryAfterError)(nil)
	if !errors.As(err, &later) || later.Duration != 7*time.Second {
		t.Errorf("%v", err)
	}
}

func TestAIMaestroCheck(t *testing.T) {
	m := githubtest.NewMaestro("orchestrator-amoa")
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			t.Error("a check sent a message")
		}
		if r.URL.Query().Get("agent") == "other-amoa" { // an unknown name falls back to its last part
			fmt.Fprint(w, `{"resolved":{"agentId":"a1","alias":"orchestrator-amoa"}}`)
			return
		}
		m.ServeHTTP(w, r)
	}))
	defer there.Close()
	for to, want := range map[string]string{
		"orchestrator-amoa": "",
		"other-amoa":        "notifications would reach another agent",
		"nobody":            `knows no agent "nobody"`,
	} {
		got := Check(t.Context(), Config{Type: "aimaestro", URL: there.URL, To: to})
		if (want == "") != (got == nil) || (want != "" && !strings.Contains(got.Error(), want)) {
			t.Errorf("%s: %v", to, got)
		}
	}
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/config":
		case "/api/messages":
			fmt.Fprint(w, `{"resolved":{"alias":"a"}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer old.Close()
	if got := Check(t.Context(), Config{Type: "aimaestro", URL: old.URL, To: "a"}); got != nil {
		t.Errorf("before v0.20: %v", got)
	}
	old.Close()
	if got := Check(t.Context(), Config{Type: "aimaestro", URL: old.URL, To: "a"}); got == nil || !strings.Contains(got.Error(), "cannot reach AI Maestro") {
		t.Errorf("nobody there: %v", got)
	}
}

func TestCommandSink(t *testing.T) {
	t.Setenv("GITHUB_WEBHOOK_SECRET", "a secret of this process")
	out := filepath.Join(t.TempDir(), "out")
	s, err := New(Config{
		Type: "command", Command: []string{os.Args[0], "$(touch pwned)", "; ls"},
		Env: map[string]string{"SINK_HELPER": "ok", "SINK_OUT": out, "EXTRA": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := Message{
		ID: "1/pr_created", Kind: "pr_created", Priority: "medium", Subject: "Pull request #2", Text: "$(touch pwned)", Event: "pull_request",
		DeliveryID: "1", File: "20260101_000000_pull_request.json",
		Context: map[string]any{"action": "opened", "repository": "octo-org/Hello-World", "sender": "octocat", "url": "https://github.com/octo-org/Hello-World/pull/2"},
		Payload: func(context.Context) (json.RawMessage, error) { return json.RawMessage(`{"title":"\u001b[2J"}`), nil },
	}
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := saw(t, out)
	if want := []string{"$(touch pwned)", "; ls"}; !slices.Equal(got.Args, want) {
		t.Errorf("arguments %q", got.Args)
	}
	if got.Stdin != `{"title":"\u001b[2J"}` {
		t.Errorf("standard input is not the payload: %q", got.Stdin)
	}
	for _, want := range []string{
		"HOOKCTL_TYPE=pr_created", "HOOKCTL_PRIORITY=medium", "HOOKCTL_EVENT=pull_request", "HOOKCTL_ACTION=opened", "HOOKCTL_DELIVERY_ID=1",
		"HOOKCTL_REPOSITORY=octo-org/Hello-World", "HOOKCTL_SENDER=octocat", "HOOKCTL_URL=https://github.com/octo-org/Hello-World/pull/2",
		"HOOKCTL_FILE=20260101_000000_pull_request.json", "HOOKCTL_SUBJECT=Pull request #2", "HOOKCTL_MESSAGE=$(touch pwned)", "EXTRA=1",
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, v := range got.Env {
		if strings.HasPrefix(v, "GITHUB_WEBHOOK_SECRET") {
			t.Errorf("the environment has %q", v)
		}
	}
}

func TestCommandThatFailsSaysWhy(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	s, err := New(Config{Type: "command", Command: []string{os.Args[0]}, Env: map[string]string{"SINK_HELPER": "fail", "SINK_OUT": out}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), payloadMessage())
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 1: recipient not found") {
		t.Errorf("%v", err)
	}
}

func TestAMPSendGetsNoArgumentThatBeginsWithADash(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	c := Config{Type: "amp-send", To: "orchestrator-amoa", Command: []string{os.Args[0]}, Env: map[string]string{"SINK_HELPER": "ok", "SINK_OUT": out}}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	m := payloadMessage()
	m.Subject, m.Text, m.Priority, m.Context = "--priority urgent", "-x", "medium", map[string]any{"delivery_id": "d1"}
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{"orchestrator-amoa", "· --priority urgent", "· -x", "--priority", "normal", "--type", "notification", "--context", `{"delivery_id":"d1"}`}
	if got := saw(t, out).Args; !slices.Equal(got, want) {
		t.Errorf("arguments %q", got)
	}
	c.Env["SINK_HELPER"] = "fail"
	if s, err = New(c); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), m); err == nil || !strings.Contains(err.Error(), "recipient not") {
		t.Errorf("%v", err)
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "recipient not") {
		t.Errorf("a check of one that cannot run: %v", err)
	}
}

func TestSinkMistakes(t *testing.T) {
	for name, c := range map[string]Config{
		"unknown type":         {Type: "pigeon"},
		"no URL":               {Type: "aimaestro", To: "a"},
		"no recipient":         {Type: "aimaestro", URL: "http://x"},
		"a dash":               {Type: "amp-send", To: "--help"},
		"no recipient for amp": {Type: "amp-send"},
		"no program":           {Type: "command"},
		"another scheme":       {Type: "http", URL: "ftp://x"},
		"negative timeout":     {Type: "http", URL: "http://x", Timeout: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	secretive := fmt.Sprintf("%v %+v %#v", Config{Type: "http", Secret: "private"}, Config{Secret: "private"}, Config{Secret: "private"})
	asJSON, err := json.Marshal(Config{Type: "http", URL: "http://user:private@x/?a=private", Secret: "private", Env: map[string]string{"A": "private"}})
	if err != nil {
		t.Error(err)
	}
	if secretive += string(asJSON); strings.Contains(secretive, "private") {
		t.Error(secretive)
	}
}

func payloadMessage() Message {
	return Message{Kind: "push", Payload: func(context.Context) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }}
}

// A place that answers with a redirect does not make the receiver send a message, or its signature, to where nobody sent it.
func TestSinksFollowNoRedirect(t *testing.T) {
	var strayed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		for _, c := range []Config{{Type: "http", URL: here.URL, Secret: "between us"}, {Type: "aimaestro", URL: here.URL, To: "a"}} {
			s, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), Message{Subject: "s"}); err == nil {
				t.Errorf("%s: %d passes for success", c.Type, status)
			}
			_ = s.Check(t.Context()) // Whatever it finds, it must not stray.
		}
		here.Close()
	}
	if n := strayed.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
