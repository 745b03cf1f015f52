package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hookctl/logs/disk"
)

func newFiler(d *disk.FS, cfg Config, s *spool) *filer {
	return &filer{
		disk: d, dir: cfg.Dir, tmp: filepath.Join(cfg.Dir, hiddenDir, "tmp"), log: cfg.Logger, spool: s,
		wake: make(chan struct{}, 1), syncWake: make(chan struct{}, 1), syncStop: make(chan struct{}),
		items: map[string]*item{}, renamed: map[string]string{}, ids: map[identity]string{}, flights: map[identity]chan struct{}{}, duties: duties{},
		ledger: newLedger(d, cfg, s.oldest), replaying: cfg.replaying, heard: make(chan struct{}), ready: make(chan struct{}), complete: make(chan struct{}),
		numbers: map[string]int{}, older: map[string]int{}, started: cfg.Now().UTC().Format(timeLayout), guids: guidSet{seed: maphash.MakeSeed()},
	}
}

// prepare makes the directory for temporary files and empties it.
func (f *filer) prepare() error {
	if err := errors.Join(os.RemoveAll(f.tmp), os.MkdirAll(f.tmp, 0o700)); err != nil {
		return fmt.Errorf("make the directory for temporary files: %w", err)
	}
	if target, err := os.Readlink(f.path(latestName)); err == nil {
		f.latest, f.pointed = target, target
	}
	return nil
}

// admit gives an item its name. The item counts as known from here on.
func (f *filer) admit(it *item) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	it.file = f.reserve(it.stem)
	f.items[it.file] = it
	if it.id.guid != "" {
		f.ids[it.id] = it.file
		f.guids.add(it.id.guid)
	}
	return it.file
}

// dismiss takes back an item that was not stored.
func (f *filer) dismiss(it *item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.items, it.file)
	if f.ids[it.id] == it.file {
		delete(f.ids, it.id)
	}
}

// takeOff makes sure that a delivery is not recorded twice, even when it
// comes twice at once. land is to be called when its outcome is known.
func (f *filer) takeOff(ctx context.Context, id identity) (land func(), err error) {
	mine := make(chan struct{})
	for {
		f.mu.Lock()
		other, flying := f.flights[id]
		if !flying {
			f.flights[id] = mine
		}
		f.mu.Unlock()
		if !flying {
			break
		}
		if err := until(ctx, other); err != nil { // it is stored now, or it failed and this is the next try
			return nil, err
		}
	}
	land = func() {
		f.mu.Lock()
		delete(f.flights, id)
		f.mu.Unlock()
		close(mine)
	}
	file, err := f.known(ctx, id)
	if file != "" {
		err = &DuplicateError{DeliveryID: id.guid, File: file}
	}
	if err != nil {
		land()
		return nil, err
	}
	return land, nil
}

// landed waits until a delivery that is being recorded is, or is not.
func (f *filer) landed(ctx context.Context, id identity) error {
	f.mu.Lock()
	other, flying := f.flights[id]
	f.mu.Unlock()
	if !flying {
		return nil
	}
	return until(ctx, other)
}

// known returns the file of a delivery, "" for one that is not known. Neither needs the index, but for records older than knownFor.
func (f *filer) known(ctx context.Context, id identity) (string, error) {
	f.mu.Lock()
	early := f.early.ids[id]
	f.mu.Unlock()
	if early {
		if err := until(ctx, f.ready); err != nil {
			return "", err
		}
	}
	f.mu.Lock()
	file, fresh := f.ids[id], f.guids.fresh(id.guid)
	f.mu.Unlock()
	if file != "" {
		return file, nil
	}
	file, whole := f.ledger.find(id)
	if file != "" || fresh || whole && !f.index.late.Load() {
		return file, nil // where the index is being made, looking for a record older than knownFor would take too long
	}
	file, err := f.index.fileOf(ctx, id)
	if file == "" && err == nil && !whole && f.waitIndex(ctx) {
		file, err = f.index.fileOf(ctx, id)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		// Recording a delivery twice is better than losing it.
		f.log.Warn("cannot find out whether a delivery is a duplicate", "delivery", id.guid, "error", err)
	}
	return file, nil
}

// fileOf returns the file of a delivery, "" when the index has none.
func (x *index) fileOf(ctx context.Context, id identity) (string, error) {
	files, err := collect(ctx, x, scanString, `SELECT file FROM record WHERE delivery = ? AND delivery <> '' AND path = ? ORDER BY id LIMIT 1`, id.guid, id.path)
	if err != nil || len(files) == 0 {
		return "", err
	}
	return files[0], nil
}

// indexPatience is how long a delivery waits to hear whether it is a
// duplicate. GitHub waits ten seconds for the answer.
const indexPatience = 4 * time.Second

// waitIndex waits for an index that is being made, within reason; false when
// there was nothing to wait for.
func (f *filer) waitIndex(ctx context.Context) bool {
	now := f.rec.state()
	if now.complete {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	_ = until(ctx, now.idle) // the next look shows what came of it
	return true
}

// has resolves the name of a record that there is.
func (f *filer) has(file string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file = f.realName(file)
	if f.items[file] != nil {
		return file, true
	}
	info, err := os.Lstat(f.path(file))
	return file, err == nil && info.Mode().IsRegular()
}

// state is how many records have a pending notification, and why files cannot be written now.
func (f *filer) state() (pending int, trouble error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.duties {
		if d.pending {
			pending++
		}
	}
	return pending, f.failing
}

// until waits until done is closed.
func until(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// duty is what is still to be done about a record.
type duty struct {
	at      int64 // orderKey of the record
	pending bool  // it has a pending notification
	syncing bool  // its sync is pending
}

// duties are those of records by file.
type duties map[string]duty

func (all duties) set(file string, d duty) {
	if all[file] = d; !d.pending && !d.syncing {
		delete(all, file)
	}
}

// filesOf lists the records with some duty, oldest first. One whose file was removed is forgotten.
func (f *filer) filesOf(which func(duty) bool) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var files []string
	for file, d := range f.duties {
		if f.items[file] == nil {
			if _, err := os.Lstat(f.path(file)); errors.Is(err, fs.ErrNotExist) {
				delete(f.duties, file)
				continue
			}
		}
		if which(d) {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.duties[a].at, f.duties[b].at), cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) // _2 before _10
	})
	return files
}

// guidSet knows for most new deliveries, without asking the index, that they
// are new: a Bloom filter of two MiB. At a million records one in four
// hundred new GUIDs has to be looked up; being full only makes it slower.
type guidSet struct {
	seed  maphash.Seed
	bits  []uint64
	whole bool // it has all that the index has
}

const (
	guidBits   = 1 << 24
	guidHashes = 4
)

func (g *guidSet) add(id string) {
	if g.bits == nil {
		g.bits = make([]uint64, guidBits/64)
	}
	h := maphash.String(g.seed, id)
	for range guidHashes {
		g.bits[h%guidBits/64] |= 1 << (h % 64)
		h = h>>11 ^ h*0x9e3779b97f4a7c15
	}
}

// fresh is true where the delivery is certainly not in the index.
func (g *guidSet) fresh(id string) bool {
	if !g.whole {
		return false
	}
	h := maphash.String(g.seed, id)
	for range guidHashes {
		if g.bits == nil || g.bits[h%guidBits/64]&(1<<(h%64)) == 0 {
			return true
		}
		h = h>>11 ^ h*0x9e3779b97f4a7c15
	}
	return false
}

// learnGUIDs fills the set from the index, once that is complete.
// Where the ledger is not complete, it is completed from there first.
func (f *filer) learnGUIDs(ctx context.Context, l *Log) {
	if errors.Join(until(ctx, f.ready), l.Ready(ctx)) != nil {
		return
	}
	_ = retry(ctx, func(again bool) error {
		err := f.completeLedger(ctx)
		if again {
			return err
		}
		if f.readGUIDs(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("what is known of earlier deliveries is incomplete for now", "error", err)
		}
		return err
	})
}

func (f *filer) readGUIDs(ctx context.Context) {
	var last string
	for ctx.Err() == nil {
		ids, err := collect(ctx, f.index, scanString, `SELECT DISTINCT delivery FROM record WHERE delivery > ? AND delivery <> '' ORDER BY delivery LIMIT 10000`, last)
		if err != nil {
			f.log.Debug("the index does not list its deliveries; each is looked up", "error", err)
			return
		}
		f.mu.Lock()
		for _, id := range ids {
			f.guids.add(asciiLower(id))
		}
		if len(ids) == 0 {
			f.guids.whole = true
		}
		f.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		last = ids[len(ids)-1]
	}
}

// completeLedger takes from the index what the ledger lacks. What is pending is known as soon as the index was asked, also
// where the ledger cannot be written yet.
func (f *filer) completeLedger(ctx context.Context) error {
	if f.ledger.isWhole() {
		return nil
	}
	horizon := orderKey(f.ledger.now().Add(-knownFor))
	notes, err := collect(ctx, f.index, func(rows *sql.Rows) (n note, err error) {
		err = rows.Scan(&n.file, &n.at, &n.guid, &n.path, &n.pending, &n.syncing)
		n.guid = []byte(asciiLower(string(n.guid)))
		return n, err
	}, `SELECT file, at, delivery, path, pending > 0, syncing > 0 FROM record WHERE id >= ?
		UNION SELECT file, at, delivery, path, 1, syncing > 0 FROM record INDEXED BY record_pending WHERE pending > 0
		UNION SELECT file, at, delivery, path, pending > 0, 1 FROM record INDEXED BY record_syncing WHERE syncing > 0`, horizon)
	if err != nil {
		return err
	}
	return f.ledger.complete(notes, f.holds, func(notes []note) {
		select {
		case <-f.complete: // before an attempt to write that failed; since then all that changed came by here
			return
		default:
		}
		f.mu.Lock()
		for _, n := range notes {
			if file := string(n.file); f.items[file] == nil {
				d := f.duties[file]
				f.duties.set(file, duty{cmp.Or(d.at, n.at), d.pending || n.pending, d.syncing || n.syncing})
			}
		}
		f.mu.Unlock()
		close(f.complete)
	})
}

func scanString(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }
