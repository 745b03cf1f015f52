//go:build !windows

package disk

import (
	"os"
	"path/filepath"
	"syscall"
)

// Open opens a file for reading. It follows no link, and does not wait
// when the file turns out to be a pipe.
func Open(path string) (*os.File, error) {
	return os.OpenFile(filepath.Clean(path), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
