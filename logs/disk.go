package logs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// disk is the seam between the writer and the file system: every call whose
// failure decides about an acknowledgement, and every change that a crash may
// find half done, goes through it. fault and trace are nil but in tests: the
// one makes calls fail that seldom fail, the other sees what was done.
type disk struct {
	fault func(op diskOp, path string) error
	trace func(diskEvent) (done func())
}

// diskEvent is a change, or a sync, that begins; it has ended when done is called.
type diskEvent struct {
	op       diskOp
	path, to string // to is the new name, of a link or rename
	data     []byte
	off      int64
}

func (d *disk) note(e diskEvent) (done func()) {
	if d.trace == nil {
		return func() {}
	}
	return d.trace(e)
}

type diskOp string

const (
	opCreate diskOp = "create"
	opWrite  diskOp = "write"
	opSync   diskOp = "sync"
	opLink   diskOp = "link"
	opRename diskOp = "rename"
	opRemove diskOp = "remove" // never fails by fault
)

// errShort as a fault makes a write end half way.
var errShort = errors.New("short write")

func (d *disk) check(op diskOp, path string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, path)
}

// create makes a file that must not exist yet.
func (d *disk) create(path string) (*os.File, error) {
	if err := d.check(opCreate, path); err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	defer d.note(diskEvent{op: opCreate, path: path})()
	return os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *disk) writeAt(f *os.File, p []byte, off int64) error {
	if err := d.check(opWrite, f.Name()); err != nil {
		if errors.Is(err, errShort) {
			_, err = f.WriteAt(p[:len(p)/2], off)
			return errors.Join(io.ErrShortWrite, err)
		}
		return &os.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	return d.overwrite(f, p, off)
}

// overwrite is writeAt for what decides about nothing, and never fails by fault.
func (d *disk) overwrite(f *os.File, p []byte, off int64) error {
	defer d.note(diskEvent{op: opWrite, path: f.Name(), data: p, off: off})()
	_, err := f.WriteAt(p, off)
	return err
}

// remove takes a name away.
func (d *disk) remove(path string) error {
	defer d.note(diskEvent{op: opRemove, path: path})()
	return os.Remove(path)
}

// sync makes the file's data durable, and of its metadata what is needed to
// read it back.
func (d *disk) sync(f *os.File) error {
	if err := d.check(opSync, f.Name()); err != nil {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	defer d.note(diskEvent{op: opSync, path: f.Name()})()
	return datasync(f)
}

// syncDir makes the names in a directory durable.
func (d *disk) syncDir(dir string) error {
	if err := d.check(opSync, dir); err != nil {
		return &os.PathError{Op: "sync", Path: dir, Err: err}
	}
	defer d.note(diskEvent{op: opSync, path: dir})()
	return syncDirectory(dir)
}

// makeDirs makes a directory and what leads to it, and their names durable: of what is a file good that was synced, when the
// way to it is lost?
func (d *disk) makeDirs(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := d.makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.syncDir(parent); !errors.Is(err, fs.ErrPermission) { // what may not be read cannot be synced
		return err
	}
	return nil
}

// link gives a file a second name, and fails with fs.ErrExist where that name
// is taken.
func (d *disk) link(from, to string) error {
	if err := d.check(opLink, to); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	defer d.note(diskEvent{op: opLink, path: from, to: to})()
	return os.Link(from, to)
}

func (d *disk) rename(from, to string) error {
	if err := d.check(opRename, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	defer d.note(diskEvent{op: opRename, path: from, to: to})()
	return os.Rename(from, to)
}

// isFull says whether an error is the disk's or the quota's end.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || isOverLimit(err)
}
