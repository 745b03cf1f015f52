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
}

// Rows are all settings in force, in the order of the types, the home first.
func (s *Settings) Rows() []Row {
	rows := []Row{{"home", s.Home, s.Origin("home"), s.Home}}
	walk(reflect.ValueOf(s.Values), "", func(f field) {
		row := Row{Key: f.key, Value: f.value.Interface(), Origin: s.Origin(f.key)}
		switch v := f.value; v.Kind() {
		case reflect.Slice:
			parts := make([]string, v.Len())
			for i := range parts {
				parts[i] = fmt.Sprint(v.Index(i).Interface())
			}
			row.Text = strings.Join(parts, ", ")
			if v.Len() == 0 {
				row.Value, row.Text = []string{}, "(none)"
			}
		case reflect.Map:
			row.Value, row.Text = map[string]any{}, "(none)"
		default:
			row.Text = fmt.Sprint(v.Interface())
		}
		rows = append(rows, row)
	})
	return rows
}

// field is one value of the settings as walk sees it.
type field struct {
	key   string
	enum  []string
	value reflect.Value
}

// walk visits every value in the order of the types: sections and their members, entries of lists and maps.
func walk(v reflect.Value, path string, visit func(field)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("yaml"), ",")
		key := name
		if path != "" {
			key = path + "." + name
		}
		f := field{key: key, value: v.Field(i)}
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		walkValue(f, visit)
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
