package logs

import (
	"fmt"
	"time"
)

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
		seg.drop(s.disk)
		return nil, fmt.Errorf("begin a spool segment: %w", err)
	}
	s.mu.Lock()
	s.active, s.used[seg] = seg, true
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
