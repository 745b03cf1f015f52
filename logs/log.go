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
	"strings"
	"sync"
	"time"

	"hookctl/logs/disk"
)

// Log reads a log directory, in any process. It is safe for concurrent use.
type Log struct {
	cfg    Config
	index  *index
	rec    *reconciler
	cancel context.CancelFunc
	done   sync.WaitGroup
	writer *filer // in the process that writes: what is not a file yet
	ledger ledgerView
	empty  string // a directory to remove, of Look
}

const (
	// openPatience is how long Open lets the index of a large log catch up before it returns anyway: less than a person notices.
	openPatience = 40 * time.Millisecond
	// smallLog is how many records the index has soon on any machine, so that Open waits for them.
	smallLog = 10_000
	// openLimit is for a process that was stopped while it held the index.
	openLimit = 10 * time.Second
)

// Open opens the log directory for reading, and makes it when it is missing.
// The index is brought up to date first where the log has up to 10,000 records; a larger one
// that has none yet can be browsed while it is made, see [Log.Ready].
func Open(ctx context.Context, cfg Config) (*Log, error) {
	l, err := newLog(cfg.withDefaults())
	if err != nil {
		return nil, err
	}
	l.start()
	if err := l.index.with(ctx, func(*sql.DB) error { return nil }); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	opened := time.Now()
	l.waitWhile(ctx, func(now agreement) bool {
		waited := time.Since(opened)
		return waited < openPatience || waited < openLimit && !now.large && now.failure == nil
	})
	return l, nil
}

// Look is Open for who looks once: it leaves no log directory behind where there was none. The log is empty then.
func Look(ctx context.Context, cfg Config) (*Log, error) {
	if _, err := os.Stat(cfg.Dir); !errors.Is(err, fs.ErrNotExist) {
		return Open(ctx, cfg)
	}
	empty, err := os.MkdirTemp("", "hookctl-log-")
	if err != nil {
		return nil, fmt.Errorf("open an empty log: %w", err)
	}
	cfg.Dir = empty
	l, err := Open(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(empty))
	}
	l.empty = empty
	return l, nil
}

func newLog(cfg Config) (*Log, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log directory: %w", err)
	}
	x, err := newIndex(cfg.Dir, cfg.Logger)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, index: x, rec: &reconciler{x: x, agreement: agreement{idle: make(chan struct{})}}}
	x.onLost = l.rec.unsettled
	return l, nil
}

// start opens the index in the background, and then keeps it in agreement with the directory: after a crash opening takes as long
// as SQLite takes to read its journal. Where there is no place for an index, it tries again.
func (l *Log) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.done.Go(func() {
		err := retry(ctx, func(again bool) error {
			err := l.index.find(ctx)
			if l.rec.failed(err); err != nil && !again && l.writer != nil {
				l.cfg.Logger.Error("the index cannot be opened; deliveries are recorded, and cannot be listed", "error", err)
			}
			return err
		})
		if err == nil {
			l.rec.run(ctx)
		}
	})
}

// waitWhile waits until the index has every record, but only while a condition holds.
func (l *Log) waitWhile(ctx context.Context, cond func(agreement) bool) {
	idle := l.rec.state().idle
	tick := time.NewTicker(openPatience / 4)
	defer tick.Stop()
	for cond(l.rec.state()) {
		select {
		case <-idle:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close ends the work in the background and closes the index.
func (l *Log) Close() error {
	l.cancel()
	l.done.Wait()
	err := l.index.close()
	if l.empty != "" {
		err = errors.Join(err, os.RemoveAll(l.empty))
	}
	return err
}

// Dir is the log directory.
func (l *Log) Dir() string { return l.cfg.Dir }

// Ready waits until the index has every record.
func (l *Log) Ready(ctx context.Context) error {
	return until(ctx, l.rec.state().idle)
}

// Whole is Ready for who does not wait for an index that cannot be made: its error then says why. It reports progress in the
// meantime; progress may be nil.
func (l *Log) Whole(ctx context.Context, progress func(Progress)) error {
	look := func(now agreement) bool {
		if progress != nil {
			progress(now.progress)
		}
		return now.failure == nil
	}
	l.waitWhile(ctx, look)
	now := l.rec.state()
	look(now)
	if err := cmp.Or(now.failure, ctx.Err()); err != nil {
		return fmt.Errorf("make the index: %w", err)
	}
	return nil
}

// Read returns the record in a file. file is a name in the log directory;
// anything else is ErrNotFound. A file that is incomplete or no record gives
// *TornError.
func (l *Log) Read(_ context.Context, file string) (*Record, error) {
	if !isRecordName(file) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, file)
	}
	if l.writer != nil {
		if data, ok, err := l.writer.lookup(file); ok && err == nil {
			return decodeRecord(file, data)
		}
	}
	f, err := disk.Open(filepath.Join(l.cfg.Dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, file)
	} else if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &TornError{File: file, Err: errors.New("not a regular file")}
	}
	if info.Size() > maxRecordFile {
		return nil, &TornError{File: file, Err: errTooLarge}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecordFile))
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", file, err)
	}
	return decodeRecord(file, data)
}

// Settle returns when every reader, in any process, sees what the writer of this Log has appended so far, or when a disk
// that fails keeps files from being written. In a process that only reads there is nothing to wait for.
func (l *Log) Settle(ctx context.Context) error {
	if l.writer == nil {
		return nil
	}
	return l.writer.settleAll(ctx)
}

// Page returns the entries that a query asks for.
func (l *Log) Page(ctx context.Context, q Query) (Page, error) {
	if err := l.Settle(ctx); err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	now := l.rec.state() // before the look: what comes after it may not be in it
	p := Page{Building: !now.complete, Progress: now.progress}
	var err error
	more := q
	more.Limit++
	if q.Filter.InPayloads() {
		l.each(ctx, more, nil, func(e Entry, failed error) bool {
			p.Entries, err = append(p.Entries, e), failed
			return err == nil && len(p.Entries) < more.Limit
		})
	} else { // every key pressed asks for a page: entry by entry it would take a seventh more memory
		p.Entries, err = l.rows(ctx, more)
	}
	if err != nil {
		return Page{}, err
	}
	p.HasOlder, p.HasNewer = len(p.Entries) > q.Limit, !q.Cursor.IsZero()
	p.Entries = p.Entries[:min(len(p.Entries), q.Limit)]
	if q.Newer {
		slices.Reverse(p.Entries)
		p.HasOlder, p.HasNewer = p.HasNewer, p.HasOlder
	}
	return p, nil
}

// rows are the entries of a query that the index answers, in the query's direction.
func (l *Log) rows(ctx context.Context, q Query) ([]Entry, error) {
	table, key, conds, args := l.source(ctx, q.Filter)
	order, compare := "DESC", "<"
	if q.Newer {
		order, compare = "ASC", ">"
	}
	if !q.Cursor.IsZero() {
		conds, args = append(conds, key+" "+compare+" ?"), append(args, q.Cursor.key)
	}
	query := "SELECT r." + strings.ReplaceAll(columns, ", ", ", r.") + " FROM " + table + whereClause(conds) +
		" ORDER BY " + key + " " + order + " LIMIT ?"
	return l.index.entries(ctx, query, append(args, q.Limit)...)
}

// Count returns how many records the filter chooses.
func (l *Log) Count(ctx context.Context, f Filter) (int, error) {
	if err := l.Settle(ctx); err != nil {
		return 0, err
	}
	if f.InPayloads() {
		n := 0
		for _, err := range l.All(ctx, f, nil) {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}
	from, args := l.counted(ctx, f)
	n, err := l.index.number(ctx, "SELECT count(*)"+from, args...)
	return int(n), err
}

// Pending returns the records with a notification that is still to be sent,
// oldest first. While the index is made it is what is known so far, from the
// newest on.
func (l *Log) Pending(ctx context.Context) ([]Entry, error) {
	return ask(ctx, l, scanEntry, "SELECT "+columns+" FROM record INDEXED BY record_pending WHERE pending > 0 ORDER BY id")
}
