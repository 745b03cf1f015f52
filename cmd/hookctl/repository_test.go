package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cli/go-gh/v2/pkg/ssh"
)

// The remote of the host in force is taken, however the remotes of other hosts rank.
func TestCurrentRepositoryIsOnTheHostInForce(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	t.Setenv("GH_REPO", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "none"))
	t.Setenv("GIT_CEILING_DIRECTORIES", "/")
	t.Chdir(t.TempDir())
	expect := func(host, want string) {
		t.Helper()
		if got := currentRepository(t.Context(), host); got != want {
			t.Errorf("on %s: %q, not %q", host, got, want)
		}
	}
	expect("github.com", "") // no repository of git
	git("init", "-q")
	expect("github.com", "")
	git("remote", "add", "upstream", "https://github.com/octo-org/public.git")
	git("remote", "add", "origin", "git@ghe.example.com:team/inner.git")
	git("remote", "add", "fork", "ssh://git@ghe.example.com/me/inner")
	git("remote", "add", "backup", "/srv/backup.git")
	expect("github.com", "octo-org/public")
	expect("ghe.example.com", "team/inner")
	expect("other.example.com", "")
	git("config", "remote.fork.gh-resolved", "base") // as gh repo set-default does
	expect("ghe.example.com", "me/inner")
	git("config", "remote.fork.gh-resolved", "team/chosen")
	expect("ghe.example.com", "team/chosen")
	expect("github.com", "octo-org/public")
	t.Setenv("GH_HOST", "ghe.example.com")
	t.Setenv("GH_REPO", "ghe.example.com/a/b")
	expect("ghe.example.com", "a/b")
	expect("github.com", "")
	t.Setenv("GH_REPO", "c/d")
	expect("ghe.example.com", "c/d")
}

func TestRemoteRepository(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://github.com/o/r.git":             {"github.com", "o/r"},
		"https://user:token@www.GitHub.com/o/r/": {"github.com", "o/r"},
		"git@github.com:o/r.git":                 {"github.com", "o/r"},
		"org-1234@github.com:o/r":                {"github.com", "o/r"},
		"ssh://git@ssh.github.com:443/o/r.git":   {"github.com", "o/r"},
		"git+ssh://git@ghe.example.com/o/r":      {"ghe.example.com", "o/r"},
		"git://ghe.example.com/o/r":              {"ghe.example.com", "o/r"},
		"https://acme.ghe.com/o/r":               {"acme.ghe.com", "o/r"},
		"https://github.com/o":                   {},
		"https://github.com/o/r/tree":            {},
		"/srv/git/r.git":                         {},
		`C:\git\r`:                               {},
		"file:///srv/o/r":                        {},
		"":                                       {},
	} {
		if host, repo := remoteRepository(address, ssh.NewTranslator()); host != want[0] || repo != want[1] {
			t.Errorf("%s: %s on %q", address, repo, host)
		}
	}
}
