package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"

	"hookctl/hooks"
)

// place is what a key of the settings leads to.
type place struct {
	path []string // the steps to it: names, and [0] for an item of a list
	typ  reflect.Type
}

// locate finds what a key leads to, whether it is set or not. A key of a map is everything behind the map's name, dots
// included, unless the map has sections as paths has.
func locate(key string) (place, error) {
	at := place{typ: reflect.TypeFor[Values]()}
	unknown := &ValueError{key, errors.New("no such setting")}
	for rest := key; rest != ""; rest = strings.TrimPrefix(rest, ".") {
		part := rest
		if end := strings.IndexAny(rest[1:], ".["); end >= 0 && (at.typ.Kind() != reflect.Map || at.typ.Elem().Kind() == reflect.Struct) {
			part = rest[:end+1]
		}
		rest = rest[len(part):]
		switch at.typ.Kind() {
		case reflect.Struct:
			field, ok := keyNamed(at.typ, part)
			if !ok {
				return place{}, unknown
			}
			at.typ = field.Type
		case reflect.Map:
			at.typ = at.typ.Elem()
		case reflect.Slice:
			if listIndex(part) < 0 || at.typ.Elem().Kind() != reflect.Struct {
				return place{}, unknown
			}
			at.typ = at.typ.Elem()
		default:
			return place{}, unknown
		}
		at.path = append(at.path, part)
	}
	if key == "" {
		return place{}, &ValueError{"the key", errors.New("it is empty")}
	}
	if len(at.path) == 0 || at.typ.Kind() == reflect.Struct {
		return place{}, &ValueError{key, errors.New("not one value; set a key below it")}
	}
	return at, nil
}

// locate is the function, with the setting that was meant perhaps.
func (s *Settings) locate(key string) (place, error) {
	at, err := locate(key)
	if err != nil {
		err = hooks.WithCure(err, s.Meant(key))
	}
	return at, err
}

// Meant is a hint for who named a setting that does not exist: the settings whose names end so, or where to see them all.
func (s *Settings) Meant(key string) string {
	var near []string
	for _, row := range s.Rows() {
		if strings.HasSuffix(row.Key, "."+key) {
			near = append(near, row.Key)
		}
	}
	if len(near) == 0 {
		return "list them: hookctl config show"
	}
	return "did you mean: " + strings.Join(near, ", ")
}

// listIndex is the number in a step like [0], -1 where it is none.
func listIndex(part string) int {
	digits, ok := strings.CutPrefix(part, "[")
	digits, closed := strings.CutSuffix(digits, "]")
	if i, err := strconv.Atoi(digits); ok && closed && err == nil && i >= 0 {
		return i
	}
	return -1
}

// keyOf is the key that a path came from.
func keyOf(path []string) string { return strings.ReplaceAll(strings.Join(path, "."), ".[", "[") }

// Set gives a key of hookctl.yaml a value that came as text, from a shell or a prompt. A list is written with commas between
// its entries, or as YAML; maps and lists of sections are YAML. Comments and everything else stay, and a mistake is never
// saved: the error says what is wrong with the value, without a place in a file that does not have it.
func (s *Settings) Set(key, text string) error {
	at, err := s.locate(key)
	if err != nil {
		return err
	}
	value, written, err := at.parse(text)
	if err != nil {
		return &ValueError{key, err}
	}
	return said(s.put(at, value, written))
}

// Unset takes a key out of hookctl.yaml, so that it has its default again. One that is not there is no error.
func (s *Settings) Unset(key string) error {
	at, err := s.locate(key)
	if err != nil {
		return err
	}
	usual := reflect.Value{}
	if !strings.Contains(key, "[") {
		usual = find(reflect.ValueOf(s.probe().Values), at.path)
	}
	return said(s.save(edit{path: at.path}, usual))
}

// put writes a value. A key of an item of a list that is not in the file takes the whole list, as it is by default, with it.
func (s *Settings) put(at place, value reflect.Value, written string) error {
	_, alone, err := s.read()
	if err != nil {
		return err
	}
	if i := strings.IndexByte(keyOf(at.path), '['); i >= 0 {
		list := keyOf(at.path)[:i]
		if _, inFile := alone.positions[list]; !inFile {
			assign(reflect.ValueOf(&alone.Values).Elem(), at.path, value)
			return s.Save(list, find(reflect.ValueOf(alone.Values), strings.Split(list, ".")).Interface())
		}
		if !find(reflect.ValueOf(alone.Values), at.path).IsValid() {
			return hooks.WithCure(&ValueError{keyOf(at.path), errors.New("the list has no such entry")}, "add it with: hookctl config edit "+list)
		}
	}
	e := edit{path: at.path, inline: written}
	name := at.path[len(at.path)-1]
	if written == "" {
		inline, err := yaml.MarshalWithOptions(value.Interface(), yaml.Flow(true))
		if err != nil {
			return fmt.Errorf("write %s: %w", keyOf(at.path), err)
		}
		e.inline = strings.TrimSpace(string(inline))
	}
	e.lines = []string{keyText(name) + ": " + e.inline}
	return s.save(e, value)
}

// find is the value that a path leads to, not valid where it leads nowhere.
func find(v reflect.Value, path []string) reflect.Value {
	for _, part := range path {
		switch v.Kind() {
		case reflect.Struct:
			field, ok := keyNamed(v.Type(), part)
			if !ok {
				return reflect.Value{}
			}
			v = v.FieldByIndex(field.Index)
		case reflect.Map:
			v = v.MapIndex(reflect.ValueOf(part))
		case reflect.Slice:
			i := listIndex(part)
			if i < 0 || i >= v.Len() {
				return reflect.Value{}
			}
			v = v.Index(i)
		default:
			return reflect.Value{}
		}
	}
	return v
}

// parse reads a value from text, and gives how it is written in the file where that is not how the YAML library would.
func (p place) parse(text string) (value reflect.Value, written string, err error) {
	text = strings.TrimSpace(text)
	switch {
	case p.typ == reflect.TypeFor[Duration]():
		d, err := parseDuration(text)
		return reflect.ValueOf(d), text, err
	case p.typ == reflect.TypeFor[Size]():
		n, err := humanize.ParseBytes(text)
		if err != nil || n > 1<<62 {
			return value, "", fmt.Errorf("not a valid size: %q; write it like 5GB or 500MB", text)
		}
		return reflect.ValueOf(Size(n)), text, nil //nolint:gosec // It fits, see above.
	case p.typ.Kind() == reflect.Int:
		n, err := parseInt(text)
		return reflect.ValueOf(n), "", err
	case p.typ.Kind() == reflect.String:
		if strings.ContainsAny(text, "\r\n") {
			return value, "", errors.New("a value is one line here; use: hookctl config edit")
		}
		return reflect.ValueOf(text), "", nil
	case p.typ == reflect.TypeFor[[]string]() && !strings.HasPrefix(text, "["):
		return reflect.ValueOf(splitList(text)), "", nil
	}
	if value, err = readValue(text, p.typ); err != nil {
		err = errors.New("not valid YAML for this setting; use: hookctl config edit " + keyOf(p.path))
	}
	return value, "", err
}

// said takes the place out of mistakes, because the file that they stand in was not saved.
func said(err error) error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range list.Unwrap() {
			all = append(all, said(e))
		}
		return errors.Join(all...)
	}
	var in *FileError
	if errors.As(err, &in) && in.Key != "" {
		return &ValueError{in.Key, in.Why}
	}
	return err
}

// Line is where hookctl.yaml sets a key, or what stands around it; 0 where it does neither.
func (s *Settings) Line(key string) int {
	for key != "" {
		if at, ok := s.positions[key]; ok {
			return at.Line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}
