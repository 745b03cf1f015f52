package logs

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openSpool takes up the spool in a directory. replay is called with every
// whole frame that is there, oldest first; where it returns true the frame
// stays until it is released.
func openSpool(s *spool, replay func(frame, ref) bool) error {
	if err := s.disk.makeDirs(s.dir); err != nil {
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
		if replay(f, ref{seg: seg, salt: seg.salt, off: f.off, size: f.size}) {
			seg.live++
			s.bytes += int64(f.size)
			s.frames++
		}
	}
}
