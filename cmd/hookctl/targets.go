package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"
	"github.com/cli/go-gh/v2/pkg/repository"
	"github.com/cli/go-gh/v2/pkg/ssh"
	"github.com/cli/safeexec"
	"github.com/spf13/cobra"

	"hookctl/hooks"
	"hookctl/server/fleet"
)

// targetFlags choose repositories and organizations.
type targetFlags struct {
	repos, orgs []string
	from        string
	query       hooks.RepositoryQuery
}

// add gives a command -R and --org, and with many also the flags that choose many at once.
func (f *targetFlags) add(cmd *cobra.Command, many bool) {
	f.addRepo(cmd)
	cmd.Flags().Func("org", "`organization`, for its own hooks; may be repeated", func(name string) error {
		_, err := parseOrganization(hooks.ParseTarget, name)
		f.orgs = append(f.orgs, name)
		return err
	})
	if !many {
		return
	}
	cmd.Flags().StringVar(&f.from, "from", "", "read repositories from `file`, one per line; - is stdin")
	cmd.Flags().StringVar(&f.query.Owner, "owner", "", "every repository of `login` that you administer")
	cmd.Flags().StringVar(&f.query.Topic, "topic", "", "every repository with this `topic` that you administer")
	cmd.Flags().StringVar(&f.query.Match, "match", "", "every repository whose name matches this `pattern`, as in 'service-*'")
}

// addRepo gives a command -R alone.
func (f *targetFlags) addRepo(cmd *cobra.Command) {
	cmd.Flags().FuncP("repo", "R", "repository, as `owner/repo`; may be repeated", func(name string) error {
		_, err := parseRepository(hooks.ParseTarget, name)
		f.repos = append(f.repos, name)
		return err
	})
}

// given reports whether the flags choose anything.
func (f *targetFlags) given() bool {
	return len(f.repos) > 0 || len(f.orgs) > 0 || f.from != "" || f.query != (hooks.RepositoryQuery{})
}

// targets are the ones that the flags name, each once, in the order given. Without a client no host is refused.
func (f *targetFlags) targets(ctx context.Context, p *program, client *hooks.Client) ([]hooks.Target, error) {
	parse := hooks.ParseTarget
	if client != nil {
		parse = client.ParseTarget
	}
	names := slices.Clone(f.repos)
	if f.from != "" {
		lines, err := p.readLines(f.from)
		if err != nil {
			return nil, fmt.Errorf("--from: %w", err)
		}
		names = append(names, lines...)
	}
	var list []hooks.Target
	for _, name := range names {
		t, err := parseRepository(parse, name)
		if err != nil {
			return nil, usage(err)
		}
		list = append(list, t)
	}
	for _, name := range f.orgs {
		t, err := parseOrganization(parse, name)
		if err != nil {
			return nil, usage(fmt.Errorf("--org: %w", err))
		}
		list = append(list, t)
	}
	if f.query != (hooks.RepositoryQuery{}) {
		found, err := client.Repositories(ctx, f.query)
		if err != nil {
			return nil, err
		}
		if client.HiddenBySSO() {
			p.note("warning: GitHub left repositories out, because the token is not authorized for an organization's single sign-on")
			p.note("hint: authorize it with: gh auth refresh -h %s", client.Host())
		}
		if len(found) == 0 {
			return nil, errors.New("no repository that you administer matches --owner, --topic and --match")
		}
		for _, r := range found {
			list = append(list, r.Target())
		}
	}
	return unique(list), nil
}

func unique(list []hooks.Target) []hooks.Target {
	var out []hooks.Target
	for _, t := range list {
		if !slices.ContainsFunc(out, func(have hooks.Target) bool { return strings.EqualFold(have.String(), t.String()) }) {
			out = append(out, t)
		}
	}
	return out
}

// readLines reads names, one per line. It skips empty lines and lines that begin with #.
func (p *program) readLines(file string) ([]string, error) {
	data, err := p.readFile(file, mostRead)
	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, err
}

// mostRead is more than any payload of GitHub has.
const mostRead = 64 << 20

// readFile reads a file that the user names; - is stdin, which may have no end.
func (p *program) readFile(name string, most int64) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name) //nolint:gosec // The user names the file.
	}
	data, err := io.ReadAll(io.LimitReader(p.in, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("stdin is longer than %d bytes", most)
	}
	return data, err
}

// chosenTargets are those of the flags; nil, which means all that are known, where there are no flags; else the repository of
// the working directory.
func (p *program) chosenTargets(ctx context.Context, all *fleet.Fleet, f *targetFlags) ([]hooks.Target, error) {
	client, err := all.GitHub()
	if err != nil {
		return nil, err
	}
	targets, err := f.targets(ctx, p, client)
	if err != nil || len(targets) > 0 {
		return targets, err
	}
	known, err := all.Targets(ctx)
	if err != nil || len(known) > 0 {
		return nil, err
	}
	if here, err := hooks.ParseTarget(currentRepository(ctx, client.Host())); err == nil {
		return []hooks.Target{here}, nil
	}
	return nil, missing("repo", "the repository of the hooks")
}

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
