package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sahilm/fuzzy"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
)

func addFilter(cmd *cobra.Command, filter *string) {
	cmd.Flags().StringVarP(filter, "filter", "f", "", "only records that match this `filter`")
}

// filterOf reads a filter, or the saved one of a name after an @.
func filterOf(s *settings.Settings, given string) (logs.Filter, error) {
	if name, asked := strings.CutPrefix(given, "@"); asked {
		if given = s.TUI.Filters[name]; given == "" {
			return logs.Filter{}, usage(unknownFilter(s, name))
		}
	}
	return readFilter(given)
}

// readFilter reads a filter, and shows where a mistake in it is.
func readFilter(given string) (logs.Filter, error) {
	filter, err := parseFilter(given)
	var at *logs.FilterError
	if errors.As(err, &at) {
		mark := strings.Repeat(" ", len([]rune(given[:min(at.Offset, len(given))]))) + "^"
		err = hint(usage(fmt.Errorf("--filter: %w\n%s\n%s", err, given, mark)), "write it like: event:push repo:octo-org/* !sender:*[bot] status:failed since:1h")
	}
	return filter, err
}

// doubt gives hints about a filter that matched nothing: on its values that no record can have.
func (p *program) doubt(filter logs.Filter) {
	events := lines(eventNames(), func(c logs.Completion) string { return c.Text })
	for word := range strings.FieldsSeq(filter.String()) {
		field, list, _ := strings.Cut(word, ":")
		for value := range strings.SplitSeq(list, ",") {
			switch {
			case strings.ContainsAny(value, `*"`) || value == "":
			case field == "repo" && !strings.Contains(value, "/"):
				p.note("hint: for every repository of an owner: repo:%s/*", text.Clean(value))
			case field == "event" && !slices.Contains(events, strings.ToLower(value)):
				cure := "list the events: hookctl hooks events"
				if near := fuzzy.Find(value, events); len(near) > 0 {
					cure = "did you mean: event:" + near[0].Str
				}
				p.note("hint: GitHub has no event %s; %s", text.Clean(value), cure)
			}
		}
	}
}

// withLog does something with the log of the settings, and the records that a filter chooses.
func withLog(ctx context.Context, s *settings.Settings, filter string, do func(*logs.Log, logs.Filter) error) error {
	return opened(s, filter, func() (*logs.Log, error) { return openLog(ctx, s) }, do)
}

// withNews is withLog for a command that waits for what arrives: there must be a directory to watch.
func withNews(ctx context.Context, s *settings.Settings, filter string, do func(*logs.Log, logs.Filter) error) error {
	return opened(s, filter, func() (*logs.Log, error) { return logs.Open(ctx, s.Logs(nil)) }, do)
}

func opened(s *settings.Settings, filter string, open func() (*logs.Log, error), do func(*logs.Log, logs.Filter) error) error {
	chosen, err := filterOf(s, filter)
	if err != nil {
		return err
	}
	log, err := open()
	if err != nil {
		return err
	}
	return errors.Join(do(log, chosen), log.Close())
}

// filterHelp explains --filter.
const filterHelp = `A filter is a list of words that must all match: free text, or field:value. In a value, * matches anything and commas
separate alternatives; ! before a word negates it. The fields are
  event action repo sender branch title conclusion result source id hook number
  type priority          of the notification
  status                 of the notification: pending, sent, failed or none
  verified               yes or no
  payload                text anywhere in the payload; slow, because it reads every file that the other words match
  since until            1h, 3d, 2026-01-31 or a whole timestamp`

func parseFilter(filter string) (logs.Filter, error) { return logs.ParseFilter(filter, time.Now()) }

func newEventsFilters(p *program) *cobra.Command {
	list := func(_ context.Context, c call) error {
		saved := map[string]string{}
		maps.Copy(saved, c.settings.TUI.Filters)
		names := slices.Sorted(maps.Keys(saved))
		return printList(p, c.out, saved, names, "no saved filters", []string{"NAME", "FILTER"}, func(name string) []string {
			return []string{"@" + name, saved[name]}
		})
	}
	cmd := p.printing(&cobra.Command{
		Use:     "filters",
		Short:   "List, save and delete named filters",
		Long:    "List, save and delete named filters (tui.filters in hookctl.yaml). Use one with --filter @NAME.",
		Example: "  hookctl events filters save broken 'result:*failed* since:7d'\n  hookctl events list --filter @broken",
	}, list)
	change := func(use, short, example, done string, args cobra.PositionalArgs) *cobra.Command {
		return p.action(&cobra.Command{Use: use, Short: short, Example: example, Args: args}, func(_ context.Context, c call) error {
			name, filter := strings.TrimPrefix(c.args[0], "@"), strings.Join(c.args[1:], " ")
			if _, err := readFilter(filter); err != nil {
				return err
			}
			if _, known := c.settings.TUI.Filters[name]; !known && filter == "" {
				return unknownFilter(c.settings, name)
			}
			if err := c.settings.SaveFilter(name, filter); err != nil {
				return err
			}
			p.note("%s @%s", done, name)
			return nil
		})
	}
	listing := p.printing(&cobra.Command{
		Use:     "list",
		Short:   "List the saved filters",
		Example: "  hookctl events filters list\n  hookctl events filters list --json",
	}, list)
	forget := change("forget NAME", "Delete a saved filter", "  hookctl events filters forget broken", "forgot", cobra.ExactArgs(1))
	forget.Aliases = []string{"delete"}
	cmd.AddCommand(
		listing,
		change("save NAME FILTER", "Save a filter under a name, replacing an older one", "  hookctl events filters save broken 'result:*failed* since:7d'", "saved", cobra.MinimumNArgs(2)),
		forget,
	)
	return cmd
}

// unknownFilter says that no saved filter has the name, and which exist.
func unknownFilter(s *settings.Settings, name string) error {
	cure := "save one: hookctl events filters save NAME FILTER"
	if names := slices.Sorted(maps.Keys(s.TUI.Filters)); len(names) > 0 {
		cure = "the saved ones are @" + strings.Join(names, ", @")
	}
	return hint(fmt.Errorf("no saved filter is named %q", name), cure)
}

func newEventsStats(p *program) *cobra.Command {
	var filter string
	cmd := p.printing(&cobra.Command{
		Use:     "stats",
		Short:   "Count records by event, repository, sender and hour",
		Long:    "Count records by event, repository, sender and hour of the day in the local time zone.\n\n" + filterHelp,
		Example: "  hookctl events stats\n  hookctl events stats --filter 'since:7d repo:octo-org/*' --json",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, c call) error {
		return withLog(ctx, c.settings, filter, func(log *logs.Log, filter logs.Filter) error {
			if err := p.whole(ctx, log); err != nil {
				return err
			}
			s, err := log.Stats(ctx, filter, time.Local)
			if err != nil {
				return err
			}
			if s.Total == 0 {
				defer p.doubt(filter)
			}
			return p.showStats(s, c.out)
		})
	})
	addFilter(cmd, &filter)
	return cmd
}

// statsRows are how many rows of each kind a table shows; --json has all.
const statsRows = 10

func (p *program) showStats(s logs.Stats, out *output) error {
	var rows [][]string
	for _, group := range s.Groups() {
		for i, t := range group.Tallies {
			if i == statsRows && group.By != "hour" {
				rows = append(rows, []string{group.By, fmt.Sprintf("and %d more", len(group.Tallies)-i), "", "", ""})
				break
			}
			failed := text.Thousands(t.Failed)
			if group.By == "hour" {
				failed = ""
			}
			rows = append(rows, []string{group.By, t.Name, text.Thousands(t.Count), fmt.Sprintf("%.1f%%", s.Share(t.Count)), failed})
		}
	}
	if !out.wanted() && s.Total > 0 {
		p.note("%s from %s to %s", text.Count(s.Total, "record"), s.First.Local().Format(time.DateTime), s.Last.Local().Format(time.DateTime))
	}
	return printList(p, out, s, rows, "no record matches", []string{"BY", "NAME", "RECORDS", "SHARE", "FAILED NOTIFICATIONS"}, func(row []string) []string { return row })
}
