package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Row is one setting in force, as `config --json` prints it.
type Row struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
	// Text is the value for people.
	Text string `json:"-"`
	// Doc explains the setting in a sentence, and Enum are the only values allowed, nil for any.
	Doc  string   `json:"-"`
	Enum []string `json:"-"`
	// Default is what Text would be without anything that sets it.
	Default string `json:"-"`
	// InFile says that hookctl.yaml sets it, whether or not that is the value in force.
	InFile bool `json:"-"`
	// Shape says how it is written: one of the constants below.
	Shape string `json:"-"`
}

// The shapes of settings.
const (
	Fixed  = "fixed"  // not in hookctl.yaml
	Scalar = "scalar" // text, a number, a duration or a size
	List   = "list"   // texts, with commas between them
	Block  = "block"  // a map or a list of sections, which only an editor changes
)

// Rows are all settings in force, in the order of the types, the home first.
func (s *Settings) Rows() []Row {
	rows := []Row{{Key: "home", Value: s.Home, Origin: s.Origin("home"), Text: s.Home, Doc: "The directory of everything that hookctl keeps; HOOKCTL_HOME names another.", Shape: Fixed}}
	usual := map[string]string{}
	walk(reflect.ValueOf(s.probe().Values), "", func(f field) { usual[f.key] = f.row().Text })
	walk(reflect.ValueOf(s.Values), "", func(f field) {
		row := f.row()
		_, row.InFile = s.positions[f.key]
		row.Origin, row.Default = s.Origin(f.key), usual[f.key]
		rows = append(rows, row)
	})
	return rows
}

// row is the row of a value, without where it is from.
func (f field) row() Row {
	row := Row{Key: f.key, Value: f.value.Interface(), Doc: f.doc, Enum: f.enum, Shape: Scalar}
	switch v := f.value; v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		row.Text, row.Shape = strings.Join(parts, ", "), List
		if v.Type().Elem().Kind() == reflect.Struct {
			row.Shape = Block
		}
		if v.Len() == 0 {
			row.Value, row.Text = []string{}, "(none)"
		}
	case reflect.Map:
		row.Value, row.Text, row.Shape = map[string]any{}, "(none)", Block
	default:
		row.Text = fmt.Sprint(v.Interface())
	}
	return row
}

// field is one value of the settings as walk sees it.
type field struct {
	key   string
	doc   string
	enum  []string
	value reflect.Value
}

// walk visits every value in the order of the types: sections and their members, entries of lists and maps.
func walk(v reflect.Value, path string, visit func(field)) {
	for k := range keysOf(v.Type()) {
		key := k.name
		if path != "" {
			key = path + "." + key
		}
		walkValue(field{key: key, doc: k.doc, enum: k.enum, value: v.FieldByIndex(k.Index)}, visit)
	}
}

func walkValue(f field, visit func(field)) {
	switch v := f.value; {
	case v.Kind() == reflect.Struct:
		walk(v, f.key, visit)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		for i := range v.Len() {
			walk(v.Index(i), f.key+"["+strconv.Itoa(i)+"]", visit)
		}
	case v.Kind() == reflect.Map && v.Len() > 0:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			entry := f
			entry.key, entry.value = f.key+"."+key.String(), v.MapIndex(key)
			walkValue(entry, visit)
		}
	default:
		visit(f)
	}
}
