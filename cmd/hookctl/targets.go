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

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs"
)

// targetFlags choose repositories and organisations.
type targetFlags struct {
	repos, orgs  []string
	from         string
	owner, topic string
	match        string
}

// add gives a command -R and --org, and with many also the flags that choose many at once.
func (f *targetFlags) add(cmd *cobra.Command, many bool) {
	cmd.Flags().StringArrayVarP(&f.repos, "repo", "R", nil, "repository, as `owner/repo`; may be repeated")
	cmd.Flags().StringArrayVar(&f.orgs, "org", nil, "`organisation`, for hooks of its own; may be repeated")
	if !many {
		return
	}
	cmd.Flags().StringVar(&f.from, "from", "", "read repositories from `file`, one a line; - is stdin")
	cmd.Flags().StringVar(&f.owner, "owner", "", "every repository of `login` that you administer")
	cmd.Flags().StringVar(&f.topic, "topic", "", "every repository with this `topic` that you administer; with --owner or --match, of those")
	cmd.Flags().StringVar(&f.match, "match", "", "every repository whose name matches, for example `'service-*'`")
}

// given tells whether the flags choose anything.
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
		t, err := parse(name)
		if err == nil && t.IsOrg() {
			err = hint(fmt.Errorf("%q is no repository", name), "write owner/repo, or --org "+name+" for an organisation's own hooks")
		}
		if err != nil {
			return nil, usage(err)
		}
		list = append(list, t)
	}
	for _, name := range f.orgs {
		t, err := parse(name)
		if err == nil && !t.IsOrg() {
			err = fmt.Errorf("%q is no organisation", name)
		}
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
			p.note("warning: GitHub left repositories out, because the token is not authorized for an organisation's single sign-on")
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

// readLines reads names, one a line; empty lines and lines that begin with # do not count.
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

// knownTargets are those of the settings, else the ones that the log has pings from: those that hooks were set up on.
func (p *program) knownTargets(ctx context.Context, s *settings.Settings) ([]hooks.Target, error) {
	var list []hooks.Target
	for _, name := range s.Setup.Repositories {
		t, err := hooks.ParseTarget(name)
		if err != nil {
			return nil, s.Problem("setup.repositories", err)
		}
		list = append(list, t)
	}
	if len(list) > 0 {
		return unique(list), nil
	}
	pings, err := p.pings(ctx, s)
	for _, e := range pings {
		if t, err := hooks.ParseTarget(e.Repository); err == nil && !t.IsOrg() {
			list = append(list, t)
		}
	}
	slices.Reverse(list) // Pings come newest first.
	return unique(list), err
}

// pings are the newest verified pings of the log.
func (p *program) pings(ctx context.Context, s *settings.Settings) (entries []logs.Entry, err error) {
	log, err := logs.Open(ctx, s.Logs(nil))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	filter, err := parseFilter("event:ping verified:yes")
	if err != nil {
		return nil, err
	}
	page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: 1000})
	return page.Entries, err
}

// chosenHooks are the hooks that a command works on: those of the flags, or else of every known target.
func (p *program) chosenHooks(ctx context.Context, s *settings.Settings, client *hooks.Client, f *targetFlags) ([]hooks.Hook, error) {
	targets, err := f.targets(ctx, p, client)
	known := err == nil && len(targets) == 0
	if known {
		targets, err = p.knownTargets(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		if here := currentRepository(ctx, client.Host()); here != "" {
			if t, err := hooks.ParseTarget(here); err == nil {
				targets = append(targets, t)
			}
		}
	}
	if len(targets) == 0 {
		return nil, missing("repo", "the repository whose hooks are meant")
	}
	list, err := client.ListAll(ctx, targets)
	if known && errors.Is(err, hooks.ErrNotFound) {
		p.note("hint: take a repository that is gone out of setup.repositories with: hookctl config edit")
	}
	return append([]hooks.Hook{}, list...), err
}

// ownHooks are those of list that lead to this receiver: their URL does, or the log has a verified ping from them.
func (p *program) ownHooks(ctx context.Context, s *settings.Settings, list []hooks.Hook) ([]hooks.Hook, error) {
	pings, err := p.pings(ctx, s)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	for _, e := range pings {
		seen[e.HookID] = true
	}
	own := []hooks.Hook{}
	for _, h := range list {
		if seen[h.ID] || hooks.SameReceiver(h.URL, s.Receiver.PublicURL) {
			own = append(own, h)
		}
	}
	return own, nil
}
