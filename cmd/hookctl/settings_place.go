package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// position is a place in hookctl.yaml, counted from 1.
type position struct {
	Line, Column int
	// empty tells that nothing stands there, as after a bare key, so that the default stays in force.
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

// located turns an error of the YAML reader into one that begins with file:line:column.
func (s *settings) located(err error) error {
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
	return hint(err, "mend it with: hookctl config edit")
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

// checkKeys refuses keys that the settings do not have and that the YAML library overlooks: those that are no strings.
func checkKeys(node ast.Node, t reflect.Type) error {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return checkKeys(n.Value, t)
	case *ast.TagNode:
		return checkKeys(n.Value, t)
	case *ast.MappingNode:
		for _, value := range n.Values {
			if err := checkKeys(value, t); err != nil {
				return err
			}
		}
	case *ast.MappingValueNode:
		if n.Key.IsMergeKey() {
			return checkKeys(n.Value, t)
		}
		switch t.Kind() {
		case reflect.Struct:
			name := n.Key.GetToken().Value
			field, ok := fieldNamed(t, name)
			if !ok {
				return &positionError{positionOf(n.Key), fmt.Errorf("unknown field %q", name)}
			}
			return checkKeys(n.Value, field.Type)
		case reflect.Map:
			return checkKeys(n.Value, t.Elem())
		}
	case *ast.SequenceNode:
		for _, value := range n.Values {
			if t.Kind() != reflect.Slice {
				break
			}
			if err := checkKeys(value, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldNamed is the field of a section that a key of hookctl.yaml sets.
func fieldNamed(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name == key {
			return field, true
		}
	}
	return reflect.StructField{}, false
}
