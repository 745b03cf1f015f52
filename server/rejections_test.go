package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/secret"
)

// A hook that a rotation forgot is refused after the grace period, and the owner sees which secret it has; who sent
// the request does not.
func TestRejectionTellsTheFormerSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := secret.NewStore(secret.Config{EnvFile: filepath.Join(dir, ".env"), RotationFile: filepath.Join(dir, "state", "rotation.json"), Environ: func(string) string { return "" }})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(store.SetCurrent("forgotten"))
	rotation := &secret.Rotation{Old: "forgotten", New: testSecret, Hooks: []secret.RotationHook{{HookID: 7, Step: secret.StepFailed}}}
	check(store.SaveRotation(rotation))
	check(store.SetCurrent(testSecret))
	rotation.Promoted, rotation.Expires = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	check(store.SaveRotation(rotation))
	if over, err := store.Expire(time.Now()); !over || err != nil {
		t.Fatal(over, err)
	}
	ring, err := store.Ring(time.Now())
	check(err)
	r := run(t, func(c *Config) { c.Keys = ring })
	print := secret.Fingerprint("forgotten")
	for key, want := range map[string]string{"forgotten": print, "forged": ""} {
		req := request(t, r.url+"/webhook", "push", guid(1), []byte(`{}`))
		req.Header.Set("X-Hub-Signature-256", secret.Sign(key, []byte(`{}`)))
		status, body := do(t, req)
		if status != http.StatusUnauthorized || strings.Contains(fmt.Sprint(body), print) {
			t.Errorf("%s: %d %s", key, status, body)
		}
		if x := r.Rejections(); x[len(x)-1].Former != want {
			t.Errorf("%s: former is %q, want %q", key, x[len(x)-1].Former, want)
		}
	}
}

// Strangers may send what they like: what GitHub sent and the receiver refused stays in the list.
func TestScannersPushOutNoDelivery(t *testing.T) {
	t.Parallel()
	s := newTestServerIn(t, t.TempDir(), nil)
	refused := func(method string, header http.Header) {
		req := httptest.NewRequestWithContext(t.Context(), method, "/webhook", strings.NewReader(`{}`))
		req.Header = header
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, req)
		if answer.Code < 400 {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	delivery := func(id string) http.Header {
		return request(t, "http://h/webhook", "push", id, []byte("another body")).Header
	}
	refused(http.MethodPost, delivery(guid(1)))
	unsigned := delivery(guid(2))
	unsigned.Del("X-Hub-Signature-256")
	refused(http.MethodPost, unsigned)
	for range 10_000 {
		refused(http.MethodGet, http.Header{})
	}
	list := s.Rejections()
	if n := len(list); n > 250 || list[n-1].Reason != "use POST" || list[0].DeliveryID != guid(1) || list[1].DeliveryID != guid(2) {
		t.Errorf("%d are kept, the first %+v", n, list[0])
	}
	// Of deliveries the newest are kept, in the order in which they came.
	for i := range 300 {
		refused(http.MethodPost, delivery(guid(10+i)))
	}
	list = s.Rejections()
	if n := len(list); n > 250 || list[n-1].DeliveryID != guid(309) || list[n-2].DeliveryID != guid(308) {
		t.Errorf("%d are kept, the last %+v", n, list[n-1])
	}
}
