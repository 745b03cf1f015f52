//go:build !linux

package disk

import "os"

// datasync is a full sync where the system has nothing finer.
func datasync(f *os.File) error { return f.Sync() }

// StartWriteback does nothing where the system cannot.
func StartWriteback(*os.File) {}
