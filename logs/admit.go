package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
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
		items: map[string]*item{}, renamed: map[string]string{}, ids: map[identity]string{}, flights: map[identity]chan struct{}{}, pending: map[string]int64{}, syncing: map[string]int64{},
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

// refuse takes back what the spool could not make durable. Who waited for it may be gone; the delivery must not pass for
// known because of that.
func (f *filer) refuse(c *commit) {
	if c.item != nil {
		f.dismiss(c.item)
	}
}

// takeOff makes sure that a delivery is not recorded twice, even when it
// comes twice at once. land is to be called when its outcome is known.
func (f *filer) takeOff(ctx context.Context, id identity) (land func(), err error) {
	for {
		f.mu.Lock()
		other, ok := f.flights[id]
		if !ok {
			mine := make(chan struct{})
			f.flights[id] = mine
			f.mu.Unlock()
			land = func() {
				f.mu.Lock()
				delete(f.flights, id)
				f.mu.Unlock()
				close(mine)
			}
			break
		}
		f.mu.Unlock()
		select {
		case <-other: // it is stored now, or it failed and this is the next try
		case <-ctx.Done():
			return nil, ctx.Err()
		}
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
	_, complete, idle := f.rec.state()
	if complete {
		return false
	}
	select {
	case <-idle:
	case <-ctx.Done():
	case <-time.After(indexPatience):
	}
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
	return len(f.pending), f.failing
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

// filesOf lists the records of f.pending or f.syncing, oldest first. One whose file was removed is forgotten.
func (f *filer) filesOf(pending map[string]int64) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for file := range pending {
		if f.items[file] == nil {
			if _, err := os.Lstat(f.path(file)); errors.Is(err, fs.ErrNotExist) {
				delete(pending, file)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(pending), func(a, b string) int {
		return cmp.Or(cmp.Compare(pending[a], pending[b]), cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) // _2 before _10
	})
}
