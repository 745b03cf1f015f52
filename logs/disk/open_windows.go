package disk

import (
	"os"
	"path/filepath"
)

// Open opens a file for reading.
func Open(path string) (*os.File, error) { return os.Open(filepath.Clean(path)) }
