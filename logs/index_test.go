package logs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func generate(t testing.TB, dir string, n int) {
	t.Helper()
	if err := Generate(t.Context(), dir, n, testTime, time.Duration(n)*7*time.Second, 1, nil); err != nil {
		t.Fatal(err)
	}
}

func ready(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestIndexAndMatchAgree asks the index what Filter.Match says.
func TestIndexAndMatchAgree(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	var entries []Entry
	for i, e := range filterEntries() {
		r := &Record{EventType: e.Event, ReceivedAt: e.ReceivedAt, DeliveryID: e.DeliveryID, Source: e.Source, HookID: e.HookID, Result: e.Result,
			Summary:   Summary{Action: e.Action, Repository: e.Repository, Sender: e.Sender, Title: e.Title, Branch: e.Branch, Conclusion: e.Conclusion, Number: e.Number, URL: e.URL},
			Signature: Signature{Verified: e.Verified}}
		if e.Notification != nil {
			r.Notifications = []Notification{{Type: e.Notification.Type, Priority: e.Notification.Priority, Status: e.Notification.Status}}
			for range e.Pending {
				r.Notifications = append(r.Notifications, Notification{Type: e.Notification.Type, Priority: e.Notification.Priority, Status: StatusPending})
			}
		}
		mustAppend(t, w, r)
		entries = append(entries, r.Entry(0))
		entries[i].Title = e.Title
	}
	w.Close()
	generate(t, dir, 300)
	l := openLog(t, dir)
	ready(t, l)
	for _, filled := range []bool{false, true} {
		if filled {
			await(t, "the table of words", func() bool { return l.index.hasWords(t.Context()) })
		}
		checkFilters(t, l)
	}
}

func checkFilters(t *testing.T, l *Log) {
	t.Helper()
	all, err := l.Page(t.Context(), Query{Limit: 1000})
	if err != nil || len(all.Entries) < 303 {
		t.Fatalf("%d entries, %v", len(all.Entries), err)
	}
	more := []string{"title:*windows*", "title:*the?cache*large*", "title:ab*", "repo:acme/*,octo-org/api sender:octo*", "repo:hubot/web login", "sender:*needle*", "!title:*windows* repo:octo-org/*", `title:"*\"*"`, "octocat main", "!status:none", "event:push,release branch:main", "title:fix*windows*", "conclusion:failure priority:high,medium", "since:2026-01-01 !until:2026-02-01", "!id:*", "number:?",
		"id:" + strings.Repeat("aa-0,", 2500) + "aa-1", strings.Repeat("!sender:nobody ", 2500) + "octocat"}
	for _, tc := range filterCases {
		more = append(more, tc.text)
	}
	for _, text := range more {
		f, err := ParseFilter(text, filterNow)
		if err != nil {
			if text == "number:?" {
				continue
			}
			t.Errorf("%s: %v", text, err)
			continue
		}
		var want []string
		for _, e := range all.Entries {
			if f.Match(e) {
				want = append(want, e.File)
			}
		}
		p, err := l.Page(t.Context(), Query{Filter: f, Limit: 1000})
		if got := files(p.Entries); err != nil || !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: the index finds %v, %v; Match says %v", text, got, err, want)
		}
		if n, err := l.Count(t.Context(), f); err != nil || n != len(want) {
			t.Errorf("%s: count %d, %v; want %d", text, n, err, len(want))
		}
	}
}

func TestPagesMeetAtTheirEdges(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 500)
	// Old files of one second have the same time.
	for i := range 20 {
		data := `{"event_type":"push","timestamp":"20250101_000000","result":null,"payload_summary":{}}`
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("20250101_000000_e%d.json", i)), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := openLog(t, dir)
	ready(t, l)
	for _, newer := range []bool{false, true} {
		var got []string
		q := Query{Limit: 37, Newer: newer}
		for {
			p, err := l.Page(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			names := files(p.Entries)
			if newer {
				got = append(names, got...)
			} else {
				got = append(got, names...)
			}
			if newer && !p.HasNewer || !newer && !p.HasOlder {
				break
			}
			q.Cursor = p.Entries[len(p.Entries)-1].Cursor()
			if newer {
				q.Cursor = p.Entries[0].Cursor()
			}
		}
		all, err := l.Page(t.Context(), Query{Limit: 10_000})
		if err != nil || !slices.Equal(got, files(all.Entries)) || len(got) != 520 {
			t.Errorf("newer %v: %d entries in pages, %d at once, %v", newer, len(got), len(all.Entries), err)
		}
	}
}

// indexFiles lists the index files of a log directory.
func indexFiles(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, hiddenDir, "index-*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestIndexIsRebuiltWhateverHappensToIt(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"deleted": func(t *testing.T, dir string) {
			for _, path := range indexFiles(t, dir) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		},
		"all of .hookctl but the spool deleted": func(t *testing.T, dir string) {
			for _, path := range append(indexFiles(t, dir), filepath.Join(dir, hiddenDir, "tmp")) {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
		},
		"truncated": func(t *testing.T, dir string) {
			for _, path := range indexFiles(t, dir) {
				if strings.HasSuffix(path, ".db") {
					if err := os.Truncate(path, 5000); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
		"emptied": func(t *testing.T, dir string) {
			for _, path := range indexFiles(t, dir) {
				if err := os.Truncate(path, 0); err != nil {
					t.Fatal(err)
				}
			}
		},
		"noise": func(t *testing.T, dir string) {
			for _, path := range indexFiles(t, dir) {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				f, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.Write([]byte(strings.Repeat("noise!", int(info.Size())/6))); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			generate(t, dir, 300)
			w := openWriter(t, Config{Dir: dir})
			ready(t, w.Log())
			other := openLog(t, dir)
			ready(t, other)
			mustAppend(t, w, crashRecord("before"))
			if n, err := w.Log().Count(t.Context(), Filter{}); err != nil || n != 301 {
				t.Fatalf("count %d, %v", n, err)
			}
			await(t, "the writer to know its deliveries", func() bool {
				w.filer.mu.Lock()
				defer w.filer.mu.Unlock()
				return w.filer.guids.whole
			})
			harm(t, dir)
			var dup *DuplicateError
			if err := w.Append(t.Context(), crashRecord("before")); !errors.As(err, &dup) {
				t.Errorf("sent again while the index is made: %v", err)
			}
			for i := range 20 {
				mustAppend(t, w, crashRecord(fmt.Sprintf("after-%d", i)))
			}
			for who, l := range map[string]*Log{"the writer": w.Log(), "another reader": other, "a new reader": openLog(t, dir)} {
				await(t, who+" to see all records", func() bool {
					n, err := l.Count(t.Context(), Filter{})
					p, perr := l.Page(t.Context(), Query{Limit: 1000})
					return err == nil && perr == nil && n == 321 && len(p.Entries) == 321
				})
			}
			if err := w.Append(t.Context(), crashRecord("before")); !errors.As(err, &dup) {
				t.Errorf("sent again: %v", err)
			}
		})
	}
}

func TestIndexGoesElsewhereWhenTheDirectoryTakesNone(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("LocalAppData", cache)
	generate(t, dir, 20)
	// A file in the place of the directory works for root too, which no permission stops.
	if err := os.WriteFile(filepath.Join(dir, hiddenDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir)
	ready(t, l)
	if n, err := l.Count(t.Context(), Filter{}); err != nil || n != 20 {
		t.Errorf("count %d, %v", n, err)
	}
	if !strings.HasPrefix(l.index.path, cache) {
		t.Errorf("the index is at %s", l.index.path)
	}
	// And where there is no cache directory either, in a temporary one.
	if err := errors.Join(os.RemoveAll(cache), os.WriteFile(cache, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	l2, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, l2)
	if n, err := l2.Count(t.Context(), Filter{}); err != nil || n != 20 {
		t.Errorf("count %d, %v", n, err)
	}
	temp := l2.index.temp
	if err := l2.Close(); err != nil || temp == "" {
		t.Errorf("temporary directory %q, close: %v", temp, err)
	}
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("the temporary index stays: %v", err)
	}
}

func TestSeveralReadersBuildOneIndex(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 1500)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l, err := Open(context.Background(), Config{Dir: dir})
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			var last Progress
			err = l.Whole(context.Background(), func(p Progress) { last = p })
			n, cerr := l.Count(context.Background(), Filter{})
			if err != nil || cerr != nil || n != 1500 {
				t.Errorf("count %d, %v, %v, progress %v", n, err, cerr, last)
			}
		})
	}
	wg.Wait()
	if n := len(slices.DeleteFunc(indexFiles(t, dir), func(p string) bool { return !strings.HasSuffix(p, ".db") })); n != 1 {
		t.Errorf("%d index files", n)
	}
}

// Who opens a log looks at it at once, however busy the machine is.
func TestASmallLogIsWholeOnceItIsOpen(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 20)
	if err := os.MkdirAll(filepath.Join(dir, hiddenDir), 0o700); err != nil {
		t.Fatal(err)
	}
	other := (&index{logDir: dir, home: filepath.Join(dir, hiddenDir)}).buildLock()
	if locked, err := other.TryLock(); !locked {
		t.Fatal(err)
	}
	time.AfterFunc(5*openPatience, func() { _ = other.Unlock() })
	p, err := openLog(t, dir).Page(t.Context(), Query{})
	if err != nil || p.Building || len(p.Entries) != 20 {
		t.Errorf("building %v, %d entries, %v", p.Building, len(p.Entries), err)
	}
}

func TestRemovedAndChangedFilesAreNoticedAtOpen(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 50)
	l := openLog(t, dir)
	ready(t, l)
	l.Close()
	names := recordFiles(t, dir)
	for _, name := range names[:10] {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	l = openLog(t, dir)
	ready(t, l)
	if n, err := l.Count(t.Context(), Filter{}); err != nil || n != 40 {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestSearchCanBeCancelled(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 200)
	l := openLog(t, dir)
	ready(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, err := ParseFilter("nothing-has-this", testTime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Count(ctx, f); !errors.Is(err, context.Canceled) {
		t.Errorf("count: %v", err)
	}
	if _, err := l.Page(ctx, Query{Filter: f}); !errors.Is(err, context.Canceled) {
		t.Errorf("page: %v", err)
	}
}

func TestGenerateIsWhole(t *testing.T) {
	dir := t.TempDir()
	last := 0
	var mu sync.Mutex
	err := Generate(t.Context(), dir, 2000, testTime, time.Hour, 7, func(done int) { mu.Lock(); last = max(last, done); mu.Unlock() })
	if err != nil || last != 2000 {
		t.Fatalf("progress %d, %v", last, err)
	}
	l := openLog(t, dir)
	for _, name := range recordFiles(t, dir) {
		if _, err := l.Read(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	ready(t, l)
	s, err := l.Stats(t.Context(), Filter{}, time.UTC)
	if err != nil || s.Total != 2000 || len(s.Events) < 5 {
		t.Errorf("stats %+v, %v", s, err)
	}
}

// A disk that is full, or a program that holds the index for long, is no reason to throw a good index away.
func TestAFullDiskIsNoDamageOfTheIndex(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "full.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE x(y); PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `INSERT INTO x VALUES(zeroblob(1000000))`)
	if err == nil || !isPassing(err) || isDamage(err) {
		t.Errorf("%v: passing %v, damage %v", err, isPassing(err), isDamage(err))
	}
	_, err = db.ExecContext(t.Context(), `SELECT * FROM gone`)
	if err == nil || isPassing(err) || !isDamage(err) {
		t.Errorf("%v: passing %v, damage %v", err, isPassing(err), isDamage(err))
	}
}

// What a filter looks up instead of looking at every record follows the records.
func TestFiltersFollowTheRecords(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 3*wordsBlock/2)
	w := openWriter(t, Config{Dir: dir})
	titled := func(title string, at time.Time) *Record {
		return mustAppend(t, w, &Record{ReceivedAt: at, Summary: Summary{Title: title, Repository: "octo-org/api", Sender: "octocat"}})
	}
	check := func(title string, want ...string) {
		t.Helper()
		f := parsed(t, `title:"*`+title+`*" repo:octo-org/api`)
		p, err := w.Log().Page(t.Context(), Query{Filter: f})
		if err != nil || !slices.Equal(files(p.Entries), want) && len(files(p.Entries))+len(want) > 0 {
			t.Errorf("%s: %v, %v; want %v", title, files(p.Entries), err, want)
		}
	}
	early := titled("zebra early", testTime.Add(-time.Hour)) // while the table is being filled, or before
	await(t, "the table of words", func() bool { return w.Log().index.hasWords(t.Context()) })
	old, late := titled("zebra old", testTime.Add(-1000*time.Hour)), titled("zebra late", testTime.Add(time.Hour))
	check("zebra", late.File, early.File, old.File)
	check("zebra l", late.File)
	// Another program writes a file again, and removes one.
	late.Summary.Title = "giraffe"
	data, err := late.Encode()
	if err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, late.File), data, 0o600), os.Remove(filepath.Join(dir, old.File))); err != nil {
		t.Fatal(err)
	}
	entries, _, err := w.Log().index.readFiles(t.Context(), []string{late.File})
	if err := errors.Join(err, w.Log().index.put(t.Context(), entries, nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.Log().index.removeFiles(t.Context(), []string{old.File}); err != nil {
		t.Fatal(err)
	}
	check("zebra", early.File)
	check("giraffe", late.File)
}

// An index has its tables and what stands in them at first, or nothing: else one that a process was creating when it was killed
// could not be filled.
func TestAnIndexIsCreatedWholeOrNotAtAll(t *testing.T) {
	x, err := newIndex(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.find(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.close() }()
	// The journal ends with the commit of the tables: without its last page nothing is there.
	file, err := os.ReadFile(x.path)
	wal, werr := os.ReadFile(x.path + "-wal")
	if err := errors.Join(err, werr); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for left := 0; left < len(wal); left += 4096 {
		path := filepath.Join(dir, fmt.Sprintf("index-%d.db", left))
		if err := errors.Join(os.WriteFile(path, file, 0o600), os.WriteFile(path+"-wal", wal[:left], 0o600)); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		var tables, words int
		err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master`).Scan(&tables)
		if err == nil && tables > 0 {
			err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM meta WHERE key = 'words'`).Scan(&words)
		}
		if err := errors.Join(err, db.Close()); err != nil || tables > 0 && words != 1 {
			t.Errorf("of %d bytes: %d tables, words begin at %d places, %v", left, tables, words, err)
		}
	}
}
