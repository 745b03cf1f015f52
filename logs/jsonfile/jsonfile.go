// Package jsonfile keeps a value as a JSON file that only its owner can read. A file is replaced by a rename, so a reader finds
// the old value or the new one; Update lets one process at a time change it.
package jsonfile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"
)

// lockWait bounds how long Update waits for another process: each holds the lock for milliseconds.
const lockWait = 10 * time.Second

// Read gives the value of a file. Without the file the error is fs.ErrNotExist; every error names the file and comes with the zero
// value.
func Read[T any](path string) (T, error) {
	var v, zero T
	data, err := os.ReadFile(path) //nolint:gosec // a file of a home
	if err != nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return zero, fmt.Errorf("read %s: %w", path, err)
	}
	return v, nil
}

// Write replaces the file durably, and creates its directory where that is missing.
func Write(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return write(path, data)
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return maybe.WriteFile(path, append(data, '\n'), 0o600)
}

// Update changes the value that read gives while no other process does, and writes it, durably, where it is another one then. The
// lock is a file beside the one of path, with the ending .lock.
func Update[T any](ctx context.Context, path string, read func() (T, error), change func(*T)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock := flock.New(strings.TrimSuffix(path, filepath.Ext(path))+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Close() }()
	v, err := read()
	if err != nil {
		return err
	}
	before, err := json.Marshal(v)
	if err != nil {
		return err
	}
	change(&v)
	after, err := json.Marshal(v)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return write(path, after)
}
