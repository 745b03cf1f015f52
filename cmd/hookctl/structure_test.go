package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports is the table of which package may import which of ours. All may import logs/text and logs/jsonfile, and their tests githubtest.
// A page of the interface imports no other page and not the interface: it asks for both through tui/kit. tui/kittest is
// what the tests of the interface share; no program has it.
var imports = map[string][]string{
	"cmd/hookctl":          {"cmd/hookctl/settings", "server/mcp", "hooks", "hooks/tunnel", "hooks/secret", "hooks/tasks", "hooks/githubtest", "server", "server/route", "server/sink", "server/cluster", "server/host", "server/fleet", "server/daemon", "server/doctor", "logs", "tui", "tui/line"},
	"cmd/hookctl/settings": {"hooks", "hooks/secret", "hooks/tasks", "logs", "server", "server/route", "server/sink", "server/cluster"},
	"tui":                  {"hooks", "hooks/tunnel", "hooks/secret", "hooks/tasks", "logs", "server/daemon", "server/doctor", "server/fleet", "tui/kit", "tui/home", "tui/events", "tui/webhooks", "tui/receiver", "tui/checkup", "tui/options", "tui/wizard"},
	"tui/kit":              {},
	"tui/home":             {"tui/kit", "logs", "server/daemon", "server/doctor"},
	"tui/events":           {"tui/kit", "hooks/tasks", "logs", "server/daemon"},
	"tui/webhooks":         {"tui/kit", "hooks", "hooks/secret", "logs", "server/daemon", "server/fleet"},
	"tui/receiver":         {"tui/kit", "server/daemon"},
	"tui/checkup":          {"tui/kit", "server/doctor"},
	"tui/options":          {"tui/kit", "server/daemon"},
	"tui/wizard":           {"tui/kit", "hooks", "hooks/tunnel", "hooks/secret", "logs", "server/daemon", "server/fleet"},
	"tui/kittest":          {"tui/kit", "hooks", "hooks/githubtest", "hooks/secret", "logs", "server", "server/daemon", "server/fleet", "server/host"},
	"tui/line":             {"hooks", "hooks/tunnel", "server/fleet"},
	"hooks":                {"hooks/secret"},
	"hooks/tunnel":         {"hooks"},
	"hooks/secret":         {},
	"hooks/githubtest":     {},
	"hooks/tasks":          {"hooks", "hooks/secret"},
	"server":               {"server/route", "server/sink", "hooks/secret", "logs"},
	"server/route":         {"server/bound", "server/sink", "logs", "logs/jsonscan"},
	"server/bound":         {},
	"server/sink":          {"server/bound", "hooks/secret"},
	"server/fleet":         {"server/daemon", "hooks", "hooks/secret", "logs"},
	"server/cluster":       {"hooks/secret", "logs"},
	"server/host":          {"server", "server/route", "server/sink", "server/cluster", "server/fleet", "server/daemon", "hooks", "hooks/tunnel", "hooks/secret", "hooks/tasks", "logs"},
	"server/daemon":        {},
	"server/doctor":        {"hooks", "hooks/tunnel", "hooks/secret", "hooks/tasks", "logs", "server/daemon", "server/fleet"},
	"server/mcp":           {"server", "server/fleet", "server/doctor", "server/daemon", "hooks", "hooks/tasks", "logs"},
	"logs":                 {"logs/disk", "logs/jsonscan"},
	"logs/jsonscan":        {},
	"logs/disk":            {},
	"logs/jsonfile":        {},
	"logs/text":            {},
}

func TestImportsKeepToTheTable(t *testing.T) {
	root := filepath.Join("..", "..")
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "dist") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		allowed, known := imports[dir]
		if !known {
			t.Errorf("%s: the package %s is not in the plan of the house", rel, dir)
			return nil
		}
		found[dir] = true
		if strings.HasSuffix(path, "_test.go") {
			allowed = append(slices.Clone(allowed), "hooks/githubtest")
			if strings.HasPrefix(dir, "tui") {
				allowed = append(allowed, "tui/kittest", "hooks", "logs", "server/daemon")
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own, ours := strings.CutPrefix(name, "hookctl/")
			if ours && own != dir && own != "logs/text" && own != "logs/jsonfile" && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, which the table does not allow", rel, own)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range imports {
		if !found[dir] {
			t.Errorf("the package %s of the table does not exist", dir)
		}
	}
}

func TestTopLevelHoldsTheAgreedNamesOnly(t *testing.T) {
	agreed := []string{"cmd", "hooks", "logs", "server", "tui", "go.mod", "go.sum", "LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	built := []string{"hookctl", "hookctl.exe", "dist", "coverage.txt"} // named in .gitignore
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(agreed, name) || slices.Contains(built, name) ||
			strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".out") || strings.HasSuffix(name, ".prof") {
			continue
		}
		t.Errorf("%s does not belong at the top", name)
	}
}
