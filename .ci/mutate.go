// Mutate makes the small changes of .ci/mutants one at a time and runs the tests that must notice. It fails for each change
// that no test notices, and for each that no longer fits the code.
//
//	go run .ci/mutate.go              all of them
//	go run .ci/mutate.go -part 1/4    the second quarter
//	go run .ci/mutate.go -run ledger  those whose name has the word
//
// The working tree stays as it is: the changed file reaches the compiler as an overlay.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutant is one change: a name, the file, what stands there and what replaces it, and the tests that must fail.
type mutant struct {
	name, file, from, to, pkg, tests string
}

func main() {
	part, word := flag.String("part", "0/1", "`i/n`: only every n-th, from the i-th on"), flag.String("run", "", "only those whose name has this `word`")
	flag.Parse()
	var i, n int
	if _, err := fmt.Sscanf(*part, "%d/%d", &i, &n); err != nil || n < 1 || i < 0 || i >= n {
		fail("-part %q is not i/n", *part)
	}
	text, err := os.ReadFile(filepath.Join(".ci", "mutants"))
	if err != nil {
		fail("%v: run it in the repository's root", err)
	}
	mutants, err := parse(string(text))
	if err != nil {
		fail("%v", err)
	}
	bad := 0
	for k, m := range mutants {
		if k%n != i || !strings.Contains(m.name, *word) {
			continue
		}
		if err := m.try(); err != nil {
			fmt.Printf("FAIL %s: %v\n", m.name, err)
			bad++
			continue
		}
		fmt.Printf("ok   %s\n", m.name)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(2)
}

// parse reads blocks with blank lines between: "# name", "file: path", "test: package regexp", and lines with "-" and "+" as in a diff.
func parse(text string) (list []mutant, err error) {
	for block := range strings.SplitSeq(text, "\n\n") {
		var m mutant
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case strings.HasPrefix(line, "# "):
				m.name = line[2:]
			case strings.HasPrefix(line, "file: "):
				m.file = line[6:]
			case strings.HasPrefix(line, "test: "):
				m.pkg, m.tests, _ = strings.Cut(line[6:], " ")
			case strings.HasPrefix(line, "-"):
				m.from += line[1:] + "\n"
			case strings.HasPrefix(line, "+"):
				m.to += line[1:] + "\n"
			case line != "":
				return nil, fmt.Errorf("what is this line in .ci/mutants: %q", line)
			}
		}
		if m.from == "" && m.file == "" {
			continue // a comment
		}
		if m.from == "" || m.file == "" || m.tests == "" || m.name == "" {
			return nil, fmt.Errorf("a block of .ci/mutants lacks something: %q", block)
		}
		list = append(list, m)
	}
	return list, nil
}

// try returns an error where the tests pass, or fail for another reason.
func (m *mutant) try() error {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(source), m.from); n != 1 {
		return fmt.Errorf("%s has the lines %d times, not once", m.file, n)
	}
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	changed, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	path, err := filepath.Abs(m.file)
	if err != nil {
		return err
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), m.from, m.to, 1)), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		return err
	}
	out, err := exec.Command("go", "test", "-count=1", "-timeout=120s", "-overlay="+overlay, "-run=^("+m.tests+")$", m.pkg).CombinedOutput()
	switch text := string(out); {
	case err == nil && strings.Contains(text, "no tests to run"):
		return fmt.Errorf("there is no test %s", m.tests)
	case err == nil:
		return fmt.Errorf("no test noticed")
	case !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic: "):
		return fmt.Errorf("the tests did not run:\n%s", out)
	}
	return nil
}
