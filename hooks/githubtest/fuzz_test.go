package githubtest

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever is sent, the answer is one of GitHub's, and what was taken obeys the rules.
func FuzzCreateHook(f *testing.F) {
	for _, seed := range []string{body(goodConfig, ""), `{}`, `[]`, `null`, `{"config":null}`, `{"config":{"insecure_ssl":1e9}}`, `{"events":[null]}`,
		`{"name":"web","config":{"url":"http://[::1%25lo]/"}}`, `{"active":1}`, "\xff", `{"events":["*","push"],"config":{"url":"https://a.b"}}`} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, org bool) {
		s := New(Options{Resolve: func(string) string { return "" }})
		defer s.Close()
		s.AddRepository(widgets, Repository{})
		s.AddOrg("octo-org")
		name, path := widgets, "/repos/"+widgets+"/hooks"
		if org {
			name, path = "octo-org", "/orgs/octo-org/hooks"
		}
		r := octocat(t, s, "POST", path, text)
		if !json.Valid([]byte(r.text)) {
			t.Fatalf("%d %q", r.status, r.text)
		}
		hooks := s.Hooks(name)
		switch r.status {
		case 201:
			h := hooks[0]
			if len(hooks) != 1 || len(h.Events) == 0 || h.Name == "web" && s.checkURL(h.URL) != "" || h.ContentType != "json" && h.ContentType != "form" ||
				h.InsecureSSL != "0" && h.InsecureSSL != "1" {
				t.Fatalf("%+v was taken", h)
			}
			if h.Secret != "" && h.Secret != mask && len(h.Secret) > 8 && bytes.Contains([]byte(r.text), []byte(h.Secret)) && !bytes.Contains([]byte(h.URL), []byte(h.Secret)) {
				t.Fatalf("the answer shows the secret: %s", r.text)
			}
		case 400, 422:
			if len(hooks) != 0 {
				t.Fatalf("refused, and made %+v", hooks)
			}
		default:
			t.Fatalf("%d %s", r.status, r.text)
		}
	})
}
