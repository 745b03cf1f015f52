package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noData are the commands that print no data, and why they need no --json.
var noData = map[string]string{
	"hookctl":                       "opens the interface",
	"hookctl config edit":           "opens an editor",
	"hookctl demo":                  "prints the steps of a demonstration",
	"hookctl events filters forget": "only reports success",
	"hookctl events filters save":   "only reports success",
	"hookctl hooks delete":          "only reports success",
	"hookctl hooks forget":          "only reports success",
	"hookctl mcp":                   "speaks its own protocol",
	"hookctl reload":                "only reports success",
	"hookctl serve":                 "runs until it is stopped",
	"hookctl service uninstall":     "only reports success",
	"hookctl stop":                  "only reports success",
}

// TestCommandsAreConsistent walks the command tree: short sentences, examples, --json and --jq wherever data is printed, and
// a flag that means the same everywhere.
func TestCommandsAreConsistent(t *testing.T) {
	t.Parallel()
	flags := map[string]*pflag.Flag{}
	exempt := map[string]bool{}
	available(quietRoot(noEnvironment), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if n := utf8.RuneCountInString(cmd.Short); n > 60 {
			t.Errorf("%s: the short help has %d characters, want at most 60: %s", name, n, cmd.Short)
		}
		if strings.HasPrefix(name, "hookctl completion") {
			return // cobra's own
		}
		if cmd.Short == "" || strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short help should start with a capital and end without a full stop: %q", name, cmd.Short)
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", name)
		}
		for line := range strings.Lines(cmd.Long) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 120 {
				t.Errorf("%s: a line of the help has %d characters, want at most 120: %s", name, n, line)
			}
		}
		hasJSON, hasJQ := cmd.Flags().Lookup("json") != nil, cmd.Flags().Lookup("jq") != nil
		switch _, none := noData[name]; {
		case none:
			exempt[name] = true
			if hasJSON || hasJQ {
				t.Errorf("%s has --json or --jq, but is listed as printing no data", name)
			}
		case cmd.RunE != nil && !cmd.HasSubCommands() && (!hasJSON || !hasJQ):
			t.Errorf("%s prints data without --json and --jq", name)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			first, known := flags[f.Name]
			switch {
			case !known:
				flags[f.Name] = f
			case first.Shorthand != f.Shorthand:
				t.Errorf("%s: --%s has the short form -%s, elsewhere -%s", name, f.Name, f.Shorthand, first.Shorthand)
			case strings.TrimSuffix(first.Value.Type(), "Array") != strings.TrimSuffix(f.Value.Type(), "Array"):
				t.Errorf("%s: --%s is a %s, elsewhere a %s", name, f.Name, f.Value.Type(), first.Value.Type())
			}
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") || f.Usage[:1] != strings.ToLower(f.Usage[:1]) {
				t.Errorf("%s: the help of --%s should start with a small letter and end without a full stop: %s", name, f.Name, f.Usage)
			}
		})
	})
	for name := range noData {
		if !exempt[name] {
			t.Errorf("%s is listed as printing no data, but does not exist", name)
		}
	}
}
