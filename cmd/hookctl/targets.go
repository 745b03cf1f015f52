package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/hooks"
	"hookctl/server/fleet"
)

// targetFlags choose repositories and organizations.
type targetFlags struct {
	repos, orgs  []string
	from         string
	owner, topic string
	match        string
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
	cmd.Flags().StringVar(&f.owner, "owner", "", "every repository of `login` that you administer")
	cmd.Flags().StringVar(&f.topic, "topic", "", "every repository with this `topic` that you administer")
	cmd.Flags().StringVar(&f.match, "match", "", "every repository whose name matches this `pattern`, as in 'service-*'")
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
	return len(f.repos) > 0 || len(f.orgs) > 0 || f.from != "" || f.owner != "" || f.match != "" || f.topic != ""
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
	if f.owner != "" || f.match != "" || f.topic != "" {
		found, err := client.Repositories(ctx, hooks.RepositoryQuery{Owner: f.owner, Topic: f.topic, Match: f.match})
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
	in := p.in
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // The user names the file.
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // Only read from.
		in = f
	}
	var lines []string
	scanner := bufio.NewScanner(in)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
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
