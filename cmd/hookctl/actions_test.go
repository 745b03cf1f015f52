package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// onlyScreen are the actions whose entry names no command line: those that a command line does that is named here, and
// those that arrange the screen or answer one of its boxes, with what stands for them where there are lines.
var onlyScreen = map[string]string{
	"left": "moves the cursor", "right": "moves the cursor",
	"browse":  "hookctl events view --web",
	"filters": "hookctl events filters", "filter.save": "hookctl events filters save", "filter.forget": "hookctl events filters forget",
	"events.by":     "hookctl events list --filter",
	"rotation.stop": "ctrl+c", "hooks.stop": "ctrl+c", "interrupt": "ctrl+c", "suspend": "ctrl+z", "quit": "quit", "help": "help", "palette": "help",
	"refresh": "the command again", "copy": "the terminal selects text", "message.copy": "", "deliveries.copy": "", "wizard.copy": "", "copy.command": "the command is typed",
	"mark": "several names", ".mark": "", ".all": "", ".first": "", ".last": "", "mark.all": "", "mark.invert": "", "deliveries.mark": "", "deliveries.marked": "",
	"confirm.yes": "--yes", "confirm.no": "no", "wizard.back": "back", "wizard.cancel": "cancel", "wizard.reload": "enter", "wizard.scroll.down": "lines stay on the screen", "wizard.scroll.up": "",
	"page.": "there are no pages", "next.page": "", "previous.page": "", "back": "", "top": "", "end": "", "event.next": "", "event.previous": "", "failure.previous": "",
	"fold": "events view prints all", "fold.all": "", "unfold": "", "preview": "", "wider": "", "narrower": "", "match.next": "", "match.previous": "", "hooks.sort": "", "mouse": "",
	"diff": "two records side by side: hookctl events view of each", "diff.close": "", "diff.copy": "",
	"wizard.switch": "hookctl config set sync.mode",
	"close":         "there are no boxes", "deliveries.close": "", "events.cancel": "", "help.close": "", "menu.choose": "", "menu.close": "",
	"message.close": "", "rotation.close": "", "countdown.cancel": "",
	"prompt.complete": "tab", "prompt.completeback": "", "prompt.accept": "", "prompt.cancel": "", "prompt.newer": "", "prompt.older": "",
}

// screenActions are the ids of all actions of the interface, in whatever state, and whether they carry a command line; and
// every text there that begins as a command line of ours.
func screenActions(t *testing.T) (ids map[string]bool, lines []string) {
	t.Helper()
	ids = map[string]bool{}
	visit := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			id, command := "", false
			for _, e := range n.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				switch name, _ := kv.Key.(*ast.Ident); {
				case name == nil:
				case strings.EqualFold(name.Name, "id"):
					id = literal(kv.Value)
				case strings.EqualFold(name.Name, "command"):
					command = true
				}
			}
			if id != "" {
				ids[id] = ids[id] || command
			}
		case *ast.BasicLit:
			if text := literal(n); commandText.MatchString(text) {
				lines = append(lines, text)
			}
		}
		return true
	}
	err := filepath.WalkDir(filepath.Join("..", "..", "tui"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "line" || d.Name() == "testdata":
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			ast.Inspect(file, visit)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, lines
}

// commandText is a text that is a command line, or begins as one, and no sentence.
var commandText = regexp.MustCompile(`^hookctl [a-z][^.,]*$`)

// literal is the constant part of a string expression.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			return ""
		}
		return s
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

// Whatever the interface can do can be done with a command, and so in line mode.
func TestEveryActionCanBeDoneWithoutTheScreen(t *testing.T) {
	ids, lines := screenActions(t)
	if len(ids) < 60 || len(lines) < 20 {
		t.Fatalf("only %d actions and %d command lines are found: %v", len(ids), len(lines), ids)
	}
	root := newRoot(&program{in: os.Stdin, out: io.Discard, err: io.Discard, environ: noEnvironment})
	parses := func(line string) bool {
		words := strings.Fields(line)[1:]
		if at := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "-%'\"") }); at >= 0 {
			words = words[:at]
		}
		cmd, rest, err := root.Find(words)
		return err == nil && cmd != root && (len(rest) == 0 || !cmd.HasSubCommands())
	}
	for _, line := range lines {
		if !parses(line) {
			t.Errorf("%q is no command line", line)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		other, only := onlyScreen[id]
		if !ids[id] && !only {
			t.Errorf("%s has no command line that does it", id)
		}
		if strings.HasPrefix(other, "hookctl ") && !parses(other) {
			t.Errorf("%s: %q is no command line", id, other)
		}
	}
	for id := range onlyScreen {
		if _, known := ids[id]; !known {
			t.Errorf("the interface has no action %s", id)
		}
	}
}
