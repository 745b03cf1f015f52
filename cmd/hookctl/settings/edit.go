package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
)

// Save gives a key of hookctl.yaml, such as receiver.public_url, a new value: comments and everything else stay, a mistake is
// never saved, and the file is replaced at once or not at all.
func (s *Settings) Save(key string, value any) error {
	path := strings.Split(key, ".")
	lines, err := yaml.Marshal(map[string]any{path[len(path)-1]: value})
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	inline, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return s.save(edit{path, strings.Split(strings.TrimSpace(string(lines)), "\n"), strings.TrimSpace(string(inline))}, reflect.ValueOf(value))
}

// SaveFilter gives an entry of tui.filters a new text, adds it if it is new, and removes it if text is empty. The text stands
// in single quotes, which leave the double ones of a filter as they are.
func (s *Settings) SaveFilter(name, text string) error {
	e := edit{path: []string{"tui", "filters", name}}
	if text == "" {
		return s.save(e, reflect.Value{})
	}
	e.inline = "'" + strings.ReplaceAll(text, "'", "''") + "'"
	e.lines = []string{keyText(name) + ": " + e.inline}
	return s.save(e, reflect.ValueOf(text))
}

// keyText writes a key; it gets quotes where YAML would read it as something else.
func keyText(name string) string {
	text, err := yaml.Marshal(map[string]string{name: ""})
	if err != nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimSpace(string(text)), `: ""`)
}

// save edits the file and reads the result: the key must have the value, and nothing else may have changed.
func (s *Settings) save(e edit, value reflect.Value) error {
	data, before, err := s.read()
	if err != nil {
		return err
	}
	edited, err := e.apply(data)
	if err != nil {
		return fmt.Errorf("set %s in %s: %w", keyOf(e.path), s.File, err)
	}
	after := s.probe()
	err = after.decode(edited)
	assign(reflect.ValueOf(&before.Values).Elem(), e.path, value)
	want, wantErr := plain(before.Values)
	got, gotErr := plain(after.Values)
	if errors.Join(err, wantErr, gotErr) != nil || !reflect.DeepEqual(want, got) {
		return hooks.WithCure(fmt.Errorf("cannot set %s in %s: the way it is written is not supported", keyOf(e.path), s.File), "set it yourself with: hookctl config edit")
	}
	return s.Replace(edited)
}

// read is the file as it is, and what it says by itself, without the environment and flags.
func (s *Settings) read() (data []byte, alone *Settings, err error) {
	data, err = os.ReadFile(s.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read settings: %w", err)
	}
	alone = s.probe()
	return data, alone, alone.decode(data)
}

// plain is a value as maps, lists and scalars.
func plain(value any) (all map[string]any, err error) {
	text, err := yaml.Marshal(value)
	if err == nil {
		err = yaml.Unmarshal(text, &all)
	}
	return all, err
}

// assign gives what a path leads to another value; one that is not valid takes an entry out of a map, and is the zero value
// elsewhere. What the path leads through is copied where others may hold it too.
func assign(v reflect.Value, path []string, value reflect.Value) {
	switch {
	case len(path) == 0 && !value.IsValid():
		v.SetZero()
	case len(path) == 0:
		if value.CanConvert(v.Type()) { // else the comparison of the caller finds the difference
			v.Set(value.Convert(v.Type()))
		}
	case v.Kind() == reflect.Struct:
		if field, ok := keyNamed(v.Type(), path[0]); ok {
			assign(v.FieldByIndex(field.Index), path[1:], value)
		}
	case v.Kind() == reflect.Slice:
		if i := listIndex(path[0]); i >= 0 && i < v.Len() {
			all := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(all, v)
			assign(all.Index(i), path[1:], value)
			v.Set(all)
		}
	case v.Kind() == reflect.Map:
		all, key := reflect.MakeMap(v.Type()), reflect.ValueOf(path[0])
		for _, k := range v.MapKeys() {
			all.SetMapIndex(k, v.MapIndex(k))
		}
		entry := reflect.New(v.Type().Elem()).Elem()
		if have := all.MapIndex(key); have.IsValid() {
			entry.Set(have)
		}
		assign(entry, path[1:], value)
		if len(path) == 1 && !value.IsValid() {
			entry = reflect.Value{} // takes it out
		}
		all.SetMapIndex(key, entry)
		v.Set(all)
	}
}

// probe is empty settings of the same place, to try a file on.
func (s *Settings) probe() *Settings {
	return &Settings{
		Values: defaults(s.Log.Dir), Home: s.Home, File: s.File, environ: s.environ,
		origins: map[string]string{}, positions: map[string]position{},
	}
}

// Replace writes hookctl.yaml after checking what it would become.
func (s *Settings) Replace(data []byte) error {
	probe := s.probe()
	if err := errors.Join(probe.decode(data), probe.check()); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", s.Home, err)
	}
	if err := maybe.WriteFile(s.File, data, 0o600); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// edit is a new value for the key at a path. The file is edited line by line, because the YAML library loses comments and
// indents everything again.
type edit struct {
	path   []string
	lines  []string // the last key with its value, in lines; nil to take it out
	inline string   // the value within a line
}

// apply changes the lines of the key and no others.
func (e edit) apply(data []byte) (edited []byte, err error) {
	defer refusePanic(&err)
	file, err := parser.ParseBytes(data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	found := []step{} // those of the path that are there, from the outside in
	for _, doc := range file.Docs {
		for node := doc.Body; len(found) < len(e.path); node = found[len(found)-1].value {
			next, ok := stepTo(node, e.path[len(found)])
			if !ok {
				break
			}
			found = append(found, next)
		}
	}
	t := &lines{strings.SplitAfter(string(data), "\n")}
	last := step{}
	if len(found) > 0 {
		last = found[len(found)-1]
	}
	switch {
	case len(found) < len(e.path) && e.lines == nil:
	case len(found) == len(e.path) && last.entry == nil:
		return nil, errors.New("an entry of a list is set key by key")
	case e.lines == nil:
		t.takeOut(file.Docs[0].Body, found)
	case len(found) == len(e.path), isShort(last, e.path[len(found):]):
		t.replace(e, last.entry)
	default:
		t.add(e, found)
	}
	return []byte(strings.Join(t.all, "")), nil
}

// step is one step of a path that is there: an entry of a mapping, or without one an item of a list.
type step struct {
	entry *ast.MappingValueNode
	value ast.Node
}

// stepTo is the step from a node that a part of a path names: a key, or [0] for an item of a list.
func stepTo(node ast.Node, part string) (step, bool) {
	if i := listIndex(part); i >= 0 {
		if list, ok := node.(*ast.SequenceNode); ok && i < len(list.Values) {
			return step{value: list.Values[i]}, true
		}
		return step{}, false
	}
	if entry := member(node, part); entry != nil {
		return step{entry, entry.Value}, true
	}
	return step{}, false
}

// isShort reports whether what is missing is the mode of a trust that is written in its short form.
func isShort(last step, missing []string) bool {
	return last.entry != nil && last.entry.Key.GetToken().Value == "trust" && slices.Equal(missing, []string{"mode"}) && isWord(last.value)
}

// flow is the mapping where it is written in braces, else nil.
func flow(node ast.Node) *ast.MappingNode {
	if n, ok := node.(*ast.MappingNode); ok && n.IsFlowStyle {
		return n
	}
	return nil
}

func placeOf(n *ast.MappingValueNode) *token.Position { return n.Key.GetToken().Position }

// lines are those of a file, each with its line break. Lines and columns count from 1, columns in characters.
type lines struct{ all []string }

// insert puts new lines behind line after, from a column on.
func (t *lines) insert(after, column int, texts ...string) {
	if n := len(t.all); n > 0 && t.all[n-1] == "" {
		t.all = t.all[:n-1] // what SplitAfter gives behind the last line break
	}
	after = min(after, len(t.all))
	if after > 0 && !strings.HasSuffix(t.all[after-1], "\n") {
		t.all[after-1] += "\n"
	}
	for i, text := range texts {
		t.all = slices.Insert(t.all, after+i, strings.Repeat(" ", column-1)+text+"\n")
	}
}

// put replaces n characters at a place.
func (t *lines) put(at *token.Position, n int, text string) {
	line := []rune(t.all[at.Line-1])
	t.all[at.Line-1] = string(line[:at.Column-1]) + text + string(line[at.Column-1+n:])
}

// last is the last line of an entry: those that are indented further belong to it, and the items of its list.
func (t *lines) last(entry *ast.MappingValueNode) int {
	at := placeOf(entry)
	last := at.Line
	for i := at.Line; i < len(t.all); i++ {
		text := strings.TrimLeft(t.all[i], " ")
		column := len(t.all[i]) - len(text) + 1
		switch {
		case strings.TrimSpace(text) == "":
			continue
		case column < at.Column, column == at.Column && !strings.HasPrefix(text, "- "):
			return last
		}
		last = i + 1
	}
	return last
}

// add writes what is missing of the path, behind the other entries of the innermost mapping that is there.
func (t *lines) add(e edit, found []step) {
	missing := e.path[len(found):]
	after, column := len(t.all), 1
	if len(found) > 0 {
		parent := found[len(found)-1]
		if n := flow(parent.value); n != nil {
			text := e.inline
			for i, name := range slices.Backward(missing) {
				if text = keyText(name) + ": " + text; i > 0 {
					text = "{" + text + "}"
				}
			}
			if len(n.Values) > 0 {
				text = ", " + text
			}
			t.put(n.End.Position, 0, text)
			return
		}
		if all := members(parent.value); len(all) > 0 {
			after, column = t.last(all[len(all)-1]), placeOf(all[0]).Column
		} else if parent.entry != nil {
			after, column = placeOf(parent.entry).Line, placeOf(parent.entry).Column+2
		}
	}
	var texts []string
	for i, name := range missing[:len(missing)-1] {
		texts = append(texts, strings.Repeat("  ", i)+keyText(name)+":")
	}
	for _, line := range e.lines {
		texts = append(texts, strings.Repeat("  ", len(missing)-1)+line)
	}
	t.insert(after, column, texts...)
}

// replace gives an entry another value, in its line where the old one stands there too.
func (t *lines) replace(e edit, entry *ast.MappingValueNode) {
	at, length := valueOf(entry)
	if length > 0 && !strings.Contains(e.inline, "\n") {
		t.put(at, length, e.inline)
		return
	}
	key, last := placeOf(entry), t.last(entry)
	column := key.Column
	if n, ok := entry.Value.(*ast.SequenceNode); ok {
		column = n.Start.Position.Column
	}
	t.all = slices.Delete(t.all, key.Line, last)
	colon := *entry.Start.Position
	colon.Column++
	rest := []rune(t.all[key.Line-1])[colon.Column-1:]
	value, _, _ := strings.Cut(strings.TrimRight(string(rest), "\r\n"), " #")
	first := ""
	if len(e.lines) == 1 {
		first = " " + e.inline
	}
	t.put(&colon, len([]rune(value)), first)
	t.insert(key.Line, column, e.lines[1:]...)
}

// valueOf is where a value stands in the line of its key, and how many characters it has; 0 where it does not.
func valueOf(entry *ast.MappingValueNode) (at *token.Position, length int) {
	start, end := entry.Value.GetToken(), (*token.Token)(nil)
	switch n := entry.Value.(type) {
	case *ast.MappingNode:
		end = cmp.Or(end, n.End)
	case *ast.SequenceNode:
		end = cmp.Or(end, n.End)
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		if text := strings.TrimSpace(start.Origin); start.Position.Line == placeOf(entry).Line && !strings.Contains(text, "\n") {
			return start.Position, len([]rune(text))
		}
	}
	if end != nil && start.Position.Line == end.Position.Line && end.Value != start.Value {
		return start.Position, end.Position.Column - start.Position.Column + 1
	}
	return nil, 0
}

// takeOut removes an entry, and what would be empty without it unless a comment stands there.
func (t *lines) takeOut(body ast.Node, found []step) {
	entry, around := found[len(found)-1].entry, found[:len(found)-1]
	if len(around) > 0 {
		body = around[len(around)-1].value
	}
	if n := flow(body); n != nil {
		t.takeOutOfBraces(n, entry)
		return
	}
	at := placeOf(entry).Line
	t.all = slices.Delete(t.all, at-1, t.last(entry))
	for _, n := range slices.Backward(around) {
		if n.entry == nil {
			return
		}
		above := placeOf(n.entry).Line
		if len(members(n.value)) > 1 || above != at-1 || !strings.HasSuffix(strings.TrimSpace(t.all[above-1]), ":") {
			return
		}
		at = above
		t.all = slices.Delete(t.all, at-1, at)
	}
}

// takeOutOfBraces removes an entry with the comma beside it.
func (t *lines) takeOutOfBraces(n *ast.MappingNode, entry *ast.MappingValueNode) {
	from, to := *placeOf(entry), *n.End.Position
	switch i := slices.Index(n.Values, entry); {
	case i+1 < len(n.Values):
		to = *placeOf(n.Values[i+1])
	case i > 0:
		head := string([]rune(t.all[from.Line-1])[:from.Column-1])
		from.Column = len([]rune(head[:strings.LastIndex(head, ",")])) + 1
	}
	if from.Line == to.Line {
		t.put(&from, to.Column-from.Column, "")
	}
}
