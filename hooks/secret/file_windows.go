package secret

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// openToAll is false here: Windows does not keep permissions in a file's mode, and a home directory is private.
func openToAll(fs.FileMode) bool { return false }

// replace writes a finished file and renames it over the other, which Windows does in one step on NTFS.
func replace(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
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

// syncDir has nothing to do: NTFS keeps a journal of names.
func syncDir(string) error { return nil }
