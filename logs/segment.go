package logs

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

var errDamaged = errors.New("a frame of the spool is damaged")

// segment is one file of the spool.
type segment struct {
	f     *os.File
	info  os.FileInfo // to notice that the file was taken away
	size  int64
	used  int64
	order uint64
	salt  uint64
	live  int  // frames that are not yet safe in a record file
	spent bool // takes no more frames
	once  bool // not to be used again: oversized, or a write to it failed
}

// newSegment makes a segment file of zeros. Zeros and not merely reserved
// blocks: turning a reserved block into a written one costs a commit of the
// file system's journal at the first sync, half as much again as the write.
func (s *spool) newSegment(size int64) (*segment, error) {
	s.mu.Lock()
	path := filepath.Join(s.dir, fmt.Sprintf("%08d.seg", s.number))
	s.number++
	s.mu.Unlock()
	f, err := s.disk.create(path)
	if errors.Is(err, os.ErrNotExist) {
		// The log directory was removed while we run.
		if err = s.disk.makeDirs(s.dir); err == nil {
			f, err = s.disk.create(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make a spool segment: %w", err)
	}
	seg := &segment{f: f, size: size, once: size > s.segmentSize}
	if !seg.once {
		err = seg.fill(s.disk)
	}
	if err == nil {
		seg.info, err = f.Stat()
	}
	err = errors.Join(err, s.disk.sync(f), s.disk.syncDir(s.dir))
	if err != nil {
		seg.drop()
		return nil, fmt.Errorf("make a spool segment: %w", err)
	}
	return seg, nil
}

// fill writes zeros, in pieces so that a receiver that idles need not have room for a whole segment.
func (seg *segment) fill(d *disk) error {
	zeros := make([]byte, min(seg.size, 256<<10))
	for off := int64(0); off < seg.size; off += int64(len(zeros)) {
		zeros = zeros[:min(int64(len(zeros)), seg.size-off)]
		if err := d.writeAt(seg.f, zeros, off); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a use of the segment. The header becomes durable together
// with the first frame, and before that nobody counts on it.
func (seg *segment) begin(d *disk, order uint64) error {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	seg.order, seg.salt = order, binary.LittleEndian.Uint64(salt[:])
	seg.used, seg.live, seg.spent = segmentHeader, 0, false
	return d.writeAt(seg.f, putSegmentHeader(seg.order, seg.salt), 0)
}

// clear marks the segment as holding nothing that matters.
func (seg *segment) clear() error {
	_, err := seg.f.WriteAt(putSegmentHeader(0, 0), 0)
	seg.used = segmentHeader
	return err
}

// drop removes the segment.
func (seg *segment) drop() {
	_ = seg.f.Close()
	_ = os.Remove(seg.f.Name())
}

// present says whether the segment's path still leads to it. What is written
// to a file without a name is gone with the process.
func (seg *segment) present() bool {
	info, err := os.Stat(seg.f.Name())
	return err == nil && os.SameFile(info, seg.info)
}

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
		return nil, fmt.Errorf("%w: at %d of %s", errDamaged, r.off, filepath.Base(r.seg.f.Name()))
	}
	return data, nil
}
