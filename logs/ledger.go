package logs

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"hookctl/logs/disk"
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
// which the last counts. It is written again without the old ones when it has grown.
type ledger struct {
	disk *disk.FS
	path string
	log  *slog.Logger
	now  func() time.Time
	// oldest is the order of the oldest segment of the spool in use.
	oldest func() uint64

	writing sync.Mutex // held while the file is written
	info    os.FileInfo
	end     int64 // where the next note goes
	kept    int64 // bytes when it was last written again
	untidy  bool  // see tidy
	closed  bool

	mu    sync.Mutex // never held while the disk is waited for
	f     *os.File
	salt  uint64
	whole bool // it has all that it should; else the index is asked too
	known noteTable
}

// States of a ledger, in the place of a segment's order.
const (
	ledgerWhole   = 1
	ledgerPartial = 2
)

const ledgerGrowth = 1 << 20 // beyond twice what it was, before it is written again

func newLedger(d *disk.FS, cfg Config, oldest func() uint64) *ledger {
	return &ledger{disk: d, path: ledgerPath(cfg.Dir), log: cfg.Logger, now: cfg.Now, oldest: oldest}
}

func ledgerPath(dir string) string { return filepath.Join(dir, hiddenDir, "known") }

// open reads the ledger, or begins one, and calls visit with every note, in their order; fresh says that there are no records
// yet, so that an empty ledger lacks nothing. Deliveries wait for it, so it writes next to nothing: see tidy.
func (g *ledger) open(fresh bool, visit func(note)) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	return g.load(fresh, visit)
}

// load is open. The caller holds writing.
func (g *ledger) load(fresh bool, visit func(note)) error {
	f, err := os.OpenFile(filepath.Clean(g.path), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return g.write(nil, fresh)
	}
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the ledger: %w", err), f.Close())
	}
	known := newNoteTable(info.Size())
	horizon, oldest := g.needed()
	all, spare := 0, 0
	found, err := scanNotes(f, info.Size(), func(n note) {
		all++
		if len(n.guid) > 0 {
			known.add(n.guid, n.path, n.off)
		}
		if n.at < horizon && !n.pending && !n.syncing && n.upTo.order < oldest {
			spare++ // of no use any more
		}
		visit(n)
	})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	known.settle()
	spare += known.again // of which there are newer ones
	g.untidy = found.state == 0 || 2*(all-spare) < all
	if found.state != ledgerWhole {
		g.log.Warn("what is known of earlier deliveries is incomplete; the rest is taken from the index")
	}
	if found.state == 0 {
		// What is lost stays lost, also where the next notes are written over its remains.
		if err := g.disk.Overwrite(f, putSegmentHeader(ledgerPartial, found.salt, 0), 0); err != nil && !disk.IsFull(err) {
			return errors.Join(fmt.Errorf("write the ledger: %w", err), f.Close())
		}
	}
	g.info, g.end, g.kept = info, found.end, found.end
	g.mu.Lock()
	defer g.mu.Unlock()
	g.f, g.salt, g.whole, g.known = f, found.salt, found.state == ledgerWhole, known
	return nil
}

// tidy writes the ledger again where much of it is of no use any more, or damaged.
func (g *ledger) tidy() error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if !g.untidy || g.f == nil || g.closed {
		return nil
	}
	notes, err := readNotes(g.f, g.end)
	if err != nil {
		return err
	}
	return g.write(notes, g.whole)
}

// needed is from when on, and from which order of the spool on, a note is needed.
func (g *ledger) needed() (horizon int64, oldest uint64) {
	return orderKey(g.now().Add(-knownFor)), g.oldest()
}

// add makes notes durable.
func (g *ledger) add(notes []note) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.closed {
		return ErrClosed
	}
	if g.f == nil { // the disk was full at start
		if err := g.load(false, func(note) {}); err != nil {
			return err
		}
	}
	if !isFile(g.path, g.info) || g.end > 2*g.kept+ledgerGrowth {
		old, err := readNotes(g.f, g.end)
		if err != nil {
			return err
		}
		return g.write(append(old, notes...), g.whole)
	}
	buf := appendNotes(nil, g.end, notes, g.salt)
	if err := g.disk.WriteAt(g.f, buf, g.end); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	if err := g.disk.Sync(g.f); err != nil {
		return fmt.Errorf("sync the ledger: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.enter(notes)
	g.end += int64(len(buf))
	return nil
}

// enter notes where in the file deliveries stand. The caller holds mu.
func (g *ledger) enter(notes []note) {
	for _, n := range notes {
		if len(n.guid) > 0 {
			g.known.add(n.guid, n.path, n.off)
		}
	}
}

// find returns the file of a delivery, "" when it is not known here; whole says that nothing is missing here.
func (g *ledger) find(id identity) (file string, whole bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.f == nil {
		return "", g.whole
	}
	return g.known.find(g.f, g.salt, id), g.whole
}

func (g *ledger) isWhole() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.whole
}

// merge leaves of notes what is still needed, one of each file, in their order.
func (g *ledger) merge(notes []note) []note {
	last := make(map[string]int, len(notes))
	kept := notes[:0]
	for _, n := range notes {
		i, ok := last[string(n.file)]
		if !ok {
			last[string(n.file)] = len(kept)
			kept = append(kept, n)
			continue
		}
		if len(n.guid) == 0 {
			n.guid, n.path, n.at = kept[i].guid, kept[i].path, kept[i].at
		}
		kept[i] = n
	}
	horizon, oldest := g.needed()
	return slices.DeleteFunc(kept, func(n note) bool { return n.at < horizon && !n.pending && !n.syncing && n.upTo.order < oldest })
}

// write makes the ledger again of these notes. The caller holds writing.
func (g *ledger) write(notes []note, whole bool) error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	salt := binary.LittleEndian.Uint64(random[:])
	state := uint64(ledgerPartial)
	if whole {
		state = ledgerWhole
	}
	notes = g.merge(notes)
	data := appendNotes(putSegmentHeader(state, salt, 0), 0, notes, salt)
	if runtime.GOOS == "windows" {
		// What is open cannot be replaced there, so deliveries wait.
		g.mu.Lock()
		defer g.mu.Unlock()
		g.letGo()
	}
	f, info, err := g.disk.Replace(g.path, g.path+".new", func(f *os.File) error { return g.disk.WriteAt(f, data, 0) })
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	if runtime.GOOS != "windows" {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.letGo()
	}
	g.info, g.end, g.kept, g.untidy = info, int64(len(data)), int64(len(data)), false
	g.f, g.salt, g.whole, g.known = f, salt, whole, newNoteTable(g.end)
	g.enter(notes)
	return nil
}

// letGo closes the file. The caller holds mu.
func (g *ledger) letGo() {
	if g.f != nil {
		_ = g.f.Close() // it was synced with every note
		g.f = nil
	}
}

// complete takes up what the index has of the time that the ledger is for. Of records that the spool holds the file may not
// be durable; these get their note when it is. known is called with all that is known then, before it is written.
func (g *ledger) complete(notes []note, held func(file string) bool, known func([]note)) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.closed {
		return ErrClosed
	}
	var own []note
	if g.f != nil { // else the disk was full at start
		var err error
		if own, err = readNotes(g.f, g.end); err != nil {
			return err
		}
	}
	notes = slices.DeleteFunc(notes, func(n note) bool { return held(string(n.file)) })
	notes = g.merge(append(notes, own...)) // what the ledger itself says is newer
	known(notes)
	return g.write(notes, true)
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

// PathHeader is the header of a record that names the path which the delivery
// came to: the name in /webhook/<name>. One that came to / or /webhook has none.
const PathHeader = "X-Hookctl-Path"

// Path returns the name of the path that the delivery came to, "" for / and /webhook.
func (r *Record) Path() string { return r.Headers[PathHeader] }

// identity is what makes two deliveries the same: GitHub gives one GUID to
// all hooks of an event, so it takes the path to distinguish them.
type identity struct{ guid, path string }

func (r *Record) identity() identity { return identity{asciiLower(r.DeliveryID), r.Path()} }

// ledgerView reads the ledger of another process. It reads all of it, and again only when it has changed.
type ledgerView struct {
	mu    sync.Mutex
	info  os.FileInfo
	salt  uint64
	known noteTable
}

// find returns the file of a delivery, "" when the ledger does not know it.
func (v *ledgerView) find(path string, id identity) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := os.Open(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open the ledger: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("open the ledger: %w", err)
	}
	if v.info == nil || !os.SameFile(info, v.info) || info.Size() != v.info.Size() {
		v.known = newNoteTable(info.Size())
		found, err := scanNotes(f, info.Size(), func(n note) { v.known.add(n.guid, n.path, n.off) })
		if err != nil {
			return "", err
		}
		v.info, v.salt = info, found.salt
	}
	return v.known.find(f, v.salt, id), nil
}
