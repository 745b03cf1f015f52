package disk_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"hookctl/logs/disk"
)

func TestEachCallFailsByItsFaultAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	d := &disk.FS{}
	a := filepath.Join(dir, "a")
	f, err := d.Create(a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for op, call := range map[disk.Op]func() error{
		disk.OpCreate: func() error { _, err := d.Create(filepath.Join(dir, "b")); return err },
		disk.OpWrite:  func() error { return d.WriteAt(f, []byte("abcd"), 0) },
		disk.OpSync:   func() error { return errors.Join(d.Sync(f), d.SyncDir(dir)) },
		disk.OpLink:   func() error { return d.Link(a, filepath.Join(dir, "b")) },
		disk.OpRename: func() error { return d.Rename(a, filepath.Join(dir, "b")) },
	} {
		d.Fault = func(o disk.Op, _ string) error {
			if o == op {
				return syscall.ENOSPC
			}
			return nil
		}
		if err := call(); !disk.IsFull(err) {
			t.Errorf("%s: %v", op, err)
		}
	}
	d.Fault = func(disk.Op, string) error { return disk.ErrShort }
	if err := d.WriteAt(f, []byte("abcd"), 0); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: %v", err)
	}
	names, _ := os.ReadDir(dir)
	if b, _ := os.ReadFile(a); len(names) != 1 || string(b) != "ab" {
		t.Errorf("%d files, and the first holds %q", len(names), b)
	}
}

func TestTheNamesOfNewDirectoriesAreSynced(t *testing.T) {
	root := t.TempDir()
	var synced []string
	d := &disk.FS{Trace: func(e disk.Event) func() {
		synced = append(synced, string(e.Op)+" "+e.Path)
		return func() {}
	}}
	if err := d.MakeDirs(filepath.Join(root, "a", "b")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"sync " + root, "sync " + filepath.Join(root, "a")}; !slices.Equal(synced, want) {
		t.Errorf("done: %q", synced)
	}
}
