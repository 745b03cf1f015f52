package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"hookctl/hooks"
)

// SaveFilter gives an entry of tui.filters in hookctl.yaml a new text, adds it if it is new, and removes it if
// text is empty. The file is edited line by line, because the YAML library loses comments within a map and indents it
// again at every edit; the result is read before it is saved, and nothing else may have changed.
func (s *Settings) SaveFilter(name, text string) error {
	data, err := os.ReadFile(s.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read settings: %w", err)
	}
	want, got := s.probe(), s.probe()
	if err := want.decode(data); err != nil {
		return err
	}
	filters := map[string]string{}
	maps.Copy(filters, want.TUI.Filters)
	if filters[name] == text {
		return nil // already saved, or nothing to remove
	}
	if filters[name] = text; text == "" {
		delete(filters, name)
	}
	edited, err := setFilter(data, name, text)
	if err != nil {
		return fmt.Errorf("set tui.filters in %s: %w", s.File, err)
	}
	err = got.decode(edited)
	same := maps.Equal(filters, got.TUI.Filters)
	want.TUI.Filters, got.TUI.Filters = nil, nil
	others, wantErr := yaml.Marshal(want.Values)
	now, gotErr := yaml.Marshal(got.Values)
	if errors.Join(err, wantErr, gotErr) != nil || !same || !bytes.Equal(others, now) {
		return hooks.WithCure(fmt.Errorf("cannot set tui.filters in %s: the way it is written is not supported", s.File), "set it yourself with: hookctl config edit")
	}
	return s.Replace(edited)
}

// setFilter finds where the entry is or belongs, and changes no other line.
func setFilter(data []byte, name, text string) (edited []byte, err error) {
	defer refusePanic(&err)
	file, err := parser.ParseBytes(data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var tui, filters, entry *ast.MappingValueNode
	for _, doc := range file.Docs {
		if tui = member(doc.Body, "tui"); tui != nil {
			break
		}
	}
	if tui != nil {
		filters = member(tui.Value, "filters")
	}
	if filters != nil {
		entry = member(filters.Value, name)
	}
	e := lineEdit{strings.SplitAfter(string(data), "\n")}
	line, err := filterLine(name, text)
	if err != nil {
		return nil, err
	}
	switch {
	case filters != nil && flow(filters.Value) != nil:
		err = e.setFlowFilter(flow(filters.Value), name, text)
	case entry != nil && text == "":
		e.takeOut(tui, filters, entry)
	case entry != nil:
		at := entry.Value.GetToken()
		e.replace(at.Position, strings.TrimSpace(at.Origin), single(text))
	case filters != nil && len(members(filters.Value)) > 0:
		all := members(filters.Value)
		e.insert(all[len(all)-1].Value.GetToken().Position.Line, all[0].Key.GetToken().Position.Column, line)
	case filters != nil:
		at := filters.Key.GetToken().Position
		e.insert(at.Line, at.Column+2, line)
	case tui != nil && flow(tui.Value) != nil:
		added := "filters: {" + line + "}"
		if len(members(tui.Value)) > 0 {
			added = ", " + added
		}
		e.replace(flow(tui.Value).End.Position, "", added)
	case tui != nil:
		at := *tui.Key.GetToken().Position
		at.Column += 2
		if all := members(tui.Value); len(all) > 0 {
			at.Column = all[0].Key.GetToken().Position.Column
		}
		e.insert(at.Line, at.Column, "filters:")
		e.insert(at.Line+1, at.Column+2, line)
	default:
		e.insert(len(e.lines), 1, "tui:")
		e.insert(len(e.lines), 3, "filters:")
		e.insert(len(e.lines), 5, line)
	}
	return []byte(strings.Join(e.lines, "")), err
}

// members are the entries of a mapping, in their order.
func members(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func member(node ast.Node, key string) *ast.MappingValueNode {
	all := members(node)
	if i := slices.IndexFunc(all, func(n *ast.MappingValueNode) bool { return n.Key.GetToken().Value == key }); i >= 0 {
		return all[i]
	}
	return nil
}

// flow is the mapping where it is written in braces, else nil.
func flow(node ast.Node) *ast.MappingNode {
	if n, ok := node.(*ast.MappingNode); ok && n.IsFlowStyle {
		return n
	}
	return nil
}

// single writes a text in single quotes, which leave the double ones of a filter as they are.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// filterLine writes an entry; its name gets quotes where YAML would read it as something else.
func filterLine(name, text string) (string, error) {
	encoded, err := yaml.Marshal(map[string]string{name: ""})
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSpace(string(encoded)), `""`) + single(text), nil
}

// lineEdit changes single lines of a file. Lines and columns count from 1, columns in characters.
type lineEdit struct{ lines []string }

// insert puts a new line behind line after; its text begins at a column.
func (e *lineEdit) insert(after, column int, text string) {
	if n := len(e.lines); n > 0 && e.lines[n-1] == "" {
		e.lines = e.lines[:n-1] // what SplitAfter gives behind the last line break
	}
	after = min(after, len(e.lines))
	if after > 0 && !strings.HasSuffix(e.lines[after-1], "\n") {
		e.lines[after-1] += "\n"
	}
	e.lines = slices.Insert(e.lines, after, strings.Repeat(" ", column-1)+text+"\n")
}

// replace puts a new text in the place of an old one.
func (e *lineEdit) replace(at *token.Position, old, text string) {
	line := []rune(e.lines[at.Line-1])
	head, tail := string(line[:at.Column-1]), string(line[at.Column-1:])
	if rest, ok := strings.CutPrefix(tail, old); ok {
		e.lines[at.Line-1] = head + text + rest
	}
}

// takeOut removes an entry, and what would be empty without it unless a comment stands there.
func (e *lineEdit) takeOut(tui, filters, entry *ast.MappingValueNode) {
	at := entry.Key.GetToken().Position.Line
	e.lines = slices.Delete(e.lines, at-1, at)
	for _, around := range []*ast.MappingValueNode{filters, tui} {
		above := around.Key.GetToken().Position.Line
		if len(members(around.Value)) > 1 || above != at-1 || !strings.HasSuffix(strings.TrimSpace(e.lines[above-1]), ":") {
			return
		}
		at = above
		e.lines = slices.Delete(e.lines, at-1, at)
	}
}

// setFlowFilter writes all entries in braces again, on their one line.
func (e *lineEdit) setFlowFilter(n *ast.MappingNode, name, text string) error {
	from, to := n.Start.Position, n.End.Position
	if from.Line != to.Line {
		return errors.New("the entries are in braces on several lines")
	}
	var parts []string
	add := func(name, text string) error {
		line, err := filterLine(name, text)
		parts = append(parts, line)
		return err
	}
	found := false
	for _, v := range n.Values {
		key, value := v.Key.GetToken().Value, v.Value.GetToken().Value
		if key == name {
			if found, value = true, text; text == "" {
				continue
			}
		}
		if err := add(key, value); err != nil {
			return err
		}
	}
	if !found && text != "" {
		if err := add(name, text); err != nil {
			return err
		}
	}
	line := []rune(e.lines[from.Line-1])
	e.replace(from, string(line[from.Column-1:to.Column]), "{"+strings.Join(parts, ", ")+"}")
	return nil
}
