package tui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// onlyScreen are the actions that arrange the full screen or answer one of its
// boxes, each with what stands for it where there are lines: nothing to do.
var onlyScreen = map[string]string{
	"down": "lines come one after the other", "up": "", "page.down": "", "page.up": "", "half.down": "", "half.up": "", "pagedown": "", "pageup": "", "first": "", "last": "", "top": "", "end": "", "halfdown": "", "halfup": "",
	"next.page": "there are no pages", "previous.page": "", "close": "", "suspend": "ctrl+z is the terminal's", "mouse": "there is no mouse",
	"preview": "view says it", "narrower": "there is no list beside it", "wider": "",
	"fold": "hookctl events view prints the payload", "fold.all": "", "unfold": "", "match.next": "", "match.previous": "",
	"failure.previous": "it has been said",
	"confirm.no":       "no, or cancel", "menu.choose": "a number", "menu.close": "cancel", "mark": "several numbers", "mark.all": "all", "mark.invert": "", "all": "",
	"prompt.accept": "enter", "prompt.cancel": "cancel", "prompt.older": "the terminal's own", "prompt.newer": "",
	"events.cancel": "cancel", "help.close": "", "message.close": "", "rotation.close": "", "deliveries.close": "", "deliveries.back": "",
	"message.copy": "the terminal selects text", "deliveries.copy": "",
	"hooks.sort": "hooks bad", "hooks.problems": "hooks tells them at its end",
	"hooks.stop": "ctrl+c", "stop": "ctrl+c", "job.cancel": "ctrl+c",
}

// screenActions are the ids of all actions of the full screen, in whatever
// state: what the source gives them. The value says whether there is a command
// line for it too.
func screenActions(t *testing.T) map[string]bool {
	t.Helper()
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // one package without build tags
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	ast.Inspect(files["tui"], func(n ast.Node) bool {
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
				case name.Name == "id":
					id = literal(kv.Value)
				case name.Name == "command":
					command = true
				}
			}
			if id != "" {
				ids[id] = ids[id] || command
			}
		case *ast.CallExpr: // the helpers that make actions of one kind
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "step" || f.Name == "one") && len(n.Args) > 3 {
				if id := literal(n.Args[0]); id != "" {
					ids[id] = ids[id] || false
				}
			}
		}
		return true
	})
	return ids
}

// literal is the constant part of a string expression.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

// Whatever the full screen can do can be done line by line, or with a command.
func TestEveryActionCanBeDoneWithoutTheScreen(t *testing.T) {
	ids := screenActions(t)
	if len(ids) < 60 {
		t.Fatalf("only %d actions are found: %v", len(ids), ids)
	}
	does := map[string]string{}
	for _, c := range lineCommands() {
		for _, id := range c.does {
			does[id] = c.name
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		_, move, _ := strings.Cut(id, ".") // the moves within a box
		_, only := onlyScreen[id]
		_, moves := onlyScreen[move]
		whole, _, _ := strings.Cut(id, ".") // of the wizard, which setup is as a whole
		if !ids[id] && does[id] == "" && does[whole+"."] == "" && !only && !moves {
			t.Errorf("%s has neither a command of line mode that does it, nor a command line", id)
		}
	}
	for id, name := range does {
		found := ids[id]
		for have := range ids {
			found = found || have == id || strings.HasSuffix(id, ".") && strings.HasPrefix(have, id)
		}
		if !found {
			t.Errorf("%s stands for %s, which the full screen does not have", name, id)
		}
	}
}
