package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// recorder notes the calls of the seam in their order.
type recorder struct {
	mu    sync.Mutex
	calls []string
	spool func() int // how many frames the spool holds, asked at each call
	dir   string
}

func (r *recorder) check(op disk.Op, path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spool == nil {
		return nil
	}
	rel, err := filepath.Rel(r.dir, path)
	if err != nil || strings.Contains(rel, "spool") {
		return nil
	}
	held := ""
	if r.spool() > 0 {
		held = " held"
	}
	r.calls = append(r.calls, string(op)+" "+filepath.ToSlash(rel)+held)
	return nil
}

// order checks that the calls were made, each after the one before it.
func (r *recorder) order(t *testing.T, calls ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	at := 0
	for _, call := range calls {
		i := slices.Index(r.calls[at:], call)
		if i < 0 {
			t.Fatalf("%q is not among the calls, or too early:\n%s", call, strings.Join(r.calls, "\n"))
		}
		at += i + 1
	}
}

func recording(t *testing.T) (*Writer, *recorder) {
	t.Helper()
	r := &recorder{dir: t.TempDir()}
	w := openWriter(t, Config{Dir: r.dir, fault: r.check})
	mustAppend(t, w, crashRecord("before"))
	allFiled(t, w)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spool = func() int { _, n, _ := w.spool.load(); return n }
	return w, r
}

// A file that was synced is lost in a power cut anyway when its name is not on the disk.
func TestTheSpoolForgetsARecordOnlyWhenItsFileAndItsNameAreDurable(t *testing.T) {
	w, calls := recording(t)
	r := mustAppend(t, w, crashRecord("a"))
	allFiled(t, w)
	calls.order(t, "link "+r.File+" held", "sync "+r.File+" held", "sync . held", "write .hookctl/known held", "sync .hookctl/known held")
}

func TestARewrittenRecordIsDurableBeforeItReplacesTheOldOne(t *testing.T) {
	w, calls := recording(t)
	r := mustAppend(t, w, crashRecord("a"))
	allFiled(t, w)
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	temp := ".hookctl/tmp/" + r.File
	calls.order(t, "create "+temp+" held", "write "+temp+" held", "sync "+temp+" held", "rename "+r.File+" held", "sync . held", "write .hookctl/known held")
}

// copyLog copies a log directory as it is, as a crash leaves it. A file that got another name in the meantime might be missing under
// both, so the copy begins again.
func copyLog(t *testing.T, dir string) string {
	t.Helper()
	for {
		to, err := copyOnce(t, dir)
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func copyOnce(t *testing.T, dir string) (to string, err error) {
	to = t.TempDir()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, ".lock") || strings.Contains(path, "index-") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	return to, err
}

func TestAnOutcomeIsDurableWhenItIsKnown(t *testing.T) {
	var f faults
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir, fault: f.check})
	r := mustAppend(t, w, crashRecord("a3"))
	allFiled(t, w)
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	crashed := openWriter(t, Config{Dir: copyLog(t, dir)})
	if pending, err := crashed.Pending(t.Context()); err != nil || len(pending) != 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
	if err := crashed.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := crashed.Log().Read(t.Context(), r.File); err != nil || got.Notifications[0].Status != StatusSent {
		t.Errorf("%+v, %v", got, err)
	}
	f.set(nil)
}

// A segment lives on as long as one of its frames is needed, and those that are not outlive newer ones elsewhere.
func TestReplayTakesNothingBack(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	gone := mustAppend(t, w, crashRecord("gone"))
	r := mustAppend(t, w, crashRecord("a3"))
	sent := crashOutcome()
	if err := w.SetNotifications(t.Context(), r.File, sent); err != nil {
		t.Fatal(err)
	}
	w.spool.mu.Lock()
	old := w.spool.active.path
	w.spool.mu.Unlock()
	segment, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	// A person sends it again: what is pending has no time yet, so times do not show which outcome is newer.
	again := []Notification{{Type: "push", Priority: "low", Sink: "test", Status: StatusPending}}
	if err := w.SetNotifications(t.Context(), r.File, again); err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	if err := os.Remove(filepath.Join(dir, gone.File)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(spoolDir(dir), "00000099.seg"), segment, 0o600); err != nil {
		t.Fatal(err)
	}
	w = openWriter(t, Config{Dir: dir})
	if pending, err := w.Pending(t.Context()); err != nil || !slices.Equal(pending, []string{r.File}) {
		t.Errorf("pending %v, %v", pending, err)
	}
	allFiled(t, w)
	if got, err := w.Log().Read(t.Context(), r.File); err != nil || got.Notifications[0].Status != StatusPending {
		t.Errorf("the older outcome is back: %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, gone.File)); !os.IsNotExist(err) {
		t.Errorf("the record that was removed is back: %v", err)
	}
}

// An outcome of a record that the ledger needs no more, since it is old, is newer than its file.
func TestAResentNotificationOfAnOldRecordOutlivesACrash(t *testing.T) {
	var f faults
	now := testTime
	dir := t.TempDir()
	cfg := Config{Dir: dir, fault: f.check, Now: func() time.Time { return now }}
	w := openWriter(t, cfg)
	r := crashRecord("a3")
	r.Notifications = crashOutcome()
	mustAppend(t, w, r)
	allFiled(t, w)
	w.Close()
	now = now.Add(30 * 24 * time.Hour)
	openWriter(t, cfg).Close() // begins a ledger without it
	w = openWriter(t, cfg)
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	if err := w.SetNotifications(t.Context(), r.File, []Notification{{Type: "push", Sink: "test", Status: StatusPending}}); err != nil {
		t.Fatal(err)
	}
	crashed := openWriter(t, Config{Dir: copyLog(t, dir), Now: cfg.Now})
	if pending, err := crashed.Pending(t.Context()); err != nil || !slices.Equal(pending, []string{r.File}) {
		t.Errorf("pending %v, %v", pending, err)
	}
	f.set(nil)
}

// Orders of segments go on after the segments were cleared, or what comes later would pass for older.
func TestPlacesGoOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	var f faults
	for i := range 4 {
		w := openWriter(t, Config{Dir: dir, fault: f.check})
		r := crashRecord("3")
		if i == 0 {
			mustAppend(t, w, r)
			allFiled(t, w)
			w.Close()
			continue
		}
		found, err := w.Log().Find(t.Context(), "3")
		if err != nil || len(found) != 1 {
			t.Fatalf("found %v, %v", found, err)
		}
		f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
		outcome := crashOutcome()
		outcome[0].MessageID = fmt.Sprint("message ", i)
		if err := w.SetNotifications(t.Context(), found[0].File, outcome); err != nil {
			t.Fatal(err)
		}
		crashed := openWriter(t, Config{Dir: copyLog(t, dir)})
		if err := crashed.Log().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := crashed.Log().Read(t.Context(), found[0].File); err != nil || got.Notifications[0].MessageID != outcome[0].MessageID {
			t.Errorf("restart %d: %+v, %v", i, got, err)
		}
		f.set(nil)
		allFiled(t, w)
		w.Close()
	}
}

// After a sync that failed nothing shows which pages reached the disk, so the batch goes to another segment.
func TestAFailedSyncIsRepeatedElsewhere(t *testing.T) {
	var f faults
	w := openWriter(t, Config{Dir: t.TempDir(), fault: f.check})
	mustAppend(t, w, crashRecord("before"))
	w.spool.mu.Lock()
	first := w.spool.active
	w.spool.mu.Unlock()
	f.set(times(1, syscall.EIO, func(op disk.Op, path string) bool { return op == disk.OpSync && path == first.f.Name() }))
	if err := w.Append(t.Context(), crashRecord("a")); err != nil {
		t.Fatal(err)
	}
	w.spool.mu.Lock()
	defer w.spool.mu.Unlock()
	if w.spool.active == first {
		t.Error("the segment whose sync failed takes more frames")
	}
}

// What is written to a file without a name is gone with the process.
func TestASegmentThatWasTakenAwayIsNoticed(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	mustAppend(t, w, crashRecord("before"))
	w.spool.mu.Lock()
	first := w.spool.active.path
	w.spool.mu.Unlock()
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(t.Context(), crashRecord("a")); err != nil {
		t.Fatal(err)
	}
	w.spool.mu.Lock()
	defer w.spool.mu.Unlock()
	if w.spool.active.path == first {
		t.Error("the delivery is in a file that has no name")
	}
}

func TestAnOutcomeThatComesWhileTheFileIsSyncedIsKept(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var once sync.Once
	dir := t.TempDir()
	onRecord, renamed := onRecords(disk.OpSync), onRecords(disk.OpRename)
	w := openWriter(t, Config{Dir: dir, fault: func(op disk.Op, path string) error {
		if onRecord(op, path) {
			once.Do(func() { close(started); <-finish })
		}
		if renamed(op, path) {
			return syscall.EIO // so that the outcome stays in the spool
		}
		return nil
	}})
	r := mustAppend(t, w, crashRecord("a3"))
	synced := func(is func() bool) {
		t.Helper()
		await(t, "a sync", func() bool { w.filer.nudgeSync(true); return is() })
	}
	synced(func() bool {
		select {
		case <-started:
			return true
		default:
			return false
		}
	})
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	close(finish)
	next := mustAppend(t, w, crashRecord("next")) // once it is durable, the sync of before is over
	synced(func() bool { return !w.filer.holds(next.File) })
	crashed := openWriter(t, Config{Dir: copyLog(t, dir)})
	if pending, err := crashed.Pending(t.Context()); err != nil || len(pending) != 0 {
		t.Errorf("the outcome is lost: pending %v, %v", pending, err)
	}
}

// GitHub may send again what the spool holds before the files are there.
func TestADeliveryWaitsForWhatTheSpoolHolds(t *testing.T) {
	dir := t.TempDir()
	spooled(t, dir, 2<<20, 2000)
	w := openWriter(t, Config{Dir: dir})
	for _, id := range []string{"id-1999", "id-0"} {
		refused(t, w, "", id)
	}
}

// On a disk that is full at start the ledger cannot be begun. The spool must not wait for it for ever.
func TestAWriterThatStartsOnAFullDiskRecovers(t *testing.T) {
	var f faults
	f.set(func(op disk.Op, path string) error {
		if op == disk.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
	w := openWriter(t, Config{Dir: t.TempDir(), fault: f.check})
	if err := w.Append(t.Context(), crashRecord("a")); !errors.Is(err, ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
	f.set(nil)
	mustAppend(t, w, crashRecord("a"))
	allFiled(t, w)
	refused(t, w, "", "a")
}

// On a full disk the ledger cannot be written, but what is pending is in the index. With room the ledger is completed without a restart.
func TestALedgerThatCannotBeWrittenIsCompletedLater(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	r := crashRecord("a3")
	r.Sync = &Sync{Status: StatusPending}
	mustAppend(t, w, r)
	allFiled(t, w)
	w.Close()
	if err := os.Remove(ledgerPath(dir)); err != nil {
		t.Fatal(err)
	}
	var f faults
	f.set(func(op disk.Op, path string) error {
		if op == disk.OpCreate && strings.HasPrefix(path, ledgerPath(dir)) {
			return syscall.ENOSPC
		}
		return nil
	})
	w = openWriter(t, Config{Dir: dir, fault: f.check})
	await(t, "what is pending", func() bool {
		select {
		case <-w.PendingComplete():
			return true
		default:
			return false
		}
	})
	pending, err := w.Pending(t.Context())
	syncing, serr := w.PendingSync(t.Context())
	if err != nil || serr != nil || !slices.Equal(pending, []string{r.File}) || !slices.Equal(syncing, pending) {
		t.Errorf("pending %v, %v, sync %v, %v", pending, err, syncing, serr)
	}
	if w.filer.ledger.isWhole() {
		t.Error("the ledger is whole, though it cannot be written")
	}
	f.set(nil)
	await(t, "the ledger", w.filer.ledger.isWhole)
}

// Where there is no place for an index, that is said, and looked for again.
func TestAnIndexThatCannotBeMadeIsMadeLater(t *testing.T) {
	dir, nowhere := t.TempDir(), filepath.Join(t.TempDir(), "file")
	block := filepath.Join(dir, hiddenDir, "index.lock")
	if err := errors.Join(os.WriteFile(nowhere, nil, 0o600), os.MkdirAll(block, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData", "TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, nowhere)
	}
	w := openWriter(t, Config{Dir: dir})
	r := mustAppend(t, w, crashRecord("a"))
	await(t, "the reason", func() bool { return w.Health().Index != nil })
	if _, err := w.Log().Page(t.Context(), Query{}); err == nil {
		t.Error("there is a page without an index")
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	await(t, "the index", func() bool { return w.Health().Index == nil })
	if err := w.Log().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Log().Page(t.Context(), Query{}); err != nil || !slices.Equal(files(p.Entries), []string{r.File}) {
		t.Errorf("%v, %v", files(p.Entries), err)
	}
}
