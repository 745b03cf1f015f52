package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

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
			if _, err := (&eventsFilter{filter: filter}).parse(); err != nil {
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

// saved is f with @NAME replaced by the text of the saved filter.
func (f eventsFilter) saved(p *program) (eventsFilter, error) {
	name, asked := strings.CutPrefix(f.filter, "@")
	if !asked {
		return f, nil
	}
	s, err := settings.Load(p.environ)
	if err != nil {
		return f, err
	}
	if f.filter = s.TUI.Filters[name]; f.filter == "" {
		return f, usage(unknownFilter(s, name))
	}
	return f, nil
}

// unknownFilter says that no saved filter has the name, and which exist.
func unknownFilter(s *settings.Settings, name string) error {
	cure := "save one: hookctl events filters save NAME FILTER"
	if names := slices.Sorted(maps.Keys(s.TUI.Filters)); len(names) > 0 {
		cure = "the saved ones are @" + strings.Join(names, ", @")
	}
	return hint(fmt.Errorf("no saved filter is named %q", name), cure)
}
