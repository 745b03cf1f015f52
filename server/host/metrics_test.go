package host

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A web page whose name leads to this machine cannot read the metrics through a browser.
func TestMetricsAnswerOnlyOnThisMachinesNames(t *testing.T) {
	h := loopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "counts") }))
	for host, want := range map[string]int{
		"127.0.0.1:9190": 200, "127.0.0.1": 200, "localhost:9190": 200, "[::1]:9190": 200, "[::1]": 200,
		"evil.example.com": 403, "evil.example.com:9190": 403, "127.0.0.1.evil.example.com": 403, "192.0.2.1:9190": 403, "": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || (want != 200) == strings.Contains(w.Body.String(), "counts") {
			t.Errorf("%q: %d %s", host, w.Code, w.Body)
		}
	}
}
