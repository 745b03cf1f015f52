package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"hookctl/hooks"
)

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
