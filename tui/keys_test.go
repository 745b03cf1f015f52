package tui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sameMeaning are the ids that boxes have for what pages do too.
var sameMeaning = map[string]string{
	"deliveries.catchup": "catchup", "deliveries.copy": "copy", "message.copy": "copy", "wizard.copy": "copy",
	"deliveries.mark": "mark", "deliveries.marked": "mark.all",
	"deliveries.failed": "view.next",                                                                    // another view of the same list
	"hooks.stop":        "stop", "rotation.stop": "stop", "wizard.cancel": "stop", "job.cancel": "stop", // what is at work
	"wizard.probe": "refresh", "wizard.reload": "refresh", "wizard.test": "refresh", // ask again
	"sink.test": "hook.test", "sink.check": "hook.ping", // the same question to another one
	"help.close": "help", "diff.close": "diff", // the key that opened it
	"diff.copy": "copy",
}

// otherMeaning are the keys that mean something else in a box than on a page,
// each with the reason.
var otherMeaning = []struct{ key, meaning, reason string }{
	{"enter", "*", "does what the line under the cursor or the box is there for; the footer says what"},
	{"esc", "*", "leaves what is in front: the box, the record, the marks, the filter"},
	{"q", "*", "leaves what is in front: a box that has no text field, or hookctl"},
	{"y", "confirm.yes", "answers a yes-or-no question; nothing else can be done while it is asked"},
	{"n", "confirm.no", "answers a yes-or-no question; nothing else can be done while it is asked"},
	{"R", "countdown.start", "the key whose action is counted down to begins it at once"},
	{"T", "countdown.start", "the key whose action is counted down to begins it at once"},
	{"space", "pick", "chooses the line under the cursor in a box where several can be chosen; lists that are read are paged with it"},
	{"up", "prompt.older", "a line to type into has no rows, but a history"},
	{"tab", "prompt.complete", "a line to type into completes words, as in a shell"},
	{"shift+tab", "prompt.completeback", "a line to type into completes words, as in a shell"},
	{"down", "prompt.newer", "a line to type into has no rows, but a history"},
}

// meaningOf is what an action means, whichever box has it.
func meaningOf(id string) string {
	if m, ok := sameMeaning[id]; ok {
		return m
	}
	box, name, ok := strings.Cut(id, ".")
	if !ok || !slices.Contains([]string{"deliveries", "events", "help", "menu", "message", "rotation", "wizard"}, box) {
		return id
	}
	moves := map[string]string{"down": "down", "up": "up", "pagedown": "page.down", "pageup": "page.up", "halfdown": "half.down", "halfup": "half.up", "top": "top", "first": "top", "end": "end", "last": "end",
		"mark": "pick", "all": "pick.all"}
	if m, ok := moves[name]; ok {
		return m
	}
	return id
}

// A key means one thing, whichever page or box is in front; where it does not,
// there is a reason.
func TestKeysMeanTheSameEverywhere(t *testing.T) {
	meanings := map[string]map[string]string{} // key, meaning, an id and the screen where it was seen
	for _, st := range everyState() {
		s := st.on(t, 120, 40)
		st.visit(s)
		for _, a := range s.Actions() {
			for _, k := range a.Keys {
				if meanings[k] == nil {
					meanings[k] = map[string]string{}
				}
				meanings[k][meaningOf(a.ID)] = a.ID + " on " + st.name
			}
		}
	}
	used := make([]bool, len(otherMeaning))
	for k, seen := range meanings {
		for i, e := range otherMeaning {
			if e.key != k {
				continue
			}
			if e.meaning == "*" {
				used[i] = len(seen) > 1
				clear(seen)
			} else if _, ok := seen[e.meaning]; ok {
				used[i] = len(seen) > 1
				delete(seen, e.meaning)
			}
		}
		if len(seen) > 1 {
			t.Errorf("key %q means %s", k, strings.Join(slices.Sorted(maps.Values(seen)), ", and "))
		}
	}
	for i, e := range otherMeaning {
		if !used[i] {
			t.Errorf("%q does not mean %s besides anything else: the exception is not needed", e.key, e.meaning)
		}
	}
}

// Every page and every kind of box that pages share is among the screens that
// the goldens, the sizes and the keys are tested on.
func TestEveryPageAndBoxIsAmongTheStates(t *testing.T) {
	seen, pages := map[string]bool{}, map[string]bool{}
	for _, st := range everyState() {
		s := st.on(t, 80, 24)
		st.visit(s)
		pages[s.Pages[s.At].Name()] = true
		for _, o := range s.Overlays {
			seen[reflect.TypeOf(o).Elem().Name()] = true
		}
	}
	if len(pages) != 6 {
		t.Errorf("screens show only the pages %v", pages)
	}
	files, err := filepath.Glob(filepath.Join("kit", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Cursor" {
				continue
			}
			if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok && !seen[star.X.(*ast.Ident).Name] {
				t.Errorf("no screen shows %s", star.X.(*ast.Ident).Name)
			}
		}
	}
}
