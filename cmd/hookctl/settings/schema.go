package settings

import (
	"encoding/json"
	"reflect"
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
		for i := range t.NumField() {
			field := t.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if options != "omitempty" && t != reflect.TypeFor[Values]() {
				required = append(required, name)
			}
			var values []string
			if text := field.Tag.Get("enum"); text != "" {
				values = strings.Split(text, ",")
			}
			properties[name] = schemaOf(field.Type, field.Tag.Get("doc"), values)
			if field.Type == reflect.TypeFor[Trust]() {
				short := map[string]any{"type": "string", "enum": []string{"on", "off"}}
				properties[name] = map[string]any{"description": field.Tag.Get("doc"), "anyOf": []any{short, properties[name]}}
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
	field, ok := fieldNamed(reflect.TypeFor[Values](), key)
	if !ok {
		return ""
	}
	out := "# " + key + ":  # " + field.Tag.Get("doc") + "\n"
	t, lead := field.Type, "#   "
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
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("yaml"), ",")
		about := tag.Get("doc")
		if enum := tag.Get("enum"); enum != "" {
			about += " One of " + strings.ReplaceAll(enum, ",", ", ") + "."
		}
		out += lead + name + ":  # " + about + "\n"
		lead = "#" + strings.Repeat(" ", len(lead)-1)
	}
	return out
}
