package settings

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"hookctl/hooks"
)

// decode lays hookctl.yaml over the defaults. Unknown keys, wrong types and broken YAML are errors with their place.
func (s *Settings) decode(data []byte) (err error) {
	defer refusePanic(&err)
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // which some editors put first, and the library takes for a part of the first key
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return s.located(err)
	}
	var body ast.Node
	for i, doc := range file.Docs {
		if doc.Body != nil && i > 0 {
			return s.located(&positionError{positionOf(doc.Body), errors.New("a second document would not be read; put everything into one")})
		}
		if i == 0 {
			body = doc.Body
		}
	}
	if err := longTrust(body); err != nil {
		return s.located(err)
	}
	collectPositions(body, "", s.positions)
	for key, at := range s.positions {
		if !at.empty {
			s.origins[key] = filepath.Base(s.File)
		}
	}
	if body == nil {
		return nil
	}
	if body, err = asWritten(body, reflect.TypeFor[Values]()); err != nil {
		return s.located(err)
	}
	read := s.Values
	if err := yaml.NodeToValue(body, &read, yaml.Strict()); err != nil {
		return s.located(err)
	}
	s.Values = read
	return nil
}

// readValue reads a value of type t as decode would, so that what is written counts.
func readValue(text string, t reflect.Type) (value reflect.Value, err error) {
	defer refusePanic(&err)
	file, err := parser.ParseBytes([]byte(text), 0)
	into := reflect.New(t)
	if err != nil || len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return into.Elem(), err
	}
	if len(file.Docs) > 1 {
		return value, errors.New("more than one value")
	}
	body, err := asWritten(file.Docs[0].Body, t)
	if err != nil {
		return value, err
	}
	return into.Elem(), yaml.NodeToValue(body, into.Interface(), yaml.Strict())
}

// refusePanic makes an error of a panic of the YAML library, which some malformed files cause (found by fuzzing).
func refusePanic(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("cannot read the settings as YAML: %v", r)
	}
}

// longTrust makes trust: {mode: off} of trust: off, so that everything else knows one form.
func longTrust(body ast.Node) error {
	entry := member(body, "trust")
	if entry == nil || !isWord(entry.Value) {
		return nil
	}
	word := entry.Value.GetToken()
	if word.Value != "on" && word.Value != "off" {
		return &positionError{positionOf(entry.Value), fmt.Errorf("trust: not one of on, off: %q", word.Value)}
	}
	file, err := parser.ParseBytes([]byte("mode: "+word.Value), 0)
	if err != nil {
		return err
	}
	entry.Value = file.Docs[0].Body
	mode := member(entry.Value, "mode")
	mode.Key.GetToken().Position, mode.Value.GetToken().Position = word.Position, word.Position
	return nil
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

// isWord reports whether a value is one word, as on and off are.
func isWord(node ast.Node) bool {
	return node.Type() == ast.StringType || node.Type() == ast.BoolType
}

// asWritten prepares a node for a value of type t, so that what is written is what counts. The library would make "1.1" of
// the branch 1.10 and "7" of 007: where text is expected, every scalar is the text that stands there. Where a number is
// expected, one that YAML readers disagree on (010, 0x10, 1_000) is an error. So is a key that the settings do not have;
// the library overlooks those that are not text.
func asWritten(node ast.Node, t reflect.Type) (ast.Node, error) {
	var err error
	switch n := node.(type) {
	case *ast.AnchorNode:
		n.Value, err = asWritten(n.Value, t)
		return n, err
	case *ast.TagNode:
		n.Value, err = asWritten(n.Value, t)
		if t.Kind() == reflect.String {
			return n.Value, err // the tag would only say what text it is not
		}
		return n, err
	case *ast.MappingNode:
		for _, value := range n.Values {
			if _, err := asWritten(value, t); err != nil {
				return nil, err
			}
		}
	case *ast.MappingValueNode:
		return n, entryAsWritten(n, t)
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			break
		}
		for i, value := range n.Values {
			if value.Type() == ast.NullType {
				return nil, &positionError{positionOf(value), errors.New("an empty entry of a list; quote it if it is meant as text")}
			}
			if n.Values[i], err = asWritten(value, t.Elem()); err != nil {
				return nil, err
			}
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		switch t.Kind() {
		case reflect.String:
			return ast.String(n.GetToken()), nil
		case reflect.Int:
			if _, err := parseInt(n.GetToken().Value); err != nil {
				return nil, &positionError{positionOf(n), err}
			}
		}
	}
	return node, nil
}

// entryAsWritten is asWritten for a key and its value, which belong to a section or to a map of type t.
func entryAsWritten(n *ast.MappingValueNode, t reflect.Type) (err error) {
	inner := t
	switch {
	case n.Key.IsMergeKey():
	case t.Kind() == reflect.Struct:
		name := n.Key.GetToken().Value
		field, ok := keyNamed(t, name)
		if !ok {
			return &positionError{positionOf(n.Key), fmt.Errorf("unknown field %q", name)}
		}
		inner = field.Type
	case t.Kind() == reflect.Map:
		if _, ok := n.Key.(*ast.StringNode); !ok {
			n.Key = ast.String(n.Key.GetToken())
		}
		inner = t.Elem()
	default:
		return nil
	}
	n.Value, err = asWritten(n.Value, inner)
	return err
}

// parseInt reads a number that every reader reads alike.
func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("not a plain decimal number: %q", text)
	}
	return n, nil
}

const editCure = "fix it with: hookctl config edit"

// position is a place in hookctl.yaml, counted from 1.
type position struct {
	Line, Column int
	// empty says that there is no value, as after a bare key, so that the default stays in force.
	empty bool
}

// positionError is a mistake at a place of the file being read.
type positionError struct {
	Position position
	Err      error
}

func (e *positionError) Error() string {
	return fmt.Sprintf("%d:%d: %v", e.Position.Line, e.Position.Column, e.Err)
}

func (e *positionError) Unwrap() error { return e.Err }

// FileError is a mistake in hookctl.yaml; its text begins with the place.
type FileError struct {
	Err error
	Key string // the setting that has the mistake, "" where that is not known
	Why error  // what is wrong with its value
}

// Error is that of what is inside.
func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap gives what is inside.
func (e *FileError) Unwrap() error { return e.Err }

// located turns an error of the YAML reader into one that begins with file:line:column.
func (s *Settings) located(err error) error {
	var mine *positionError
	var theirs yaml.Error
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &mine):
		err = fmt.Errorf("%s:%d:%d: %w", s.File, mine.Position.Line, mine.Position.Column, mine.Err)
	case errors.As(err, &wrong) && wrong.Token != nil:
		at := wrong.Token.Position
		err = fmt.Errorf("%s:%d:%d: %s was used where %s is expected", s.File, at.Line, at.Column, wrong.SrcType, wrong.DstType)
	case errors.As(err, &theirs) && theirs.GetToken() != nil:
		at := theirs.GetToken().Position
		err = fmt.Errorf("%s:%d:%d: %s", s.File, at.Line, at.Column, theirs.GetMessage())
	default:
		err = fmt.Errorf("%s: %w", s.File, err)
	}
	return hooks.WithCure(&FileError{Err: err}, editCure)
}

func positionOf(node ast.Node) position {
	at := node.GetToken().Position
	return position{Line: at.Line, Column: at.Column, empty: node.Type() == ast.NullType}
}

// collectPositions notes where each key of the file is, by the path that `config` shows (receiver.port, sinks[0].url).
func collectPositions(node ast.Node, path string, into map[string]position) {
	switch n := node.(type) {
	case *ast.AnchorNode:
		collectPositions(n.Value, path, into)
	case *ast.TagNode:
		collectPositions(n.Value, path, into)
	case *ast.MappingNode:
		for _, value := range n.Values {
			collectPositions(value, path, into)
		}
	case *ast.MappingValueNode:
		key := n.Key.GetToken().Value
		if path != "" {
			key = path + "." + key
		}
		into[key] = positionOf(n.Value)
		collectPositions(n.Value, key, into)
	case *ast.SequenceNode:
		for i, value := range n.Values {
			key := path + "[" + strconv.Itoa(i) + "]"
			into[key] = positionOf(value)
			collectPositions(value, key, into)
		}
	}
}

// Problem puts its place before a mistake in the value of a key: the line of hookctl.yaml, or the flag or variable that
// set it.
func (s *Settings) Problem(key string, err error) error {
	origin, file := s.Origin(key), filepath.Base(s.File)
	at := key
	// What is missing has its default, and its place is that of the entry around it.
	for end := 0; end >= 0 && (origin == "default" || strings.HasPrefix(origin, file)); at = at[:max(end, 0)] {
		if p, ok := s.positions[at]; ok {
			return hooks.WithCure(&FileError{fmt.Errorf("%s:%d:%d: %s: %w", s.File, p.Line, p.Column, key, err), key, err}, editCure)
		}
		end = strings.LastIndexAny(at, ".[")
	}
	return &ValueError{key + " (" + origin + ")", err}
}
