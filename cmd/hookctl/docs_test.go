package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/shlex"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// documents are what people read and copy lines from: every page at the top.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, file := range files {
		pages[filepath.Base(file)] = readFile(t, file)
	}
	if pages["README.md"] == "" {
		t.Fatal("there is no README.md")
	}
	return pages
}

// shownCommand is a command line of ours that somebody is shown.
type shownCommand struct {
	place string   // where it stands
	line  string   // as it stands there
	args  []string // what follows the program's name
}

// shownIn finds our command lines in a text of shell commands: after a prompt, an assignment or sudo, behind a pipe, by
// the program's own name, through gh or through go run.
func shownIn(place, text string) ([]shownCommand, error) {
	var found []shownCommand
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		words, err := shlex.Split(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", place, line, err)
		}
		for _, words := range splitWords(words) {
			for len(words) > 0 && (words[0] == "sudo" || regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0])) {
				words = words[1:]
			}
			for _, name := range [][]string{{"hookctl"}, {"gh", "hookctl"}, {"go", "run", "./cmd/hookctl"}} {
				if len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
					found = append(found, shownCommand{place, line, words[len(name):]})
				}
			}
		}
	}
	return found, nil
}

// splitWords takes apart what a shell runs one after the other, and leaves out where output goes.
func splitWords(words []string) [][]string {
	commands := [][]string{{}}
	for i := 0; i < len(words); i++ {
		last := len(commands) - 1
		switch word := words[i]; {
		case slices.Contains([]string{"|", "&&", "||", ";"}, word):
			commands = append(commands, []string{})
		case word == ">" || word == "<":
			i++
		case strings.HasPrefix(word, ">"), strings.HasPrefix(word, "<"):
		case strings.HasSuffix(word, ";"):
			commands[last] = append(commands[last], strings.TrimSuffix(word, ";"))
			commands = append(commands, []string{})
		default:
			commands[last] = append(commands[last], word)
		}
	}
	return commands
}

// documented are the command lines in the fenced blocks of the documents, in the order they stand in.
func documented(t *testing.T) []shownCommand {
	t.Helper()
	pages := documents(t)
	var all []shownCommand
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		found, err := shownIn(name, shellBlocks(pages[name]))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// shellBlocks is what stands between fences that are of no language or a shell's.
func shellBlocks(page string) string {
	var text strings.Builder
	inside, shell := false, false
	for line := range strings.Lines(page) {
		if language, fence := strings.CutPrefix(strings.TrimSpace(line), "```"); fence {
			inside, shell = !inside, slices.Contains([]string{"", "sh", "bash", "console"}, language)
		} else if inside && shell {
			text.WriteString(line)
		}
	}
	return text.String()
}

// accepts reports whether the real command tree knows the command, its flags and its arguments.
func accepts(args []string) (*cobra.Command, error) {
	root := quietRoot(noEnvironment)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return nil, err
	}
	if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return nil, err
	}
	return cmd, errors.Join(cmd.ValidateArgs(cmd.Flags().Args()), cmd.ValidateFlagGroups())
}

func TestDocumentsShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	all := documented(t)
	if len(all) < 8 {
		t.Errorf("only %d command lines were found", len(all))
	}
	for _, shown := range all {
		if _, err := accepts(shown.args); err != nil {
			t.Errorf("%s: %s: %v", shown.place, shown.line, err)
		}
	}
}

func TestExamplesShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	available(quietRoot(noEnvironment), func(cmd *cobra.Command) {
		// In the root's examples an explanation follows, two spaces or more away.
		text := regexp.MustCompile(`(?m)(\S) {3,}.*$`).ReplaceAllString(cmd.Example, "$1")
		found, err := shownIn(cmd.CommandPath(), text)
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Example != "" && len(found) == 0 && cmd.Parent().Name() != "completion" {
			t.Errorf("%s has an example that does not show it:\n%s", cmd.CommandPath(), cmd.Example)
		}
		for _, shown := range found {
			if _, err := accepts(shown.args); err != nil {
				t.Errorf("%s: %s: %v", shown.place, shown.line, err)
			}
		}
	})
}

// Inline code is no promise that it can be pasted, but the command it names has to exist.
func TestDocumentsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("`((?:gh )?hookctl [a-z][^`]*)`")
	for name, page := range documents(t) {
		for _, m := range code.FindAllStringSubmatch(page, -1) {
			found, err := shownIn(name, m[1])
			if err != nil {
				t.Fatal(err)
			}
			for _, shown := range found {
				if _, err := accepts(shown.args); err != nil && !strings.HasSuffix(err.Error(), " is missing") { // a flag
					t.Errorf("%s: %s: %v", shown.place, shown.line, err)
				}
			}
		}
	}
}

// notRun are the documented commands that a test must not or cannot run, and why.
var notRun = map[string]string{
	"hookctl demo":            "a story of its own",
	"hookctl serve":           "it does not end",
	"hookctl events follow":   "it does not end",
	"hookctl events wait":     "it waits",
	"hookctl mcp":             "it talks to an agent's program",
	"hookctl service install": "it changes the machine",
	"hookctl config edit":     "it needs a person",

	"hookctl cluster init":      "it makes the home a node; the proofs in server/host run nodes",
	"hookctl cluster join":      "likewise",
	"hookctl cluster status":    "it needs a cluster",
	"hookctl cluster republish": "likewise",
}

// TestDocumentedCommandsRun runs, in the order of the documents, what can be run: in a fresh home, against a simulated
// GitHub with the repositories that the documents speak of.
func TestDocumentedCommandsRun(t *testing.T) {
	var story strings.Builder
	story.WriteString("maestro start\ngithub start")
	all := documented(t)
	for _, repository := range repositoriesOf(all) {
		story.WriteString(" " + repository)
	}
	story.WriteString("\n")
	ran := 0
	for _, shown := range all {
		cmd, err := accepts(shown.args)
		if err != nil {
			continue // TestDocumentsShowCommandsThatExist reports it.
		}
		if notRun[cmd.CommandPath()] != "" || cmd.Flags().Changed("relay") || cmd.Flags().Changed("tunnel") {
			continue
		}
		args := shown.args
		if yes := cmd.Flags().Lookup("yes"); yes != nil && !yes.Changed {
			args = append(slices.Clone(args), "--yes") // Nobody is there to say it.
		}
		if cmd.Name() == "doctor" {
			// The simulated public address is reachable for the simulated GitHub only, which the doctor reports.
			story.WriteString("! exec hookctl " + quoteWords(args) + "\nstdout 'public URL'\n! stderr .\n")
		} else {
			story.WriteString("exec hookctl " + quoteWords(args) + "\n")
		}
		ran++
	}
	if ran < 4 {
		t.Errorf("only %d commands can be run", ran)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "documents.txtar"), story.String())
	testscript.Run(t, storyParams(dir))
}

// repositoriesOf are the repositories named by -R, each once.
func repositoriesOf(all []shownCommand) []string {
	var names []string
	for _, shown := range all {
		for i, word := range shown.args {
			if (word == "-R" || word == "--repo") && i+1 < len(shown.args) && !slices.Contains(names, shown.args[i+1]) {
				names = append(names, shown.args[i+1])
			}
		}
	}
	return names
}

// quoteWords writes words so that a story reads them back.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", "''") + "'"
	}
	return strings.Join(quoted, " ")
}

func TestCommandLinesAreFoundInShellText(t *testing.T) {
	t.Parallel()
	text := "$ hookctl status --json   # what runs\nsudo hookctl stop; A=b gh hookctl start && \\\n  hookctl doctor >out\n" +
		"cat x | go run ./cmd/hookctl secret import\nhookctl.yaml hookctls\nhookctl events list --filter 'a | b'\n# hookctl no\n"
	found, err := shownIn("here", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"status|--json", "stop", "start", "doctor", "secret|import", "events|list|--filter|a | b"}
	var got []string
	for _, shown := range found {
		got = append(got, strings.Join(shown.args, "|"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, not %q", got, want)
	}
	for args, right := range map[string]bool{
		"status": true, "status --json": true, "status --jsn": false, "stat": false, "events view": false, "setup --relay --dry-run": false,
		"events list --help": true,
	} {
		if _, err := accepts(strings.Fields(args)); (err == nil) != right {
			t.Errorf("%s: %v", args, err)
		}
	}
}
