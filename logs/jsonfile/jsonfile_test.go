package jsonfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

type counter struct{ N int }

// TestUpdateLosesNoChange has many writers count at once: each sees the count of the one before.
func TestUpdateLosesNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "n.json")
	read := func() (counter, error) {
		c, err := Read[counter](path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return c, err
	}
	const writers = 20
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			if err := Update(t.Context(), path, read, func(c *counter) { c.N++ }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if c, err := Read[counter](path); err != nil || c.N != writers {
		t.Errorf("%d of %d changes are in the file, %v", c.N, writers, err)
	}
}

func TestUpdateWritesNothingWithoutAChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.json")
	if err := Update(t.Context(), path, func() (counter, error) { return counter{1}, nil }, func(*counter) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was written: %v", err)
	}
}

// TestADamagedFileStaysAsItIs fails to read, and so to change, a file that is not JSON.
func TestADamagedFileStaysAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.json")
	if err := os.WriteFile(path, []byte(`{"N":7,`), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Read[counter](path); err == nil || c != (counter{}) {
		t.Errorf("Read = %+v, %v; want an error and the zero value", c, err)
	}
	err := Update(t.Context(), path, func() (counter, error) { return Read[counter](path) }, func(c *counter) { c.N = 1 })
	if data, _ := os.ReadFile(path); err == nil || string(data) != `{"N":7,` {
		t.Errorf("Update = %v, the file is %q", err, data)
	}
}

func TestWriteIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "n.json")
	if err := Write(path, counter{3}); err != nil {
		t.Fatal(err)
	}
	if c, err := Read[counter](path); err != nil || c.N != 3 {
		t.Errorf("Read = %+v, %v", c, err)
	}
	for file, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(file); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", file, info.Mode().Perm(), err, want)
		}
	}
}
