package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/sink"
)

// FuzzIntake throws requests at the handler. Every one gets a documented answer in one line of JSON, only what is signed is
// taken, and only what can be a record reaches the log. The log is replaced by its checks: its disk and its goroutines would
// take nearly all of the time and make every run another one. The first bodies are small, since the time that the fuzzer takes to
// shorten one grows with the square of its length: from 8 KiB on it does nothing else for a minute.
func FuzzIntake(f *testing.F) {
	payload := []byte(`{"ref":"refs/heads/main","repository":{"full_name":"o/r","default_branch":"main"},"head_commit":{"message":"m"}}`)
	f.Add("POST", "/webhook", "application/json", "push", guid(1), "4711", payload, true, false)
	f.Add("POST", "/webhook", formType, "push", guid(2), "", []byte("payload="+url.QueryEscape(string(payload))), true, false)
	f.Add("POST", "/webhook", "application/json", "workflow_run", guid(3), "1",
		[]byte(`{"action":"completed","workflow_run":{"name":"CI","head_branch":"main","conclusion":"failure"},"repository":{"full_name":"o/r"}}`), true, false)
	f.Add("POST", "/webhook/team", "application/json", "issues", guid(4), "1",
		[]byte(`{"action":"labeled","label":{"name":"blocked"},"issue":{"number":1,"title":"t"},"repository":{"full_name":"o/r"}}`), true, false)
	f.Add("POST", "/", "application/json; charset=utf-8", "../../etc/passwd", "", "-1", []byte(`{"a":`), true, true)
	f.Add("GET", "/healthz", "", "", "", "", []byte(nil), false, false)
	f.Add("PUT", "/webhook/a%2f..%2fb", "text/html", "x\x00y", "\xff", "9e99", []byte("[]"), false, true)
	f.Add("POST", "/webhook/team", "application/json", "ping", "a b", "1", []byte(`{"repository":null,"sender":[]}`), true, false)

	s := newTestServer(f, func(c *Config) {
		c.Paths = map[string]PathConfig{"team": {WatchedBranches: []string{"*"}}}
		c.Sinks = []sink.Config{{Type: "command", Command: []string{"never-run"}}}
	})
	if err := s.log.Close(); err != nil {
		f.Fatal(err)
	}
	handler := s.Handler()
	documented := []int{200, 400, 401, 404, 405, 413, 415}
	stem := regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	f.Fuzz(func(t *testing.T, method, path, kind, event, id, hook string, body []byte, sign, encode bool) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: path}
		r.Header = http.Header{
			"Content-Type": {kind}, "X-Github-Event": {event}, "X-Github-Delivery": {id}, "X-Github-Hook-Id": {hook},
			"X-Hub-Signature-256": {"sha256=00"},
		}
		if sign {
			r.Header.Set("X-Hub-Signature-256", secret.Sign(testSecret, body))
		}
		if encode {
			r.Header.Set("Content-Encoding", "gzip")
		}
		var stored *logs.Record
		s.append = func(_ context.Context, rec *logs.Record) error {
			if !json.Valid(rec.Payload) {
				t.Errorf("%q is to be stored", rec.Payload)
			}
			stored = rec
			return nil
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		answer := w.Body.String()
		var object map[string]any
		if json.Unmarshal([]byte(answer), &object) != nil || strings.Count(answer, "\n") != 1 || !strings.HasSuffix(answer, "\n") {
			t.Errorf("the answer %q is not one line of JSON", answer)
		}
		if !slices.Contains(documented, w.Code) {
			t.Errorf("status %d", w.Code)
		}
		if w.Code == http.StatusOK && path != "/healthz" && !sign {
			t.Error("what is not signed was taken")
		}
		if w.Code != http.StatusOK && object["error"] == nil {
			t.Errorf("%d without an error: %s", w.Code, answer)
		}
		if (stored != nil) != (w.Code == http.StatusOK && path != "/healthz") {
			t.Errorf("answered %d, stored %v", w.Code, stored)
		}
		if stored == nil {
			return
		}
		if !stem.MatchString(stored.EventType) {
			t.Errorf("the event %q makes a file name", stored.EventType)
		}
		var again logs.Record
		if data, err := stored.Encode(); err != nil || json.Unmarshal(data, &again) != nil || !bytes.Equal(again.Payload, stored.Payload) {
			t.Errorf("the record cannot be read back: %s, %v", data, err)
		}
	})
}
