package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// PruneResult says what Prune removed, or would remove.
type PruneResult struct {
	Files []string `json:"files"` // oldest first
	Bytes int64    `json:"bytes"`
	// Kept is how many were due but stay because a notification is pending.
	Kept int `json:"kept"`
}

// pruneStep is how many files are removed before the disk gets a rest, and
// pruneRest how long that is: on ext4 making files is slow for minutes after
// many were removed in one go.
const (
	pruneStep = 64
	pruneRest = 20 * time.Millisecond
)

// Prune removes the oldest records beyond Config.Keep and Config.MaxBytes,
// never one that has a pending notification or is not safe in its file yet.
// It goes in small steps, and steps aside while records are waiting to be
// written. With dryRun it only tells. When ctx ends, what it did so far is
// returned with the error.
func (w *Writer) Prune(ctx context.Context, dryRun bool) (PruneResult, error) {
	var res PruneResult
	if w.cfg.Keep <= 0 && w.cfg.MaxBytes <= 0 {
		return res, nil
	}
	if err := w.log.Ready(ctx, nil); err != nil {
		return res, fmt.Errorf("prune: %w", err)
	}
	if err := w.log.Settle(ctx); err != nil {
		return res, fmt.Errorf("prune: %w", err)
	}
	total, err := w.log.index.number(ctx, "SELECT sum(size) FROM record")
	if err != nil {
		return res, fmt.Errorf("prune: %w", err)
	}
	var limit int64 // of ids: what is older is due by age
	if w.cfg.Keep > 0 {
		limit = orderKey(w.cfg.Now().Add(-w.cfg.Keep))
	}
	after := int64(0)
	for {
		step, err := w.log.index.entries(ctx, "SELECT "+columns+" FROM record WHERE id > ? ORDER BY id LIMIT ?", after, pruneStep)
		if err != nil {
			return res, fmt.Errorf("prune: %w", err)
		}
		var due []Entry
		for _, e := range step {
			after = e.key
			if e.key >= limit && (w.cfg.MaxBytes <= 0 || total <= w.cfg.MaxBytes) {
				step = nil // this one and all that are newer stay
				break
			}
			if e.Pending > 0 {
				res.Kept++
				continue
			}
			if !dryRun && !w.removable(ctx, e.File) {
				continue
			}
			total -= e.Size
			due = append(due, e)
		}
		if !dryRun {
			due, err = w.removeRecords(ctx, due)
		}
		for _, e := range due {
			res.Files = append(res.Files, e.File)
			res.Bytes += e.Size
		}
		if err != nil {
			return res, fmt.Errorf("prune: %w", err)
		}
		if len(step) < pruneStep {
			return res, nil
		}
		if !dryRun {
			if err := w.idle(ctx); err != nil {
				return res, fmt.Errorf("prune: %w", err)
			}
		}
	}
}

// removeRecords removes files and their rows and returns those that are gone.
func (w *Writer) removeRecords(ctx context.Context, due []Entry) ([]Entry, error) {
	for i, e := range due {
		if err := os.Remove(w.filer.path(e.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return due[:i], errors.Join(err, w.log.index.removeFiles(ctx, files(due[:i])))
		}
	}
	return due, w.log.index.removeFiles(ctx, files(due))
}

// idle rests, and goes on resting while records are waiting.
func (w *Writer) idle(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pruneRest):
		}
		if _, waiting := w.spool.load(); waiting < fileBatch {
			return nil
		}
	}
}

// removable waits until a record is safe in its file and nothing of it is left in
// the spool, from which a crash would bring it back; false when that takes
// too long, or when it has got a pending notification meanwhile.
func (w *Writer) removable(ctx context.Context, file string) bool {
	if !w.filer.holds(file) {
		return true
	}
	w.filer.nudgeSync(true)
	tick := time.NewTicker(pruneRest)
	defer tick.Stop()
	for range 100 {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if !w.filer.holds(file) {
			pending, err := w.log.index.number(ctx, "SELECT pending FROM record WHERE file = ?", file)
			return err == nil && pending == 0
		}
	}
	return false
}

// holds says whether a file is not safe yet.
func (f *filer) holds(file string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.items[file] != nil
}

func files(entries []Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.File
	}
	return names
}
