package sink

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hookctl/hooks/secret"
)

// posted is a request as the other side saw it.
type posted struct {
	path   string
	header http.Header
	body   string
}

// taker answers every POST with a status and keeps it.
func taker(t *testing.T, status int) (url string, next func() posted) {
	t.Helper()
	got := make(chan posted, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- posted{r.Method + " " + r.URL.RequestURI(), r.Header, string(body)}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"id":1,"error":"as asked","errorCode":%d,"errorDescription":"as asked"}`, status) // the last three as gotify has them
	}))
	t.Cleanup(s.Close)
	return s.URL, func() posted {
		t.Helper()
		select {
		case p := <-got:
			return p
		default:
			t.Fatal("nothing was posted")
			return posted{}
		}
	}
}

// failedRun is a notification as every sink gets it.
func failedRun() Message {
	return Message{
		ID: "8f1c-id/ci_failure", Kind: "ci_failure", Priority: "high", Subject: "CI failed in o/r (run 12)", Event: "workflow_run",
		Text:    `CI failed: the workflow "Tests <b>" of o/r ended with failure on branch "main" at commit 1a2b3c4. https://github.com/o/r/actions/runs/12`,
		Context: map[string]any{"repository": "o/r", "run_id": int64(9007199254740993), "url": "https://github.com/o/r/actions/runs/12"},

		DeliveryID: "8f1c-id", Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func sendTo(t *testing.T, c Config) error {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), failedRun())
	return err
}

func TestOpenClaw(t *testing.T) {
	for _, path := range []string{"", "/", "/claw/hooks/wake"} {
		url, next := taker(t, http.StatusOK)
		if err := sendTo(t, Config{Type: "http", URL: url + path, Format: FormatOpenClaw, Secret: "claw-token"}); err != nil {
			t.Fatal(err)
		}
		got := next()
		want := "POST /hooks/wake"
		if len(path) > 1 {
			want = "POST " + path
		}
		if got.path != want || got.header.Get("Authorization") != "Bearer claw-token" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %v", got.path, got.header)
		}
		body := `{"mode":"now","text":"CI failed in o/r (run 12)\nCI failed: the workflow \"Tests <b>\" of o/r ended with failure on branch \"main\"` +
			` at commit 1a2b3c4. https://github.com/o/r/actions/runs/12"}`
		if got.body != body {
			t.Errorf("body %s", got.body)
		}
	}
}

func TestStandardWebhooks(t *testing.T) {
	// The example of the specification.
	const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	if got := standardSignature(raw, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
	url, next := taker(t, http.StatusNoContent)
	if err := sendTo(t, Config{Type: "http", URL: url, Format: FormatStandardWebhooks, Secret: "whsec_" + key}); err != nil {
		t.Fatal(err)
	}
	got := next()
	at := got.header.Get("Webhook-Timestamp")
	if got.header.Get("Webhook-Id") != "8f1c-id/ci_failure" || got.header.Get("Webhook-Signature") != standardSignature(raw, "8f1c-id/ci_failure", at, []byte(got.body)) {
		t.Errorf("header %v", got.header)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if string(body["type"]) != `"ci_failure"` || string(body["timestamp"]) != `"2026-01-02T03:04:05Z"` || !strings.Contains(string(body["data"]), "9007199254740993") {
		t.Errorf("body %s", got.body)
	}
}

func TestTemplateOfAnHTTPSink(t *testing.T) {
	url, next := taker(t, http.StatusOK)
	err := sendTo(t, Config{
		Type: "http", URL: url, Format: FormatTemplate, Secret: "key",
		Template: `{"text": {{json .Message}}, "run": {{.Context.run_id}}, "repo": {{json .Repository}}, "level": {{json .Priority}}, "link": {{json .URL}}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := next()
	want := `{"text": "CI failed: the workflow \"Tests <b>\" of o/r ended with failure on branch \"main\" at commit 1a2b3c4. https://github.com/o/r/actions/runs/12",` +
		` "run": 9007199254740993, "repo": "o/r", "level": "high", "link": "https://github.com/o/r/actions/runs/12"}`
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Error(diff)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get(SignatureHeader) != secret.Sign("key", []byte(got.body)) {
		t.Errorf("header %v", got.header)
	}
	if err := sendTo(t, Config{Type: "http", URL: url, Format: FormatTemplate, Template: "{{.Type}} in {{.Repository}}"}); err != nil {
		t.Fatal(err)
	}
	if got := next(); got.body != "ci_failure in o/r" || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%q, %v", got.body, got.header)
	}
}

func TestMistakesInFormats(t *testing.T) {
	for name, tc := range map[string]struct {
		sink Config
		want string
	}{
		"unknown":                {Config{Format: "xml"}, "not one of cloudevents"},
		"openclaw without token": {Config{Format: FormatOpenClaw}, "token"},
		"no whsec":               {Config{Format: FormatStandardWebhooks, Secret: "plain"}, "whsec_"},
		"short whsec":            {Config{Format: FormatStandardWebhooks, Secret: "whsec_c2hvcnQ="}, "24 to 64 bytes"},
		"empty template":         {Config{Format: FormatTemplate}, "not set"},
		"unknown field":          {Config{Format: FormatTemplate, Template: "{{.Nothing}}"}, "template"},
		"template alone":         {Config{Template: "x"}, "only with format"},
	} {
		tc.sink.Type, tc.sink.URL = "http", "https://example.com"
		if _, err := New(tc.sink); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		} else if tc.sink.Secret != "" && strings.Contains(err.Error(), tc.sink.Secret) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

// A template that builds too much, or that never ends, fails the notification; nothing is posted.
func TestTemplateOfAnHTTPSinkIsBounded(t *testing.T) {
	url, _ := taker(t, http.StatusOK)
	for _, template := range []string{`{{$s := printf "%200000d" 1}}{{$s}}{{$s}}`, `{{range 1000000000000}}{{end}}x`} {
		if err := sendTo(t, Config{Type: "http", URL: url, Format: FormatTemplate, Template: template}); err == nil {
			t.Errorf("%s was posted", template)
		}
	}
}
