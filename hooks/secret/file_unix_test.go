//go:build !windows

package secret

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// childWrites in the environment makes this test binary write secrets until it is killed.
const childWrites = "HOOKCTL_TEST_WRITE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childWrites); path != "" {
		for {
			if err := writePrivate(path, []byte(strings.Repeat("secret", 1000))); err != nil {
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// A writer that is killed again and again leaves the file whole at every time, and what it left unfinished goes with a
// later write.
func TestAKilledWriterLeavesAWholeFileAndNoSecretsBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	must(t, writePrivate(path, []byte(strings.Repeat("secret", 1000))))
	for range 10 {
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), childWrites+"="+path)
		must(t, child.Start())
		timer := time.AfterFunc(30*time.Millisecond, func() { _ = child.Process.Kill() })
		_ = child.Wait()
		timer.Stop()
		if got, err := os.ReadFile(path); err != nil || len(got) != 6000 {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	// However the kills fell, there is one leftover at least, and files that only look like one.
	old := time.Now().Add(-time.Hour)
	keep := []string{".env", "..env", "..env.bak", ".env2", "..envx1"}
	for _, name := range append(slices.Clone(keep[1:]), "..env123", "..env18446744073709551615") {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600))
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		must(t, os.Chtimes(filepath.Join(dir, e.Name()), old, old))
	}
	must(t, os.WriteFile(filepath.Join(dir, "..env77"), nil, 0o600)) // of a write under way
	must(t, writePrivate(path, []byte("x")))
	entries, err = os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := append(keep, "..env77")
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left are %q, want %q", names, want)
	}
}
