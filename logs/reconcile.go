package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// reconciler makes the index agree with the directory: it adds the files
// that the index lacks, the newest first, and takes out those that are gone.
// On an empty index that is building it. One process at a time does so; the
// others see the rows as they come.
type reconciler struct {
	x *index

	mu sync.Mutex
	agreement
	turn int // counts how often the index was found to disagree
}

// agreement is how far the index agrees with the directory.
type agreement struct {
	progress Progress
	failure  error         // why it was not made to agree when that was last tried
	large    bool          // the log has more than smallLog records
	complete bool          // the index has all that was there when it was last made to agree
	idle     chan struct{} // closed when it agrees; another one while it does not
}

const (
	firstBlock     = 100
	reconcileBlock = 4000 // rows that are inserted together
	lockRetry      = 200 * time.Millisecond
	firstRetry     = time.Second // after a failure; twice as long after the next
	longestRetry   = time.Minute // since listing a large log takes a second of processor
)

// run keeps the index in agreement until ctx ends: once at the beginning, and
// whenever the index had to be exchanged.
func (r *reconciler) run(ctx context.Context) {
	for {
		var turn int
		_ = retry(ctx, func(bool) error {
			r.with(func() { turn = r.turn })
			err := r.reconcile(ctx)
			r.failed(err)
			if err != nil && ctx.Err() == nil {
				r.x.log.Warn("the index is not complete", "error", err)
			}
			return err
		})
		if ctx.Err() == nil {
			r.settled(turn)
			r.fillWords(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.x.lost:
			r.unsettled()
		}
	}
}

// retry calls fn until it succeeds or ctx ends; again is false for the first time.
func retry(ctx context.Context, fn func(again bool) error) error {
	for wait, again := firstRetry, false; ; wait, again = min(2*wait, longestRetry), true {
		err := fn(again)
		if err == nil || sleep(ctx, wait) != nil {
			return err
		}
	}
}

// sleep waits so long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err()
}

// fillWords fills the table words where no other process does.
func (r *reconciler) fillWords(ctx context.Context) {
	l := r.x.buildLock()
	if r.x.hasWords(ctx) {
		return
	}
	if locked, _ := l.TryLock(); locked {
		defer func() { _ = l.Unlock() }()
		if err := r.x.fillWords(ctx); err != nil && ctx.Err() == nil {
			r.x.log.Warn("filters on titles, repositories and senders look at every record", "error", err)
		}
	}
}

// with runs fn while the reconciler's state is its own.
func (r *reconciler) with(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
}

// settled says that the index agrees, unless it was exchanged in the meantime.
func (r *reconciler) settled(turn int) {
	r.with(func() {
		if turn == r.turn && !r.complete {
			r.complete = true
			close(r.idle)
		}
	})
}

// failed notes how an attempt to make the index ended.
func (r *reconciler) failed(err error) { r.with(func() { r.failure = err }) }

func (r *reconciler) noteSize(records int) {
	r.with(func() { r.large = r.large || records > smallLog })
}

func (r *reconciler) unsettled() {
	r.with(func() {
		r.turn++
		if r.complete {
			r.complete, r.idle, r.progress = false, make(chan struct{}), Progress{}
		}
	})
}

func (r *reconciler) state() agreement {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agreement
}

func (r *reconciler) report(done, total int) {
	r.with(func() { r.progress = Progress{Done: done, Total: total} })
}

// reconcile does it once. When another process is at it, it waits and then
// looks whether that was enough.
func (r *reconciler) reconcile(ctx context.Context) error {
	l := r.x.buildLock()
	for {
		stamp, err := r.stamp()
		if err != nil {
			return err
		}
		if have, err := r.x.number(ctx, `SELECT value FROM meta WHERE key = 'stamp'`); err == nil && stamp != 0 && have == stamp && !r.repaired(ctx) {
			return nil
		}
		locked, err := l.TryLock()
		if locked {
			defer func() { _ = l.Unlock() }()
			return r.agree(ctx, stamp)
		}
		if errors.Is(err, fs.ErrNotExist) {
			_ = os.MkdirAll(r.x.home, 0o700)
		}
		r.readProgress(ctx)
		if err := sleep(ctx, lockRetry); err != nil {
			return err
		}
	}
}

// repaired says whether a file that was no whole record has changed since, for
// which the directory's own time does not show.
func (r *reconciler) repaired(ctx context.Context) bool {
	known, err := collect(ctx, r.x, func(rows *sql.Rows) (p problem, err error) {
		return p, rows.Scan(&p.File, &p.size, &p.mtime)
	}, `SELECT file, size, mtime FROM problem`)
	return err != nil || slices.ContainsFunc(known, func(p problem) bool { return r.x.changed(p.File, p.size, p.mtime) })
}

// stamp stands for the state of the directory: its change time. A time that
// is too young may hide another change in the same tick of the clock and
// gives 0.
func (r *reconciler) stamp() (int64, error) {
	info, err := os.Stat(r.x.logDir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at the log directory: %w", err)
	}
	if age := time.Since(info.ModTime()); age < 50*time.Millisecond {
		return 0, nil
	}
	return info.ModTime().UnixNano(), nil
}

// readProgress takes over what the process that builds has written down.
func (r *reconciler) readProgress(ctx context.Context) {
	done, err1 := r.x.number(ctx, `SELECT value FROM meta WHERE key = 'done'`)
	total, err2 := r.x.number(ctx, `SELECT value FROM meta WHERE key = 'total'`)
	if err1 == nil && err2 == nil {
		r.report(int(done), int(total))
	}
	if have, err := r.x.number(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM record LIMIT %d)`, smallLog+1)); err == nil {
		r.noteSize(int(max(have, total)))
	}
}

// agree compares the directory with the index.
func (r *reconciler) agree(ctx context.Context, stamp int64) error {
	names, err := r.list(ctx)
	if err != nil {
		return err
	}
	missing, gone, err := r.compare(ctx, names)
	if err != nil {
		return err
	}
	have := len(names) - len(missing)
	r.report(have, len(names))
	// Newest first, in blocks that go up: rows are appended to a block faster than before it.
	slices.SortFunc(missing, func(a, b string) int { return cmp.Compare(b, a) })
	if err := r.addAll(ctx, missing, have); err != nil {
		return err
	}
	for chunk := range slices.Chunk(gone, 500) {
		// A file may have come since the directory was listed.
		chunk = slices.DeleteFunc(chunk, func(name string) bool { return r.x.exists(name) })
		if err := r.x.removeFiles(ctx, chunk); err != nil {
			return err
		}
	}
	if err := r.x.makeLateIndexes(ctx); err != nil {
		return err
	}
	return r.x.transact(ctx, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES('stamp', ?), ('complete', 1)`, stamp)
		return err
	})
}

// list returns the names of the files that can be records, unsorted.
func (r *reconciler) list(ctx context.Context) ([]string, error) {
	dir, err := os.Open(r.x.logDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the log directory: %w", err)
	}
	defer dir.Close()
	var names []string
	for {
		items, err := dir.ReadDir(4096)
		for _, item := range items {
			if isRecordName(item.Name()) && item.Type().IsRegular() {
				names = append(names, item.Name())
			}
		}
		r.noteSize(len(names))
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("list the log directory: %w", err)
		}
	}
}

// compare merges the sorted names with the sorted rows. A file that was a
// problem counts as missing when it has changed.
func (r *reconciler) compare(ctx context.Context, names []string) (missing, gone []string, err error) {
	slices.Sort(names)
	err = r.x.with(ctx, func(db *sql.DB) error {
		missing, gone = nil, nil
		rows, err := db.QueryContext(ctx, `SELECT file, -1, 0 FROM record UNION ALL SELECT file, size, mtime FROM problem ORDER BY 1`)
		if err != nil {
			return err
		}
		defer rows.Close()
		i := 0
		for rows.Next() {
			var file string
			var size, mtime int64
			if err := rows.Scan(&file, &size, &mtime); err != nil {
				return err
			}
			for i < len(names) && names[i] < file {
				missing = append(missing, names[i])
				i++
			}
			if i == len(names) || names[i] != file {
				gone = append(gone, file)
				continue
			}
			if size >= 0 && r.x.changed(file, size, mtime) {
				missing = append(missing, file)
			}
			i++
		}
		missing = append(missing, names[i:]...)
		return rows.Err()
	})
	return missing, gone, err
}

// buildLock is held by the process that fills the index.
func (x *index) buildLock() *flock.Flock {
	return flock.New(filepath.Join(x.home, "build.lock"), flock.SetPermissions(0o600))
}

// addAll reads files in parallel and puts them into the index, a block at a
// time. While one block is put there the next is read.
func (r *reconciler) addAll(ctx context.Context, names []string, done int) error {
	type block struct {
		entries  []Entry
		problems []problem
		size     int
		err      error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks := make(chan block)
	total := done + len(names)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		defer close(blocks)
		size := firstBlock // small, so that there is a page to see
		for len(names) > 0 {
			b := block{size: min(size, len(names))}
			b.entries, b.problems, b.err = r.x.readFiles(ctx, names[:b.size])
			names, size = names[b.size:], reconcileBlock
			select {
			case blocks <- b:
			case <-ctx.Done():
				return
			}
		}
	})
	for b := range blocks {
		if b.err != nil {
			return b.err
		}
		done += b.size
		err := r.x.transact(ctx, func(tx *transaction) error {
			if err := putAll(ctx, tx, b.entries, b.problems); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES('done', ?), ('total', ?)`, done, total)
			return err
		})
		if err != nil {
			return err
		}
		r.report(done, total)
	}
	return ctx.Err()
}

func putAll(ctx context.Context, tx *transaction, entries []Entry, problems []problem) error {
	in, err := newInserter(ctx, tx)
	if err != nil {
		return err
	}
	if err := errors.Join(in.putAll(ctx, entries), in.done(ctx)); err != nil {
		return err
	}
	for _, p := range problems {
		if err := removeRow(ctx, tx, p.File); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO problem VALUES(?,?,?,?)`, p.File, p.Reason, p.size, p.mtime); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM problem WHERE file IN (SELECT p.file FROM problem p JOIN record r ON r.file = p.file)`)
	return err
}
