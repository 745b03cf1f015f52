package logs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hookctl/logs/jsonscan"
)

// openSpool takes up the spool in a directory and returns the segments of an
// earlier run, oldest first. Frames can be committed at once; what the
// segments hold is for replay to say. Whatever cannot be read back is reported
// and kept beside the spool, see [Health.Damage].
func openSpool(s *spool) ([]*segment, error) {
	if err := s.disk.MakeDirs(s.dir); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	s.wake, s.done = make(chan struct{}, 1), make(chan struct{})
	s.used = map[*segment]bool{}
	s.spare, s.spared = make(chan struct{}, 1), make(chan struct{})
	items, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	var found []*segment
	for _, item := range items {
		name, path := item.Name(), filepath.Join(s.dir, item.Name())
		var n int
		if strings.HasPrefix(name, newPrefix) {
			_ = s.disk.Remove(path) // a crash came before it had a use
			continue
		}
		if _, err := fmt.Sscanf(name, "%08d.seg", &n); err != nil {
			continue
		}
		s.number = max(s.number, n+1)
		if strings.HasSuffix(name, ".seg"+badSuffix) {
			s.damage = append(s.damage, fmt.Sprintf("the spool segment %s was damaged at an earlier start", name))
		}
		if !strings.HasSuffix(name, ".seg") {
			continue
		}
		seg, err := s.loadSegment(path)
		if err != nil {
			// It must not keep the receiver from starting.
			_ = os.Rename(path, path+badSuffix)
			s.lost("the spool segment %s cannot be read: %v", name, err)
			continue
		}
		s.order = max(s.order, seg.order)
		if seg.order > 0 {
			s.used[seg] = true
		}
		if seg.cleared && !seg.once && len(s.free) < maxFree {
			// The first delivery is not to wait until one is made.
			s.free = append(s.free, seg)
			continue
		}
		found = append(found, seg)
	}
	slices.SortFunc(found, func(a, b *segment) int { return cmp.Compare(a.order, b.order) })
	s.fresh, s.last = s.number == 0, time.Now() // the first deliveries come before the files of earlier ones
	go s.run()
	go s.provide()
	poke(s.spare)
	return found, nil
}

// lost reports damage: to the log, and to who asks for Health.
func (s *spool) lost(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.log.Error("the spool is damaged; deliveries that were acknowledged may be lost", "damage", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage = append(s.damage, text)
}

// loadSegment opens a segment and reads its header.
func (s *spool) loadSegment(path string) (*segment, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), jsonscan.ErrSyntax)
	}
	seg := &segment{f: f, path: path, info: info, size: info.Size(), spent: true, once: info.Size() != s.segmentSize}
	head := make([]byte, segmentHeader)
	if _, err := f.ReadAt(head, 0); err != nil && info.Size() >= segmentHeader {
		return nil, errors.Join(err, f.Close())
	}
	var ok bool
	seg.order, seg.salt, _, ok = readSegmentHeader(head)
	if seg.cleared = ok && seg.order == 0; seg.cleared {
		seg.used, seg.spent = segmentHeader, false
	}
	return seg, nil
}

// framesOf reads the whole frames of a segment into buf, which they point to.
func (s *spool) framesOf(seg *segment, buf []byte) []frame {
	frames, damage := scanSegment(seg, buf)
	for _, text := range damage {
		seg.bad = true
		s.lost("%s of the spool segment %s", text, filepath.Base(seg.path))
	}
	return frames
}

// scanSegment reads a segment's whole frames, and says what of it cannot be
// read although it may have been durable.
func scanSegment(seg *segment, data []byte) (frames []frame, damage []string) {
	if n, err := seg.f.ReadAt(data, 0); n < len(data) {
		damage, data = append(damage, fmt.Sprintf("the end from byte %d (%v)", n, err)), data[:n]
	}
	order, salt, size, ok := readSegmentHeader(data)
	if int64(len(data)) < size || len(data) < segmentHeader {
		damage = append(damage, fmt.Sprintf("the end from byte %d", len(data)))
	}
	if ok && order == 0 {
		return nil, nil // cleared: nothing in it matters
	}
	if !ok {
		if isZero(data) {
			return nil, damage // not used yet, if it has its length
		}
		damage = append(damage, "the header")
		if salt, ok = findSalt(data, segmentHeader); !ok {
			return nil, damage
		}
		seg.salt = salt
	}
	frames, torn := scanFrames(data, segmentHeader, salt)
	for _, off := range torn {
		damage = append(damage, fmt.Sprintf("a frame at byte %d", off))
	}
	return frames, damage
}

func isZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

// adopt counts frames of an earlier run as live, until they are released.
func (s *spool) adopt(refs []ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range refs {
		r.seg.live++
		s.bytes += int64(r.size)
		s.frames++
	}
}

// makeRoom sees that what waits from an earlier run does not keep new deliveries out.
func (s *spool) makeRoom(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = max(s.limit, bytes+s.limit/8)
}

// early is what the first answers after a start need to know of the spool: which deliveries may be in it, and which files it
// has frames of. The beginnings of its frames say so, in a fraction of the time that it takes to read them all. A delivery that is
// among them waits until that is certain; it is most probably a duplicate. Once the spool is taken up, early is empty.
type early struct {
	ids   map[identity]bool
	files map[string]bool // of records, and of outcomes
	bytes int64           // of all frames
}

// earlyHead is how much of a frame is read: more than nearly every record's head.
const earlyHead = 2 << 10

// readEarly reads the beginnings of the frames of segments.
func readEarly(segs []*segment) early {
	all := early{ids: map[identity]bool{}, files: map[string]bool{}}
	var mu sync.Mutex
	sideBySide(runtime.GOMAXPROCS(0), len(segs), func(each iter.Seq[int]) {
		for i := range each {
			mine := early{ids: map[identity]bool{}, files: map[string]bool{}}
			segs[i].readEarly(&mine)
			mu.Lock()
			maps.Copy(all.ids, mine.ids)
			maps.Copy(all.files, mine.files)
			all.bytes += mine.bytes
			mu.Unlock()
		}
	})
	return all
}

func (seg *segment) readEarly(to *early) {
	buf := make([]byte, earlyHead)
	for off := int64(segmentHeader); off+frameHeader <= seg.size; {
		n, err := seg.f.ReadAt(buf, off)
		size, ok := frameHead(buf[:n], seg.salt)
		if !ok || err != nil && !errors.Is(err, io.EOF) {
			// Nothing more, or damage: whatever can still be found behind it counts.
			seg.readEarlyRest(to, off)
			return
		}
		body := buf[frameHeader:min(n, frameHeader+size)]
		if !to.add(body) && len(body) < size {
			body = make([]byte, size)
			n, _ := seg.f.ReadAt(body, off+frameHeader)
			to.add(body[:n])
		}
		size = align(frameHeader + size)
		to.bytes += int64(size)
		off += int64(size)
	}
}

func (seg *segment) readEarlyRest(to *early, off int64) {
	data := make([]byte, seg.size-off)
	n, _ := seg.f.ReadAt(data, off) // what cannot be read is reported when the segment is taken up
	salt := seg.salt
	if salt == 0 {
		salt, _ = findSalt(data[:n], 0)
	}
	frames, _ := scanFrames(data[:n], 0, salt)
	for _, f := range frames {
		to.add(data[f.off+frameHeader : f.off+int64(f.size)])
		to.bytes += int64(f.size)
	}
}

// add takes what the beginning of a frame's body says. It returns false where that says too little.
func (e *early) add(body []byte) (enough bool) {
	kind, name, data, ok := openBody(body)
	if !ok {
		return false
	}
	e.files[string(name)] = true
	if kind != frameRecord {
		return true
	}
	var id identity
	jsonscan.Members(data, func(key, v []byte) {
		switch string(key) {
		case "delivery_id":
			guid, _ := jsonscan.Text(v)
			id.guid = asciiLower(guid)
		case "headers":
			enough = true
			jsonscan.Members(v, func(key, v []byte) {
				if string(key) == PathHeader {
					id.path, _ = jsonscan.Text(v)
				}
			})
		}
	})
	if id.guid != "" && enough {
		e.ids[id] = true
	}
	return enough
}

// sideBySide has up to so many goroutines do work, and waits for them; together they are given the numbers below n, in order.
func sideBySide(workers, n int, work func(each iter.Seq[int])) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			work(func(yield func(int) bool) {
				for i := int(next.Add(1)) - 1; i < n && yield(i); i = int(next.Add(1)) - 1 {
				}
			})
		})
	}
	wg.Wait()
}
