package githubtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
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
	case <-time.After(10 * time.Second):
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
	mac := hmac.New(sha256.New, []byte("k"))
	mac.Write(got.body)
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); got.header.Get("X-Hub-Signature-256") != want {
		t.Errorf("signature %q, want %q", got.header.Get("X-Hub-Signature-256"), want)
	}
	if got.header.Get("X-GitHub-Delivery") != results[0].GUID || got.header.Get("X-GitHub-Hook-ID") != itoa(id) {
		t.Errorf("headers %v", got.header)
	}
}
