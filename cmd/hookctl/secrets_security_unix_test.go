//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// TestSecretsStayWhereTheyBelong runs a story in which everything is shown, with words that look for secrets and for
// what is open to other users.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	params := storyParams(filepath.Join("testdata", "security"))
	params.Cmds["secretless"] = cmdSecretless
	params.Cmds["noargs"] = cmdNoArgs
	params.Cmds["private"] = cmdPrivate
	testscript.Run(t, params)
}

// secretsOf are the secrets of a story's home, and the token of its login.
func secretsOf(ts *testscript.TestScript) []string {
	home := worldOf(ts).home
	all := []string{githubtest.DefaultToken}
	raw, err := os.ReadFile(filepath.Join(home, ".env"))
	ts.Check(err)
	for line := range strings.Lines(string(raw)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), "="); strings.HasPrefix(name, secret.Variable) {
			all = append(all, value)
		}
	}
	if raw, err = os.ReadFile(filepath.Join(home, "state", "rotation.json")); err == nil {
		var r struct{ Old, New string }
		ts.Check(json.Unmarshal(raw, &r))
		all = append(all, r.Old, r.New)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == "" {
			all = append(all[:i], all[i+1:]...)
		}
	}
	if len(all) < 2 {
		ts.Fatalf("the home has no secret yet")
	}
	return all
}

// cmdSecretless fails where the last command showed a secret.
func cmdSecretless(ts *testscript.TestScript, _ bool, _ []string) {
	for _, s := range secretsOf(ts) {
		for _, stream := range []string{"stdout", "stderr"} {
			if strings.Contains(ts.ReadFile(stream), s) {
				ts.Fatalf("%s shows a secret", stream)
			}
		}
	}
}

// cmdNoArgs fails where a process of this machine has a secret among its arguments; it sees nothing but on Linux.
func cmdNoArgs(ts *testscript.TestScript, _ bool, _ []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // It has ended.
		}
		for _, s := range secretsOf(ts) {
			if strings.Contains(string(raw), s) {
				ts.Fatalf("%s has a secret", file)
			}
		}
	}
}

// cmdPrivate fails where something in the home is open to others, or a secret is in a file that is not for secrets.
func cmdPrivate(ts *testscript.TestScript, _ bool, _ []string) {
	home := worldOf(ts).home
	secrets := secretsOf(ts)
	seen := 0
	ts.Check(filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // The receiver has removed it in the meantime.
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(home, path)
		if err != nil {
			return err
		}
		switch {
		case name == "gh" || name == "gh.sock": // the story's own
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if seen++; info.Mode().Perm()&0o077 != 0 {
			ts.Fatalf("%s has mode %v", name, info.Mode())
		}
		if !e.Type().IsRegular() || name == ".env" || name == filepath.Join("state", "rotation.json") {
			return nil
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if strings.Contains(string(raw), s) {
				ts.Fatalf("%s has a secret", name)
			}
		}
		return nil
	}))
	if seen < 10 {
		ts.Fatalf("only %d files were looked at", seen)
	}
}
