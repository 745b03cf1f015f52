package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hookctl/logs/disk"
)

func TestTwoWritersAreRefused(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	if _, err := OpenWriter(t.Context(), Config{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	openWriter(t, Config{Dir: dir})
}

func TestClockSetBack(t *testing.T) {
	now := testTime
	var mu sync.Mutex
	w := openWriter(t, Config{Dir: t.TempDir(), Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	a := mustAppend(t, w, crashRecord("a"))
	mu.Lock()
	now = now.Add(-time.Hour)
	mu.Unlock()
	b := mustAppend(t, w, crashRecord("b"))
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	c := mustAppend(t, w, crashRecord("c"))
	p, err := w.Log().Page(t.Context(), Query{})
	if want := []string{c.File, a.File, b.File}; err != nil || !slices.Equal(files(p.Entries), want) {
		t.Errorf("page %v, %v; want %v", files(p.Entries), err, want)
	}
	if c.File != "20260101_123045_push_2.json" {
		t.Errorf("the name of the second at that time is %s", c.File)
	}
}

// A file that was synced is lost anyway when the names of the directories above it are not on the disk.
func TestTheWayToANewLogIsDurable(t *testing.T) {
	root := t.TempDir()
	var mu sync.Mutex
	synced := map[string]bool{}
	w := openWriter(t, Config{Dir: filepath.Join(root, "a", "log"), fault: func(op disk.Op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == disk.OpSync {
			synced[path] = true
		}
		return nil
	}})
	mustAppend(t, w, crashRecord("a"))
	mu.Lock()
	defer mu.Unlock()
	for _, dir := range []string{root, filepath.Join(root, "a"), w.Log().Dir(), filepath.Join(w.Log().Dir(), hiddenDir), w.spool.dir} {
		if !synced[dir] {
			t.Errorf("the names in %s are not durable", dir)
		}
	}
}

func TestWhatTheIndexRefusesIsFoundInTheFilesLater(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	mustAppend(t, w, crashRecord("before"))
	if err := w.Log().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	change := func(statement string) {
		t.Helper()
		if _, err := w.log.index.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	change(`CREATE TRIGGER refuse BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	r := mustAppend(t, w, crashRecord("refused"))
	if err := w.log.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	change(`DROP TRIGGER refuse`)
	await(t, "the record in the index", func() bool {
		p, err := w.Log().Page(t.Context(), Query{Limit: 1})
		return err == nil && slices.Equal(files(p.Entries), []string{r.File})
	})
}

func TestAGiantFileIsReportedAndNotRead(t *testing.T) {
	dir := t.TempDir()
	giant := filepath.Join(dir, "20260101_123045_giant.json")
	if err := os.WriteFile(giant, []byte(`{"event_type":"push","x":"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(giant, maxRecordFile+1); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := l.Problems(t.Context()); err != nil || len(p) != 1 || p[0].Reason != errTooLarge.Error() {
		t.Errorf("problems %v, %v", p, err)
	}
	if _, err := l.Read(t.Context(), filepath.Base(giant)); !errors.Is(err, errTooLarge) {
		t.Errorf("read: %v", err)
	}
}

// An outcome names the record as it was called when the outcome was on its way.
func TestAnOutcomeFindsARecordThatWasRenamedMeanwhile(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	r := mustAppend(t, w, crashRecord("a3"))
	if err := w.log.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.filer.mu.Lock()
	w.filer.renamed["20200101_000000_old.json"] = r.File
	w.filer.mu.Unlock()
	f := &commit{frame: newFrame(frameOutcome, r.File, []byte("[]")), file: "20200101_000000_old.json", outcome: outcome{notes: crashOutcome()}}
	if err := w.spool.commit(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := w.log.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Log().Read(t.Context(), r.File); err != nil || got.Notifications[0].Status != StatusSent {
		t.Errorf("the record says %+v, %v", got, err)
	}
}

// A writer keeps nothing of what it has filed. Who runs it gives the memory back.
func TestMemoryIsFreeAfterABurst(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	used := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	debug.FreeOSMemory()
	before := used()
	payload := fmt.Appendf(nil, "%q", strings.Repeat("x", 2<<20))
	for range 40 {
		mustAppend(t, w, &Record{Payload: payload})
	}
	allFiled(t, w)
	await(t, "the memory to be free", func() bool {
		debug.FreeOSMemory()
		return used() < before+16<<20
	})
}
