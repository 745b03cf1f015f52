package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
)

// values are those that may follow what is typed so far, each with a tab and a few words about it where that helps.
type values func(ctx context.Context, s *settings.Settings, typed string) []string

// completeAll gives commands and flags what they can be completed with: what this home has, read from its files alone.
// Nothing is asked over the network, and what cannot be read completes nothing.
func completeAll(p *program, cmd *cobra.Command) {
	flags := map[string]values{
		"filter": p.completeFilter, "repo": p.completeTargets, "org": p.completeTargets,
		"level":  fixed("debug", "info", "warn", "error"),
		"tunnel": fixed("ngrok", "cloudflared", "tailscale"),
		"sample": func(context.Context, *settings.Settings, string) []string {
			return lines(githubtest.SampleIndex(), func(s githubtest.SampleInfo) string { return s.Name + "\t" + s.About })
		},
		"event": func(context.Context, *settings.Settings, string) []string {
			return lines(hooks.Events(), func(e hooks.EventInfo) string { return e.Name + "\t" + e.Sentence })
		},
		"path": func(_ context.Context, s *settings.Settings, _ string) []string {
			return slices.Sorted(maps.Keys(s.Paths))
		},
	}
	for name, of := range flags {
		if cmd.LocalFlags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, p.completion(of)) // It fails for an unknown flag and for the second time alone.
		}
	}
	_, words, _ := strings.Cut(cmd.Use, " ")
	path := cmd.CommandPath()
	switch {
	case cmd.HasSubCommands() || cmd.ValidArgsFunction != nil:
	case strings.Contains(words, "FILE|GUID|latest"):
		cmd.ValidArgsFunction = p.completion(p.completeFiles)
	case strings.HasPrefix(words, "ID"), strings.HasPrefix(words, "[ID"), strings.HasPrefix(words, "[HOOK"):
		cmd.ValidArgsFunction = p.completion(p.completeHooks)
	case strings.HasSuffix(path, "config show"):
		cmd.ValidArgsFunction = p.completion(settingKeys)
	case strings.Contains(path, "config ") && strings.Contains(words, "KEY"):
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			of := values(settingKeys)
			if len(args) > 0 {
				of = allowedValues(args[0])
			}
			return p.completion(of)(cmd, args, typed)
		}
	case strings.HasSuffix(path, "sync apply"):
		cmd.ValidArgsFunction = p.completion(p.completeSyncKeys)
	case strings.HasSuffix(path, "filters forget"), strings.HasSuffix(path, "filters save"):
		cmd.ValidArgsFunction = p.completion(savedFilters)
	}
	for _, sub := range cmd.Commands() {
		completeAll(p, sub)
	}
}

// completion makes cobra's function of one of ours. Values end with a space in the shell unless they say more may follow.
func (p *program) completion(of values) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		s, err := p.load()
		if err != nil {
			if s, err = p.defaults(); err != nil {
				return nil, directive
			}
		}
		var fit []string
		for _, v := range of(ctx, s, typed) {
			value, about, _ := strings.Cut(v, "\t")
			if !strings.HasPrefix(value, typed) || slices.Contains(args, value) {
				continue
			}
			if strings.HasSuffix(value, ":") {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
			if about != "" {
				value += "\t" + text.Cut(text.Clean(about), 80)
			}
			fit = append(fit, value)
		}
		return fit, directive
	}
}

func fixed(list ...string) values {
	return func(context.Context, *settings.Settings, string) []string { return list }
}

// lines are the items of a list as values.
func lines[T any](list []T, line func(T) string) []string {
	all := make([]string, len(list))
	for i, item := range list {
		all[i] = line(item)
	}
	return all
}

// newest are the newest records of the log.
func newest(ctx context.Context, s *settings.Settings, limit int) []logs.Entry {
	log, err := logs.Look(ctx, s.Logs(nil))
	if err != nil {
		return nil
	}
	defer func() { _ = log.Close() }()
	page, err := log.Page(ctx, logs.Query{Limit: limit})
	if err != nil {
		return nil
	}
	return page.Entries
}

func (p *program) completeFiles(ctx context.Context, s *settings.Settings, _ string) []string {
	files := lines(newest(ctx, s, 200), func(e logs.Entry) string { return e.File + "\t" + e.Result })
	return append([]string{"latest\tthe newest record"}, files...)
}

// completeHooks offers the hooks that delivered here and those that setup remembers.
func (p *program) completeHooks(ctx context.Context, s *settings.Settings, _ string) []string {
	known := map[int64]string{}
	for _, e := range newest(ctx, s, 1000) {
		if e.HookID != 0 {
			known[e.HookID] = e.Repository
		}
	}
	_, remembered := p.fleet(s).Remembered()
	maps.Copy(known, remembered)
	return lines(slices.Sorted(maps.Keys(known)), func(id int64) string { return strconv.FormatInt(id, 10) + "\t" + known[id] })
}

func (p *program) completeTargets(ctx context.Context, s *settings.Settings, _ string) []string {
	names, _ := p.fleet(s).Remembered()
	names = append(slices.Clone(s.Setup.Repositories), names...)
	for _, e := range newest(ctx, s, 200) {
		names = append(names, e.Repository)
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func settingKeys(_ context.Context, s *settings.Settings, _ string) []string {
	return lines(s.Rows(), func(row settings.Row) string { return row.Key + "\t" + row.Text })
}

// allowedValues are the only values allowed for a setting, if there are few.
func allowedValues(key string) values {
	return func(_ context.Context, s *settings.Settings, _ string) []string {
		for _, row := range s.Rows() {
			if row.Key == key {
				return row.Enum
			}
		}
		return nil
	}
}

// completeSyncKeys offers the keys of what project sync suggests or keeps open.
func (p *program) completeSyncKeys(_ context.Context, s *settings.Settings, _ string) []string {
	list, err := p.tasks(s).List()
	if err != nil {
		return nil
	}
	return lines(list, func(i tasks.Item) string { return i.Key + "\t" + text.Clean(syncState(i)+" "+i.Repository+" "+i.Title) })
}

func savedFilters(_ context.Context, s *settings.Settings, _ string) []string {
	return lines(slices.Sorted(maps.Keys(s.TUI.Filters)), func(name string) string { return name + "\t" + s.TUI.Filters[name] })
}

// completeFilter completes the last word of a filter, or names a saved one.
func (p *program) completeFilter(ctx context.Context, s *settings.Settings, typed string) []string {
	var found []string
	if !strings.Contains(typed, " ") {
		found = lines(savedFilters(ctx, s, ""), func(saved string) string { return "@" + saved })
	}
	log, err := logs.Look(ctx, s.Logs(nil))
	if err == nil {
		defer func() { _ = log.Close() }()
	}
	for _, c := range logs.CompleteFilter(ctx, log, typed, eventNames()) {
		// A shell inserts a completion unquoted, and branches and logins are chosen by others: $(…) must not be one.
		if !strings.ContainsFunc(strings.TrimSuffix(strings.TrimPrefix(c.Text, typed), ":"), needsQuoting) {
			found = append(found, c.Text+"\t"+c.About)
		}
	}
	return found
}

// eventNames are the events of GitHub's list, each with what it is.
func eventNames() []logs.Completion {
	var names []logs.Completion
	for _, e := range hooks.Events()[1:] { // without *
		names = append(names, logs.Completion{Text: e.Name, About: e.Sentence})
	}
	return names
}

// needsQuoting finds what a shell would not take as it is.
func needsQuoting(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._/@+-[]", r)
}
