package logs

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// A pending sync outlives a crash at every point of its way: in the spool, as a file, with an outcome of its notifications, and
// its own outcome outlives one too.
func TestSyncOutlivesACrash(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	r := crashRecord("a3")
	r.Sync = &Sync{Status: StatusPending, Key: "k"}
	mustAppend(t, w, r)
	check := func(when, log string, pending int, status string, sent bool) {
		t.Helper()
		crashed := openWriter(t, Config{Dir: log})
		defer crashed.Close() //nolint:errcheck // Of a copy.
		files, err := crashed.PendingSync(t.Context())
		if err != nil || len(files) != pending {
			t.Errorf("%s: pending %v, %v", when, files, err)
		}
		got, err := crashed.Log().Read(t.Context(), r.File)
		if err != nil || got.Sync == nil || got.Sync.Status != status || (got.Notifications[0].Status == StatusSent) != sent {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
	}
	check("in the spool", copyLog(t, dir), 1, StatusPending, false)
	if err := w.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("as a file", copyLog(t, dir), 1, StatusPending, false)
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	check("with its notification sent", copyLog(t, dir), 1, StatusPending, true)
	allFiled(t, w)
	check("when nothing is in the spool", copyLog(t, dir), 1, StatusPending, true)
	done := Sync{Status: SyncDone, Key: "k", Text: "created #1", URL: "https://github.com/o/r/issues/1", Issue: 1, Attempts: 1, At: time.Now()}
	if err := w.SetSync(t.Context(), r.File, done); err != nil {
		t.Fatal(err)
	}
	check("with its outcome in the spool", copyLog(t, dir), 0, SyncDone, true)
	allFiled(t, w)
	check("with its outcome in the file", copyLog(t, dir), 0, SyncDone, true)
	data, err := os.ReadFile(filepath.Join(dir, r.File))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(r.File, data)
	if err != nil || got.Sync.URL != done.URL || string(got.Payload) != string(r.Payload) {
		t.Errorf("%s, %v", data, err)
	}
	if err := w.SetSync(t.Context(), "20200101_000000_push.json", done); err == nil {
		t.Error("the sync of a record that is not there was set")
	}
}

// What the spool has of a sync gets into a file that was there before the crash, with the record as it was appended.
func TestSyncGetsIntoAFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	var f faults
	w := openWriter(t, Config{Dir: dir, fault: f.check})
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	r := crashRecord("a")
	r.Sync = &Sync{Status: StatusPending, Key: "k"}
	mustAppend(t, w, r)
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SetSync(t.Context(), r.File, Sync{Status: SyncDone, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, r.File), data, 0o600); err != nil {
		t.Fatal(err)
	}
	w = openWriter(t, Config{Dir: dir})
	allFiled(t, w)
	if got, err := w.Log().Read(t.Context(), r.File); err != nil || got.Sync == nil || got.Sync.Status != SyncDone {
		t.Errorf("%+v, %v", got, err)
	}
}
