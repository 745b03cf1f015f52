package logs

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// index is the SQLite cache beside the log. Any process may read it, write it
// and make it again from the files; several do at once.
//
// Its file is index-<schema>-<n>.db. An index that is damaged is never repaired
// or written over: the next number is made, and who has the old one open
// sees that it is gone and changes over. So no process ever mixes the journal
// of one with the pages of another.
type index struct {
	logDir string
	log    *slog.Logger

	opened chan struct{} // closed when find has ended for the first time

	mu      sync.RWMutex // held for writing while db is exchanged
	failure error        // of find
	db      *sql.DB
	path    string
	info    os.FileInfo
	temp    string        // directory to remove at close, where nothing else could be written
	home    string        // directory of the index files
	filled  atomic.Bool   // the table words is filled
	late    atomic.Bool   // it has the indexes that are made when all records are there
	lost    chan struct{} // gets a token when the index is to be filled
	// onLost is called before anyone can ask an index that took the place of
	// another and is not filled yet.
	onLost func()
}

// olderVersion is how long the index of an earlier version stays: a process of that version may have it open.
const olderVersion = 24 * time.Hour

// newIndex is an index that find is to open.
func newIndex(logDir string, log *slog.Logger) (*index, error) {
	abs, err := filepath.Abs(logDir)
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	return &index{logDir: abs, log: log, opened: make(chan struct{}), lost: make(chan struct{}, 1), onLost: func() {}}, nil
}

// find opens the index, in the log directory, or else in the user's cache directory, or else in a temporary one. Who asks it in
// the meantime waits. It may be called again where it failed.
func (x *index) find(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failure = x.findHome(ctx)
	select {
	case <-x.opened:
	default:
		close(x.opened)
	}
	return x.failure
}

func (x *index) findHome(ctx context.Context) (err error) {
	homes := []string{filepath.Join(x.logDir, hiddenDir)}
	if cache, err := os.UserCacheDir(); err == nil {
		sum := sha256.Sum256([]byte(x.logDir))
		homes = append(homes, filepath.Join(cache, "hookctl", "index-"+hex.EncodeToString(sum[:8])))
	}
	for _, x.home = range homes {
		if err = x.open(ctx); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.log.Debug("no index can be kept here", "dir", x.home, "error", err)
	}
	if x.temp, err = os.MkdirTemp("", "hookctl-index-"); err != nil {
		return fmt.Errorf("open the index: %w", err)
	}
	x.home = x.temp
	if err := x.open(ctx); err != nil {
		return errors.Join(err, os.RemoveAll(x.temp))
	}
	return nil
}

// lock keeps processes from making an index at the same moment, but for one that was stopped while it has the lock.
func (x *index) lock(ctx context.Context) (*flock.Flock, error) {
	if err := os.MkdirAll(x.home, 0o700); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(x.home, "index.lock"), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	if _, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return nil, err
	}
	return l, nil
}

// open takes the newest index there is, or makes one. The caller holds mu, or
// is the only one.
func (x *index) open(ctx context.Context) error {
	l, err := x.lock(ctx)
	if err != nil {
		return fmt.Errorf("lock the index: %w", err)
	}
	defer func() { _ = l.Unlock() }()
	paths, number := x.files()
	for len(paths) > 0 {
		path := paths[len(paths)-1]
		if err = x.openFile(ctx, path, false); err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isPassing(err) {
			return err
		}
		x.log.Info("the index is unusable and is rebuilt", "index", filepath.Base(path), "reason", err)
		x.remove(path)
		paths = paths[:len(paths)-1]
	}
	if len(paths) > 0 {
		for _, older := range paths[:len(paths)-1] {
			x.remove(older)
		}
		return nil
	}
	return x.openFile(ctx, x.file(number+1), true)
}

// files lists the index files of this schema, oldest first, and the highest
// number that was ever used as far as can be seen.
func (x *index) files() (paths []string, number int) {
	items, err := os.ReadDir(x.home)
	if err != nil {
		return nil, 0
	}
	var numbers []int
	for _, item := range items {
		var schema, n int
		if _, err := fmt.Sscanf(item.Name(), "index-%d-%d.db", &schema, &n); err != nil || schema != indexSchema {
			if info, ierr := item.Info(); err == nil && ierr == nil && schema < indexSchema && time.Since(info.ModTime()) > olderVersion {
				_ = os.Remove(filepath.Join(x.home, item.Name()))
			}
			continue
		}
		number = max(number, n) // also from a journal that lost its index
		if strings.HasSuffix(item.Name(), ".db") && item.Type().IsRegular() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		paths = append(paths, x.file(n))
	}
	return paths, number
}

func (x *index) file(n int) string {
	return filepath.Join(x.home, fmt.Sprintf("index-%d-%d.db", indexSchema, n))
}

func (x *index) remove(path string) {
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		_ = os.Remove(p)
	}
}

func (x *index) openFile(ctx context.Context, path string, create bool) error {
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "page_size(16384)", "journal_mode(WAL)", "synchronous(NORMAL)",
		"cache_size(-4000)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "temp_store(MEMORY)",
	}}
	if create {
		f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return fmt.Errorf("make the index: %w", err)
		}
	}
	u := url.URL{Scheme: "file", Path: uriPath(path), RawQuery: pragmas.Encode() + "&mode=rw"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return fmt.Errorf("open the index: %w", err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	if create {
		_, err = db.ExecContext(ctx, "BEGIN;"+schemaSQL+"COMMIT;") // a process that is killed leaves all of it or nothing
	} else {
		// All tables must be there and readable at both ends.
		var n int
		err = db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT * FROM (SELECT id, mtime FROM record ORDER BY id LIMIT 1)
			UNION ALL SELECT * FROM (SELECT id, came FROM record ORDER BY id DESC LIMIT 1)
			UNION ALL SELECT * FROM (SELECT id, text FROM search LIMIT 1) UNION ALL SELECT * FROM (SELECT reason, size FROM problem LIMIT 1)
			UNION ALL SELECT * FROM (SELECT sha, done FROM run LIMIT 1) UNION ALL SELECT * FROM (SELECT repo, new_id FROM lane LIMIT 1)
			UNION ALL SELECT key, value FROM meta)`).Scan(&n)
		if err == nil {
			_, err = db.ExecContext(ctx, `INSERT INTO meta VALUES('opened', 1) ON CONFLICT DO UPDATE SET value = value + 1`)
			if resultOf(err)&0xff == sqlite3.SQLITE_FULL {
				err = nil // it can be read, and written when there is room again
			}
		}
	}
	var info os.FileInfo
	if err == nil {
		info, err = os.Stat(path)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("open the index: %w", err), db.Close())
		if create {
			x.remove(path)
		}
		return err
	}
	var late int
	_ = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'record_event'`).Scan(&late)
	x.late.Store(late > 0)
	x.filled.Store(false)
	x.db, x.path, x.info = db, path, info
	return nil
}

// uriPath makes a path fit for a file: URI, on Windows too.
func uriPath(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// close gives the index back.
func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return nil
	}
	err := x.db.Close()
	// A transaction whose context ended is rolled back by database/sql on a goroutine of its own; its files are in use until then.
	for range 1000 {
		if x.db.Stats().OpenConnections == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	x.db = nil
	if x.temp != "" {
		err = errors.Join(err, os.RemoveAll(x.temp))
	}
	return err
}

// with runs fn on the database. Where the index is gone or damaged another one is opened, which lost then has filled, and fn runs
// again.
func (x *index) with(ctx context.Context, fn func(*sql.DB) error) error {
	if err := until(ctx, x.opened); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		x.mu.RLock()
		if x.failure != nil {
			defer x.mu.RUnlock()
			return x.failure
		}
		db, path := x.db, x.path
		if db == nil {
			x.mu.RUnlock()
			return ErrClosed
		}
		err := errGone
		if x.present() {
			err = fn(db)
		}
		x.mu.RUnlock()
		if err == nil || attempt == 3 || ctx.Err() != nil || !isDamage(err) {
			return cancelled(ctx, err)
		}
		if err := x.exchange(ctx, path, err); err != nil {
			return err
		}
	}
}

var errGone = errors.New("the index file is gone")

func (x *index) present() bool { return isFile(x.path, x.info) }

// exchange opens another index in the place of a bad one.
func (x *index) exchange(ctx context.Context, path string, reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return ErrClosed
	}
	if x.path != path {
		return nil // another goroutine did it
	}
	x.log.Info("the index is rebuilt from the records", "reason", reason)
	_ = x.db.Close()
	if x.present() {
		x.remove(path)
	}
	x.onLost()
	if err := x.open(ctx); err != nil {
		// Keep an object that fails, not a nil one; the next call tries again.
		x.db, _ = sql.Open("sqlite", ":memory:")
		x.info = nil
		return err
	}
	x.lose()
	return nil
}

// resultOf is SQLite's extended result code of an error, SQLITE_OK where it has none.
func resultOf(err error) int {
	if se, ok := errors.AsType[*sqlite.Error](err); ok {
		return se.Code()
	}
	return sqlite3.SQLITE_OK
}

// isPassing says whether an error is one of the moment, such as a full disk, which leaves a good index as it is.
func isPassing(err error) bool {
	switch code := resultOf(err); code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return true
	case sqlite3.SQLITE_IOERR:
		return slices.Contains([]int{sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_SHMSIZE,
			sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_NOMEM}, code) // nearly all because there has to be room beside the index
	}
	return false
}

// isDamage says whether an error means that the index cannot be trusted.
func isDamage(err error) bool {
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(err.Error(), word) })
	}
	switch code := resultOf(err); code & 0xff {
	case sqlite3.SQLITE_OK:
		return errors.Is(err, errGone) || says("sql: Scan error", "database is closed") // the first is a value of the wrong type in a column
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_SCHEMA:
		return true
	case sqlite3.SQLITE_IOERR:
		return !isPassing(err)
	case sqlite3.SQLITE_READONLY:
		return code == sqlite3.SQLITE_READONLY_DBMOVED
	case sqlite3.SQLITE_ERROR:
		return says("no such table", "no such column", "no such index", "malformed")
	}
	return false
}

// cancelled gives the caller its own reason back, where SQLite only says
// that it was interrupted.
func cancelled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
