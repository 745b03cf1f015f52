package server

import (
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
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks/secret"
	"hookctl/logs"
)

// TestMain lets the test binary be the program that command sinks run.
func TestMain(m *testing.M) {
	if mode := os.Getenv("SINK_HELPER"); mode != "" {
		os.Exit(sinkHelper(mode))
	}
	if dir := os.Getenv("RECEIVER_HELPER"); dir != "" {
		os.Exit(receiverHelper(dir))
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
			m := newMaestro(t)
			m.set(func(int) (int, string) { return tt.status, tt.body })
			s, err := newSink(m.sink())
			if err != nil {
				t.Fatal(err)
			}
			id, err := s.send(t.Context(), message{priority: "low", subject: "s", text: "m"})
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
	s, err := newSink(SinkConfig{Type: "http", URL: busy.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.send(t.Context(), message{})
	later := (*backoff.RetryAfterError)(nil)
	if !errors.As(err, &later) || later.Duration != 7*time.Second {
		t.Errorf("%v", err)
	}
}

func TestAIMaestroCheck(t *testing.T) {
	m := newMaestro(t)
	for to, want := range map[string]string{
		"orchestrator-amoa": "",
		"other-amoa":        "notifications would reach another agent",
		"nobody":            `knows no agent "nobody"`,
	} {
		got := CheckSinks(t.Context(), []SinkConfig{{Type: "aimaestro", URL: m.URL, To: to}})[0]
		if (want == "") != (got.Err == nil) || (want != "" && !strings.Contains(got.Err.Error(), want)) {
			t.Errorf("%s: %v", to, got.Err)
		}
	}
	if m.attempts() != 0 {
		t.Error("a check sent a message")
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
	if got := CheckSinks(t.Context(), []SinkConfig{{Type: "aimaestro", URL: old.URL, To: "a"}})[0]; got.Err != nil {
		t.Errorf("before v0.20: %v", got.Err)
	}
	old.Close()
	if got := CheckSinks(t.Context(), []SinkConfig{{Type: "aimaestro", URL: old.URL, To: "a"}})[0]; got.Err == nil || !strings.Contains(got.Err.Error(), "cannot reach AI Maestro") {
		t.Errorf("nobody there: %v", got.Err)
	}
}

func TestCloudEventsSink(t *testing.T) {
	type got struct {
		header http.Header
		body   []byte
	}
	taken := make(chan got, 1)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		b, _ := io.ReadAll(r.Body)
		taken <- got{r.Header, b}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer there.Close()
	sink := SinkConfig{Type: "http", URL: strings.Replace(there.URL, "http://", "http://user:password@", 1) + "/hook?token=private", Secret: "between us"}
	r := run(t, func(c *Config) { c.Sinks = []SinkConfig{sink} })
	r.deliver(t, "push_main", guid(1))
	g := <-taken
	if ct := g.header.Get("Content-Type"); ct != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
	if g.header.Get(SignatureHeader) != secret.Sign("between us", g.body) {
		t.Error("the signature is wrong")
	}
	var e map[string]any
	if err := json.Unmarshal(g.body, &e); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"specversion": "1.0", "id": guid(1) + "/push", "source": "/hookctl", "type": "hookctl.push",
		"subject": "octo-org/Hello-World", "datacontenttype": "application/json",
	} {
		if e[key] != want {
			t.Errorf("%s: %v, want %v", key, e[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, e["time"].(string)); err != nil {
		t.Error(err)
	}
	data := e["data"].(map[string]any)
	if data["priority"] != "low" || data["context"].(map[string]any)["branch"] != "main" {
		t.Errorf("data %v", data)
	}
	n := r.awaitStatus(t, guid(1), logs.StatusSent)
	if n.To != strings.TrimPrefix(there.URL, "http://") {
		t.Errorf("to %q", n.To)
	}
	if x := CheckSinks(t.Context(), []SinkConfig{sink})[0]; x.Err != nil {
		t.Error(x.Err)
	}
	there.Close()
	x := CheckSinks(t.Context(), []SinkConfig{sink})[0]
	if x.Err == nil || strings.Contains(x.Err.Error(), "private") || strings.Contains(x.Err.Error(), "password") {
		t.Errorf("%v", x.Err)
	}
}

func TestSinkConnectionsAreReused(t *testing.T) {
	var opened atomic.Int64
	all := make(chan struct{})
	there := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-all }))
	there.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	there.Start()
	defer there.Close()
	r := run(t, func(c *Config) { c.Sinks = []SinkConfig{{Type: "http", URL: there.URL}} })
	event, payload := sample(t, "push_main")
	for i := range 200 {
		body := strings.ReplaceAll(string(payload), "octo-org/Hello-World", fmt.Sprintf("o/r%d", i%20))
		if _, err := r.Ingest(t.Context(), &logs.Record{EventType: event, DeliveryID: guid(i), Payload: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	close(all)
	await(t, "all of them", func() bool { return r.Stats().Sent == 200 })
	// net/http may dial while it waits for a connection that is given back in the same moment, so one for each is not exact.
	if n, most := opened.Load(), 2*int64(r.queue.retry.PerSink); n > most {
		t.Errorf("%d connections for 200 notifications, %d at once", n, r.queue.retry.PerSink)
	}
}

func TestCommandSink(t *testing.T) {
	t.Setenv("GITHUB_WEBHOOK_SECRET", testSecret)
	out := filepath.Join(t.TempDir(), "out")
	r := run(t, func(c *Config) {
		c.Sinks = []SinkConfig{{
			Type: "command", Command: []string{os.Args[0], "$(touch pwned)", "; ls"},
			Env: map[string]string{"SINK_HELPER": "ok", "SINK_OUT": out, "EXTRA": "1"},
		}}
	})
	r.deliver(t, "pull_request_hostile_title", guid(1))
	n := r.awaitStatus(t, guid(1), logs.StatusSent)
	if n.To != os.Args[0] {
		t.Errorf("to %q", n.To)
	}
	got := saw(t, out)
	if want := []string{"$(touch pwned)", "; ls"}; !slices.Equal(got.Args, want) {
		t.Errorf("arguments %q", got.Args)
	}
	if _, payload := sample(t, "pull_request_hostile_title"); got.Stdin != string(payload) {
		t.Error("standard input is not the payload")
	}
	for _, want := range []string{
		"HOOKCTL_TYPE=pr_created", "HOOKCTL_PRIORITY=medium", "HOOKCTL_EVENT=pull_request", "HOOKCTL_ACTION=opened", "HOOKCTL_DELIVERY_ID=" + guid(1),
		"HOOKCTL_REPOSITORY=octo-org/Hello-World", "HOOKCTL_SENDER=octocat", "HOOKCTL_URL=https://github.com/octo-org/Hello-World/pull/2",
		"HOOKCTL_FILE=" + r.record(t, guid(1)).File, "HOOKCTL_SUBJECT=Pull request #2 opened in octo-org/Hello-World", "EXTRA=1",
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, v := range got.Env {
		if strings.HasPrefix(v, "GITHUB_WEBHOOK_SECRET") || strings.ContainsAny(v, "\x1b\n") {
			t.Errorf("the environment has %q", v)
		}
	}
}

func TestCommandThatFailsSaysWhy(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	s, err := newSink(SinkConfig{Type: "command", Command: []string{os.Args[0]}, Env: map[string]string{"SINK_HELPER": "fail", "SINK_OUT": out}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.send(t.Context(), payloadMessage())
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 1: recipient not found") {
		t.Errorf("%v", err)
	}
}

func TestAMPSendGetsNoArgumentThatBeginsWithADash(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	c := SinkConfig{Type: "amp-send", To: "orchestrator-amoa", Command: []string{os.Args[0]}, Env: map[string]string{"SINK_HELPER": "ok", "SINK_OUT": out}}
	s, err := newSink(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.check(t.Context()); err != nil {
		t.Error(err)
	}
	m := payloadMessage()
	m.subject, m.text, m.priority, m.context = "--priority urgent", "-x", "medium", map[string]any{"delivery_id": guid(1)}
	if _, err := s.send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{"orchestrator-amoa", "· --priority urgent", "· -x", "--priority", "normal", "--type", "notification", "--context", `{"delivery_id":"` + guid(1) + `"}`}
	if got := saw(t, out).Args; !slices.Equal(got, want) {
		t.Errorf("arguments %q", got)
	}
	c.Env["SINK_HELPER"] = "fail"
	if s, err = newSink(c); err != nil {
		t.Fatal(err)
	}
	if _, err := s.send(t.Context(), m); err == nil || !strings.Contains(err.Error(), "recipient not") {
		t.Errorf("%v", err)
	}
	if err := s.check(t.Context()); err == nil || !strings.Contains(err.Error(), "recipient not") {
		t.Errorf("a check of one that cannot run: %v", err)
	}
}

func TestSinkMistakes(t *testing.T) {
	for name, c := range map[string]SinkConfig{
		"unknown type":         {Type: "pigeon"},
		"no URL":               {Type: "aimaestro", To: "a"},
		"no recipient":         {Type: "aimaestro", URL: "http://x"},
		"a dash":               {Type: "amp-send", To: "--help"},
		"no recipient for amp": {Type: "amp-send"},
		"no program":           {Type: "command"},
		"another scheme":       {Type: "http", URL: "ftp://x"},
		"negative timeout":     {Type: "http", URL: "http://x", Timeout: -1},
	} {
		if _, err := compileSettings(Config{Sinks: []SinkConfig{c}}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	twice := []SinkConfig{{Type: "http", URL: "http://a"}, {Type: "http", URL: "http://b"}}
	if _, err := compileSettings(Config{Sinks: twice}); err == nil || !strings.Contains(err.Error(), "give one a name") {
		t.Errorf("%v", err)
	}
	twice[1].Name = "second"
	if _, err := compileSettings(Config{Sinks: twice, Routes: []Route{{Event: "*", Notify: "x", Sinks: []string{"second"}}}}); err != nil {
		t.Error(err)
	}
	if _, err := compileSettings(Config{Sinks: twice, Routes: []Route{{Event: "*", Notify: "x", Sinks: []string{"third"}}}}); err == nil {
		t.Error("a route to a sink that is not there is accepted")
	}
	secretive := fmt.Sprintf("%v %+v %#v", SinkConfig{Type: "http", Secret: "private"}, SinkConfig{Secret: "private"}, SinkConfig{Secret: "private"})
	asJSON, err := json.Marshal(SinkConfig{Type: "http", URL: "http://user:private@x/?a=private", Secret: "private", Env: map[string]string{"A": "private"}})
	if err != nil {
		t.Error(err)
	}
	if secretive += string(asJSON); strings.Contains(secretive, "private") {
		t.Error(secretive)
	}
}

func payloadMessage() message {
	return message{kind: "push", payload: func(context.Context) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }}
}
