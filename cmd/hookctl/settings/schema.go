package settings

import (
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Schema is the JSON Schema of hookctl.yaml, made from the types, so that it cannot differ from what is read.
func Schema() []byte {
	schema := schemaOf(reflect.TypeFor[Values](), "", nil)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "hookctl.yaml"
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // Maps of strings always encode.
	}
	return data
}

func schemaOf(t reflect.Type, doc string, enum []string) map[string]any {
	schema := map[string]any{}
	if doc != "" {
		schema["description"] = doc
	}
	switch {
	case t == reflect.TypeFor[Duration]():
		const days, time = `([0-9]+[dw])`, `([0-9.]+(ns|us|µs|ms|s|m|h))`
		schema["pattern"] = `^(0|` + days + `+` + time + `*|` + time + `+)$`
		schema["anyOf"] = []any{map[string]any{"type": "string"}, map[string]any{"const": 0}}
	case t == reflect.TypeFor[Size]():
		schema["type"] = []string{"string", "integer"}
		schema["pattern"] = `^[0-9.]+ ?([kKMGTPE]i?)?B?$`
	case t.Kind() == reflect.Struct:
		schema["type"] = "object"
		schema["additionalProperties"] = false
		properties := map[string]any{}
		var required []string
		for k := range keysOf(t) {
			if k.required && t != reflect.TypeFor[Values]() {
				required = append(required, k.name)
			}
			properties[k.name] = schemaOf(k.Type, k.doc, k.enum)
			if k.Type == reflect.TypeFor[Trust]() {
				short := map[string]any{"type": "string", "enum": []string{"on", "off"}}
				properties[k.name] = map[string]any{"description": k.doc, "anyOf": []any{short, properties[k.name]}}
			}
		}
		schema["properties"] = properties
		if required != nil {
			schema["required"] = required
		}
	case t.Kind() == reflect.Slice:
		schema["type"] = "array"
		schema["items"] = schemaOf(t.Elem(), "", enum)
	case t.Kind() == reflect.Map:
		schema["type"] = "object"
		schema["additionalProperties"] = schemaOf(t.Elem(), "", enum)
	case t.Kind() == reflect.Int:
		schema["type"] = "integer"
	default:
		schema["type"] = "string"
		if enum != nil {
			schema["enum"] = enum
		}
	}
	return schema
}

// Sketch is what an editor may start from for a key that hookctl.yaml does not have: the section or list with each of its
// keys and what it is for, all in comments; "" for an unknown key.
func Sketch(key string) string {
	if end := strings.IndexAny(key, ".["); end >= 0 {
		key = key[:end]
	}
	top, ok := keyNamed(reflect.TypeFor[Values](), key)
	if !ok {
		return ""
	}
	out := "# " + key + ":  # " + top.doc + "\n"
	t, lead := top.Type, "#   "
	switch t.Kind() {
	case reflect.Slice:
		t = t.Elem()
		lead = "#   - "
	case reflect.Map:
		t = t.Elem()
		out += "#   NAME:\n"
		lead = "#     "
	}
	if t.Kind() != reflect.Struct {
		return out
	}
	for k := range keysOf(t) {
		about := k.doc
		if k.enum != nil {
			about += " One of " + strings.Join(k.enum, ", ") + "."
		}
		out += lead + k.name + ":  # " + about + "\n"
		lead = "#" + strings.Repeat(" ", len(lead)-1)
	}
	return out
}

// Explained is a setting of hookctl.yaml, and what it is for.
type Explained struct{ Key, Doc string }

// Explain is every setting that hookctl.yaml may have, in the order of the types: an entry of a list as routes[].event, one of a map as
// paths.NAME.sinks. Doc also names the values allowed where they are few.
func Explain() []Explained { return explain(reflect.TypeFor[Values](), "", nil) }

func explain(t reflect.Type, path string, all []Explained) []Explained {
	for k := range keysOf(t) {
		key, inner := path+k.name, k.Type
		switch inner.Kind() {
		case reflect.Slice:
			if inner = inner.Elem(); inner.Kind() == reflect.Struct {
				key += "[]"
			}
		case reflect.Map:
			if inner = inner.Elem(); inner.Kind() == reflect.Struct {
				key += ".NAME"
			}
		}
		if inner.Kind() == reflect.Struct {
			all = explain(inner, key+".", all)
			continue
		}
		if k.enum != nil {
			k.doc += " One of: " + strings.Join(k.enum, ", ") + "."
		}
		all = append(all, Explained{key, k.doc})
	}
	return all
}

// key is a key of a section, as the tags of its field describe it.
type key struct {
	reflect.StructField
	name, doc string
	enum      []string // the only values allowed, nil for any
	required  bool
}

// keysOf are the keys of a section, in their order.
func keysOf(section reflect.Type) iter.Seq[key] {
	return func(yield func(key) bool) {
		for field := range section.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			k := key{field, name, field.Tag.Get("doc"), nil, options != "omitempty"}
			if enum := field.Tag.Get("enum"); enum != "" {
				k.enum = strings.Split(enum, ",")
			}
			if !yield(k) {
				return
			}
		}
	}
}

// keyNamed is the key of that name.
func keyNamed(section reflect.Type, name string) (key, bool) {
	for k := range keysOf(section) {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

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
