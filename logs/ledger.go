package logs

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// knownFor is how long a delivery is known at least, also when its record was
// pruned. GitHub keeps deliveries for three days, its Enterprise Server for seven.
const knownFor = 8 * 24 * time.Hour

// ledger remembers which records became files: who they are, so that a
// delivery is recorded once; whether a notification of theirs is pending, so
// that it is sent; and up to which frame of the spool the file is up to date,
// so that a replay never takes it back. It is the file "known" beside the
// index, which it neither needs nor is part of, and it is durable before the
// spool forgets a record. What is in the spool is known from there.
//
// The file has the form of a segment of the spool: a note for each record, of
// which the last counts. It is written anew without the old ones when it has grown.
type ledger struct {
	disk *disk
	path string
	log  *slog.Logger
	now  func() time.Time
	// oldest is the order of the oldest segment of the spool in use.
	oldest func() uint64

	writing sync.Mutex // held while the file is written
	info    os.FileInfo
	end     int64 // where the next note goes
	kept    int64 // bytes when it was last written anew
	closed  bool

	mu    sync.Mutex // never held while the disk is waited for
	f     *os.File
	salt  uint64
	whole bool             // it has all that it should; else the index is asked too
	seed  maphash.Seed     // of the keys of known
	known map[uint64]int64 // where in the file a delivery's note is
}

// filedNote is what the ledger says of a record.
type filedNote struct {
	file    string
	upTo    place    // of the newest frame that the file has
	at      int64    // orderKey of the record
	pending bool     // it has a pending notification
	syncing bool     // its sync is pending
	id      identity // zero where the record has no GUID
}

// place is where a frame stands in the spool. Later frames have later places.
type place struct {
	order uint64
	off   int64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.order, q.order), cmp.Compare(p.off, q.off))
}

// States of a ledger, in the place of a segment's order.
const (
	ledgerWhole   = 1
	ledgerPartial = 2
)

const ledgerGrowth = 1 << 20 // beyond twice what it was, before it is written anew

func newLedger(d *disk, cfg Config, oldest func() uint64) *ledger {
	return &ledger{disk: d, path: ledgerPath(cfg.Dir), log: cfg.Logger, now: cfg.Now, oldest: oldest, seed: maphash.MakeSeed()}
}

func ledgerPath(dir string) string { return filepath.Join(dir, hiddenDir, "known") }

func (n *filedNote) frame() []byte {
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
	data = binary.AppendUvarint(data, uint64(len(n.id.guid)))
	data = append(append(data, n.id.guid...), n.id.path...)
	return newFrame(frameFiled, n.file, data)
}

func readNote(f frame) (n filedNote, ok bool) {
	if f.kind != frameFiled || len(f.data) < 26 {
		return n, false
	}
	n = filedNote{file: f.name, at: int64(binary.LittleEndian.Uint64(f.data[16:])), pending: f.data[24]&1 != 0, syncing: f.data[24]&2 != 0, //nolint:gosec // as it was written
		upTo: place{binary.LittleEndian.Uint64(f.data), int64(binary.LittleEndian.Uint64(f.data[8:]))}} //nolint:gosec // likewise
	size, k := binary.Uvarint(f.data[25:])
	rest := f.data[25+max(k, 0):]
	if k <= 0 || size > uint64(len(rest)) {
		return n, false
	}
	n.id = identity{string(rest[:size]), string(rest[size:])}
	return n, true
}

// readLedger reads the notes of a ledger, in their order. state is 0 where some of it is damaged.
func readLedger(r io.ReaderAt, size int64) (notes []filedNote, salt, state uint64, err error) {
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, 0, fmt.Errorf("read the ledger: %w", err)
	}
	state, salt, _, ok := readSegmentHeader(data)
	if !ok {
		salt, _ = findSalt(data)
	}
	frames, damaged := scanFrames(data, salt)
	end := int64(segmentHeader)
	notes = make([]filedNote, 0, len(frames))
	for _, f := range frames {
		end += int64(f.size)
		if n, ok := readNote(f); ok {
			notes = append(notes, n)
		}
	}
	if len(damaged) > 0 || end != size || len(notes) != len(frames) {
		state = 0
	}
	return notes, salt, state, nil
}

// open reads the ledger, or begins one. fresh says that there are no records yet, so that an empty ledger lacks nothing.
func (g *ledger) open(fresh bool) ([]filedNote, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	return g.load(fresh)
}

// load is open. The caller holds writing.
func (g *ledger) load(fresh bool) ([]filedNote, error) {
	f, err := os.OpenFile(filepath.Clean(g.path), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, g.write(nil, fresh)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the ledger: %w", err), f.Close())
	}
	notes, salt, state, err := readLedger(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if state != ledgerWhole {
		g.log.Warn("what is known of earlier deliveries is incomplete; the rest is taken from the index")
	}
	if kept := g.merge(slices.Clone(notes)); state == 0 || 2*len(kept) < len(notes) {
		return notes, errors.Join(f.Close(), g.write(kept, state == ledgerWhole))
	}
	g.info, g.end, g.kept = info, info.Size(), info.Size()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take(f, salt, state == ledgerWhole, notes)
	return notes, nil
}

// take uses a file that holds these notes. The caller holds mu.
func (g *ledger) take(f *os.File, salt uint64, whole bool, notes []filedNote) {
	g.f, g.salt, g.whole = f, salt, whole
	g.known = make(map[uint64]int64, len(notes))
	g.enter(notes, segmentHeader)
}

// add makes notes durable.
func (g *ledger) add(notes []filedNote) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.closed {
		return ErrClosed
	}
	if g.f == nil { // the disk was full at start
		if _, err := g.load(false); err != nil {
			return err
		}
	}
	if info, err := os.Stat(g.path); err != nil || !os.SameFile(info, g.info) || g.end > 2*g.kept+ledgerGrowth {
		old, _, _, err := readLedger(g.f, g.end)
		if err != nil {
			return err
		}
		return g.write(append(old, notes...), g.whole)
	}
	buf := encodeNotes(nil, notes, g.salt)
	if err := g.disk.writeAt(g.f, buf, g.end); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	if err := g.disk.sync(g.f); err != nil {
		return fmt.Errorf("sync the ledger: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.enter(notes, g.end)
	g.end += int64(len(buf))
	return nil
}

func encodeNotes(buf []byte, notes []filedNote, salt uint64) []byte {
	for i := range notes {
		frame := notes[i].frame()
		sealFrame(frame, salt)
		buf = append(buf, frame...)
	}
	return buf
}

// enter notes where in the file deliveries stand, the first of notes at off. The caller holds mu.
func (g *ledger) enter(notes []filedNote, off int64) {
	for i := range notes {
		if id := notes[i].id; id.guid != "" {
			key := maphash.Comparable(g.seed, id)
			for _, taken := g.known[key]; taken; _, taken = g.known[key] {
				key++ // the same again, or one in 2^64
			}
			g.known[key] = off
		}
		off += int64(len(notes[i].frame()))
	}
}

// find returns the file of a delivery, "" when it is not known here; whole says that nothing is missing here.
func (g *ledger) find(id identity) (file string, whole bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key := maphash.Comparable(g.seed, id); ; key++ {
		off, ok := g.known[key]
		if !ok || g.f == nil {
			return "", g.whole
		}
		if n, ok := g.noteAt(off); ok && n.id == id {
			return n.file, g.whole
		}
	}
}

func (g *ledger) isWhole() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.whole
}

func (g *ledger) noteAt(off int64) (filedNote, bool) {
	buf := make([]byte, 512)
	n, _ := g.f.ReadAt(buf, off)
	if n < frameHeader {
		return filedNote{}, false
	}
	if size := frameHeader + int(binary.LittleEndian.Uint32(buf[4:])); size > n && size < 1<<20 {
		buf = make([]byte, size)
		n, _ = g.f.ReadAt(buf, off)
	}
	body, _, _, bodyOK := frameAt(buf[:n], 0, g.salt)
	kind, name, data, ok := openBody(body)
	note, noteOK := readNote(frame{kind: kind, name: name, data: data})
	return note, ok && bodyOK && noteOK
}

// merge leaves of notes what is still needed, one of each file, in their order.
func (g *ledger) merge(notes []filedNote) []filedNote {
	last := make(map[string]int, len(notes))
	kept := notes[:0]
	for _, n := range notes {
		if i, ok := last[n.file]; ok {
			if n.id.guid == "" {
				n.id, n.at = kept[i].id, kept[i].at
			}
			kept[i] = n
			continue
		}
		last[n.file] = len(kept)
		kept = append(kept, n)
	}
	horizon, oldest := orderKey(g.now().Add(-knownFor)), g.oldest()
	return slices.DeleteFunc(kept, func(n filedNote) bool { return n.at < horizon && !n.pending && !n.syncing && n.upTo.order < oldest })
}

// write makes the ledger anew of these notes. The caller holds writing.
func (g *ledger) write(notes []filedNote, whole bool) error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	salt := binary.LittleEndian.Uint64(random[:])
	state := uint64(ledgerPartial)
	if whole {
		state = ledgerWhole
	}
	notes = g.merge(notes)
	data := encodeNotes(putSegmentHeader(state, salt, 0), notes, salt)
	if runtime.GOOS == "windows" {
		// What is open cannot be replaced there, so deliveries wait.
		g.mu.Lock()
		defer g.mu.Unlock()
		g.letGo()
	}
	f, info, err := replaceFile(g.disk, g.path, data)
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	if runtime.GOOS != "windows" {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.letGo()
	}
	g.info, g.end, g.kept = info, int64(len(data)), int64(len(data))
	g.take(f, salt, whole, notes)
	return nil
}

// letGo closes the file. The caller holds mu.
func (g *ledger) letGo() {
	if g.f != nil {
		_ = g.f.Close() // it was synced with every note
		g.f = nil
	}
}

// replaceFile makes a durable file in the place of another and opens it.
func replaceFile(d *disk, path string, data []byte) (f *os.File, info os.FileInfo, err error) {
	if err := d.makeDirs(filepath.Dir(path)); err != nil {
		return nil, nil, err
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	if f, err = d.create(temp); err != nil {
		return nil, nil, err
	}
	if err := errors.Join(d.writeAt(f, data, 0), d.sync(f), f.Close()); err != nil {
		return nil, nil, errors.Join(err, os.Remove(temp))
	}
	if err := errors.Join(d.rename(temp, path), d.syncDir(filepath.Dir(path))); err != nil {
		return nil, nil, err
	}
	if f, err = os.OpenFile(filepath.Clean(path), os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// complete takes up what the index has of the time that the ledger is for.
func (g *ledger) complete(notes []filedNote) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.f == nil {
		return ErrClosed
	}
	own, _, _, err := readLedger(g.f, g.end)
	if err != nil {
		return err
	}
	return g.write(append(notes, own...), true) // what the ledger itself says is newer
}

// close ends the use of the ledger.
func (g *ledger) close() {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.letGo()
}
