package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"
)

func newFiler(d *disk, cfg Config, s *spool, l *Log) *filer {
	return &filer{
		disk: d, dir: cfg.Dir, tmp: filepath.Join(cfg.Dir, hiddenDir, "tmp"), log: cfg.Logger, spool: s, index: l.index, rec: l.rec,
		items: map[string]*item{}, renamed: map[string]string{}, ids: map[string]string{},
		numbers: map[string]int{}, older: map[string]int{}, guids: guidSet{seed: maphash.MakeSeed()},
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
	if it.id != "" {
		f.ids[it.id] = it.file
		f.guids.add(it.id)
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

// known returns the file of a delivery, "" when there is none.
func (f *filer) known(ctx context.Context, id string) (string, error) {
	f.mu.Lock()
	file, fresh, whole := f.ids[id], f.guids.fresh(id), f.guids.whole
	f.mu.Unlock()
	if file != "" || fresh {
		return file, nil
	}
	file, err := f.lookUp(ctx, id)
	if file == "" && err == nil && whole && f.waitIndex(ctx) {
		// It looks known, and the index was being made anew when it was asked.
		file, err = f.lookUp(ctx, id)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		// Recording a delivery twice is better than losing it.
		f.log.Warn("whether a delivery is a duplicate cannot be told", "delivery", id, "error", err)
	}
	return file, nil
}

func (f *filer) lookUp(ctx context.Context, id string) (string, error) {
	files, err := collect(ctx, f.index, scanString, `SELECT file FROM record WHERE delivery = ? AND delivery <> '' ORDER BY id LIMIT 1`, id)
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

// trouble is why files cannot be written now.
func (f *filer) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failing
}

// replay takes up a frame from an earlier run; false means that the frame is
// of no use. It runs before start.
func (f *filer) replay(fr frame, r ref) bool {
	switch fr.kind {
	case frameRecord:
		return f.replayRecord(fr, r)
	case frameOutcome:
		return f.replayOutcome(fr, r)
	}
	f.log.Error("the spool holds a frame of an unknown kind", "kind", fr.kind, "file", fr.name)
	return false
}

func (f *filer) replayRecord(fr frame, from ref) bool {
	r, err := decodeRecord(fr.name, fr.data)
	if err != nil || !isRecordName(fr.name) {
		f.log.Error("the spool holds what is no record", "file", fr.name, "error", err)
		return false
	}
	if f.items[fr.name] != nil {
		return false // the same, written again after a fault
	}
	if r.DeliveryID != "" && r.Source != SourceReplay && r.Source != SourceTest {
		file, err := f.known(context.Background(), r.DeliveryID)
		if err == nil && file != "" && file != fr.name {
			return false // it was sent again and is there under that name
		}
	}
	it := &item{file: fr.name, stem: stem(r.ReceivedAt, r.EventType), id: r.DeliveryID, backlog: true,
		entry: r.Entry(int64(len(fr.data))), from: &from, refs: []ref{from}}
	f.items[it.file] = it
	if it.id != "" {
		f.ids[it.id] = it.file
		f.guids.add(it.id)
	}
	f.push(it, listNow)
	return true
}

// replayOutcome applies notifications unless the file has newer ones: frames
// of older segments may outlive those of newer ones.
func (f *filer) replayOutcome(fr frame, from ref) bool {
	var notes []Notification
	if err := json.Unmarshal(fr.data, &notes); err != nil || !isRecordName(fr.name) {
		f.log.Error("the spool holds what are no notifications", "file", fr.name, "error", err)
		return false
	}
	it := f.items[fr.name]
	if it == nil || it.backlog {
		if r, err := f.readRecord(fr.name); err == nil && lastAttempt(r.Notifications).After(lastAttempt(notes)) {
			return false
		} else if err != nil && it == nil {
			return false // removed since
		}
	}
	if it == nil {
		it = &item{file: fr.name, filed: true}
		f.items[it.file] = it
		f.push(it, listNow)
	}
	it.notes, it.changed = notes, true
	it.version++
	it.refs = append(it.refs, from)
	return true
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
