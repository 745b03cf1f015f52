package logs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"hookctl/logs/jsonscan"
)

// takeUp makes what an earlier run left known. Deliveries wait for the first part only: the ledger, and the beginnings of the
// frames in the spool. Then all of the spool is read and taken up, and its files are made afterwards.
func (f *filer) takeUp(segs []*segment) {
	e := readEarly(segs)
	f.spool.makeRoom(e.bytes)
	r := replay{f: f, upTo: make(map[string]place, len(e.files))}
	var last place
	found := duties{}
	err := f.ledger.open(f.spool.fresh && !hasRecords(f.dir), func(n note) {
		if last.compare(n.upTo) < 0 {
			last = n.upTo
		}
		if e.files[string(n.file)] {
			r.upTo[string(n.file)] = n.upTo
		}
		if n.pending || n.syncing {
			found[string(n.file)] = n.duty
		} else {
			delete(found, string(n.file))
		}
	})
	f.mu.Lock()
	f.early, f.duties = e, found
	f.mu.Unlock()
	if err != nil {
		f.log.Error("what is known of earlier deliveries cannot be read; the index is asked instead", "error", err)
	}
	r.whole = f.ledger.isWhole()
	f.spool.follow(last)
	close(f.heard)
	f.replaying()
	// Segments are read side by side and taken up in their order.
	read := make([]chan []left, len(segs))
	for i := range read {
		read[i] = make(chan []left, 1)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		sideBySide(runtime.GOMAXPROCS(0), len(segs), func(each iter.Seq[int]) {
			var buf []byte
			for i := range each {
				buf = slices.Grow(buf[:0], int(segs[i].size))
				read[i] <- f.leftIn(segs[i], buf[:segs[i].size])
			}
		})
	})
	for i, seg := range segs {
		r.segment(seg, <-read[i])
	}
	reading.Wait()
	f.mu.Lock()
	f.early = early{}
	f.mu.Unlock()
	close(f.ready)
	if r.whole {
		close(f.complete)
	}
	f.nudge()
	if err := f.ledger.tidy(); err != nil {
		f.log.Warn("what is known of earlier deliveries cannot be written again", "error", err)
	}
}

// hasRecords says whether there is any record file.
func hasRecords(dir string) bool {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(256)
		if slices.ContainsFunc(names, isRecordName) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// left is a frame that an earlier run left in the spool.
type left struct {
	ref   ref
	file  string
	entry *Entry // of a record
	outcome
}

// leftIn reads the frames of a segment.
func (f *filer) leftIn(seg *segment, buf []byte) []left {
	frames := f.spool.framesOf(seg, buf)
	list := make([]left, 0, len(frames))
	for _, fr := range frames {
		l := left{ref: ref{seg: seg, salt: seg.salt, off: fr.off, size: fr.size}, file: fr.name}
		var err error
		switch fr.kind {
		case frameRecord:
			var e Entry
			if e, err = headOf(fr.data, false); errors.Is(err, jsonscan.ErrTorn) {
				e, err = headOf(fr.data, true)
			}
			e.File, e.Size = fr.name, int64(len(fr.data))
			l.entry = &e
		case frameOutcome:
			err = json.Unmarshal(fr.data, &l.notes)
		case frameSync:
			err = json.Unmarshal(fr.data, &l.sync)
		default:
			err = errNoRecord
		}
		if err != nil || !isRecordName(fr.name) {
			seg.bad = true
			f.spool.lost("what stands at byte %d of the spool segment %s is not a record: %v", fr.off, filepath.Base(seg.path), err)
			continue
		}
		list = append(list, l)
	}
	return list
}

// replay takes up the frames of the spool, oldest first.
type replay struct {
	f     *filer
	upTo  map[string]place // which frames files already have
	whole bool             // upTo lacks nothing
}

// segment takes up what is still needed of a segment. The rest is released.
func (r *replay) segment(seg *segment, frames []left) {
	r.f.mu.Lock()
	var refs []ref
	for i := range frames {
		l := &frames[i]
		if r.stale(l) {
			continue
		}
		refs = append(refs, l.ref)
		if l.entry != nil {
			r.f.takeRecord(l)
		} else {
			r.f.takeOutcome(l.file, l.ref, l.outcome, listNow)
		}
	}
	r.f.spool.adopt(refs)
	r.f.mu.Unlock()
	if len(refs) == 0 {
		r.f.spool.recycle(seg)
	}
}

// stale says that a frame is of no use any more: its file has it, or something newer, or is removed since. Frames of older
// segments may outlive those of newer ones. The caller holds mu.
func (r *replay) stale(l *left) bool {
	it := r.f.items[l.file]
	upTo, filed := r.upTo[l.file]
	known := l.ref.seg.order != 0 // else the segment's header is damaged
	switch {
	case filed && known && l.ref.place().compare(upTo) <= 0:
		return true
	case l.entry == nil && it != nil:
		return false
	case l.entry == nil:
		old, err := r.f.readRecord(l.file)
		if err != nil {
			return true
		}
		// Without the ledger's word, the attempts show which is newer.
		if l.sync != nil {
			return (!r.whole || !known) && old.Sync.later(l.sync)
		}
		last := lastAttempt(l.notes)
		return (!r.whole || !known) && !last.IsZero() && lastAttempt(old.Notifications).After(last)
	case it != nil || filed:
		return true // the same, written again after a fault
	}
	id := identity{asciiLower(l.entry.DeliveryID), l.entry.Path}
	if id.guid == "" || l.entry.Source == SourceReplay || l.entry.Source == SourceTest {
		return false
	}
	// It may have been sent again and be there under another name.
	file := r.f.ids[id]
	if file == "" {
		file, _ = r.f.ledger.find(id)
	}
	return file != "" && file != l.file
}

// takeRecord makes an item of a record. The caller holds mu.
func (f *filer) takeRecord(l *left) {
	e := *l.entry
	it := &item{file: l.file, stem: stem(e.ReceivedAt, e.Event), id: identity{asciiLower(e.DeliveryID), e.Path}, backlog: true,
		entry: e, from: &l.ref, refs: []ref{l.ref}}
	f.items[it.file] = it
	if it.id.guid != "" {
		f.ids[it.id] = it.file
		f.guids.add(it.id.guid)
	}
	f.duties.set(it.file, duty{e.key, e.Pending > 0, e.Syncing})
	f.push(it, listNow)
}

func (f *filer) readRecord(file string) (*Record, error) {
	data, err := f.readFile(file)
	if err != nil {
		return nil, err
	}
	return decodeRecord(file, data)
}

func lastAttempt(notes []Notification) (last time.Time) {
	for _, n := range notes {
		if n.At.After(last) {
			last = n.At
		}
	}
	return last
}
