//go:build !linux

package logs

import "os"

// datasync is a full sync where the system has nothing finer.
func datasync(f *os.File) error { return f.Sync() }

// startWriteback does nothing where the system cannot.
func startWriteback(*os.File) {}
