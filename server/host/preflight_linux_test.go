package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hookctl/hooks"
)

// On a full disk the receiver starts and answers 507; only a directory that cannot be created keeps it from starting.
func TestLogDirectoryOnAFullDiskIsFine(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,nr_inodes=8,mode=0700"); err != nil {
		t.Skipf("a file system of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(disk, "logs")
	if err := checkLogDir(dir); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ { // until the disk has no place for another file
		file, err := os.Create(filepath.Join(disk, fmt.Sprint(i)))
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkLogDir(dir); err != nil {
		t.Errorf("a full disk: %v", err)
	}
	if err := checkLogDir(filepath.Join(disk, "fresh")); err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(hooks.CureOf(err), "free space") {
		t.Errorf("a fresh directory on a full disk: %v, %q", err, hooks.CureOf(err))
	}
}
