package logs

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
	var err error
	seg.f, seg.info, err = s.disk.Replace(seg.path, temp, func(f *os.File) error {
		if seg.once {
			return f.Truncate(size)
		}
		return fillZeros(s.disk, f, size)
	})
	if err != nil {
		_ = s.disk.Remove(temp)
		_ = s.disk.Remove(seg.path)
		return nil, fmt.Errorf("make a spool segment: %w", err)
	}
	return seg, nil
}

// fillZeros writes in pieces, so that a receiver that idles need not have room for a whole segment.
func fillZeros(d *disk.FS, f *os.File, size int64) error {
	zeros := make([]byte, min(size, 256<<10))
	for off := int64(0); off < size; off += int64(len(zeros)) {
		zeros = zeros[:min(int64(len(zeros)), size-off)]
		if err := d.WriteAt(f, zeros, off); err != nil {
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
func (seg *segment) present() bool { return isFile(seg.path, seg.info) }

// isFile says whether a path leads to a file that was looked at before.
func isFile(path string, was os.FileInfo) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, was)
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

// room returns the segment that takes a frame of that size next.
func (s *spool) room(size int64) (*segment, error) {
	s.mu.Lock()
	if s.active != nil && s.active.used+size <= s.active.size {
		defer s.mu.Unlock()
		return s.active, nil
	}
	if s.active != nil {
		s.active.spent = true
		if s.active.live == 0 {
			s.recycleLocked(s.active)
		}
		s.active = nil
	}
	var seg *segment
	for seg == nil && len(s.free) > 0 && segmentHeader+size <= s.segmentSize {
		seg = s.free[0]
		s.free = s.free[1:]
		if !seg.present() {
			_ = seg.f.Close()
			seg = nil
		}
	}
	s.order++
	order := s.order
	s.mu.Unlock()
	poke(s.spare)
	if seg == nil {
		var err error
		if seg, err = s.newSegment(max(s.segmentSize, segmentHeader+size)); err != nil {
			return nil, err
		}
	}
	if err := seg.begin(s.disk, order); err != nil {
		seg.drop(s.disk)
		return nil, fmt.Errorf("begin a spool segment: %w", err)
	}
	s.mu.Lock()
	s.active, s.used[seg] = seg, true
	s.mu.Unlock()
	return seg, nil
}

// provide makes segments before they are needed, since filling one with
// zeros takes far longer than a commit: one at once, and some more when the
// spool has been open for a while, so that a flood finds them ready. During the
// flood only the next one is made, since the zeros stand in the way of the
// frames. Segments are kept over restarts.
func (s *spool) provide() {
	defer close(s.spared)
	ahead := minFree
	warm := time.After(warmAfter)
	refill := time.NewTimer(time.Hour)
	defer refill.Stop()
	for {
		select {
		case _, open := <-s.spare:
			if !open {
				return
			}
		case <-warm:
			ahead = warmFree
		case <-refill.C:
		}
		for {
			now, later := s.wantsMore(ahead)
			if later {
				refill.Reset(refillAfter)
			}
			if !now {
				break
			}
			seg, err := s.newSegment(s.segmentSize)
			if err != nil {
				s.log.Debug("no spool segment can be made ahead", "error", err)
				break
			}
			s.mu.Lock()
			s.free = append(s.free, seg)
			s.mu.Unlock()
		}
	}
}

// wantsMore says whether a segment is to be made now, or after the rush.
func (s *spool) wantsMore(ahead int) (now, later bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || len(s.free) >= ahead:
		return false, false
	case len(s.free) >= minFree && s.idleForLocked() < rushOver:
		return false, true
	}
	return true, false
}

// retire leaves the active segment after a failure. The frames that were
// refused or moved are wiped as far as that works, so that a replay does not
// find them; it knows doubles by name and delivery anyway.
func (s *spool) retire(batch []*commit) {
	for _, c := range batch {
		if c.seg != nil && c.off >= c.seg.used {
			_ = s.disk.Overwrite(c.seg.f, make([]byte, frameHeader), c.off)
			c.seg = nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := s.active
	if seg == nil {
		return
	}
	s.active = nil
	seg.spent, seg.once = true, true
	if seg.live == 0 {
		s.recycleLocked(seg)
	}
}

// release says that frames are safe elsewhere.
func (s *spool) release(refs []ref) {
	s.mu.Lock()
	for _, r := range refs {
		s.bytes -= int64(r.size)
		s.frames--
		r.seg.live--
		if r.seg.live == 0 && r.seg.spent {
			s.recycleLocked(r.seg)
		}
	}
	idle := s.active != nil && s.active.live == 0 && len(s.queue) == 0
	closed := s.closed
	s.mu.Unlock()
	if idle && !closed {
		s.nudge()
	}
}

// cut empties the active segment when all of it is safe elsewhere, so that a
// crash while idle has nothing to replay.
func (s *spool) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := s.active
	if seg == nil || seg.live > 0 || seg.used == segmentHeader || len(s.queue) > 0 || s.closed {
		return
	}
	s.active = nil
	s.recycleLocked(seg)
}

func (s *spool) recycle(seg *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recycleLocked(seg)
}

func (s *spool) recycleLocked(seg *segment) {
	delete(s.used, seg)
	if seg.bad {
		seg.keep()
		return
	}
	if err := seg.clear(s.disk); err != nil || seg.once || len(s.free) >= maxFree {
		seg.drop(s.disk)
		return
	}
	seg.spent = false
	// The one used last is used next: its blocks are warm.
	s.free = append([]*segment{seg}, s.free...)
}
