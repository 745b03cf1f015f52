//go:build !windows

package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

func openToAll(mode fs.FileMode) bool { return mode.IsRegular() && mode.Perm()&0o007 != 0 }

// replace writes a file durably.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in place
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return removeLeftovers(path)
}

// leftoverAge is longer than any write takes.
const leftoverAge = time.Minute

// removeLeftovers removes what earlier writes of a file left unfinished because their process was killed: secrets are in
// them. Their names are the file's with a dot before and a number after it.
func removeLeftovers(path string) error {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("look for unfinished secrets: %w", err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "."+base)
		if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < leftoverAge {
			continue // gone, or of a write that is under way
		}
		// #nosec G703 -- a name that was read from the user's own home
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove unfinished secrets: %w", err)
		}
	}
	return nil
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 G703 -- the directory of a file of ours
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
