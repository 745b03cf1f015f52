package logs

import (
	"os"
	"path/filepath"
)

// openRegular opens a file for reading.
func openRegular(path string) (*os.File, error) { return os.Open(filepath.Clean(path)) }
