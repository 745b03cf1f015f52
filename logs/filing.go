package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hookctl/logs/disk"
	"hookctl/logs/jsonscan"
)

// write makes files of items and puts them into the index. New records get
// their name at once and become durable later, since the spool has them.
// Rewritten ones are made durable before they take the old file's place. On
// an error failed is what is still to be done.
func (f *filer) write(ctx context.Context, batch []job) (done []filed, failed []*item, err error) {
	var rewrites []filed
	var entries []Entry
	for ; len(batch) > 0 && ctx.Err() == nil; batch = batch[1:] {
		j := &batch[0]
		data, entry, jerr := j.content(f.readFile)
		if j.unwritable(jerr) {
			f.abandon(j, jerr)
			continue
		}
		var w filed
		if jerr == nil {
			w, jerr = f.writeFile(j, data)
		}
		if jerr != nil {
			err = jerr
			break
		}
		entry.File, entry.modified = j.file, w.modified
		if w.there {
			if e, _, _, err := f.index.readEntry(j.file, make([]byte, headRead)); err == nil {
				entry = e // its outcome may be newer than the spool's
			}
		}
		w.note = note{duty: duty{orderKey(entry.ReceivedAt), entry.Pending > 0, entry.Syncing}, guid: []byte(asciiLower(entry.DeliveryID)), path: []byte(entry.Path)}
		entries = append(entries, entry)
		if w.temp != "" {
			rewrites = append(rewrites, w)
		} else {
			done = append(done, w)
		}
	}
	for i := range batch {
		failed = append(failed, batch[i].it) // the spool has them
	}
	for _, w := range rewrites {
		gone, werr := f.replace(&w)
		if werr != nil {
			err = errors.Join(err, werr)
			failed = append(failed, w.it)
		} else if !gone {
			done = append(done, w)
		}
	}
	f.toIndex(ctx, entries)
	return done, failed, err
}

// unwritable says that trying again is of no use.
func (j *job) unwritable(err error) bool {
	var damaged *TornError
	return errors.As(err, &damaged) || errors.Is(err, errDamaged) || j.filed && errors.Is(err, fs.ErrNotExist)
}

// abandon gives an item up: the record was removed in the meantime, or what the
// spool held of it is damaged.
func (f *filer) abandon(j *job, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		f.log.Warn("a record was removed before its outcome was written", "file", j.file)
	} else {
		f.log.Error("a record cannot be written and is dropped", "file", j.file, "delivery", j.id, "error", err)
	}
	f.mu.Lock()
	refs := j.it.refs
	f.memory -= int64(len(j.it.data))
	j.it.refs, j.it.data = nil, nil
	delete(f.items, j.file)
	delete(f.ids, j.id)
	delete(f.duties, j.file)
	f.mu.Unlock()
	f.spool.release(refs)
}

// writeFile writes an item's content to a new file and, for a new record,
// gives it its name. A rewrite keeps its temporary name for replace.
func (f *filer) writeFile(j *job, data []byte) (filed, error) {
	w := filed{it: j.it, version: j.version, size: int64(len(data))}
	if j.backlog && !j.filed {
		same, ours := f.compare(j)
		if same && j.isEmpty() {
			f.named(j, j.file)
			w.name, w.there = j.file, true
			return w, nil
		}
		j.filed = same || ours
	}
	temp := filepath.Join(f.tmp, j.file)
	file, err := f.makeTemp(temp)
	if err != nil {
		return w, err
	}
	w.f = file
	if err := errors.Join(f.disk.WriteAt(file, data, 0), w.stat()); err != nil {
		w.discard(f.disk, temp)
		return w, fmt.Errorf("write record %s: %w", j.file, err)
	}
	if j.filed {
		disk.StartWriteback(file)
		w.temp, w.name = temp, j.file
		return w, nil
	}
	if err := f.giveName(j, temp, data, &w); err != nil {
		w.discard(f.disk, temp)
		return w, fmt.Errorf("name record %s: %w", j.file, err)
	}
	err = w.f.Close()
	w.f, w.name = nil, j.file
	return w, err
}

func (w *filed) stat() error {
	info, err := w.f.Stat()
	if err == nil {
		w.modified = info.ModTime()
	}
	return err
}

func (w *filed) discard(d *disk.FS, temp string) {
	_ = w.f.Close()
	_ = d.Remove(temp)
}

func (f *filer) makeTemp(path string) (*os.File, error) {
	file, err := f.disk.Create(path)
	if errors.Is(err, fs.ErrNotExist) {
		// The log directory was removed while we run.
		if err = os.MkdirAll(f.tmp, 0o700); err == nil {
			file, err = f.disk.Create(path)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		// Left over from an attempt that failed.
		if err = f.disk.Remove(path); err == nil {
			file, err = f.disk.Create(path)
		}
	}
	return file, err
}

// giveName links the file to its name, or to the next free one when another
// program took it.
func (f *filer) giveName(j *job, temp string, data []byte, w *filed) error {
	name := j.file
	for {
		err := f.disk.Link(temp, f.path(name))
		if errors.Is(err, fs.ErrExist) {
			f.mu.Lock()
			name = f.reserve(j.stem)
			f.mu.Unlock()
			continue
		}
		if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
			return f.copyTo(j, name, temp, data, w)
		}
		if err != nil {
			return err
		}
		break
	}
	f.named(j, name)
	_ = f.disk.Remove(temp)
	return nil
}

// copyTo is the way of file systems without links: a reader may see the file
// half written, and looks again.
func (f *filer) copyTo(j *job, name, temp string, data []byte, w *filed) error {
	file, err := f.disk.Create(f.path(name))
	if err != nil {
		return err
	}
	if err := f.disk.WriteAt(file, data, 0); err != nil {
		return errors.Join(err, file.Close(), f.disk.Remove(file.Name()))
	}
	w.discard(f.disk, temp)
	w.f = file
	f.named(j, name)
	return w.stat()
}

// named notes that an item has its file.
func (f *filer) named(j *job, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name != j.file {
		f.log.Warn("another program took the name of a record", "file", j.file, "now", name)
		f.renamed[j.file] = name
		delete(f.items, j.file)
		f.items[name] = j.it
		if f.ids[j.id] == j.file {
			f.ids[j.id] = name
		}
		f.duties.set(name, f.duties[j.file])
		delete(f.duties, j.file)
	}
	j.file, j.it.file, j.it.filed = name, name, true
	if j.it.version == j.version {
		// Should it have to be written again, the spool has it.
		f.memory -= int64(len(j.it.data))
		j.it.data = nil
	}
	if j.entry.Source != SourceCatchup || name > f.latest {
		f.latest = name
	}
}

// compare looks at what bears the name of a record that was found in the
// spool: the same record, or what is left of it after a power cut, of which
// any part may be missing, and which need not be as the record is now. The name
// was free when it was given, so that nobody else's JSON is meant.
func (f *filer) compare(j *job) (same, ours bool) {
	there, err := f.readFile(j.file)
	if err != nil {
		return false, false
	}
	r, err := decodeRecord(j.file, there)
	if err == nil {
		same = r.identity() == j.id && r.ReceivedAt.Equal(j.entry.ReceivedAt) && r.EventType == j.entry.Event
		return same, false
	}
	return false, !jsonscan.Valid(there)
}

// replace puts a rewritten file in the place of the old one; gone says that
// there is no old one any more.
func (f *filer) replace(w *filed) (gone bool, err error) {
	f.mu.Lock()
	name := w.it.file
	f.mu.Unlock()
	err = errors.Join(f.disk.Sync(w.f), w.f.Close())
	w.f, w.durable = nil, true
	if err == nil {
		if _, lerr := os.Lstat(f.path(name)); errors.Is(lerr, fs.ErrNotExist) {
			_ = f.disk.Remove(w.temp)
			f.abandon(&job{item: item{file: name}, it: w.it}, lerr)
			return true, nil
		}
		err = f.disk.Rename(w.temp, f.path(name))
	}
	if err != nil {
		_ = f.disk.Remove(w.temp)
		return false, fmt.Errorf("rewrite record %s: %w", name, err)
	}
	f.mu.Lock()
	w.it.filed = true
	f.mu.Unlock()
	return false, nil
}

// toIndex shows records to readers. What the index does not take it finds in
// the files later.
func (f *filer) toIndex(ctx context.Context, entries []Entry) {
	if len(entries) == 0 {
		return
	}
	if err := f.index.put(ctx, entries, nil); err != nil && ctx.Err() == nil {
		f.log.Warn("the index was not brought up to date; it will be from the files", "error", err)
		f.index.lose()
	}
}

// reserve returns a name that no file and no waiting record has. The caller
// holds mu.
func (f *filer) reserve(stem string) string {
	n, known := f.numbers[stem]
	if !known {
		n, known = f.older[stem]
	}
	for {
		n++
		name := numbered(stem, n)
		if f.items[name] != nil || f.early.files[name] {
			continue
		}
		// A stem from before the start may have files of an earlier process beyond a gap. What it left would get another name when
		// it is filed, and outcomes go by names.
		if !known || stem[:len(timeLayout)] <= f.started {
			if _, err := os.Lstat(f.path(name)); err == nil {
				continue
			}
		}
		if len(f.numbers) >= 1024 {
			f.numbers, f.older = map[string]int{}, f.numbers
		}
		f.numbers[stem] = n
		return name
	}
}

// pointLatest makes latest.json a link to the newest record, not too often.
// It returns false when it is to be called again. Where links take a
// privilege it makes none.
func (f *filer) pointLatest(now bool) bool {
	f.mu.Lock()
	target := f.latest
	f.mu.Unlock()
	if target == f.pointed {
		return true
	}
	if !now && time.Since(f.pointAt) < latestBetween {
		return false
	}
	f.pointed, f.pointAt = target, time.Now()
	temp := filepath.Join(f.tmp, latestName)
	_ = os.Remove(temp)
	err := os.Symlink(target, temp)
	if err == nil {
		err = os.Rename(temp, f.path(latestName))
	}
	if err != nil {
		f.log.Debug("there is no link to the newest record", "error", err)
	}
	return true
}

func (f *filer) path(file string) string { return filepath.Join(f.dir, file) }
