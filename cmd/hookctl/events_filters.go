package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

func newEventsFilters(p *program) *cobra.Command {
	var out output
	list := func(*cobra.Command, []string) error {
		s, err := settings.Load(p.environ)
		if err != nil {
			return err
		}
		saved := map[string]string{}
		maps.Copy(saved, s.TUI.Filters)
		names := slices.Sorted(maps.Keys(saved))
		return printList(p, &out, saved, names, "no saved filters", []string{"NAME", "FILTER"}, func(name string) []string {
			return []string{"@" + name, saved[name]}
		})
	}
	cmd := &cobra.Command{
		Use:     "filters",
		Short:   "List, save and delete named filters",
		Long:    "List, save and delete named filters (tui.filters in hookctl.yaml). Use one with --filter @NAME.",
		Example: "  hookctl events filters save broken 'result:*failed* since:7d'\n  hookctl events list --filter @broken",
		RunE:    list,
	}
	addOutputFlags(cmd, &out)
	change := func(use, short, example, done string, args cobra.PositionalArgs) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Example: example, Args: args,
			RunE: func(_ *cobra.Command, args []string) error {
				s, err := settings.Load(p.environ)
				if err != nil {
					return err
				}
				name, filter := strings.TrimPrefix(args[0], "@"), strings.Join(args[1:], " ")
				if _, err := (&eventsFilter{filter: filter}).parse(); err != nil {
					return err
				}
				if _, known := s.TUI.Filters[name]; !known && filter == "" {
					return unknownFilter(s, name)
				}
				if err := s.SaveFilter(name, filter); err != nil {
					return err
				}
				p.note("%s @%s", done, name)
				return nil
			},
		}
	}
	listing := &cobra.Command{
		Use:     "list",
		Short:   "List the saved filters",
		Example: "  hookctl events filters list\n  hookctl events filters list --json",
		RunE:    list,
	}
	addOutputFlags(listing, &out)
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
