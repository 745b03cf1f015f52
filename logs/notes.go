package logs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

// place is where a frame stands in the spool. Later frames have later places.
type place struct {
	order uint64
	off   int64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.order, q.order), cmp.Compare(p.off, q.off))
}

// note is what the ledger says of a record. A million of them are read before the first answer, so none of it is copied there.
type note struct {
	file, guid, path []byte // no GUID, no path; of one that is visited, valid until the next
	duty
	upTo place // of the newest frame that the file has
	off  int64 // where in the ledger
}

const noteHead = 25 // bytes of a note before its GUID

// frame is the note as it stands in the ledger, without the salt.
func (n *note) frame() []byte {
	data := binary.LittleEndian.AppendUint64(nil, n.upTo.order)
	data = binary.LittleEndian.AppendUint64(data, uint64(n.upTo.off)) //nolint:gosec // an offset is not negative
	data = binary.LittleEndian.AppendUint64(data, uint64(n.at))       //nolint:gosec // read back as it is
	flags := byte(0)
	if n.pending {
		flags = 1
	}
	if n.syncing {
		flags |= 2
	}
	data = append(data, flags)
	data = binary.AppendUvarint(data, uint64(len(n.guid)))
	data = append(append(data, n.guid...), n.path...)
	return newFrame(frameFiled, string(n.file), data)
}

// appendNotes encodes notes behind what stands in buf and notes where: buf begins at an offset.
func appendNotes(buf []byte, begin int64, notes []note, salt uint64) []byte {
	for i := range notes {
		notes[i].off = begin + int64(len(buf))
		frame := notes[i].frame()
		sealFrame(frame, salt)
		buf = append(buf, frame...)
	}
	return buf
}

func parseNote(body []byte) (n note, ok bool) {
	kind, name, data, ok := openBody(body)
	if !ok || kind != frameFiled || len(data) < noteHead+1 {
		return n, false
	}
	n = note{file: name, duty: duty{int64(binary.LittleEndian.Uint64(data[16:])), data[24]&1 != 0, data[24]&2 != 0}, //nolint:gosec // as it was written
		upTo: place{binary.LittleEndian.Uint64(data), int64(binary.LittleEndian.Uint64(data[8:]))}} //nolint:gosec // likewise
	size, k := binary.Uvarint(data[noteHead:])
	rest := data[noteHead+max(k, 0):]
	if k <= 0 || size > uint64(len(rest)) {
		return n, false
	}
	n.guid, n.path = rest[:size], rest[size:]
	return n, true
}

// scanned is what scanNotes found out about a ledger.
type scanned struct {
	salt, state uint64 // state is 0 where some of it is damaged
	end         int64  // behind the last whole note
}

// scanWindow is how much of a ledger is in memory at a time. No note is that long.
const scanWindow = 1 << 20

// scanNotes calls visit with the whole notes of a ledger, in their order.
func scanNotes(r io.ReaderAt, size int64, visit func(note)) (found scanned, err error) {
	window := make([]byte, min(scanWindow, size))
	var begin, off int64 // where in the file the window and the next frame begin
	fill := func() error {
		begin = off
		n, err := r.ReadAt(window[:min(int64(len(window)), size-off)], off)
		if window = window[:n]; err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the ledger: %w", err)
		}
		return nil
	}
	if err := fill(); err != nil {
		return found, err
	}
	var ok bool
	if found.state, found.salt, _, ok = readSegmentHeader(window); !ok {
		return scanDamaged(r, size, segmentHeader, 0, visit)
	}
	for off = segmentHeader; off < size; {
		body, next, _, bodyOK := frameAt(window, off-begin, found.salt)
		if !bodyOK && begin < off && begin+int64(len(window)) < size {
			window = window[:cap(window)] // it goes on behind the window
			if err := fill(); err != nil {
				return found, err
			}
			continue
		}
		n, ok := parseNote(body)
		if !bodyOK || !ok {
			return scanDamaged(r, size, off, found.salt, visit)
		}
		n.off = off
		visit(n)
		off = begin + next
	}
	found.end = off
	return found, nil
}

// scanDamaged is scanNotes from a place on at which there is no note.
func scanDamaged(r io.ReaderAt, size, from int64, salt uint64, visit func(note)) (found scanned, err error) {
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return found, fmt.Errorf("read the ledger: %w", err)
	}
	if salt == 0 {
		salt, _ = findSalt(data, segmentHeader)
	}
	found = scanned{salt: salt, end: from}
	frames, _ := scanFrames(data, from, salt)
	for _, f := range frames {
		found.end = f.off + int64(f.size)
		body, _, _, _ := frameAt(data, f.off, salt)
		if n, ok := parseNote(body); ok {
			n.off = f.off
			visit(n)
		}
	}
	return found, nil
}

// readNotes returns the notes of a ledger, in their order.
func readNotes(r io.ReaderAt, size int64) (notes []note, err error) {
	_, err = scanNotes(r, size, func(n note) {
		n.file, n.guid, n.path = bytes.Clone(n.file), bytes.Clone(n.guid), bytes.Clone(n.path)
		notes = append(notes, n)
	})
	return notes, err
}

// noteTable knows where in a ledger the note of a delivery stands: a hash table of eight bytes a slot, since there may be
// millions. A slot has the upper half of a hash, which also says where the slot is, and the offset in units of eight bytes;
// 0 is free. Of several notes of a delivery it has them all, the oldest first.
type noteTable struct {
	seed  maphash.Seed
	slots []uint64
	used  int
	again int // notes of a delivery that probably had one before
	// Slots are filled many at a time, in a loop in which the processor waits for several places in memory at once.
	waiting []uint64
}

// shortNote is less than what a note takes in a ledger.
const shortNote = 96

// newNoteTable makes a table that need not grow for a ledger of that size.
func newNoteTable(size int64) noteTable {
	slots := 1024
	for int64(slots)*shortNote < 2*size {
		slots *= 2
	}
	return noteTable{seed: maphash.MakeSeed(), slots: make([]uint64, slots), waiting: make([]uint64, 0, 256)}
}

func (t *noteTable) hash(guid, path []byte) uint64 {
	hash := maphash.Bytes(t.seed, guid)
	if len(path) > 0 {
		hash = hash*31 ^ maphash.Bytes(t.seed, path)
	}
	return hash >> 32
}

// add notes where a delivery stands.
func (t *noteTable) add(guid, path []byte, off int64) {
	if t.waiting = append(t.waiting, t.hash(guid, path)<<32|uint64(off)/8); len(t.waiting) == cap(t.waiting) { //nolint:gosec // an offset is not negative
		t.settle()
	}
}

// settle fills the slots that are waiting.
func (t *noteTable) settle() {
	if t.used += len(t.waiting); 2*t.used > len(t.slots) {
		old := t.slots
		t.slots = make([]uint64, 4*len(old))
		for _, slot := range old {
			if slot != 0 {
				t.put(slot)
			}
		}
	}
	for _, slot := range t.waiting {
		t.again += t.put(slot)
	}
	t.waiting = t.waiting[:0]
}

func (t *noteTable) put(slot uint64) (again int) {
	mask := uint64(len(t.slots) - 1) //nolint:gosec // never empty
	i := slot >> 32 & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i]>>32 == slot>>32 {
			again = 1
		}
	}
	t.slots[i] = slot
	return again
}

// find returns the file of a delivery as the ledger r says, "" where it is not known.
func (t *noteTable) find(r io.ReaderAt, salt uint64, id identity) string {
	t.settle()
	hash, mask := t.hash([]byte(id.guid), []byte(id.path)), uint64(len(t.slots)-1) //nolint:gosec // never empty
	for i := hash & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i]>>32 != hash {
			continue
		}
		if n, ok := noteAt(r, int64(t.slots[i]&0xffff_ffff)*8, salt); ok && string(n.guid) == id.guid && string(n.path) == id.path { //nolint:gosec // an offset
			return string(n.file)
		}
	}
	return ""
}

func noteAt(r io.ReaderAt, off int64, salt uint64) (n note, ok bool) {
	buf := make([]byte, 512)
	got, _ := r.ReadAt(buf, off)
	if got < frameHeader {
		return n, false
	}
	if size := frameHeader + int(binary.LittleEndian.Uint32(buf[4:])); size > got && size < scanWindow {
		buf = make([]byte, size)
		got, _ = r.ReadAt(buf, off)
	}
	body, _, _, bodyOK := frameAt(buf[:got], 0, salt)
	n, ok = parseNote(body)
	return n, ok && bodyOK
}
