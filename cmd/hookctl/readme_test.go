package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"hookctl/cmd/hookctl/settings"
)

const readme = "../../README.md"

// TestReadmeTables keeps the tables of commands and settings equal to what the program has.
func TestReadmeTables(t *testing.T) {
	text := readFile(t, readme)
	for name, rows := range map[string]string{"commands": commandTable(), "settings": settingTable(), "codes": codeTable()} {
		block := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n\|.*?\n\|---\|---\|\n)(.*?)(<!-- /` + name + ` -->)`)
		m := block.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("the README has no table of %s", name)
		}
		if m[2] == rows {
			continue
		}
		if !*update {
			t.Errorf("the table of %s is not what the program has; go test ./cmd/hookctl -update", name)
			continue
		}
		text = strings.Replace(text, m[0], m[1]+rows+m[3], 1)
		writeFile(t, readme, text)
	}
}

// commandTable has a row for each command: its name, the names of its subcommands, and its sentence.
func commandTable() string {
	var b strings.Builder
	for _, c := range newRoot(&program{environ: os.Getenv}).Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		use := c.Name()
		if c.HasSubCommands() && c.Name() != "completion" {
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			use += " " + strings.Join(names, ` \| `)
		} else if _, args, found := strings.Cut(c.Use, " "); found {
			use += " " + strings.ReplaceAll(args, "|", `\|`)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", use, c.Short)
	}
	return b.String()
}

// codeTable has a row for each code of an error.
func codeTable() string {
	var b strings.Builder
	for _, c := range errorCodes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.code, c.when)
	}
	return b.String()
}

// settingTable has a row for each setting, with the values allowed where they are few.
func settingTable() string {
	var b strings.Builder
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			doc, enum := field.Tag.Get("doc"), field.Tag.Get("enum")
			if enum != "" {
				doc += " One of: " + strings.ReplaceAll(enum, ",", ", ") + "."
			}
			inner, key := field.Type, path+name
			switch {
			case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
				inner, key = inner.Elem(), key+"[]"
			case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct:
				inner, key = inner.Elem(), key+".NAME"
			}
			if inner.Kind() == reflect.Struct {
				walk(inner, key+".")
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", key, strings.ReplaceAll(doc, "|", `\|`))
		}
	}
	walk(reflect.TypeFor[settings.Values](), "")
	return b.String()
}

// TestReadmeSettingsAreRight reads the example of hookctl.yaml as the program does.
func TestReadmeSettingsAreRight(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readFile(t, readme), -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no settings")
	}
	for _, block := range blocks {
		home := t.TempDir()
		writeFile(t, filepath.Join(home, "hookctl.yaml"), block[1])
		s, err := settings.Load(environment{"HOOKCTL_HOME": home}.get)
		if err != nil {
			t.Errorf("%v\n%s", err, block[1])
			continue
		}
		if back, err := yaml.Marshal(s.Values); err != nil || len(back) == 0 {
			t.Errorf("write the settings again: %v", err)
		}
	}
}

// environment stands in for the real one.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
