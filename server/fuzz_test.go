package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks/secret"
)

// FuzzIntake throws requests at the handler. Every one gets a documented answer in one line of JSON, only what is signed is
// taken, and nothing is written but records.
func FuzzIntake(f *testing.F) {
	event, payload := sample(f, "push_main")
	f.Add("POST", "/webhook", "application/json", event, guid(1), "4711", payload, true, false)
	f.Add("POST", "/webhook", formType, event, guid(2), "", []byte("payload="+url.QueryEscape(string(payload))), true, false)
	f.Add("POST", "/", "application/json; charset=utf-8", "../../etc/passwd", "", "-1", []byte(`{"a":`), true, true)
	f.Add("GET", "/healthz", "", "", "", "", []byte(nil), false, false)
	f.Add("PUT", "/webhook/a%2f..%2fb", "text/html", "x\x00y", "\xff", "9e99", []byte("[]"), false, true)
	f.Add("POST", "/webhook/team", "application/json", "ping", "a b", "1", []byte(`{"repository":null,"sender":[]}`), true, false)

	s := newTestServer(f, func(c *Config) {
		c.Paths = map[string]PathConfig{"team": {WatchedBranches: []string{"*"}}}
		c.Sinks = []SinkConfig{{Type: "command", Command: []string{"never-run"}}}
	})
	f.Cleanup(func() { s.log.Close() })
	handler, dir := s.Handler(), s.log.Log().Dir()
	documented := []int{200, 400, 401, 404, 405, 413, 415}
	record := regexp.MustCompile(`^\d{8}_\d{6}_[a-z0-9_]{1,64}\.json$`)
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
		names, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range names {
			if !record.MatchString(e.Name()) && e.Name() != "latest.json" && e.Name() != ".hookctl" {
				t.Errorf("%s was written", filepath.Join(dir, e.Name()))
			}
		}
	})
}
