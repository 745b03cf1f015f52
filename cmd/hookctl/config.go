package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

func newConfig(p *program) *cobra.Command {
	show := func(_ context.Context, c call) error { return p.printSettings(c) }
	cmd := p.printing(&cobra.Command{
		Use:         "config",
		Short:       "Show and edit the settings",
		Example:     "  hookctl config\n  hookctl config set receiver.port 9001\n  hookctl config edit",
		Annotations: map[string]string{unknownWord: "show a setting: hookctl config show %s"},
	}, show)
	list := p.printing(&cobra.Command{
		Use:     "show [KEY…]",
		Aliases: []string{"get", "list"}, // as gh and git have them
		Short:   "Show settings, their values and where they come from",
		Example: "  hookctl config show\n  hookctl config show sinks trust\n  hookctl config show --json --jq '.[] | select(.origin != \"default\")'",
		Args:    cobra.ArbitraryArgs,
	}, show)
	edit := &cobra.Command{
		Use:     "edit [KEY]",
		Short:   "Edit hookctl.yaml in $EDITOR",
		Long:    "Edit a copy of hookctl.yaml in $VISUAL or $EDITOR, at the line of KEY. The copy is saved only if it has no mistake.",
		Example: "  EDITOR=nano hookctl config edit\n  hookctl config edit routes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := p.editSettings(cmd.Context(), strings.Join(args, ""))
			return err
		},
	}
	set := p.printing(&cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Change one setting in hookctl.yaml",
		Long: "Change one setting in hookctl.yaml, and have a running receiver use it. Comments and everything else stay, and a\n" +
			"mistake is not saved. Commas separate the entries of a list; maps, and lists of sections such as sinks, are YAML.",
		Example: "  hookctl config set receiver.public_url https://hooks.example.com\n  hookctl config set watched_branches main,release/*\n" +
			"  hookctl config set sinks[0].to team-lead",
		Args: cobra.ExactArgs(2),
	}, func(ctx context.Context, c call) error {
		key := c.args[0]
		err := p.printChange(ctx, c, func(s *settings.Settings) error { return s.Set(key, c.args[1]) })
		if errors.As(err, new(*settings.ValueError)) && hooks.CureOf(err) == "" {
			err = hint(err, "its value now: hookctl config show "+text.Shell(key))
		}
		return err
	})
	unset := p.printing(&cobra.Command{
		Use:     "unset KEY",
		Short:   "Remove a setting from hookctl.yaml",
		Long:    "Remove a setting from hookctl.yaml, so that it has its default again, and have a running receiver use that.",
		Example: "  hookctl config unset receiver.tunnel",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, c call) error {
		return p.printChange(ctx, c, func(s *settings.Settings) error { return s.Unset(c.args[0]) })
	})
	var schemaOut output
	schema := addOutputFlags(&cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of hookctl.yaml",
		Example: "  hookctl config schema > hookctl.schema.json",
		RunE: func(*cobra.Command, []string) error {
			if schemaOut.wanted() {
				return schemaOut.print(p.out, json.RawMessage(settings.Schema()))
			}
			_, err := fmt.Fprintln(p.out, string(settings.Schema()))
			return err
		},
	}, &schemaOut)
	cmd.AddCommand(list, set, unset, edit, schema)
	return cmd
}

// printSettings prints the settings of the keys that are named and below them, all without any.
func (p *program) printSettings(c call) error {
	var rows []settings.Row
	if len(c.args) == 0 {
		rows = c.settings.Rows()
	}
	for _, key := range c.args {
		below, err := rowsBelow(c.settings, key)
		if err != nil {
			return err
		}
		rows = append(rows, below...)
	}
	return printList(p, c.out, rows, rows, "", []string{"SETTING", "VALUE", "FROM"}, func(row settings.Row) []string {
		return []string{row.Key, row.Text, row.Origin}
	})
}

// rowsBelow are the settings of a key and below it.
func rowsBelow(s *settings.Settings, key string) ([]settings.Row, error) {
	rows := slices.DeleteFunc(s.Rows(), func(row settings.Row) bool {
		rest, ok := strings.CutPrefix(row.Key, key)
		return !ok || rest != "" && rest[0] != '.' && rest[0] != '['
	})
	if len(rows) > 0 {
		return rows, nil
	}
	return nil, hint(usage(fmt.Errorf("%s: no such setting", key)), s.Meant(key))
}

// change is a setting after it was changed, as `config set --json` prints it.
type change struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
	// Receiver says whether the running receiver uses it: reloaded, needs_restart, started_with_flag, or not_running.
	Receiver string `json:"receiver"`
	// Overridden says that what was saved is not in force, because of what Origin names.
	Overridden bool `json:"overridden,omitempty"`
	// Warning is about notifications that are pending for a sink that is no longer there.
	Warning string `json:"warning,omitempty"`

	text string // the value for people
	flag string // what the receiver was started with instead
}

// Whether a running receiver uses the settings that were saved.
const (
	receiverReloaded = "reloaded"
	receiverRestart  = "needs_restart"
	receiverFlag     = "started_with_flag"
	receiverStopped  = "not_running"
)

// changeSetting changes hookctl.yaml and has a running receiver read it.
func (p *program) changeSetting(ctx context.Context, key string, do func(*settings.Settings) error) (change, error) {
	s, err := p.load()
	if err != nil {
		return change{}, err
	}
	sinks := sinkNames(s)
	if err := do(s); err != nil {
		return change{}, err
	}
	if s, err = p.load(); err != nil {
		return change{}, err
	}
	done := change{Key: key, Origin: s.Origin(key), Receiver: receiverReloaded}
	done.Overridden = strings.HasPrefix(done.Origin, "environment ") || strings.HasPrefix(done.Origin, ".env ")
	done.Warning = p.orphaned(ctx, sinks, s)
	for _, row := range s.Rows() {
		if row.Key == key {
			done.Value, done.text = row.Value, row.Text
		}
	}
	status, err := p.reload(ctx, s.Home)
	done.flag = startedWith(status, key)
	switch {
	case errors.Is(err, daemon.ErrNotRunning):
		done.Receiver = receiverStopped
	case err != nil:
		return done, err
	case done.flag != "":
		done.Receiver = receiverFlag
	case slices.ContainsFunc(status.NeedsRestart, func(have string) bool { return have == key || strings.HasPrefix(key, have+".") }):
		done.Receiver = receiverRestart
	}
	return done, nil
}

// String says what became of the change.
func (c change) String() string {
	said := c.Key + " is " + cmp.Or(c.text, "not set")
	switch {
	case c.Overridden:
		return said + ", because " + c.Origin + " overrides hookctl.yaml"
	case strings.HasPrefix(c.Key, "tui."):
		return said + " when the interface is opened again"
	case c.Receiver == receiverRestart:
		return said + " after a restart of the receiver"
	case c.Receiver == receiverFlag:
		return said + "; the running receiver keeps " + c.flag + ", as it was started"
	case c.Receiver == receiverReloaded:
		return said + "; the receiver uses it"
	}
	return said
}

// printChange changes the setting that is named, and prints what became of it.
func (p *program) printChange(ctx context.Context, c call, do func(*settings.Settings) error) error {
	done, err := p.changeSetting(ctx, c.args[0], do)
	if err != nil {
		return err
	}
	if c.out.wanted() {
		return c.out.print(p.out, done)
	}
	p.note("%s", text.Clean(done.String()))
	p.warnOf(done.Warning)
	switch done.Receiver {
	case receiverRestart:
		p.note("hint: restart it: hookctl restart")
	case receiverFlag:
		flag, _, _ := strings.Cut(done.flag, " ")
		p.note("hint: let it use the setting: hookctl restart %s %s", flag, text.Shell(fmt.Sprint(done.Value)))
	}
	return nil
}

// warnOf writes a warning, if there is one, and how to undo what it is about.
func (p *program) warnOf(orphaned string) {
	if orphaned != "" {
		p.note("warning: %s", text.Clean(orphaned))
		p.note("hint: add the sink again, then: hookctl events resend --failed")
	}
}

// useSettings has a running receiver read what was saved, and says what is left to do, as the end of a sentence.
func (p *program) useSettings(ctx context.Context, home string) (string, error) {
	status, err := p.reload(ctx, home)
	waiting := status.NeedsRestart
	switch {
	case errors.Is(err, daemon.ErrNotRunning):
		return "", nil
	case err != nil:
		return "", err
	case len(waiting) == 0:
		return "; the receiver uses it", nil
	}
	return "; " + strings.Join(waiting, ", ") + " after a restart of the receiver", nil
}
