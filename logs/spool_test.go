package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"hookctl/logs/disk"
)

// faults makes calls of the seam fail.
type faults struct {
	mu   sync.Mutex
	fail func(op disk.Op, path string) error
}

func (f *faults) check(op disk.Op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(op, path)
}

func (f *faults) set(fail func(op disk.Op, path string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// times fails the first n calls that match.
func times(n int, err error, match func(op disk.Op, path string) bool) func(disk.Op, string) error {
	return func(op disk.Op, path string) error {
		if n > 0 && match(op, path) {
			n--
			return err
		}
		return nil
	}
}

func inSpool(op disk.Op) func(disk.Op, string) bool {
	return func(o disk.Op, path string) bool { return o == op && strings.HasSuffix(path, ".seg") }
}

func onRecords(op disk.Op) func(disk.Op, string) bool {
	return func(o disk.Op, path string) bool { return o == op && strings.HasSuffix(path, ".json") }
}

func always(disk.Op, string) bool { return true }

// TestFaults makes the disk fail in every way under load. Whatever happens,
// each acknowledged delivery has exactly one whole record afterwards.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail func() func(disk.Op, string) error
	}{
		{"a sync of the spool fails", func() func(disk.Op, string) error { return times(1, syscall.EIO, inSpool(disk.OpSync)) }},
		{"syncs of the spool fail again and again", func() func(disk.Op, string) error { return times(7, syscall.EIO, inSpool(disk.OpSync)) }},
		{"short writes of the spool", func() func(disk.Op, string) error { return times(5, disk.ErrShort, inSpool(disk.OpWrite)) }},
		{"no new segments", func() func(disk.Op, string) error { return times(6, syscall.ENOSPC, inSpool(disk.OpCreate)) }},
		{"record files cannot be made", func() func(disk.Op, string) error { return times(3, syscall.EACCES, onRecords(disk.OpCreate)) }},
		{"record files are written short", func() func(disk.Op, string) error { return times(3, disk.ErrShort, onRecords(disk.OpWrite)) }},
		{"syncs of record files fail", func() func(disk.Op, string) error { return times(5, syscall.EIO, onRecords(disk.OpSync)) }},
		{"record files cannot get their name", func() func(disk.Op, string) error { return times(3, syscall.EIO, onRecords(disk.OpLink)) }},
		{"links are not supported", func() func(disk.Op, string) error { return times(1000, syscall.EPERM, onRecords(disk.OpLink)) }},
		{"record files cannot be replaced", func() func(disk.Op, string) error { return times(3, syscall.EIO, onRecords(disk.OpRename)) }},
		{"names cannot be made durable", func() func(disk.Op, string) error {
			return times(4, syscall.EIO, func(op disk.Op, path string) bool { return op == disk.OpSync && filepath.Ext(path) == "" })
		}},
		{"the directory is read-only for a while", func() func(disk.Op, string) error {
			return times(20, syscall.EROFS, func(op disk.Op, _ string) bool {
				return op == disk.OpCreate || op == disk.OpLink || op == disk.OpRename
			})
		}},
		{"everything fails for a while", func() func(disk.Op, string) error { return times(40, syscall.EIO, always) }},
		{"the disk is full for a while", func() func(disk.Op, string) error {
			return times(60, syscall.ENOSPC, func(op disk.Op, _ string) bool { return op == disk.OpCreate || op == disk.OpWrite })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var f faults
			w := openWriter(t, Config{Dir: dir, segmentSize: 64 << 10, fault: f.check})
			appendUnder(t, w, 20, "before")
			f.set(tc.fail())
			acked, sent := appendUnder(t, w, 150, "under")
			f.set(nil)
			more, moreSent := appendUnder(t, w, 20, "after")
			if len(more) != 20 {
				t.Errorf("%d of 20 were taken when the disk was well again", len(more))
			}
			await(t, "the spool to be empty", func() bool { return w.Health().SpoolRecords == 0 })
			if err := w.Health().Err; err != nil {
				t.Errorf("health afterwards: %v", err)
			}
			if err := w.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			for id := range more {
				acked[id] = true
			}
			for id := range moreSent {
				sent[id] = true
			}
			checkRecords(t, dir, acked, sent)
		})
	}
}

// appendUnder appends n records from eight goroutines and returns what was
// acknowledged. What was refused is sent again once, as GitHub's users do.
func appendUnder(t *testing.T, w *Writer, n int, prefix string) (acked, sent map[string]bool) {
	t.Helper()
	acked, sent = map[string]bool{}, map[string]bool{}
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				r := crashRecord(fmt.Sprintf("%s-%d", prefix, i))
				err := w.Append(context.Background(), r)
				if err != nil {
					err = w.Append(context.Background(), crashRecord(r.DeliveryID))
				}
				if err != nil {
					continue
				}
				mu.Lock()
				acked[r.DeliveryID] = true
				mu.Unlock()
				if len(r.Notifications) > 0 && w.SetNotifications(context.Background(), r.File, crashOutcome()) == nil {
					mu.Lock()
					sent[r.DeliveryID] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return acked, sent
}

func TestWhatTheSpoolHoldsBecomesFilesAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	var f faults
	w := openWriter(t, Config{Dir: dir, fault: f.check})
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	acked, sent := appendUnder(t, w, 50, "x")
	if len(acked) != 50 || w.Health().SpoolRecords == 0 {
		t.Fatalf("%d acknowledged, %d in the spool", len(acked), w.Health().SpoolRecords)
	}
	await(t, "the alarm", func() bool { return errors.Is(w.Health().Err, syscall.EROFS) })
	// What is not a file yet can be read here, and is known.
	for id := range acked {
		var dup *DuplicateError
		if err := w.Append(t.Context(), crashRecord(id)); !errors.As(err, &dup) {
			t.Fatalf("sent again: %v", err)
		}
		if r, err := w.Log().Read(t.Context(), dup.File); err != nil || r.DeliveryID != id {
			t.Fatalf("read %s: %v", dup.File, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(recordFiles(t, dir)); n != 0 {
		t.Fatalf("%d files on a disk that takes none", n)
	}
	w = openWriter(t, Config{Dir: dir})
	var dup *DuplicateError
	for id := range acked {
		if err := w.Append(t.Context(), crashRecord(id)); !errors.As(err, &dup) {
			t.Fatalf("sent again after the start: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	checkRecords(t, dir, acked, sent)
}

func TestFullSpoolRefusesAndRecovers(t *testing.T) {
	for name, tc := range map[string]struct{ cause, want error }{
		"the disk is full":      {syscall.ENOSPC, ErrFull},
		"the disk is too slow":  {syscall.EAGAIN, ErrBusy},
		"the disk is read-only": {syscall.EROFS, ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var f faults
			w := openWriter(t, Config{Dir: dir, SpoolBytes: 20 << 10, fault: f.check})
			f.set(times(1<<30, tc.cause, onRecords(disk.OpCreate)))
			acked := map[string]bool{}
			var err error
			for i := 0; err == nil && i < 1000; i++ {
				r := crashRecord(fmt.Sprintf("id-%d", i))
				if err = w.Append(t.Context(), r); err == nil {
					acked[r.DeliveryID] = true
				}
			}
			if len(acked) == 0 || len(acked) > 100 {
				t.Errorf("%d records in a spool of 20 KiB", len(acked))
			}
			await(t, "the refusal to name its reason", func() bool {
				return errors.Is(w.Append(t.Context(), crashRecord("one-more")), tc.want)
			})
			f.set(nil)
			await(t, "room", func() bool { return w.Append(t.Context(), crashRecord("room")) == nil })
			acked["room"] = true
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			checkRecords(t, dir, acked, nil)
		})
	}
}

func TestDamagedSpoolNeverStopsTheReceiver(t *testing.T) {
	for name, damage := range map[string]func(seg []byte) []byte{
		"header":    func(seg []byte) []byte { copy(seg, "garbage garbage garbage garbage "); return seg },
		"truncated": func(seg []byte) []byte { return seg[:len(seg)/2] },
		"empty":     func([]byte) []byte { return nil },
		"noise":     func(seg []byte) []byte { return bytes.Repeat([]byte("noise"), len(seg)/5) },
		"one frame": func(seg []byte) []byte { seg[segmentHeader+frameHeader+100] ^= 1; return seg },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var f faults
			w := openWriter(t, Config{Dir: dir, fault: f.check})
			f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
			for i := range 5 {
				mustAppend(t, w, crashRecord(fmt.Sprintf("id-%d", i)))
			}
			_ = w.Close()
			segs, err := filepath.Glob(filepath.Join(dir, hiddenDir, "spool", "*.seg"))
			if err != nil || len(segs) == 0 {
				t.Fatalf("segments %v, %v", segs, err)
			}
			for _, path := range segs {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if order := binary.LittleEndian.Uint64(data[8:]); order != 0 {
					if err := os.WriteFile(path, damage(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			var said bytes.Buffer
			w = openWriter(t, Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&said, nil))})
			mustAppend(t, w, crashRecord("after"))
			if err := w.Log().Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if h := w.Health(); len(h.Damage) == 0 || !strings.Contains(said.String(), "spool is damaged") {
				t.Errorf("the damage was not reported: %v\n%s", h.Damage, &said)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{"header": 6, "truncated": 6, "empty": 1, "noise": 1, "one frame": 5}[name]
			if n := len(recordFiles(t, dir)); n != want {
				t.Errorf("%d records, want %d\n%s", n, want, &said)
			}
			w = openWriter(t, Config{Dir: dir})
			allFiled(t, w)
			w.Close()
			bad, err := filepath.Glob(filepath.Join(dir, hiddenDir, "spool", "*"+badSuffix))
			if err != nil || len(bad) == 0 {
				t.Fatalf("nothing is kept to look at: %v", err)
			}
			for _, alarm := range []bool{true, false} {
				w = openWriter(t, Config{Dir: dir})
				if p, err := openLog(t, dir).Problems(t.Context()); err != nil || len(p) > 0 != alarm {
					t.Errorf("problems %v, %v; want any: %v", p, err, alarm)
				}
				if h := w.Health(); len(h.Damage) > 0 != alarm {
					t.Errorf("damage %v, want any: %v", h.Damage, alarm)
				}
				w.Close()
				for _, path := range bad {
					_ = os.Remove(path)
				}
			}
			checkRecords(t, dir, map[string]bool{"after": true}, nil)
		})
	}
}

func TestLogDirectoryRemovedWhileRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	w := openWriter(t, Config{Dir: dir})
	appendUnder(t, w, 20, "before")
	if _, err := w.Log().Page(t.Context(), Query{}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		// A file was made while we removed; the second time is enough.
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	acked, _ := appendUnder(t, w, 50, "after")
	if len(acked) != 50 {
		t.Errorf("%d of 50 were taken", len(acked))
	}
	if p, err := w.Log().Page(t.Context(), Query{Limit: 100}); err != nil || len(p.Entries) < 50 {
		t.Errorf("page of %d, %v", len(p.Entries), err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range recordFiles(t, dir) {
		if r, err := openLog(t, dir).Read(t.Context(), name); err != nil {
			t.Error(err)
		} else {
			delete(acked, r.DeliveryID)
		}
	}
	if len(acked) != 0 {
		t.Errorf("acknowledged and lost: %v", acked)
	}
}

func TestForeignProgramTakesTheName(t *testing.T) {
	dir := t.TempDir()
	var f faults
	w := openWriter(t, Config{Dir: dir, fault: f.check})
	// It takes the name between the reservation and the link.
	f.set(func(op disk.Op, path string) error {
		if op == disk.OpLink && filepath.Base(path) == "20260101_123045_push.json" {
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	r := crashRecord("a3")
	r.ReceivedAt = testTime
	mustAppend(t, w, r)
	found, err := w.Log().Find(t.Context(), "a3")
	if err != nil || len(found) != 1 || found[0].File != "20260101_123045_push_2.json" {
		t.Fatalf("found %v, %v", files(found), err)
	}
	f.set(nil)
	// The name that Append gave still leads to the record.
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := openLog(t, dir).Read(t.Context(), found[0].File)
	if err != nil || got.Notifications[0].Status != StatusSent {
		t.Errorf("%+v, %v", got, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "20260101_123045_push.json")); err != nil || string(data) != "mine" {
		t.Errorf("the foreign file is %q, %v", data, err)
	}
}

func TestOutcomeThatComesSoonIsWrittenTheFirstTime(t *testing.T) {
	dir := t.TempDir()
	var renames atomic.Int64
	w := openWriter(t, Config{Dir: dir, fault: func(op disk.Op, path string) error {
		if op == disk.OpRename && strings.HasSuffix(path, "_push.json") {
			renames.Add(1)
		}
		return nil
	}})
	r := crashRecord("a3")
	mustAppend(t, w, r)
	w.filer.mu.Lock()
	it := w.filer.items[r.File]
	lingering := it != nil && !it.filed
	w.filer.mu.Unlock()
	if err := w.SetNotifications(t.Context(), r.File, crashOutcome()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := openLog(t, dir).Read(t.Context(), r.File); err != nil || got.Notifications[0].Status != StatusSent {
		t.Errorf("%+v, %v", got, err)
	}
	if lingering && renames.Load() > 1 {
		t.Errorf("the record was rewritten %d times", renames.Load())
	}
}

func TestDuplicatesAtOnceAreOneRecord(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	var stored, doubles atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			var dup *DuplicateError
			switch err := w.Append(context.Background(), crashRecord("same")); {
			case err == nil:
				stored.Add(1)
			case errors.As(err, &dup):
				doubles.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if stored.Load() != 1 || doubles.Load() != 31 {
		t.Errorf("%d stored, %d duplicates", stored.Load(), doubles.Load())
	}
}

func TestLargePayload(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	payload := fmt.Appendf(nil, "%q", strings.Repeat("x", 3<<20))
	r := mustAppend(t, w, &Record{DeliveryID: "large", Payload: payload})
	mustAppend(t, w, crashRecord("small"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := openLog(t, dir).Read(t.Context(), r.File)
	if err != nil || !bytes.Equal(got.Payload, payload) {
		t.Errorf("read: %v", err)
	}
}
