// Package disk is the seam between the writer of the log and the file system: every call whose failure decides about an
// acknowledgement, and every change that a crash may find half done, goes through it. So tests can let each of these calls
// fail, and cut the power after each.
package disk

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FS is the file system. The zero value is ready. Fault and Trace are set by tests: the first makes calls
// fail that seldom fail, the second sees what was done.
type FS struct {
	Fault func(op Op, path string) error
	Trace func(Event) (done func())
}

// Event is a change, or a sync, that begins; it has ended when done is called.
type Event struct {
	Op       Op
	Path, To string // To is the new name, of a link or rename
	Data     []byte
	Off      int64
}

func (d *FS) note(e Event) (done func()) {
	if d.Trace == nil {
		return func() {}
	}
	return d.Trace(e)
}

// Op is a kind of call.
type Op string

// The kinds of calls.
const (
	OpCreate Op = "create"
	OpWrite  Op = "write"
	OpSync   Op = "sync"
	OpLink   Op = "link"
	OpRename Op = "rename"
	OpRemove Op = "remove" // never fails by fault
)

// ErrShort as a fault makes a write end half way.
var ErrShort = errors.New("short write")

// do makes a call, unless a fault takes its place.
func (d *FS) do(e Event, call func() error) error {
	if d.Fault != nil {
		path := cmp.Or(e.To, e.Path)
		if err := d.Fault(e.Op, path); err != nil {
			return &os.PathError{Op: string(e.Op), Path: path, Err: err}
		}
	}
	defer d.note(e)()
	return call()
}

// Create makes a file that must not exist yet.
func (d *FS) Create(path string) (f *os.File, err error) {
	err = d.do(Event{Op: OpCreate, Path: path}, func() (err error) {
		f, err = os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	return f, err
}

// WriteAt writes bytes whose loss would matter.
func (d *FS) WriteAt(f *os.File, p []byte, off int64) error {
	write := func() error { _, err := f.WriteAt(p, off); return err }
	err := d.do(Event{Op: OpWrite, Path: f.Name(), Data: p, Off: off}, write)
	if errors.Is(err, ErrShort) {
		p = p[:len(p)/2]
		return errors.Join(io.ErrShortWrite, write())
	}
	return err
}

// Overwrite is WriteAt for what decides about nothing, and never fails by fault.
func (d *FS) Overwrite(f *os.File, p []byte, off int64) error {
	return (&FS{Trace: d.Trace}).WriteAt(f, p, off)
}

// Remove takes a name away.
func (d *FS) Remove(path string) error {
	defer d.note(Event{Op: OpRemove, Path: path})()
	return os.Remove(path)
}

// Sync makes the file's data durable, and of its metadata what is needed to
// read it back.
func (d *FS) Sync(f *os.File) error {
	return d.do(Event{Op: OpSync, Path: f.Name()}, func() error { return datasync(f) })
}

// SyncDir makes the names in a directory durable.
func (d *FS) SyncDir(dir string) error {
	return d.do(Event{Op: OpSync, Path: dir}, func() error { return syncDirectory(dir) })
}

// MakeDirs makes a directory and what leads to it, and their names durable: of what is a file good that was synced, when the
// way to it is lost?
func (d *FS) MakeDirs(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := d.MakeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.SyncDir(parent); !errors.Is(err, fs.ErrPermission) { // what may not be read cannot be synced
		return err
	}
	return nil
}

// Link gives a file a second name, and fails with fs.ErrExist where that name
// is taken.
func (d *FS) Link(from, to string) error {
	return d.do(Event{Op: OpLink, Path: from, To: to}, func() error { return os.Link(from, to) })
}

// Rename replaces what has the new name.
func (d *FS) Rename(from, to string) error {
	return d.do(Event{Op: OpRename, Path: from, To: to}, func() error { return os.Rename(from, to) })
}

// Replace makes a durable file in the place of what has its name, if anything, and opens it. Until it is whole it has the name
// temp, in the same directory.
func (d *FS) Replace(path, temp string, fill func(*os.File) error) (*os.File, os.FileInfo, error) {
	if err := d.MakeDirs(filepath.Dir(path)); err != nil {
		return nil, nil, err
	}
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	f, err := d.Create(temp)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(fill(f), d.Sync(f), f.Close()); err != nil {
		return nil, nil, errors.Join(err, d.Remove(temp))
	}
	if err := errors.Join(d.Rename(temp, path), d.SyncDir(filepath.Dir(path))); err != nil {
		return nil, nil, err
	}
	if f, err = os.OpenFile(filepath.Clean(path), os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// IsFull says whether an error is the disk's or the quota's end.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || isOverLimit(err)
}
