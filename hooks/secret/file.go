package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hookctl/logs/text"
)

// PermissionError says that a file which holds secrets is open to every user of the machine.
type PermissionError struct {
	Path string
	Mode fs.FileMode
}

// Error names the file and the command that fixes it.
func (e *PermissionError) Error() string {
	return fmt.Sprintf("%s is open to every user of this machine (mode %04o); run: %s", e.Path, e.Mode.Perm(), e.Hint())
}

// Hint is the command alone.
func (e *PermissionError) Hint() string { return "chmod 600 " + text.Shell(e.Path) }

// readPrivate reads a file that holds secrets, unless every user may read or write it. Without the file there is nothing, nil.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the caller's own settings name the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && openToAll(info.Mode()) {
		return nil, &PermissionError{Path: path, Mode: info.Mode()}
	}
	var raw []byte
	if err == nil {
		raw, err = io.ReadAll(f)
	}
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return raw, nil
}

// writePrivate replaces a file at once or not at all, with mode 0600, and returns when it is durable: hooks at
// GitHub are changed next, and a secret that only they have would be lost.
func writePrivate(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700) // #nosec G703 -- the user's own home
	if err == nil {
		err = replace(path, data)
	}
	if err != nil {
		return fmt.Errorf("write secrets: %w", err)
	}
	return nil
}

// removePrivate removes a file durably. A missing one is fine.
func removePrivate(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("remove secrets: %w", err)
	}
	return nil
}
