//go:build !windows

package logs

import (
	"os"
	"path/filepath"
	"syscall"
)

// openRegular opens a file for reading. It follows no link, and does not wait
// when the file turns out to be a pipe.
func openRegular(path string) (*os.File, error) {
	return os.OpenFile(filepath.Clean(path), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
