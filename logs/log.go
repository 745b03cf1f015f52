package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Log reads a log directory, in any process. It is safe for concurrent use.
type Log struct {
	cfg  Config
	root *os.Root

	mu       sync.Mutex
	known    map[string]Entry // by file
	problems map[string]string
}

// Open opens the log directory for reading, and makes it when it is missing.
func Open(_ context.Context, cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log directory: %w", err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the log directory: %w", err)
	}
	return &Log{cfg: cfg, root: root, known: map[string]Entry{}, problems: map[string]string{}}, nil
}

// Close releases what the Log holds.
func (l *Log) Close() error { return l.root.Close() }

// Dir is the log directory.
func (l *Log) Dir() string { return l.cfg.Dir }

// Read returns the record in a file. file is a name in the log directory;
// anything else is ErrNotFound. A file that is incomplete or no record gives
// *TornError.
func (l *Log) Read(_ context.Context, file string) (*Record, error) {
	if !isRecordName(file) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, file)
	}
	f, err := l.root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, file)
	} else if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", file, err)
	}
	return decodeRecord(file, data)
}

// Ready waits until the list is complete, and tells of progress meanwhile.
func (l *Log) Ready(ctx context.Context, progress func(Progress)) error {
	list, err := l.scan(ctx)
	if progress != nil {
		progress(Progress{Done: len(list), Total: len(list)})
	}
	return err
}

// scan brings the list in memory up to date with the directory.
func (l *Log) scan(ctx context.Context) ([]Entry, error) {
	dir, err := l.root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("list the log directory: %w", err)
	}
	defer dir.Close()
	items, err := dir.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list the log directory: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := make(map[string]Entry, len(items))
	clear(l.problems)
	for _, item := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !isRecordName(item.Name()) || item.IsDir() {
			continue
		}
		info, err := item.Info()
		if err != nil {
			continue
		}
		if e, ok := l.known[item.Name()]; ok && e.Size == info.Size() && e.modified.Equal(info.ModTime()) {
			seen[e.File] = e
			continue
		}
		r, err := l.Read(ctx, item.Name())
		if err != nil {
			l.problems[item.Name()] = err.Error()
			continue
		}
		e := r.Entry(info.Size())
		e.modified = info.ModTime()
		seen[e.File] = e
	}
	l.known = seen
	list := make([]Entry, 0, len(seen))
	for _, e := range seen {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].key != list[j].key {
			return list[i].key > list[j].key
		}
		return list[i].File > list[j].File
	})
	return list, nil
}

// Page returns the entries that a query asks for.
func (l *Log) Page(ctx context.Context, q Query) (Page, error) {
	list, err := l.scan(ctx)
	if err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	list = slices.DeleteFunc(list, func(e Entry) bool { return !q.Filter.Match(e) })
	at := 0 // first entry that is older than the cursor
	if q.Newer {
		at = len(list)
	}
	if !q.Cursor.IsZero() {
		at = sort.Search(len(list), func(i int) bool { return list[i].key < q.Cursor.key })
		for q.Newer && at > 0 && list[at-1].key == q.Cursor.key {
			at--
		}
	}
	if q.Newer {
		from := max(0, at-q.Limit)
		return Page{Entries: list[from:at], HasNewer: from > 0, HasOlder: at < len(list)}, nil
	}
	to := min(len(list), at+q.Limit)
	return Page{Entries: list[at:to], HasNewer: at > 0, HasOlder: to < len(list)}, nil
}

// Count returns how many records the filter chooses.
func (l *Log) Count(ctx context.Context, f Filter) (int, error) {
	list, err := l.scan(ctx)
	n := 0
	for _, e := range list {
		if f.Match(e) {
			n++
		}
	}
	return n, err
}

// Find returns the records of a delivery GUID, newest first.
func (l *Log) Find(ctx context.Context, guid string) ([]Entry, error) {
	list, err := l.scan(ctx)
	return slices.DeleteFunc(list, func(e Entry) bool { return !strings.EqualFold(e.DeliveryID, guid) }), err
}

// Pending returns the records with a notification that is still to be sent,
// oldest first.
func (l *Log) Pending(ctx context.Context) ([]Entry, error) {
	list, err := l.scan(ctx)
	list = slices.DeleteFunc(list, func(e Entry) bool { return e.Pending == 0 })
	slices.Reverse(list)
	return list, err
}

// Counts returns the log by event.
func (l *Log) Counts(ctx context.Context, f Filter) (Counts, error) {
	list, err := l.scan(ctx)
	c := Counts{Events: map[string]int{}}
	for _, e := range list {
		if !f.Match(e) {
			continue
		}
		c.Total++
		c.Events[e.Event]++
		if e.Pending > 0 {
			c.Pending++
		}
		if e.Failed > 0 {
			c.Failed++
		}
	}
	return c, err
}

// Rates returns how many records came in each span of time since then,
// oldest first, empty spans included.
func (l *Log) Rates(ctx context.Context, since time.Time, bucket time.Duration) ([]Rate, error) {
	list, err := l.scan(ctx)
	if err != nil {
		return nil, err
	}
	rates := emptyRates(since, l.cfg.Now(), bucket)
	for _, e := range list {
		if i := int(e.ReceivedAt.Sub(since) / max(bucket, 1)); !e.ReceivedAt.Before(since) && i < len(rates) {
			rates[i].Total++
			rates[i].Events[e.Event]++
		}
	}
	return rates, nil
}

func emptyRates(since, now time.Time, bucket time.Duration) []Rate {
	var rates []Rate
	for t := since; bucket > 0 && !t.After(now) && len(rates) < 10_000; t = t.Add(bucket) {
		rates = append(rates, Rate{Start: t, Events: map[string]int{}})
	}
	return rates
}

// Problems returns the files that are no whole record, by name.
func (l *Log) Problems(ctx context.Context) ([]Problem, error) {
	if _, err := l.scan(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []Problem
	for file, reason := range l.problems {
		list = append(list, Problem{File: file, Reason: reason})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].File < list[j].File })
	return list, nil
}

// path of a file in the log directory.
func (l *Log) path(file string) string { return filepath.Join(l.cfg.Dir, file) }
