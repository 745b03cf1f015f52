package settings

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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

// refusePanic makes an error of a panic of the YAML library, which some malformed files cause (found by fuzzing).
func refusePanic(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("cannot read the settings as YAML: %v", r)
	}
}

// longTrust makes trust: {mode: off} of trust: off, so that everything else knows one form.
func longTrust(body ast.Node) error {
	var entries []*ast.MappingValueNode
	switch n := body.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	}
	for _, entry := range entries {
		word := entry.Value.GetToken()
		_, isText := entry.Value.(*ast.StringNode)
		_, isBool := entry.Value.(*ast.BoolNode)
		if entry.Key.GetToken().Value != "trust" || !isText && !isBool {
			continue
		}
		if word.Value != "on" && word.Value != "off" {
			return &positionError{positionOf(entry.Value), fmt.Errorf("trust: not one of on, off: %q", word.Value)}
		}
		file, err := parser.ParseBytes([]byte("mode: "+word.Value), 0)
		if err != nil {
			return err
		}
		long := file.Docs[0].Body
		if one, ok := long.(*ast.MappingValueNode); ok {
			one.Key.GetToken().Position, one.Value.GetToken().Position = word.Position, word.Position
		} else if one, ok := long.(*ast.MappingNode); ok {
			one.Values[0].Key.GetToken().Position, one.Values[0].Value.GetToken().Position = word.Position, word.Position
		}
		entry.Value = long
	}
	return nil
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
