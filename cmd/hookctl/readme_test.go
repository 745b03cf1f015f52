package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

const readme = "../../README.md"

// TestReadmeNamesEveryCommand keeps the table of commands equal to what the program has.
func TestReadmeNamesEveryCommand(t *testing.T) {
	text := readFile(t, readme)
	m := regexp.MustCompile(`(?s)(<!-- commands -->\n\|.*?\n\|---\|---\|\n)(.*?)(<!-- /commands -->)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the README has no table of commands")
	}
	rows := commandTable()
	switch {
	case m[2] == rows:
	case *update:
		writeFile(t, readme, strings.Replace(text, m[0], m[1]+rows+m[3], 1))
	default:
		t.Error("the table of commands is not what the program has; go test ./cmd/hookctl -update")
	}
}

// commandTable has a row for each group of the help, with the names of its commands.
func commandTable() string {
	root := newRoot(&program{environ: os.Getenv})
	var b strings.Builder
	for _, group := range append(root.Groups(), &cobra.Group{Title: "More:"}) {
		b.WriteString("| " + strings.TrimSuffix(group.Title, ":") + " |")
		for _, c := range root.Commands() {
			if c.GroupID == group.ID && !c.Hidden && c.Name() != "help" {
				b.WriteString(" `" + c.Name() + "`")
			}
		}
		b.WriteString(" |\n")
	}
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
