package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

func deliveryTo(path, guid string) *Record {
	r := &Record{EventType: "push", DeliveryID: guid, Headers: map[string]string{}, Payload: []byte(`{}`)}
	if path != "" {
		r.Headers[PathHeader] = path
	}
	return r
}

// refused checks that a delivery is known.
func refused(t *testing.T, w *Writer, path, guid string) {
	t.Helper()
	var dup *DuplicateError
	if err := w.Append(t.Context(), deliveryTo(path, guid)); !errors.As(err, &dup) {
		t.Errorf("%s at %q was sent again and taken: %v", guid, path, err)
	}
}

func TestOneGUIDIsRecordedOnceForEachPath(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	for _, path := range []string{"", "a", "b"} {
		mustAppend(t, w, deliveryTo(path, "g1"))
		refused(t, w, path, "g1")
	}
	refused(t, w, "a", "G1")
	if found, err := w.Log().Find(t.Context(), "g1"); err != nil || len(found) != 3 {
		t.Errorf("found %v, %v", files(found), err)
	}
	check := func(who string, l *Log) {
		t.Helper()
		for path, want := range map[string]bool{"": true, "a": true, "b": true, "c": false} {
			if _, known, err := l.Known(t.Context(), "g1", path); err != nil || known != want {
				t.Errorf("%s: g1 at %q is known %v, %v", who, path, known, err)
			}
		}
	}
	check("the writer", w.Log())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = openWriter(t, Config{Dir: dir})
	for _, path := range []string{"", "a", "b"} {
		refused(t, w, path, "g1")
	}
	l := openLog(t, dir)
	ready(t, l)
	check("a reader", l)
	if err := w.Append(t.Context(), deliveryTo("c", "g1")); err != nil {
		t.Errorf("at a fourth path: %v", err)
	}
}

// allFiled waits until everything is a durable file, so that the spool knows nothing any more.
func allFiled(t *testing.T, w *Writer) {
	t.Helper()
	if err := until(t.Context(), w.filer.ready); err != nil {
		t.Fatal(err)
	}
	await(t, "the spool to be empty", func() bool {
		w.filer.nudgeSync(true)
		return w.Health().SpoolRecords == 0
	})
}

func TestAPrunedDeliveryIsKnownForEightDays(t *testing.T) {
	now := testTime
	dir := t.TempDir()
	open := func() *Writer {
		return openWriter(t, Config{Dir: dir, MaxBytes: 1, Now: func() time.Time { return now }})
	}
	w := open()
	mustAppend(t, w, deliveryTo("a", "pruned"))
	allFiled(t, w)
	if res, err := w.Prune(t.Context(), false); err != nil || len(res.Files) != 1 {
		t.Fatalf("pruned %v, %v", res.Files, err)
	}
	refused(t, w, "a", "pruned")
	w.Close()
	now = now.Add(7*24*time.Hour + 23*time.Hour)
	open().Close() // may write the ledger again
	w = open()
	refused(t, w, "a", "pruned")
	l := openLog(t, dir)
	ready(t, l)
	if _, known, err := l.Known(t.Context(), "pruned", "a"); !known || err != nil {
		t.Errorf("a reader knows it: %v, %v", known, err)
	}
	w.Close()
	now = now.Add(2 * time.Hour)
	for range 2 { // the first notices, and the second has the ledger without it
		w = open()
		w.Close()
	}
	w = open()
	if err := w.Append(t.Context(), deliveryTo("a", "pruned")); err != nil {
		t.Errorf("after eight days: %v", err)
	}
}

// withoutIndex removes the index, and blocks the making of another one.
func withoutIndex(t *testing.T, dir string) {
	t.Helper()
	for _, path := range indexFiles(t, dir) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// blockIndex keeps the index from being filled, as if there were millions of records.
func blockIndex(t *testing.T, dir string) {
	t.Helper()
	x := &index{logDir: dir, home: filepath.Join(dir, hiddenDir)}
	l := x.buildLock()
	if locked, err := l.TryLock(); !locked {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Unlock() })
}

func TestDuplicatesAndPendingDoNotNeedTheIndex(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	yesterday := deliveryTo("a", "yesterday")
	yesterday.ReceivedAt = time.Now().Add(-28 * time.Hour)
	mustAppend(t, w, yesterday)
	var want []string
	for i, age := range []time.Duration{20 * 24 * time.Hour, time.Hour} {
		r := deliveryTo("", []string{"old", "young"}[i])
		r.ReceivedAt = time.Now().Add(-age)
		r.Notifications = []Notification{{Type: "push", Status: StatusPending}}
		want = append(want, mustAppend(t, w, r).File)
	}
	sent := deliveryTo("", "sent")
	sent.Notifications = []Notification{{Type: "push", Status: StatusPending}}
	mustAppend(t, w, sent)
	allFiled(t, w)
	if err := w.SetNotifications(t.Context(), sent.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	withoutIndex(t, dir)
	blockIndex(t, dir)
	w = openWriter(t, Config{Dir: dir})
	refused(t, w, "a", "yesterday")
	refused(t, w, "", "old")
	if got, err := w.Pending(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("pending %v, %v; want %v", got, err, want)
	}
	if n := w.Health().Pending; n != 2 {
		t.Errorf("%d pending", n)
	}
}

// A log of before, or one whose ledger was deleted or damaged, gets it from the index.
func TestTheLedgerIsCompletedFromTheIndex(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"deleted":   func(t *testing.T, path string) { _ = os.Remove(path) },
		"emptied":   func(t *testing.T, path string) { _ = os.Truncate(path, 0) },
		"truncated": func(t *testing.T, path string) { _ = os.Truncate(path, 150) },
		"damaged": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)-20] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := openWriter(t, Config{Dir: dir})
			for _, guid := range []string{"one", "two"} {
				r := deliveryTo("a", guid)
				r.Notifications = []Notification{{Type: "push", Status: StatusPending}}
				r.Sync = &Sync{Status: StatusPending}
				mustAppend(t, w, r)
			}
			done := mustAppend(t, w, &Record{DeliveryID: "three", Sync: &Sync{Status: SyncDone}, Notifications: []Notification{{Type: "push", Status: StatusSent}}})
			allFiled(t, w)
			w.Close()
			harm(t, ledgerPath(dir))
			w = openWriter(t, Config{Dir: dir})
			refused(t, w, "a", "one")
			refused(t, w, "a", "two")
			<-w.PendingComplete()
			if got, err := w.Pending(t.Context()); err != nil || len(got) != 2 || slices.Contains(got, done.File) {
				t.Errorf("pending %v, %v", got, err)
			}
			if got, err := w.PendingSync(t.Context()); err != nil || len(got) != 2 || slices.Contains(got, done.File) {
				t.Errorf("sync of %v is pending, %v", got, err)
			}
			w.Close()
			withoutIndex(t, dir)
			blockIndex(t, dir)
			w = openWriter(t, Config{Dir: dir})
			refused(t, w, "a", "one")
			refused(t, w, "a", "two")
		})
	}
}

func TestTheLedgerOutlivesItsDirectoryAndGrowsNoFurtherThanItMust(t *testing.T) {
	dir := t.TempDir()
	now := testTime
	g := newLedger(&disk.FS{}, Config{Dir: dir, Now: func() time.Time { return now }}.withDefaults(), func() uint64 { return 1000 })
	if err := g.open(true, func(note) {}); err != nil {
		t.Fatal(err)
	}
	add := func(guid string, pending bool) {
		t.Helper()
		if err := g.add([]note{{file: []byte(guid + ".json"), guid: []byte(guid), duty: duty{at: orderKey(now), pending: pending}}}); err != nil {
			t.Fatal(err)
		}
	}
	add("pending", true)
	add("old", false)
	if err := os.RemoveAll(filepath.Join(dir, hiddenDir)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(24 * time.Hour)
	add("young", false)
	if file, _ := g.find(identity{guid: "old"}); file != "old.json" {
		t.Errorf("the ledger forgot what it had: %q", file)
	}
	now = now.Add(knownFor - time.Hour)
	g.kept, g.end = 0, g.end+ledgerGrowth // as if it had grown
	g.disk.Fault = func(disk.Op, string) error { return syscall.ENOSPC }
	if err := g.add(nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	g.disk.Fault = nil
	g.end -= ledgerGrowth
	if err := g.write(must(readAll(g)), true); err != nil {
		t.Fatal(err)
	}
	for guid, want := range map[string]string{"pending": "pending.json", "old": "", "young": "young.json"} {
		if file, _ := g.find(identity{guid: guid}); file != want {
			t.Errorf("%s is in %q, want %q", guid, file, want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func readAll(g *ledger) ([]note, error) {
	g.writing.Lock()
	defer g.writing.Unlock()
	return readNotes(g.f, g.end)
}
