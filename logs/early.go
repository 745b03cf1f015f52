package logs

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"hookctl/logs/jsonscan"
)

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
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(segs)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(segs); i = int(next.Add(1)) - 1 {
				mine := early{ids: map[identity]bool{}, files: map[string]bool{}}
				segs[i].readEarly(&mine)
				mu.Lock()
				for id := range mine.ids {
					all.ids[id] = true
				}
				for file := range mine.files {
					all.files[file] = true
				}
				all.bytes += mine.bytes
				mu.Unlock()
			}
		})
	}
	wg.Wait()
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
