package mcp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"hookctl/logs"
)

// While the index of a log is made, a search says that it may lack records, and a record that is asked for by its GUID is waited for.
func TestAnIndexThatIsBeingMadeShows(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(logs.Generate(t.Context(), dir, 40, time.Now(), time.Hour, 1, nil), os.Mkdir(filepath.Join(dir, ".hookctl"), 0o700)); err != nil {
		t.Fatal(err)
	}
	building := flock.New(filepath.Join(dir, ".hookctl", "build.lock"))
	if err := building.Lock(); err != nil {
		t.Fatal(err)
	}
	l, err := logs.Open(t.Context(), logs.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // Only read from.
	f, c := &face{}, &call{w: newWorldOf(dir), log: l}
	search := func() string {
		found, err := f.search(t.Context(), c, searchArguments{})
		if err != nil {
			t.Fatal(err)
		}
		words, _ := found.(map[string]any)["incomplete"].(string)
		return words
	}
	if words := search(); !strings.Contains(words, "the index is still being made") {
		t.Errorf("a search says %q", words)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	record, err := c.read(t.Context(), filepath.Base(files[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := building.Unlock(); err != nil {
		t.Fatal(err)
	}
	if found, err := c.read(t.Context(), record.DeliveryID); err != nil || found.File != record.File {
		t.Errorf("by its GUID: %+v, %v", found, err)
	}
	if words := search(); words != "" {
		t.Errorf("once the index is made, a search says %q", words)
	}
}
