package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/cli/safeexec"
	"github.com/google/shlex"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

func newConfig(p *program) *cobra.Command {
	var out output
	show := func(_ *cobra.Command, keys []string) error {
		s, err := settings.Load(p.environ)
		if err != nil {
			return err
		}
		return p.printSettings(s, keys, &out)
	}
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show and edit the settings",
		Example: "  hookctl config\n  hookctl config edit\n  hookctl config schema > hookctl.schema.json",
		RunE:    show,
	}
	addOutputFlags(cmd, &out)
	list := &cobra.Command{
		Use:     "show [KEY…]",
		Short:   "Show settings, their values and where they come from",
		Example: "  hookctl config show\n  hookctl config show sinks trust\n  hookctl config show --json --jq '.[] | select(.origin != \"default\")'",
		Args:    cobra.ArbitraryArgs,
		RunE:    show,
	}
	addOutputFlags(list, &out)
	edit := &cobra.Command{
		Use:     "edit",
		Short:   "Edit hookctl.yaml in $EDITOR",
		Long:    "Edit a copy of hookctl.yaml in $VISUAL or $EDITOR. The copy is saved only if it has no mistake.",
		Example: "  EDITOR=nano hookctl config edit",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.editSettings(cmd.Context())
		},
	}
	var schemaOut output
	schema := &cobra.Command{
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
	}
	addOutputFlags(schema, &schemaOut)
	cmd.AddCommand(list, edit, schema)
	return cmd
}

// printSettings prints the settings of these keys and below them, all without any.
func (p *program) printSettings(s *settings.Settings, keys []string, out *output) error {
	rows := s.Rows()
	below := func(row settings.Row, key string) bool {
		rest, ok := strings.CutPrefix(row.Key, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	for _, key := range keys {
		if !slices.ContainsFunc(rows, func(row settings.Row) bool { return below(row, key) }) {
			return hint(usage(fmt.Errorf("no setting has the key %q", key)), "list them: hookctl config show")
		}
	}
	if len(keys) > 0 {
		rows = slices.DeleteFunc(rows, func(row settings.Row) bool {
			return !slices.ContainsFunc(keys, func(key string) bool { return below(row, key) })
		})
	}
	return printList(p, out, rows, rows, "", []string{"SETTING", "VALUE", "FROM"}, func(row settings.Row) []string {
		return []string{row.Key, row.Text, row.Origin}
	})
}

// editSettings lets an editor change a copy, and takes the copy over once it is right.
func (p *program) editSettings(ctx context.Context) error {
	s, err := settings.Defaults(p.environ)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte(settingsTemplate), nil
	}
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if !p.terminal && p.environ("VISUAL") == "" && p.environ("EDITOR") == "" {
		return hint(usage(errors.New("cannot open an editor without a terminal")), "set EDITOR, or edit "+s.File)
	}
	dir, err := os.MkdirTemp("", "hookctl-config-")
	if err != nil {
		return fmt.Errorf("copy the settings to edit: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // A copy of what is saved, in a directory of our own.
	copyFile := filepath.Join(dir, "hookctl.yaml")
	if err := os.WriteFile(copyFile, data, 0o600); err != nil { //nolint:gosec // In a directory that was created just now.
		return fmt.Errorf("copy the settings to edit: %w", err)
	}
	for {
		if err := p.runEditor(ctx, copyFile); err != nil {
			return err
		}
		edited, err := os.ReadFile(copyFile) //nolint:gosec // Our own copy.
		if err != nil {
			return fmt.Errorf("read the edited settings: %w", err)
		}
		if string(edited) == string(data) {
			p.note("no changes")
			return nil
		}
		err = s.Replace(edited)
		if err == nil {
			p.note("saved %s", s.File)
			return p.reloadReceiver(ctx, s.Home)
		}
		if !p.terminal {
			return fmt.Errorf("not saved: %w", err)
		}
		reportError(p.err, err)
		if p.confirm(ctx, false, "edit again? (no discards the changes)") != nil {
			return fmt.Errorf("not saved: %w", errCancelled)
		}
	}
}

// settingsTemplate is what an editor shows where there is no hookctl.yaml yet.
const settingsTemplate = `# yaml-language-server: $schema=./hookctl.schema.json
# Settings of hookctl. A setting that is not here has its default; list them: hookctl config
# receiver: {port: 9000, public_url: "https://hooks.example.com"}
# watched_branches: [main, master, develop]
# sinks: []   # no notifications
`

// runEditor runs $VISUAL or $EDITOR, which may carry arguments and quotes as in a shell. On Windows, where \ separates the
// parts of a path, it is only a path where such a file exists, and words otherwise.
func (p *program) runEditor(ctx context.Context, file string) error {
	editor := cmp.Or(p.environ("VISUAL"), p.environ("EDITOR"))
	words, err := shlex.Split(editor)
	if _, found := os.Stat(editor); editor != "" && found == nil {
		words, err = []string{editor}, nil
	} else if runtime.GOOS == "windows" {
		words, err = strings.Fields(editor), nil
	}
	if err != nil {
		return hint(fmt.Errorf("read the editor %q: %w", editor, err), `quote it as in a shell: EDITOR='"/path/My Editor" --wait'`)
	}
	if len(words) == 0 {
		words = []string{"vi"}
		if runtime.GOOS == "windows" {
			words = []string{"notepad"}
		}
	}
	path, err := safeexec.LookPath(words[0])
	if err != nil {
		return hint(fmt.Errorf("find the editor %q: %w", words[0], err), "set EDITOR to the editor to use")
	}
	cmd := exec.CommandContext(ctx, path, append(words[1:], file)...) //nolint:gosec // The user's own editor.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, os.Stdout, os.Stderr // the terminal itself, not a pipe to it
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the editor %q: %w", words[0], err)
	}
	return nil
}
