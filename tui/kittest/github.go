package kittest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
)

// The hooks that the screens show.
var (
	TargetAPI = hooks.Target{Owner: "octo-org", Repo: "api"}
	TargetWeb = hooks.Target{Owner: "octo-org", Repo: "web"}
	TargetLib = hooks.Target{Owner: "octo-org", Repo: "library-with-a-rather-long-name"}
	TargetOrg = hooks.Target{Owner: "hub-org"}
)

// Simulated is a GitHub with a few repositories, for what screens ask of it.
func Simulated(t testing.TB) (*githubtest.Server, func() (*hooks.Client, error)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	gh := githubtest.New(githubtest.Options{Now: func() time.Time { return Noon }, Resolve: func(string) string { return "" }})
	t.Cleanup(gh.Close)
	for name, r := range map[string]githubtest.Repository{
		"octo-org/web": {}, "octo-org/api": {}, TargetLib.String(): {Private: true}, "octocat/dotfiles": {},
		"octo-org/attic": {Archived: true}, "mona/paintings": {Role: "read"},
	} {
		gh.AddRepository(name, r)
	}
	socket := filepath.Join(dir, "s")
	if err := gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	return gh, func() (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: "github.com", Token: githubtest.DefaultToken, Socket: socket})
	}
}
