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

// listening makes a GitHub listen on a socket below a directory of a short path, which is returned beside a function that dials
// it by the name of a host.
func listening(t testing.TB, options githubtest.Options, limits hooks.Limits, repositories map[string]githubtest.Repository) (gh *githubtest.Server, dir string, dial func(host string) (*hooks.Client, error)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hc") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	gh = githubtest.New(options)
	t.Cleanup(gh.Close)
	for name, r := range repositories {
		gh.AddRepository(name, r)
	}
	socket := filepath.Join(dir, "gh.sock")
	if err := gh.Start(socket); err != nil {
		t.Fatal(err)
	}
	return gh, dir, func(host string) (*hooks.Client, error) {
		return hooks.New(hooks.Config{Host: host, Token: githubtest.DefaultToken, Socket: socket, Limits: limits})
	}
}

// Simulated is a GitHub with a few repositories, for what screens ask of it.
func Simulated(t testing.TB) (*githubtest.Server, func() (*hooks.Client, error)) {
	t.Helper()
	options := githubtest.Options{Now: func() time.Time { return Noon }, Resolve: func(string) string { return "" }}
	gh, _, dial := listening(t, options, hooks.Limits{}, map[string]githubtest.Repository{
		"octo-org/web": {}, "octo-org/api": {}, TargetLib.String(): {Private: true}, "octocat/dotfiles": {},
		"octo-org/attic": {Archived: true}, "mona/paintings": {Role: "read"},
	})
	return gh, func() (*hooks.Client, error) { return dial("github.com") }
}
