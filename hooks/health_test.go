package hooks

import (
	"errors"
	"strings"
	"testing"

	"hookctl/hooks/githubtest"
)

func TestWarningsOfAHook(t *testing.T) {
	good := Hook{ID: 7, Target: Target{"o", "r"}, Name: "web", Active: true, ContentType: "json", HasSecret: true, LastResponse: Response{Code: 200, Status: "active", Message: "OK"}}
	for _, tt := range []struct {
		name   string
		change func(*Hook)
		want   string
		cure   string
	}{
		{"good", func(*Hook) {}, "", ""},
		{"new", func(h *Hook) { h.LastResponse = Response{Status: "unused"} }, "", ""},
		{"of an organization", func(h *Hook) { h.LastResponse = Response{} }, "", ""},
		{"inactive", func(h *Hook) { h.Active = false }, WarnInactive, "hookctl hooks enable 7 -R o/r"},
		{"no secret", func(h *Hook) { h.HasSecret = false }, WarnNoSecret, "hookctl setup -R o/r"},
		{"form", func(h *Hook) { h.ContentType = "form" }, WarnForm, "hookctl setup -R o/r"},
		{"insecure", func(h *Hook) { h.InsecureSSL = true }, WarnInsecure, "hookctl setup -R o/r"},
		{"wrong secret", func(h *Hook) { h.LastResponse = Response{Code: 401} }, WarnWrongSecret, "hookctl rotate 7 -R o/r"},
		{"dead tunnel", func(h *Hook) { h.LastResponse = Response{Code: 502} }, WarnFailing, "hookctl start"},
		{"redirected", func(h *Hook) { h.LastResponse = Response{Code: 301} }, WarnFailing, "does not follow"},
		{"slow", func(h *Hook) { h.LastResponse = Response{Code: 504, Status: "timeout", Message: "Service Timeout"} }, WarnFailing, "10 seconds"},
		{"wrong path", func(h *Hook) { h.LastResponse = Response{Code: 404} }, WarnFailing, "hookctl setup -R o/r"},
		{"refused otherwise", func(h *Hook) { h.LastResponse = Response{Code: 413} }, WarnFailing, "25 MB"},
	} {
		h := good
		tt.change(&h)
		found := h.Warnings()
		switch {
		case tt.want == "" && len(found) > 0:
			t.Errorf("%s: %v", tt.name, found)
		case tt.want != "" && (len(found) != 1 || found[0].Code != tt.want || !strings.Contains(found[0].String(), tt.cure)):
			t.Errorf("%s: %v, want %s with %q", tt.name, found, tt.want, tt.cure)
		}
	}
}

// A gh OAuth token does not see what another app made for an organization, but cannot make it again either.
func TestAHookOfAnotherAppIsExplained(t *testing.T) {
	w := newWorld(t)
	w.AddOrg("acme")
	w.AddHook("acme", githubtest.Hook{App: "another", Events: DefaultEvents(), Config: githubtest.Config{URL: hookURL}})
	w.setSecret("s1")
	results, err := w.client.Apply(t.Context(), w.plan(w.request("acme")), w.receiver.confirm, nil)
	if !errors.Is(err, ErrIncomplete) || !errors.Is(results[0].Err, ErrExists) || !strings.Contains(CureOf(results[0].Err), "another app") {
		t.Errorf("results %+v, %v, cure %q", results, err, CureOf(results[0].Err))
	}
}
