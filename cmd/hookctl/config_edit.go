package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cli/safeexec"
	"github.com/google/shlex"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/logs/text"
)

// editSettings lets an editor change a copy, at the line of a key if that is not "", and takes the copy over once it is right.
// It returns what became of it, in a sentence.
func (p *program) editSettings(ctx context.Context, key string) (string, error) {
	s, err := p.defaults()
	if err != nil {
		return "", err
	}
	line := 0
	var sinks []string
	if now, err := p.load(); err == nil { // a file with a mistake is what an editor is for
		sinks = sinkNames(now)
		if key != "" {
			if _, err := rowsBelow(now, key); err != nil {
				return "", err
			}
			line = now.Line(key)
		}
	}
	data, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte(settingsTemplate), nil
	}
	if err != nil {
		return "", fmt.Errorf("read settings: %w", err)
	}
	if key != "" && line == 0 {
		line = strings.Count(string(data), "\n") + 2
		data = append(data, "\n"+settings.Sketch(key)...)
	}
	if !p.terminal && p.environ("VISUAL") == "" && p.environ("EDITOR") == "" {
		return "", hint(usage(errors.New("cannot open an editor without a terminal")), "set EDITOR, or edit "+s.File)
	}
	dir, err := os.MkdirTemp("", "hookctl-config-")
	if err != nil {
		return "", fmt.Errorf("copy the settings to edit: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // A copy of what is saved, in a directory of our own.
	copyFile := filepath.Join(dir, "hookctl.yaml")
	if err := os.WriteFile(copyFile, data, 0o600); err != nil { //nolint:gosec // In a directory that was created just now.
		return "", fmt.Errorf("copy the settings to edit: %w", err)
	}
	for {
		if err := p.runEditor(ctx, copyFile, line); err != nil {
			return "", err
		}
		edited, err := os.ReadFile(copyFile) //nolint:gosec // Our own copy.
		if err != nil {
			return "", fmt.Errorf("read the edited settings: %w", err)
		}
		if string(edited) == string(data) {
			p.note("no changes")
			return "no changes", nil
		}
		err = s.Replace(edited)
		if err == nil {
			orphaned := ""
			if now, err := p.load(); err == nil {
				orphaned = p.orphaned(ctx, sinks, now)
			}
			state, err := p.useSettings(ctx, s.Home)
			p.note("saved %s%s", s.File, state)
			p.warnOf(orphaned)
			return "saved" + state, err
		}
		if !p.terminal {
			return "", fmt.Errorf("not saved: %w", err)
		}
		reportError(p.err, err)
		if p.confirm(ctx, false, "edit again? (no discards the changes)") != nil {
			return "", fmt.Errorf("not saved: %w", errCancelled)
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

// runEditor runs $VISUAL or $EDITOR at a line of a file, 0 for none. The variable may carry arguments and quotes as in a shell. On Windows, where \ separates the
// parts of a path, it is only a path where such a file exists, and words otherwise.
func (p *program) runEditor(ctx context.Context, file string, line int) error {
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
	cmd := exec.CommandContext(ctx, path, append(words[1:], atLine(path, file, line)...)...) //nolint:gosec // The user's own editor.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, os.Stdout, os.Stderr                        // the terminal itself, not a pipe to it
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the editor %q: %w", words[0], err)
	}
	return nil
}

// atLine are the arguments that open a file at a line in an editor that is known to have them.
func atLine(editor, file string, line int) []string {
	if line < 1 {
		return []string{file}
	}
	switch name := strings.TrimSuffix(filepath.Base(editor), ".exe"); name {
	case "vi", "vim", "nvim", "view", "gvim", "nano", "pico", "emacs", "emacsclient", "micro", "kak", "joe", "jed", "ne", "mg":
		return []string{"+" + strconv.Itoa(line), file}
	case "code", "code-insiders", "codium", "cursor":
		return []string{"--goto", file + ":" + strconv.Itoa(line)}
	case "hx", "helix", "subl", "zed":
		return []string{file + ":" + strconv.Itoa(line)}
	}
	return []string{file}
}

// sinkNames are the names of the sinks as records have them: those of a path begin with its name.
func sinkNames(s *settings.Settings) []string {
	var names []string
	for _, sink := range s.Sinks {
		names = append(names, sink.Called())
	}
	for name, path := range s.Paths {
		for _, sink := range path.Sinks {
			names = append(names, name+"/"+sink)
		}
	}
	return names
}

// pendingPatience is how long a change of the settings may look for pending notifications.
const pendingPatience = 3 * time.Second

// orphaned warns of notifications that are pending for sinks that were taken out of the settings; "" for none. What cannot be read
// in time is not warned of.
func (p *program) orphaned(ctx context.Context, before []string, now *settings.Settings) string {
	left := sinkNames(now)
	gone := slices.DeleteFunc(slices.Clone(before), func(name string) bool { return slices.Contains(left, name) })
	if len(gone) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, pendingPatience)
	defer cancel()
	log, err := logs.Look(ctx, now.Logs(nil))
	if err != nil {
		return ""
	}
	defer log.Close() //nolint:errcheck // Only read from.
	pending, err := log.Pending(ctx)
	if err != nil {
		return ""
	}
	count := map[string]int{}
	for _, e := range pending {
		record, err := log.Read(ctx, e.File)
		if err != nil {
			continue // pruned just now, or out of time
		}
		for _, n := range record.Notifications {
			if n.Status == logs.StatusPending && slices.Contains(gone, n.Sink) {
				count[n.Sink]++
			}
		}
	}
	var words []string
	for _, name := range gone {
		if n := count[name]; n > 0 {
			words = append(words, fmt.Sprintf("%s for %s", text.Count(n, "pending notification"), name))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ", ") + " will fail, because the settings no longer have the sink"
}
