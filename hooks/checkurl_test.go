package hooks

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckURLSeesWhetherThisReceiverAnswers(t *testing.T) {
	health := func(instance string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				http.NotFound(w, r)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "instance": instance, "nonce": r.URL.Query().Get("nonce")})
		}
	}
	tests := []struct {
		name     string
		handler  http.Handler
		path     string
		instance string
		says     string // "" for no error
	}{
		{"this one", health("i1"), "/webhook", "i1", ""},
		{"this one, at a named path", health("i1"), "/webhook/app", "i1", ""},
		{"this one, at the root", health("i1"), "", "i1", ""},
		{"this one, below a prefix", http.StripPrefix("/pre", health("i1")), "/pre/webhook", "i1", ""},
		{"any", health("i1"), "/webhook", "", ""},
		{"another receiver", health("i2"), "/webhook", "i1", "another hookctl receiver answers"},
		{"a page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\x1b[31m")) }), "/webhook", "i1", "another program answers"},
		{"a cached answer", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"ok","instance":"i1","nonce":"old"}`))
		}), "/webhook", "i1", "another program answers"},
		{"a dead tunnel", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), "/webhook", "i1", "502 Bad Gateway"},
		{"a redirect", http.RedirectHandler("/elsewhere", http.StatusFound), "/webhook", "i1", "302 Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			err := CheckURL(t.Context(), server.URL+tt.path, tt.instance)
			if (err == nil) != (tt.says == "") || (err != nil && (!strings.Contains(err.Error(), tt.says) || !errors.Is(err, ErrURLCheck) || CureOf(err) == "")) {
				t.Errorf("CheckURL: %v, cure %q", err, CureOf(err))
			}
		})
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, address := range []string{gone.URL + "/webhook", "nonsense", "\x1b[31m", "https://" + strings.Repeat("a", 300) + ".invalid/webhook"} {
		if err := CheckURL(t.Context(), address, "i1"); !errors.Is(err, ErrURLCheck) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
