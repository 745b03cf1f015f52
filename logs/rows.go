package logs

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// indexSchema counts changes of the tables; other schemas are other files.
const indexSchema = 6

// The order of records is that of id: ReceivedAt in nanoseconds, moved on
// where it is taken. Text compares as in the filter grammar, where ASCII
// letters are the same in either case. What free text is searched in has a
// table of its own, since reading that alone is four times faster. came
// counts up with each record that arrives at an index that was complete, about in
// nanoseconds of time; of the others it is 0.
const schemaSQL = `
CREATE TABLE record(
	id INTEGER PRIMARY KEY, file TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL COLLATE NOCASE,
	action TEXT NOT NULL COLLATE NOCASE, repo TEXT NOT NULL COLLATE NOCASE, sender TEXT NOT NULL COLLATE NOCASE,
	title TEXT NOT NULL COLLATE NOCASE, branch TEXT NOT NULL COLLATE NOCASE, conclusion TEXT NOT NULL COLLATE NOCASE,
	number INTEGER, url TEXT NOT NULL, result TEXT NOT NULL COLLATE NOCASE, delivery TEXT NOT NULL COLLATE NOCASE,
	hook INTEGER NOT NULL, source TEXT NOT NULL COLLATE NOCASE, verified INTEGER NOT NULL, secret TEXT NOT NULL,
	size INTEGER NOT NULL, mtime INTEGER NOT NULL, notified INTEGER NOT NULL, ntype TEXT NOT NULL COLLATE NOCASE,
	npriority TEXT NOT NULL COLLATE NOCASE, nstatus TEXT NOT NULL, pending INTEGER NOT NULL, failed INTEGER NOT NULL,
	path TEXT NOT NULL, syncing INTEGER NOT NULL, came INTEGER NOT NULL);
CREATE UNIQUE INDEX record_file ON record(file);
CREATE INDEX record_pending ON record(pending) WHERE pending > 0;
CREATE INDEX record_failed ON record(failed) WHERE failed > 0;
CREATE INDEX record_syncing ON record(syncing) WHERE syncing > 0;
CREATE INDEX record_came ON record(came) WHERE came > 0;
CREATE TABLE search(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE problem(file TEXT PRIMARY KEY, reason TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL);
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;` + ciSQL + wordsSQL

// lateSQL are the indexes that are made when all records are there, since their rows come in no order: filling a tree at
// random places takes most of the time at a million. What they are for works without them, slower.
const lateSQL = `
CREATE INDEX IF NOT EXISTS record_delivery ON record(delivery) WHERE delivery <> '';
CREATE INDEX IF NOT EXISTS record_event ON record(event);`

func (x *index) makeLateIndexes(ctx context.Context) error {
	if !x.late.Load() {
		if err := x.with(ctx, func(db *sql.DB) error { _, err := db.ExecContext(ctx, lateSQL); return err }); err != nil {
			return fmt.Errorf("write the index: %w", err)
		}
		x.late.Store(true)
	}
	return nil
}

// columns of a record, in the order of rowArgs and scanEntry.
const columns = `id, file, at, event, action, repo, sender, title, branch, conclusion, number, url, result, delivery,
	hook, source, verified, secret, size, mtime, notified, ntype, npriority, nstatus, pending, failed, path, syncing, came`

const (
	updateSQL = `UPDATE record SET (` + columns + `) = (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE file = ?2`
	// The ids of one instant lie close together; behind the last of them one is free.
	freeIDSQL = `SELECT ifnull(max(id) + 1, ?1) FROM record WHERE id >= ?1 AND id < ?1 + 1000000`
)

func insertSQL(rows int) string {
	return `INSERT INTO record(` + columns + `) VALUES` + repeated(`(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, rows)
}

func searchSQL(rows int) string {
	return `INSERT OR REPLACE INTO search(id, text) VALUES` + repeated(`(?,?)`, rows)
}

func repeated(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }

// orderKey is where an entry stands in the log: its time in nanoseconds, never
// 0, which no Cursor may be.
func orderKey(at time.Time) int64 {
	switch {
	case at.Year() < 1970:
		return 1
	case at.Year() > 2261:
		return math.MaxInt64 - 1_000_000
	}
	return max(1, at.UnixNano())
}

func rowArgs(e *Entry) []any {
	n := deref(e.Notification)
	return []any{e.key, e.File, orderKey(e.ReceivedAt), e.Event, e.Action, e.Repository, e.Sender, e.Title, e.Branch, e.Conclusion,
		e.Number, e.URL, e.Result, e.DeliveryID, e.HookID, e.Source, e.Verified, e.Secret, e.Size, e.modified.UnixNano(),
		e.Notification != nil, n.Type, n.Priority, n.Status, e.Pending, e.Failed, e.Path, e.Syncing, e.came}
}

// inserter puts entries into the index within one transaction. End it with done.
type inserter struct {
	tx       *transaction
	bytes    int64             // what the records grew by
	lanes    map[laneKey]*lane // as they were and will be
	lastLane int64             // the highest id of a lane, once there was a new one
	words    int64             // from which id on the table words is filled
	came     int64             // of the last record that arrived; 0 while the index is not complete
}

// manyRows are inserted by one statement: most of the cost of a row is that of a statement.
const manyRows = 50

func newInserter(ctx context.Context, tx *transaction) (*inserter, error) {
	in := &inserter{tx: tx, lanes: map[laneKey]*lane{}}
	var last, complete int64
	err := tx.QueryRowContext(ctx, `SELECT value, (SELECT ifnull(max(came), 0) FROM record INDEXED BY record_came WHERE came > 0),
		EXISTS (SELECT 1 FROM meta WHERE key = 'complete') FROM meta WHERE key = 'words'`).Scan(&in.words, &last, &complete)
	in.came = complete * max(last, time.Now().UnixNano())
	return in, err
}

// putAll puts entries into the index and sets their keys.
func (in *inserter) putAll(ctx context.Context, entries []Entry) error {
	for n := manyRows; len(entries) > 0; entries = entries[n:] {
		if len(entries) < manyRows {
			n = 1
		}
		if err := in.put(ctx, entries[:n]); err != nil {
			return err
		}
	}
	return nil
}

// put inserts entries with one statement, or else brings the rows of their files up to date.
func (in *inserter) put(ctx context.Context, entries []Entry) error {
	args := make([]any, 0, 29*len(entries))
	var bytes, last int64
	for i := range entries {
		e := &entries[i]
		e.key = max(orderKey(e.ReceivedAt), last+1) // they come in the order of their names
		if e.key-orderKey(e.ReceivedAt) >= 1_000_000 {
			e.key = orderKey(e.ReceivedAt)
		}
		last = e.key
		if e.came = 0; in.came > 0 {
			in.came++
			e.came = in.came
		}
		args = append(args, rowArgs(e)...)
		bytes += e.Size
	}
	_, err := in.tx.ExecContext(ctx, insertSQL(len(entries)), args...)
	switch {
	case resultOf(err)&0xff == sqlite3.SQLITE_CONSTRAINT && len(entries) == 1:
		return in.replace(ctx, entries)
	case resultOf(err)&0xff == sqlite3.SQLITE_CONSTRAINT:
		// Some have a row, or a place in the order is taken; none was inserted.
		for i := range entries {
			if err := in.put(ctx, entries[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case err != nil:
		return err
	}
	in.bytes += bytes
	return in.describe(ctx, entries, true)
}

// describe puts what else the index has of records than their row.
func (in *inserter) describe(ctx context.Context, entries []Entry, words bool) error {
	args := make([]any, 0, 2*len(entries))
	for i := range entries {
		args = append(args, entries[i].key, searchText(&entries[i]))
	}
	_, err := in.tx.ExecContext(ctx, searchSQL(len(entries)), args...)
	for i := 0; i < len(entries) && err == nil; i++ {
		if err = in.putRun(ctx, &entries[i]); err == nil && words {
			err = in.putWords(ctx, &entries[i])
		}
	}
	return err
}

// replace puts one entry whose file has a row, or whose place in the order is taken.
func (in *inserter) replace(ctx context.Context, one []Entry) error {
	e := &one[0]
	var id, size int64
	var old Entry
	err := in.tx.QueryRowContext(ctx, `SELECT id, size, came, title, repo, sender FROM record WHERE file = ?`, e.File).
		Scan(&id, &size, &old.came, &old.Title, &old.Repository, &old.Sender)
	switch {
	case err == nil && id >= e.key && id < e.key+1_000_000:
		e.key, e.came = id, old.came
		_, err = in.tx.ExecContext(ctx, updateSQL, rowArgs(e)...)
	case err == nil:
		// It says another time than before.
		if err = errors.Join(in.keepLanes(ctx), removeRow(ctx, in.tx, e.File)); err == nil {
			err = in.put(ctx, one)
		}
		return err
	case errors.Is(err, sql.ErrNoRows):
		if err = in.tx.QueryRowContext(ctx, freeIDSQL, e.key).Scan(&e.key); err == nil {
			_, err = in.tx.ExecContext(ctx, insertSQL(1), rowArgs(e)...)
		}
	}
	if err != nil {
		return err
	}
	in.bytes += e.Size - size
	return in.describe(ctx, one, id == 0 || wordsOf(&old) != wordsOf(e))
}

// done notes what the records take in all, and the lanes.
func (in *inserter) done(ctx context.Context) error {
	return errors.Join(in.keepLanes(ctx), addBytes(ctx, in.tx, in.bytes))
}

func addBytes(ctx context.Context, tx *transaction, n int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES('bytes', ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`, n)
	return err
}

func removeRow(ctx context.Context, tx *transaction, file string) error {
	var id, size int64
	err := tx.QueryRowContext(ctx, `DELETE FROM record WHERE file = ? RETURNING id, size`, file).Scan(&id, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM search WHERE id = ?`, id)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM words WHERE rowid = ?`, id)
	}
	return cmp.Or(err, removeRun(ctx, tx, id), addBytes(ctx, tx, -size))
}

// transaction is one that prepares each statement once: preparing takes most of the time of a short one.
type transaction struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

func (tx *transaction) prepare(ctx context.Context, query string) (stmt *sql.Stmt, err error) {
	if stmt = tx.prepared[query]; stmt == nil {
		if stmt, err = tx.PrepareContext(ctx, query); err == nil { // #nosec G701 -- constants and placeholders only
			tx.prepared[query] = stmt
		}
	}
	return stmt, err
}

func (tx *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := tx.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (tx *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := tx.prepare(ctx, query)
	if err != nil {
		return tx.Tx.QueryRowContext(ctx, query, args...) // which has the error
	}
	return stmt.QueryRowContext(ctx, args...)
}

// transact runs fn in a transaction.
func (x *index) transact(ctx context.Context, fn func(*transaction) error) error {
	err := x.with(ctx, func(db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := fn(&transaction{tx, map[string]*sql.Stmt{}}); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// put brings the index up to date: entries, whose keys it sets, and files that are no whole record.
func (x *index) put(ctx context.Context, entries []Entry, problems []problem) error {
	return x.transact(ctx, func(tx *transaction) error { return putAll(ctx, tx, entries, problems) })
}

// removeFiles takes files out of the index.
func (x *index) removeFiles(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return nil
	}
	return x.transact(ctx, func(tx *transaction) error {
		for _, file := range files {
			if err := removeRow(ctx, tx, file); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM problem WHERE file = ?`, file); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanEntry reads a row of columns.
func scanEntry(rows *sql.Rows) (Entry, error) {
	var e Entry
	var at, mtime int64
	var notified bool
	var n EntryNotification
	err := rows.Scan(&e.key, &e.File, &at, &e.Event, &e.Action, &e.Repository, &e.Sender, &e.Title, &e.Branch, &e.Conclusion,
		&e.Number, &e.URL, &e.Result, &e.DeliveryID, &e.HookID, &e.Source, &e.Verified, &e.Secret, &e.Size, &mtime,
		&notified, &n.Type, &n.Priority, &n.Status, &e.Pending, &e.Failed, &e.Path, &e.Syncing, &e.came)
	if err != nil {
		return e, err
	}
	if at > 1 {
		e.ReceivedAt = time.Unix(0, at).UTC()
	}
	e.modified = time.Unix(0, mtime)
	if notified {
		e.Notification = &n
	}
	return e, nil
}

// entries runs a query that gives columns.
func (x *index) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	return collect(ctx, x, scanEntry, query, args...)
}

// collect runs a query and returns what scan makes of each row.
func collect[T any](ctx context.Context, x *index, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := x.with(ctx, func(db *sql.DB) error {
		list = list[:0]
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("ask the index: %w", err)
	}
	return list, nil
}

// ask is collect that knows what the writer of the log has appended so far.
func ask[T any](ctx context.Context, l *Log, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	if err := l.Settle(ctx); err != nil {
		return nil, err
	}
	return collect(ctx, l.index, scan, query, args...)
}

// number runs a query that gives one number.
func (x *index) number(ctx context.Context, query string, args ...any) (int64, error) {
	var n sql.NullInt64
	err := x.with(ctx, func(db *sql.DB) error { return db.QueryRowContext(ctx, query, args...).Scan(&n) })
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("ask the index: %w", err)
	}
	return n.Int64, nil
}
