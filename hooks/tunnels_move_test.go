package hooks

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hookctl/hooks/githubtest"
)

func TestMovedURL(t *testing.T) {
	for _, test := range []struct {
		hook, from, to, want string
	}{
		{"https://a.ngrok.app/webhook", "https://a.ngrok.app", "https://b.ngrok.app", "https://b.ngrok.app/webhook"},
		{"https://A.ngrok.app", "https://a.ngrok.app/", "https://b.ngrok.app/", "https://b.ngrok.app"},
		{"https://h.ts.net/hooks/webhook/x?y=1", "https://h.ts.net/hooks", "https://h.ts.net/other", "https://h.ts.net/other/webhook/x?y=1"},
		{"https://h.ts.net/hooks2", "https://h.ts.net/hooks", "https://h.ts.net/other", ""},
		{"http://a.ngrok.app/webhook", "https://a.ngrok.app", "https://b.ngrok.app", ""},
		{"https://a.ngrok.app.example.com/", "https://a.ngrok.app", "https://b.ngrok.app", ""},
	} {
		if have, lies := MoveURL(test.hook, test.from, test.to); have != test.want || lies != (test.want != "") {
			t.Errorf("%s from %s to %s: %q %v, want %q", test.hook, test.from, test.to, have, lies, test.want)
		}
	}
}

// simulated is a client of a simulated GitHub that was started for it.
func simulated(t *testing.T, opts githubtest.Options) (*githubtest.Server, *Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if opts.Resolve == nil {
		opts.Resolve = func(string) string { return "" }
	}
	gh := githubtest.New(opts)
	t.Cleanup(gh.Close)
	socket := filepath.Join(dir, "gh.sock")
	if err := gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	return gh, c
}

// A tunnel's new address must not cost a hook its secret.
func TestMoveKeepsEverythingButTheAddress(t *testing.T) {
	gh, c := simulated(t, githubtest.Options{})
	gh.AddRepository("o/a", githubtest.Repository{})
	gh.AddRepository("o/b", githubtest.Repository{})
	old := githubtest.Config{URL: "https://one.ngrok.app/webhook", ContentType: "json", Secret: "k", InsecureSSL: "1"}
	gh.AddHook("o/a", githubtest.Hook{Active: true, Config: old})
	gh.AddHook("o/a", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://elsewhere.example.com/", Secret: "z"}})
	gh.AddHook("o/b", githubtest.Hook{Config: old})
	moved, err := c.Move(t.Context(), []Target{{"o", "a"}, {"o", "gone"}, {"o", "b"}}, "https://one.ngrok.app", "https://two.ngrok.app")
	if !errors.Is(err, ErrNotFound) || len(moved) != 2 || moved[0].URL != "https://two.ngrok.app/webhook" {
		t.Errorf("%+v %v", moved, err)
	}
	old.URL = "https://two.ngrok.app/webhook"
	for _, repo := range []string{"o/a", "o/b"} {
		if have := gh.Hooks(repo)[0].Config; have != old {
			t.Errorf("%s: %+v", repo, have)
		}
	}
	if have := gh.Hooks("o/a")[1].URL; have != "https://elsewhere.example.com/" {
		t.Errorf("another receiver's hook was moved to %s", have)
	}
}
