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
	"hookctl/logs"
	"hookctl/logs/text"
)

// completeAll gives commands and flags what they can be completed with: what this home has, read from its files alone.
// Nothing is asked over the network, and what cannot be read completes nothing.
func completeAll(p *program, cmd *cobra.Command) {
	c := completer{p}
	flags := map[string]func(context.Context, string) []string{
		"filter": c.filter, "repo": c.targets, "org": c.targets, "sample": c.samples, "event": c.events, "path": c.paths,
		"level":  fixed("debug", "info", "warn", "error"),
		"tunnel": fixed("ngrok", "cloudflared", "tailscale"),
	}
	for name, values := range flags {
		if cmd.LocalFlags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, completion(values)) // It fails for an unknown flag and for the second time alone.
		}
	}
	_, words, _ := strings.Cut(cmd.Use, " ")
	path := cmd.CommandPath()
	switch {
	case cmd.HasSubCommands() || cmd.ValidArgsFunction != nil:
	case strings.Contains(words, "FILE|GUID|latest"):
		cmd.ValidArgsFunction = completion(c.files)
	case strings.HasPrefix(words, "ID"), strings.HasPrefix(words, "[ID"), strings.HasPrefix(words, "[HOOK"):
		cmd.ValidArgsFunction = completion(c.hooks)
	case strings.HasSuffix(path, "config show"):
		cmd.ValidArgsFunction = completion(c.settings)
	case strings.Contains(path, "config ") && strings.Contains(words, "KEY"):
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			values := c.settings
			if len(args) > 0 {
				values = c.settingValues(args[0])
			}
			return completion(values)(cmd, args, typed)
		}
	case strings.HasSuffix(path, "sync apply"):
		cmd.ValidArgsFunction = completion(c.syncKeys)
	case strings.HasSuffix(path, "filters forget"), strings.HasSuffix(path, "filters save"):
		cmd.ValidArgsFunction = completion(c.savedFilters)
	}
	for _, sub := range cmd.Commands() {
		completeAll(p, sub)
	}
}

// completer knows what there is. Each of its functions returns values that may follow what is typed so far, each with a tab and
// a few words about it where that helps.
type completer struct{ p *program }

// completion makes cobra's function of one of ours. Values end with a space in the shell unless they say more may follow.
func completion(values func(context.Context, string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		var fit []string
		for _, v := range values(ctx, typed) {
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

func fixed(values ...string) func(context.Context, string) []string {
	return func(context.Context, string) []string { return values }
}

// recent are the newest records of the log.
func (c completer) recent(ctx context.Context, limit int) []logs.Entry {
	log, err := c.p.openLog(ctx)
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

func (c completer) files(ctx context.Context, _ string) []string {
	values := []string{"latest\tthe newest record"}
	for _, e := range c.recent(ctx, 200) {
		values = append(values, e.File+"\t"+e.Result)
	}
	return values
}

// hooks are the hooks that delivered here and those that setup remembers.
func (c completer) hooks(ctx context.Context, _ string) []string {
	known := map[int64]string{}
	for _, e := range c.recent(ctx, 1000) {
		if e.HookID != 0 {
			known[e.HookID] = e.Repository
		}
	}
	if s, err := settings.Load(c.p.environ); err == nil {
		_, remembered := c.p.fleet(s).Remembered()
		maps.Copy(known, remembered)
	}
	values := make([]string, 0, len(known))
	for _, id := range slices.Sorted(maps.Keys(known)) {
		values = append(values, strconv.FormatInt(id, 10)+"\t"+known[id])
	}
	return values
}

func (c completer) targets(ctx context.Context, _ string) []string {
	s, err := settings.Load(c.p.environ)
	if err != nil {
		return nil
	}
	names, _ := c.p.fleet(s).Remembered()
	names = append(slices.Clone(s.Setup.Repositories), names...)
	for _, e := range c.recent(ctx, 200) {
		names = append(names, e.Repository)
	}
	return distinct(names)
}

func (c completer) samples(context.Context, string) []string {
	var values []string
	for _, s := range githubtest.SampleIndex() {
		values = append(values, s.Name+"\t"+s.About)
	}
	return values
}

func (c completer) events(context.Context, string) []string {
	var values []string
	for _, e := range hooks.Events() {
		values = append(values, e.Name+"\t"+e.Sentence)
	}
	return values
}

func (c completer) paths(context.Context, string) []string {
	s, err := settings.Load(c.p.environ)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.Paths))
}

func (c completer) settings(context.Context, string) []string {
	s, err := settings.Load(c.p.environ)
	if err != nil {
		return nil
	}
	var values []string
	for _, row := range s.Rows() {
		values = append(values, row.Key+"\t"+row.Text)
	}
	return values
}

// settingValues are the only values allowed for a setting, if there are few.
func (c completer) settingValues(key string) func(context.Context, string) []string {
	return func(context.Context, string) []string {
		s, err := settings.Load(c.p.environ)
		if err != nil {
			return nil
		}
		for _, row := range s.Rows() {
			if row.Key == key {
				return row.Enum
			}
		}
		return nil
	}
}

// syncKeys are the keys of what project sync suggests or keeps open.
func (c completer) syncKeys(context.Context, string) []string {
	s, err := settings.Load(c.p.environ)
	if err != nil {
		return nil
	}
	list, err := c.p.tasks(s).List()
	if err != nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, i := range list {
		out = append(out, i.Key+"\t"+text.Clean(syncState(i)+" "+i.Repository+" "+i.Title))
	}
	return out
}

func (c completer) savedFilters(context.Context, string) []string {
	s, err := settings.Load(c.p.environ)
	if err != nil {
		return nil
	}
	var values []string
	for _, name := range slices.Sorted(maps.Keys(s.TUI.Filters)) {
		values = append(values, name+"\t"+s.TUI.Filters[name])
	}
	return values
}

// filter completes the last word of a filter, or names a saved one.
func (c completer) filter(ctx context.Context, typed string) []string {
	var values []string
	if !strings.Contains(typed, " ") {
		for _, saved := range c.savedFilters(ctx, "") {
			values = append(values, "@"+saved)
		}
	}
	log, err := c.p.openLog(ctx)
	if err == nil {
		defer func() { _ = log.Close() }()
	}
	for _, found := range logs.CompleteFilter(ctx, log, typed, eventNames()) {
		// A shell inserts a completion unquoted, and branches and logins are chosen by others: $(…) must not be one.
		if !strings.ContainsFunc(strings.TrimSuffix(strings.TrimPrefix(found.Text, typed), ":"), needsQuoting) {
			values = append(values, found.Text+"\t"+found.About)
		}
	}
	return values
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

// distinct sorts and leaves empty and double ones out.
func distinct(list []string) []string {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}
