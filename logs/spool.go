package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// spool is the journal in front of the record files. Concurrent appends are
// written together and share one sync; each is told once its frame is
// durable. A frame stays until its record file is durable too, then its
// segment is used again.
//
// After a sync that failed the kernel may call pages clean that never reached
// the disk, so such a segment takes no more frames and the whole batch is
// written again to another file. Only if that fails too is anyone refused.
type spool struct {
	disk        *disk
	dir         string
	log         *slog.Logger
	limit       int64 // of bytes that are not safe elsewhere
	segmentSize int64
	// durable is called, in order, with the commits of a batch that is
	// durable, before those who wait are told.
	durable func([]*commit)

	mu     sync.Mutex
	queue  []*commit
	bytes  int64 // queued or live
	frames int   // likewise
	active *segment
	free   []*segment
	order  uint64
	number int       // of the next segment file
	last   time.Time // of a commit
	closed bool
	wake   chan struct{}
	done   chan struct{}
	spare  chan struct{} // asks for a segment to be made ahead
	spared chan struct{}

	syncTime time.Duration // of the last batches; the committer's alone
	expected int           // how many clients there seem to be
}

// commit is one frame on its way to the disk.
type commit struct {
	frame []byte
	item  *item  // of a record
	file  string // of an outcome: whose notifications
	notes []Notification
	seg   *segment
	off   int64
	done  chan error
}

// ref holds a frame in the spool until release.
type ref struct {
	seg  *segment
	off  int64
	size int
}

const (
	defaultSegment = 8 << 20
	minFree        = 2       // segments made ahead
	maxFree        = 6       // segments kept for later
	maxBatch       = 4 << 20 // bytes that share a sync
	maxGather      = 2 * time.Millisecond
	rushOver       = 20 * time.Millisecond
)

// openSpool takes up the spool in a directory. replay is called with every
// whole frame that is there, oldest first; where it returns true the frame
// stays until it is released.
func openSpool(s *spool, replay func(frame, ref) bool) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	s.wake, s.done = make(chan struct{}, 1), make(chan struct{})
	s.spare, s.spared = make(chan struct{}, 1), make(chan struct{})
	items, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list the spool: %w", err)
	}
	var found []*segment
	for _, item := range items {
		var n int
		if _, err := fmt.Sscanf(item.Name(), "%08d.seg", &n); err != nil || !strings.HasSuffix(item.Name(), ".seg") {
			continue
		}
		s.number = max(s.number, n+1)
		seg, err := s.loadSegment(filepath.Join(s.dir, item.Name()))
		if err != nil {
			// It must not keep the receiver from starting. It is kept for a person to look at.
			s.log.Error("a spool segment cannot be read; it is put aside", "segment", item.Name(), "error", err)
			_ = os.Rename(filepath.Join(s.dir, item.Name()), filepath.Join(s.dir, item.Name()+".bad"))
			continue
		}
		found = append(found, seg)
	}
	slices.SortFunc(found, func(a, b *segment) int { return cmp.Compare(a.order, b.order) })
	for _, seg := range found {
		s.order = max(s.order, seg.order)
		s.replaySegment(seg, replay)
		if seg.live == 0 {
			s.recycle(seg)
		}
	}
	go s.run()
	go s.provide()
	s.wantSpare()
	return nil
}

// loadSegment opens a segment and reads its header; nil when it is of no use.
func (s *spool) loadSegment(path string) (*segment, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), errSyntax)
	}
	seg := &segment{f: f, info: info, size: info.Size(), spent: true, once: info.Size() != s.segmentSize}
	head := make([]byte, segmentHeader)
	if _, err := f.ReadAt(head, 0); err != nil && info.Size() >= segmentHeader {
		return nil, errors.Join(err, f.Close())
	}
	seg.order, seg.salt, _ = readSegmentHeader(head)
	return seg, nil
}

func (s *spool) replaySegment(seg *segment, replay func(frame, ref) bool) {
	data := make([]byte, seg.size)
	if n, err := seg.f.ReadAt(data, 0); int64(n) < seg.size {
		s.log.Error("a spool segment cannot be read to its end", "segment", seg.f.Name(), "error", err)
		data = data[:n]
	}
	order, salt, ok := readSegmentHeader(data)
	if ok && order == 0 {
		return // cleared
	}
	if !ok {
		if salt, ok = findSalt(data); !ok {
			return // zeros, or never more than a torn beginning
		}
		s.log.Error("the header of a spool segment is damaged; its frames are read", "segment", seg.f.Name())
		seg.salt = salt
	}
	frames, damaged := scanFrames(data, salt)
	for _, off := range damaged {
		s.log.Error("a frame of the spool is damaged and lost", "segment", seg.f.Name(), "offset", off)
	}
	for _, f := range frames {
		if replay(f, ref{seg: seg, off: f.off, size: f.size}) {
			seg.live++
			s.bytes += int64(f.size)
			s.frames++
		}
	}
}

// commit makes a frame durable. When ctx ends first its outcome is unknown to
// the caller, and the frame still goes its way.
func (s *spool) commit(ctx context.Context, c *commit) error {
	c.done = make(chan error, 1)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	// One frame always fits, or a large one never would.
	if s.bytes > 0 && s.bytes+int64(len(c.frame)) > s.limit {
		s.mu.Unlock()
		return ErrBusy
	}
	s.last = time.Now()
	s.bytes += int64(len(c.frame))
	s.frames++
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	s.nudge()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *spool) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the one goroutine that writes.
func (s *spool) run() {
	defer close(s.done)
	for range s.wake {
		for {
			s.gather()
			s.mu.Lock()
			batch, rest, closed := s.takeBatch()
			s.mu.Unlock()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			start := time.Now()
			s.commitBatch(batch)
			s.syncTime = (3*s.syncTime + time.Since(start)) / 4
			s.mu.Lock()
			s.expected = len(batch) + len(s.queue)
			s.mu.Unlock()
			if !rest && !closed {
				break
			}
		}
		s.cut()
	}
}

// gather waits a little for those who were just acknowledged to come again,
// since a sync costs the same for one as for all. Otherwise two halves of the
// clients would take turns. The wait is bounded by half of what a sync takes.
func (s *spool) gather() {
	patience := min(s.syncTime/2, maxGather)
	if s.expected < 2 || patience <= 0 {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		enough := s.closed || len(s.queue) >= s.expected
		s.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-s.wake:
		case <-timer.C:
			return
		}
	}
}

// takeBatch takes what shares the next sync. The caller holds mu.
func (s *spool) takeBatch() (batch []*commit, rest, closed bool) {
	n, size := 0, 0
	for n < len(s.queue) && (n == 0 || size+len(s.queue[n].frame) <= maxBatch) {
		size += len(s.queue[n].frame)
		n++
	}
	batch = slices.Clone(s.queue[:n])
	s.queue = append(s.queue[:0], s.queue[n:]...)
	return batch, len(s.queue) > 0, s.closed
}

func (s *spool) commitBatch(batch []*commit) {
	n, err := s.write(batch)
	if err != nil {
		s.log.Warn("a write to the spool failed; it is repeated in a new segment", "error", err)
		s.retire(batch[n:])
		var more int
		if more, err = s.write(batch[n:]); err != nil {
			s.retire(batch[n+more:])
		}
		n += more
	}
	if n > 0 {
		s.durable(batch[:n])
	}
	for _, c := range batch[:n] {
		c.done <- nil
	}
	if err == nil {
		return
	}
	if isFull(err) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	s.mu.Lock()
	for _, c := range batch[n:] {
		s.bytes -= int64(len(c.frame))
		s.frames--
	}
	s.mu.Unlock()
	for _, c := range batch[n:] {
		c.done <- err
	}
}

// write puts a batch into segments and syncs each that it touched. It
// returns how many commits are durable, which on an error may not be all.
func (s *spool) write(batch []*commit) (durable int, err error) {
	for durable < len(batch) {
		rest := batch[durable:]
		seg, err := s.room(int64(len(rest[0].frame)))
		if err != nil {
			return durable, err
		}
		n, end := 0, seg.used
		var buf []byte
		for n < len(rest) && end+int64(len(rest[n].frame)) <= seg.size {
			c := rest[n]
			sealFrame(c.frame, seg.salt)
			c.seg, c.off = seg, end
			end += int64(len(c.frame))
			n++
		}
		if buf = rest[0].frame; n > 1 {
			buf = make([]byte, 0, end-seg.used)
			for _, c := range rest[:n] {
				buf = append(buf, c.frame...)
			}
		}
		if err := s.disk.writeAt(seg.f, buf, seg.used); err != nil {
			return durable, fmt.Errorf("write the spool: %w", err)
		}
		if err := s.disk.sync(seg.f); err != nil {
			return durable, fmt.Errorf("sync the spool: %w", err)
		}
		if !seg.present() {
			return durable, fmt.Errorf("sync the spool: %s was removed", seg.f.Name())
		}
		s.mu.Lock()
		seg.used = end
		seg.live += n
		s.mu.Unlock()
		durable += n
	}
	return durable, nil
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
	s.wantSpare()
	if seg == nil {
		var err error
		if seg, err = s.newSegment(max(s.segmentSize, segmentHeader+size)); err != nil {
			return nil, err
		}
	}
	if err := seg.begin(s.disk, order); err != nil {
		seg.drop()
		return nil, fmt.Errorf("begin a spool segment: %w", err)
	}
	s.mu.Lock()
	s.active = seg
	s.mu.Unlock()
	return seg, nil
}

// wantSpare asks for a segment in reserve.
func (s *spool) wantSpare() {
	select {
	case s.spare <- struct{}{}:
	default:
	}
}

// provide makes segments before they are needed, since filling one with
// zeros takes far longer than a commit.
func (s *spool) provide() {
	defer close(s.spared)
	for range s.spare {
		for s.wantsMore() {
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

func (s *spool) wantsMore() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && len(s.free) < minFree
}

// retire gives up the active segment after a failure. The frames that were
// refused or moved are wiped as far as that works, so that a replay does not
// find them; it knows doubles by name and delivery anyway.
func (s *spool) retire(batch []*commit) {
	for _, c := range batch {
		if c.seg != nil && c.off >= c.seg.used {
			_, _ = c.seg.f.WriteAt(make([]byte, frameHeader), c.off)
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
	if err := seg.clear(); err != nil || seg.once || len(s.free) >= maxFree {
		seg.drop()
		return
	}
	seg.spent = false
	// The one used last is used next: its blocks are warm.
	s.free = append([]*segment{seg}, s.free...)
}

// idleFor is how long nothing was committed.
func (s *spool) idleFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		return 0
	}
	return time.Since(s.last)
}

// rush says whether deliveries wait for the disk one after the other, so
// that work which can wait should; not when the spool has filled up with such work.
func (s *spool) rush() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.last) < rushOver && s.bytes < s.limit/4
}

// load is how much is in the spool and not safe elsewhere.
func (s *spool) load() (bytes int64, frames int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.frames
}

// stop refuses new frames and waits until those that were taken are durable.
func (s *spool) stop() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.mu.Unlock()
	s.nudge()
	<-s.done
	close(s.spare)
	<-s.spared
}

// close clears what is safe elsewhere and closes the files. Call stop before.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	segs := s.free
	if s.active != nil {
		if s.active.live == 0 {
			errs = append(errs, s.active.clear())
		}
		segs = append(segs, s.active)
	}
	for _, seg := range segs {
		if err := seg.f.Close(); err != nil && !strings.Contains(err.Error(), "already closed") {
			errs = append(errs, err)
		}
	}
	s.active, s.free = nil, nil
	if s.frames > 0 {
		errs = append(errs, fmt.Errorf("%d records stay in the spool until the next start", s.frames))
	}
	return errors.Join(errs...)
}
