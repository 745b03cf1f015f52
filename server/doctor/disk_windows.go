package doctor

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// space is what this user can still write at dir, and the size of the volume.
func space(dir string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("name of %s: %w", dir, err)
	}
	err = windows.GetDiskFreeSpaceEx(name, &free, &total, nil)
	return free, total, err
}

// writable is not known without writing; the receiver says so when it cannot.
func writable(string) error { return nil }

// ownerOf is not known.
func ownerOf(string) string { return "" }
