package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
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
// written. With dryRun it only reports. When ctx ends, what it did so far is
// returned with the error.
func (w *Writer) Prune(ctx context.Context, dryRun bool) (PruneResult, error) {
	p := pruning{w: w, dryRun: dryRun}
	if w.cfg.Keep <= 0 && w.cfg.MaxBytes <= 0 {
		return p.res, nil
	}
	if err := p.run(ctx); err != nil {
		return p.res, fmt.Errorf("prune: %w", err)
	}
	return p.res, nil
}

// pruning is one run of Prune.
type pruning struct {
	w      *Writer
	dryRun bool
	total  int64 // bytes of all records
	limit  int64 // of ids: what is older is due by age
	after  int64 // the id up to which all was looked at
	res    PruneResult
}

func (p *pruning) run(ctx context.Context) (err error) {
	// Files of other programs that came lately can wait for the next time, but the index must have been whole once.
	if whole, err := p.w.log.index.number(ctx, "SELECT value FROM meta WHERE key = 'complete'"); err != nil || whole == 0 {
		if err := cmp.Or(err, p.w.log.Ready(ctx)); err != nil {
			return err
		}
	}
	if err := p.w.log.Settle(ctx); err != nil {
		return err
	}
	if p.w.cfg.MaxBytes > 0 {
		if p.total, err = p.w.log.index.number(ctx, "SELECT value FROM meta WHERE key = 'bytes'"); err != nil {
			return err
		}
	}
	if keep := p.w.cfg.Keep; keep > 0 {
		p.limit = orderKey(p.w.cfg.Now().Add(-keep))
	}
	for {
		due, more, err := p.next(ctx)
		if err == nil && !p.dryRun {
			due, err = p.w.removeRecords(ctx, due)
		}
		for _, e := range due {
			p.res.Files = append(p.res.Files, e.File)
			p.res.Bytes += e.Size
		}
		if err != nil || !more {
			return err
		}
		if !p.dryRun {
			if err := p.w.idle(ctx); err != nil {
				return err
			}
		}
	}
}

// next is what is due of the next few records; more says that there may be others behind them.
func (p *pruning) next(ctx context.Context) (due []Entry, more bool, err error) {
	step, err := p.w.log.index.entries(ctx, "SELECT "+columns+" FROM record WHERE id > ? ORDER BY id LIMIT ?", p.after, pruneStep)
	if err != nil {
		return nil, false, err
	}
	for _, e := range step {
		p.after = e.key
		switch most := p.w.cfg.MaxBytes; {
		case e.key >= p.limit && (most <= 0 || p.total <= most):
			return due, false, nil // this one and all that are newer stay
		case e.Pending > 0:
			p.res.Kept++
		case p.dryRun || p.w.removable(ctx, e.File):
			p.total -= e.Size
			due = append(due, e)
		}
	}
	return due, len(step) == pruneStep, nil
}

// removeRecords removes files and their rows and returns those that are gone.
func (w *Writer) removeRecords(ctx context.Context, due []Entry) ([]Entry, error) {
	for i, e := range due {
		if err := w.filer.disk.Remove(w.filer.path(e.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return due[:i], errors.Join(err, w.log.index.removeFiles(ctx, files(due[:i])))
		}
	}
	return due, w.log.index.removeFiles(ctx, files(due))
}

// idle rests, and goes on resting while records are waiting.
func (w *Writer) idle(ctx context.Context) error {
	for {
		if err := sleep(ctx, pruneRest); err != nil {
			return err
		}
		if _, waiting, _ := w.spool.load(); waiting < fileBatch {
			return nil
		}
	}
}

// removable waits until a record is safe in its file and nothing of it is left in
// the spool, from which a crash would bring it back; false when that takes
// too long, or when it has got a pending notification in the meantime.
func (w *Writer) removable(ctx context.Context, file string) bool {
	if !w.filer.holds(file) {
		return true
	}
	w.filer.nudgeSync(true)
	for range 100 {
		if sleep(ctx, pruneRest) != nil {
			return false
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
	return f.items[file] != nil || f.duties[file].syncing
}

func files(entries []Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.File
	}
	return names
}
