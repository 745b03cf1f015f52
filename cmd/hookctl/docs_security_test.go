package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each line of the threat model names the tests that hold it, so they have to exist.
func TestThreatModelNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, model, found := strings.Cut(string(text), "\n## What it defends against\n")
	if !found {
		t.Fatal("CONTRIBUTING.md has no threat model")
	}
	tests := map[string]bool{} // "package.TestName"
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	clause := regexp.MustCompile(`(?m)^package (\w+)$`)
	err = filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg := clause.FindSubmatch(source)
		for _, f := range function.FindAllSubmatch(source, -1) {
			tests[strings.TrimSuffix(string(pkg[1]), "_test")+"."+string(f[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(\\w+\\.(?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(model, -1)
	if len(named) < 40 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, n := range named {
		if !tests[n[1]] {
			t.Errorf("%s does not exist", n[1])
		}
	}
	for row := range strings.Lines(model) {
		if cells := strings.Split(row, "|"); len(cells) == 5 && !strings.HasPrefix(row, "|---") && cells[1] != " threat " && !strings.Contains(cells[3], "`") {
			t.Errorf("no test holds %s", strings.TrimSpace(cells[1]))
		}
	}
}
