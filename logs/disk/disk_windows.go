package disk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// syncDirectory does nothing: NTFS journals names itself.
func syncDirectory(string) error { return nil }

// isOverLimit is Windows' own way to say that the disk is full.
func isOverLimit(err error) bool {
	return errors.Is(err, syscall.Errno(windows.ERROR_DISK_FULL)) || errors.Is(err, syscall.Errno(windows.ERROR_HANDLE_DISK_FULL))
}

// Open opens a file for reading.
func Open(path string) (*os.File, error) { return os.Open(filepath.Clean(path)) }
