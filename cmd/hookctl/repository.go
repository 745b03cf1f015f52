package main

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"
	"github.com/cli/go-gh/v2/pkg/repository"
	"github.com/cli/go-gh/v2/pkg/ssh"
	"github.com/cli/safeexec"
)

// currentRepository is the repository of the working directory as owner/repo: that of GH_REPO, or of the best remote on
// host; "" if none exists. go-gh chooses a remote first and looks at its host then, so that a remote on github.com
// would hide one on the host in force.
func currentRepository(ctx context.Context, host string) string {
	if named := os.Getenv("GH_REPO"); named != "" {
		r, err := repository.Parse(named)
		if err != nil || auth.NormalizeHostname(r.Host) != host {
			return ""
		}
		return r.Owner + "/" + r.Name
	}
	resolved := map[string]string{} // what `gh repo set-default` chose
	for _, line := range gitLines(ctx, "config", "--get-regexp", `^remote\..*\.gh-resolved$`) {
		key, value, _ := strings.Cut(line, " ")
		resolved[strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".gh-resolved")] = value
	}
	ranks := map[string]int{"upstream": 3, "github": 2, "origin": 1}
	best, rank := "", -1
	aliases := ssh.NewTranslator()
	for _, line := range gitLines(ctx, "remote", "-v") {
		name, address, _ := strings.Cut(line, "\t")
		address, _, _ = strings.Cut(address, " (") // fetch and push are one remote mostly; the first of them counts
		at, repo := remoteRepository(address, aliases)
		if repo == "" || at != host {
			continue
		}
		score := ranks[strings.ToLower(name)]
		switch chosen := resolved[name]; chosen {
		case "":
		case "base":
			score = 4
		default:
			score, repo = 4, chosen
		}
		if score > rank {
			best, rank = repo, score
		}
	}
	return best
}

// remoteRepository reads the URL of a remote: the host that it is on and owner/repo; "" where it names none.
func remoteRepository(address string, aliases *ssh.Translator) (host, repo string) {
	if !strings.Contains(address, "://") && !strings.Contains(address, `\`) {
		address = "ssh://" + strings.Replace(address, ":", "/", 1) // git@host:owner/repo
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	u.Scheme = strings.TrimPrefix(u.Scheme, "git+")
	host = strings.TrimPrefix(strings.ToLower(aliases.Translate(u).Hostname()), "www.")
	owner, name, found := strings.Cut(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"), "/")
	if host == "" || owner == "" || !found || name == "" || strings.Contains(name, "/") {
		return "", ""
	}
	return auth.NormalizeHostname(host), owner + "/" + name
}

// gitLines are the lines that git prints, none where it fails: outside a repository, or without git.
func gitLines(ctx context.Context, args ...string) []string {
	git, err := safeexec.LookPath("git")
	if err != nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, git, args...).Output() //nolint:gosec // The user's own git, and arguments from here.
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
