package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hookctl/logs/disk"
)

// spool is the journal in front of the record files. Concurrent appends are
// written together and share one sync; each is answered once its frame is
// durable. A frame stays until its record file is durable too, then its
// segment is used again.
//
// After a sync that failed the kernel may call pages clean that never reached
// the disk, so such a segment takes no more frames and the whole batch is
// written again to another file. Only if that fails too is anyone refused.
type spool struct {
	disk        *disk.FS
	dir         string
	log         *slog.Logger
	limit       int64 // of bytes that are not safe elsewhere
	segmentSize int64
	// durable is called, in order, with the commits of a batch that is
	// durable, before those who wait are answered.
	durable func([]*commit)
	// refused is called with each commit that failed, also where nobody waits for it any more.
	refused func(*commit)

	mu     sync.Mutex
	queue  []*commit
	bytes  int64 // queued or live
	frames int   // likewise
	active *segment
	free   []*segment
	used   map[*segment]bool // holding frames, or taking them
	order  uint64
	number int       // of the next segment file
	last   time.Time // of a commit, when it came or was answered
	busy   bool      // a batch is being written
	damage []string  // what could not be read back
	fresh  bool      // it had no segments when it was opened
	closed bool
	wake   chan struct{}
	done   chan struct{}
	spare  chan struct{} // asks for a segment to be made ahead
	spared chan struct{}

	expected int // how many clients there seem to be
	lately   int // the most that there were of late

	// What follows is the committer's alone.
	syncTime time.Duration // of the last batches
	together []byte        // the frames of a batch; used again and again
}

// commit is one frame on its way to the disk.
type commit struct {
	frame []byte
	item  *item  // of a record
	file  string // whose outcome it is
	outcome
	seg  *segment
	off  int64
	done chan error
}

func spoolDir(logDir string) string { return filepath.Join(logDir, hiddenDir, "spool") }

// ref holds a frame in the spool until release.
type ref struct {
	seg  *segment
	salt uint64 // of the segment in this use
	off  int64
	size int
}

const (
	defaultSegment = 4 << 20
	minFree        = 1       // segments made ahead
	warmFree       = maxFree // the same, after a while
	warmAfter      = 3 * time.Second
	refillAfter    = 100 * time.Millisecond
	maxFree        = 12      // segments kept for later
	maxBatch       = 4 << 20 // bytes that share a sync
	keptBatch      = 1 << 20 // of the memory for them
	maxGather      = 2 * time.Millisecond
	rushOver       = 20 * time.Millisecond
	crowdSize      = 8 // clients
)

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

func (s *spool) nudge() { poke(s.wake) }

// poke puts a token into a channel of one.
func poke(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
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
			s.busy = len(batch) > 0
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
			s.lately = max(s.expected, s.lately*7/8)
			s.busy, s.last = false, time.Now()
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
	s.queue = slices.Delete(s.queue, 0, n) // It lets go of their frames.
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
	if disk.IsFull(err) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	s.mu.Lock()
	for _, c := range batch[n:] {
		s.bytes -= int64(len(c.frame))
		s.frames--
	}
	s.mu.Unlock()
	for _, c := range batch[n:] {
		s.refused(c)
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
		for n < len(rest) && end+int64(len(rest[n].frame)) <= seg.size {
			c := rest[n]
			sealFrame(c.frame, seg.salt)
			c.seg, c.off = seg, end
			end += int64(len(c.frame))
			n++
		}
		buf := rest[0].frame
		if n > 1 {
			s.together = s.together[:0]
			for _, c := range rest[:n] {
				s.together = append(s.together, c.frame...)
			}
			if buf = s.together; cap(buf) > keptBatch {
				s.together = nil
			}
		}
		if err := s.disk.WriteAt(seg.f, buf, seg.used); err != nil {
			return durable, fmt.Errorf("write the spool: %w", err)
		}
		if err := s.disk.Sync(seg.f); err != nil {
			return durable, fmt.Errorf("sync the spool: %w", err)
		}
		if !seg.present() {
			return durable, fmt.Errorf("sync the spool: %s was removed", seg.path)
		}
		s.mu.Lock()
		seg.used = end
		seg.live += n
		s.mu.Unlock()
		durable += n
	}
	return durable, nil
}

// idleFor is how long nothing was committed.
func (s *spool) idleFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idleForLocked()
}

// idleForLocked does not take a sync that lasts long for a rest: all who would send more are waiting for it.
func (s *spool) idleForLocked() time.Duration {
	if s.busy || len(s.queue) > 0 {
		return 0
	}
	return time.Since(s.last)
}

// rush says whether deliveries wait for the disk one after the other, so
// that work which can wait should; not when the spool has filled up with such work.
// A crowd is a rush of many at once, who wait for each other too.
func (s *spool) rush() (rush, crowd bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rush = s.idleForLocked() < rushOver && s.bytes < s.limit/4
	return rush, rush && s.lately >= crowdSize
}

// load is how much is in the spool and not safe elsewhere.
func (s *spool) load() (bytes int64, frames int, damage []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.frames, slices.Clone(s.damage)
}

// follow makes the next segment come after a place, also where the segment of that place was used again since.
func (s *spool) follow(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = max(s.order, p.order)
}

// oldest is the order of the oldest segment that may hold frames.
func (s *spool) oldest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := uint64(math.MaxUint64)
	for seg := range s.used {
		least = min(least, seg.order)
	}
	return least
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
			errs = append(errs, s.active.clear(s.disk))
		}
		segs = append(segs, s.active)
	}
	for _, seg := range segs {
		if err := seg.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.active, s.free = nil, nil
	return errors.Join(errs...)
}
