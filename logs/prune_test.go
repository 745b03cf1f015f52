package logs

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/logs/disk"
)

func TestPruneRemovesTheOldestAndNeverThePending(t *testing.T) {
	now := testTime.Add(100 * 24 * time.Hour)
	dir := t.TempDir()
	cfg := Config{Dir: dir, Keep: 30 * 24 * time.Hour, Now: func() time.Time { return now }}
	w := openWriter(t, cfg)
	old := mustAppend(t, w, &Record{ReceivedAt: testTime})
	pending := mustAppend(t, w, &Record{ReceivedAt: testTime.Add(time.Hour), Notifications: []Notification{{Status: StatusPending}}})
	young := mustAppend(t, w, &Record{ReceivedAt: now.Add(-time.Hour)})
	younger := mustAppend(t, w, &Record{ReceivedAt: now, Payload: fmt.Appendf(nil, "%q", strings.Repeat("x", 5000))})
	res, err := w.Prune(t.Context(), true)
	if err != nil || !slices.Equal(res.Files, []string{old.File}) || res.Kept != 1 || res.Bytes == 0 {
		t.Fatalf("dry run: %+v, %v", res, err)
	}
	if n := len(recordFiles(t, dir)); n != 4 {
		t.Fatalf("a dry run left %d files", n)
	}
	if res, err := w.Prune(t.Context(), false); err != nil || !slices.Equal(res.Files, []string{old.File}) {
		t.Fatalf("by age: %+v, %v", res, err)
	}
	w.Close()
	cfg.Keep, cfg.MaxBytes = 0, 5900
	w = openWriter(t, cfg)
	if res, err := w.Prune(t.Context(), false); err != nil || !slices.Equal(res.Files, []string{young.File}) || res.Kept != 1 {
		t.Fatalf("by size: %+v, %v", res, err)
	}
	want := []string{pending.File, younger.File}
	if got := recordFiles(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
	if p, err := w.Log().Page(t.Context(), Query{}); err != nil || len(p.Entries) != 2 {
		t.Errorf("listed %v, %v", files(p.Entries), err)
	}
}

// What is due is known without looking at the records.
func TestPruneKnowsWhatTheRecordsTake(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 120)
	w := openWriter(t, Config{Dir: dir})
	ready(t, w.Log())
	r := mustAppend(t, w, crashRecord("a3"))
	allFiled(t, w)
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	check := func() {
		t.Helper()
		sum, err := w.log.index.number(t.Context(), "SELECT sum(size) FROM record")
		if bytes, berr := w.log.index.number(t.Context(), "SELECT value FROM meta WHERE key = 'bytes'"); err != nil || berr != nil || bytes != sum || sum == 0 {
			t.Errorf("%d bytes are noted, %d are there; %v, %v", bytes, sum, err, berr)
		}
	}
	check()
	w.cfg.MaxBytes = 50_000
	if res, err := w.Prune(t.Context(), false); err != nil || len(res.Files) == 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	check()
	if res, err := w.Prune(t.Context(), false); err != nil || len(res.Files) != 0 {
		t.Errorf("again: %+v, %v", res, err)
	}
}

// A record may be sent again while Prune waits for it to be safe in its file.
func TestPruneKeepsWhatBecamePendingMeanwhile(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var once sync.Once
	onRecord := onRecords(disk.OpSync)
	w := openWriter(t, Config{Dir: t.TempDir(), Keep: time.Hour, fault: func(op disk.Op, path string) error {
		if onRecord(op, path) {
			once.Do(func() { close(started); <-finish })
		}
		return nil
	}})
	old := mustAppend(t, w, &Record{ReceivedAt: testTime, Notifications: []Notification{{Status: StatusSent, Attempts: 1, At: testTime}}})
	if err := w.log.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	pruned := make(chan PruneResult, 1)
	go func() {
		res, err := w.Prune(t.Context(), false)
		if err != nil {
			t.Error(err)
		}
		pruned <- res
	}()
	<-started
	if err := w.SetNotifications(t.Context(), old.File, []Notification{{Status: StatusPending}}); err != nil {
		t.Fatal(err)
	}
	close(finish)
	if res := <-pruned; len(res.Files) != 0 {
		t.Errorf("removed %v", res.Files)
	}
	if _, err := w.Log().Read(t.Context(), old.File); err != nil {
		t.Error(err)
	}
}
