package logs

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hookctl/logs/disk"
)

const (
	newPrefix = "new-" // of a segment that is being made
	badSuffix = ".bad" // of one in which damage was found
)

var errDamaged = errors.New("a frame of the spool is damaged")

// segment is one file of the spool.
type segment struct {
	f     *os.File
	path  string
	info  os.FileInfo // to notice that the file was taken away
	size  int64
	used  int64
	order uint64
	salt  uint64
	live  int  // frames that are not yet safe in a record file
	bad   bool // damage was found in it: it is kept for a person to look at
	spent bool // takes no more frames
	once  bool // not to be used again: oversized, or a write to it failed
	// cleared says that it held nothing that matters when it was found.
	cleared bool
}

// newSegment makes a segment file of zeros. Zeros and not merely reserved
// blocks: turning a reserved block into a written one costs a commit of the
// file system's journal at the first sync, half as much again as the write.
// It gets its name when it is whole, so that a short one is known to be
// damaged.
func (s *spool) newSegment(size int64) (*segment, error) {
	s.mu.Lock()
	name := fmt.Sprintf("%08d.seg", s.number)
	s.number++
	s.mu.Unlock()
	seg := &segment{path: filepath.Join(s.dir, name), size: size, once: size > s.segmentSize}
	temp := filepath.Join(s.dir, newPrefix+name)
	f, err := s.disk.Create(temp)
	if errors.Is(err, os.ErrNotExist) {
		// The log directory was removed while we run.
		if err = s.disk.MakeDirs(s.dir); err == nil {
			f, err = s.disk.Create(temp)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make a spool segment: %w", err)
	}
	seg.f = f
	if seg.once {
		err = f.Truncate(size)
	} else {
		err = seg.fill(s.disk)
	}
	if err == nil {
		seg.info, err = f.Stat()
	}
	if err = errors.Join(err, s.disk.Sync(f), f.Close()); err == nil {
		err = errors.Join(s.disk.Rename(temp, seg.path), s.disk.SyncDir(s.dir))
	}
	if err == nil {
		seg.f, err = os.OpenFile(filepath.Clean(seg.path), os.O_RDWR, 0)
	}
	if err != nil {
		_ = s.disk.Remove(temp)
		_ = s.disk.Remove(seg.path)
		return nil, fmt.Errorf("make a spool segment: %w", err)
	}
	return seg, nil
}

// fill writes zeros, in pieces so that a receiver that idles need not have room for a whole segment.
func (seg *segment) fill(d *disk.FS) error {
	zeros := make([]byte, min(seg.size, 256<<10))
	for off := int64(0); off < seg.size; off += int64(len(zeros)) {
		zeros = zeros[:min(int64(len(zeros)), seg.size-off)]
		if err := d.WriteAt(seg.f, zeros, off); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a use of the segment. The header becomes durable together
// with the first frame, and before that nobody counts on it.
func (seg *segment) begin(d *disk.FS, order uint64) error {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	seg.order, seg.salt = order, binary.LittleEndian.Uint64(salt[:])
	seg.used, seg.live, seg.spent = segmentHeader, 0, false
	return d.WriteAt(seg.f, putSegmentHeader(seg.order, seg.salt, seg.size), 0)
}

// clear marks the segment as holding nothing that matters.
func (seg *segment) clear(d *disk.FS) error {
	err := d.Overwrite(seg.f, putSegmentHeader(0, 0, seg.size), 0)
	seg.used = segmentHeader
	return err
}

// drop removes the segment.
func (seg *segment) drop(d *disk.FS) {
	_ = seg.f.Close()
	_ = d.Remove(seg.path)
}

// keep puts a segment in which damage was found aside, for a person to look at.
func (seg *segment) keep() {
	_ = seg.f.Close()
	_ = os.Rename(seg.path, seg.path+badSuffix)
}

// present says whether the segment's path still leads to it. What is written
// to a file without a name is gone with the process.
func (seg *segment) present() bool {
	info, err := os.Stat(seg.path)
	return err == nil && os.SameFile(info, seg.info)
}

// place is where the frame stands, while it is held.
func (r ref) place() place { return place{r.seg.order, r.off} }

// read returns the data of a frame from the file. It needs no lock; of a frame that was released it gives an error once its
// segment is used again.
func (r ref) read() ([]byte, error) {
	b := make([]byte, r.size)
	if _, err := r.seg.f.ReadAt(b, r.off); err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	// The frame is all there is in this view.
	body, _, headOK, bodyOK := frameAt(b, 0, r.salt)
	_, _, data, ok := openBody(body)
	if !headOK || !bodyOK || !ok {
		return nil, fmt.Errorf("%w: at %d of %s", errDamaged, r.off, filepath.Base(r.seg.path))
	}
	return data, nil
}
