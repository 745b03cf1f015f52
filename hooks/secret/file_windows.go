package secret

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// openToAll is false here: Windows does not keep permissions in a file's mode, and a home directory is private.
func openToAll(fs.FileMode) bool { return false }

// writePrivate replaces a file by renaming a finished one over it, which Windows does in one step on NTFS.
func writePrivate(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write secrets: %w", err)
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write secrets: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write secrets: %w", err)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	// A reader that has the file open just now makes the rename fail, so it is tried for a while.
	for try := 0; ; try++ {
		if err = os.Rename(f.Name(), path); err == nil || try == 50 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// removePrivate removes a file. A missing one is fine.
func removePrivate(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove secrets: %w", err)
	}
	return nil
}
