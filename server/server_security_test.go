package server

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// A request writes one line into the log whatever it says, with nothing in it that a terminal obeys, and no secret.
func TestRequestsWriteOneCleanLineIntoTheLog(t *testing.T) {
	log := &lockedBuffer{}
	r := run(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	before := strings.Count(log.String(), "\n")
	req := request(t, r.url+"/webhook", "push\u009b2J\u202e level=ERROR msg=forged", guid(1), []byte(`{}`))
	req.Header.Set("X-Hub-Signature-256", secret.Sign("another", []byte(`{}`)))
	if status, _ := do(t, req); status != http.StatusUnauthorized {
		t.Fatal(status)
	}
	req = request(t, r.url+"/x%0Alevel=ERROR%20msg=forged%1B%5B2J", "push", guid(2), []byte(`{}`))
	if status, _ := do(t, req); status != http.StatusNotFound {
		t.Fatal(status)
	}
	await(t, "two lines", func() bool { return strings.Count(log.String(), "\n") >= before+2 })
	said := log.String()
	if n := strings.Count(said, "\n") - before; n != 2 || strings.Contains(said, "\nlevel=ERROR") || strings.ContainsAny(said, "\x1b\u009b\u202e") {
		t.Errorf("%d lines: %q", n, said)
	}
	if strings.Contains(said, testSecret) || strings.Contains(fmt.Sprintf("%+v", r.Rejections()), testSecret) {
		t.Error("the secret is shown")
	}
	for _, x := range r.Rejections() {
		for _, s := range []string{x.Event, x.DeliveryID, x.Address, x.Reason} {
			if text.Clean(s) != s {
				t.Errorf("remembered as %q", s)
			}
		}
	}
}

// Of the headers, which nobody signs, a record keeps those that are known to be harmless.
func TestHeadersAreAnAllowList(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "push_main")
	req := request(t, r.url+"/webhook", event, guid(1), payload)
	for _, name := range []string{"X-Github-Encoded-Secret", "Authorization", "Cookie", "X-Hookctl-Path", "X-Forwarded-For", "X-Github-Other"} {
		req.Header.Set(name, "hidden")
	}
	req.Header.Set("User-Agent", "a\u202eb\u009b")
	if status, body := do(t, req); status != http.StatusOK {
		t.Fatal(status, body)
	}
	for name, value := range r.record(t, guid(1)).Headers {
		if strings.Contains(value, "hidden") || text.Clean(value) != value {
			t.Errorf("%s: %q is kept", name, value)
		}
	}
}

// /healthz answers anybody under any name, so it shows nothing but what setup needs, and gives no page of another site leave to read it.
func TestHealthTellsStrangersNothingMore(t *testing.T) {
	r := run(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/healthz?nonce=n", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example.com"
	req.Header.Set("Origin", "https://evil.example.com")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Server" {
			t.Errorf("%s: %s", name, res.Header.Get(name))
		}
	}
	_, body := do(t, req.Clone(t.Context()))
	if got := slices.Sorted(maps.Keys(body)); !slices.Equal(got, []string{"instance", "nonce", "status", "version"}) {
		t.Errorf("it shows %v", got)
	}
	for _, path := range []string{"/metrics", "/status", "/rejected", "/reload", "/stop", "/ingest", "/debug/pprof/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := do(t, req); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}
