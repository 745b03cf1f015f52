package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// unfiled leaves n records in a spool of which none has its file, as a crash does.
func unfiled(t *testing.T, dir string, n int) []*Record {
	t.Helper()
	var f faults
	w := openWriter(t, Config{Dir: dir, segmentSize: 64 << 10, fault: f.check})
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	var list []*Record
	for i := range n {
		r := deliveryTo("a", fmt.Sprintf("Spooled-%d", i))
		r.ReceivedAt = testTime
		list = append(list, mustAppend(t, w, r))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return list
}

// While the spool is still to be read, new deliveries are stored; one that may be in it waits, and a name in it is not given
// again.
func TestTheFirstAnswerWaitsForNoReplay(t *testing.T) {
	dir := t.TempDir()
	spooled := unfiled(t, dir, 20)
	goOn := make(chan struct{})
	w := openWriter(t, Config{Dir: dir, replaying: func() { <-goOn }})
	fresh := deliveryTo("a", "fresh")
	fresh.ReceivedAt = testTime
	mustAppend(t, w, fresh)
	mustAppend(t, w, deliveryTo("b", "spooled-7")) // it came to another path
	again := make(chan error, 1)
	go func() { again <- w.Append(t.Context(), deliveryTo("a", "spooled-7")) }()
	close(goOn)
	var dup *DuplicateError
	if err := <-again; !errors.As(err, &dup) || dup.File != spooled[7].File {
		t.Errorf("sent again: %v, want a duplicate of %s", err, spooled[7].File)
	}
	allFiled(t, w)
	if names := recordFiles(t, dir); len(names) != 22 {
		t.Errorf("%d records, want 22: %v", len(names), names)
	}
}

// A frame whose header can be read and whose content cannot is no reason to call a delivery known.
func TestADamagedFrameMakesNoDuplicate(t *testing.T) {
	dir := t.TempDir()
	unfiled(t, dir, 3)
	segs, err := filepath.Glob(filepath.Join(spoolDir(dir), "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range segs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if order, salt, _, _ := readSegmentHeader(data); order > 0 {
			frames, _ := scanFrames(data, segmentHeader, salt)
			data[frames[1].off+int64(frames[1].size)-12] ^= 1 // in the payload
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := openWriter(t, Config{Dir: dir})
	refused(t, w, "a", "spooled-0")
	mustAppend(t, w, deliveryTo("a", "spooled-1"))
	if len(w.Health().Damage) == 0 {
		t.Error("the damage is not reported")
	}
}

// After a crash the index has a journal to read, which may be long.
func TestNoDeliveryWaitsForTheIndexToOpen(t *testing.T) {
	dir := t.TempDir()
	x, err := newIndex(dir, Config{}.withDefaults().Logger)
	if err != nil {
		t.Fatal(err)
	}
	x.home = filepath.Join(dir, hiddenDir)
	held, err := x.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := openWriter(t, Config{Dir: dir})
	mustAppend(t, w, deliveryTo("", "one"))
	select {
	case <-w.log.index.opened:
		t.Error("the index was opened although another process has its lock")
	default:
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Log().Page(t.Context(), Query{}); err != nil || len(p.Entries) != 1 {
		t.Errorf("page of %d, %v", len(p.Entries), err)
	}
}

// The notes of a ledger are read in pieces.
func TestALedgerOfManyPiecesIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, hiddenDir), 0o700); err != nil {
		t.Fatal(err)
	}
	const n = 30_000
	knowing(t, dir, n)
	if info, err := os.Stat(ledgerPath(dir)); err != nil || info.Size() < 3*scanWindow {
		t.Fatalf("a ledger of %d bytes, %v", info.Size(), err)
	}
	id := func(i int) identity { return identity{guid: fmt.Sprintf("%08x-0000-11f1-8000-%012x", i, i)} }
	check := func(what string, find func(identity) string, lost func(int) bool) {
		t.Helper()
		for i := range n {
			if file := find(id(i)); file == "" != lost(i) {
				t.Fatalf("%s: delivery %d is in %q", what, i, file)
			}
		}
		if file := find(identity{guid: "another"}); file != "" {
			t.Errorf("%s: another delivery is in %q", what, file)
		}
	}
	open := func() *ledger {
		g := newLedger(&disk.FS{}, Config{Dir: dir}.withDefaults(), func() uint64 { return 0 })
		if err := g.open(false, func(note) {}); err != nil {
			t.Fatal(err)
		}
		return g
	}
	find := func(g *ledger) func(identity) string {
		return func(id identity) string { file, _ := g.find(id); return file }
	}
	g := open()
	check("whole", find(g), func(int) bool { return false })
	g.close()
	var v ledgerView
	check("of another process", func(id identity) string {
		file, err := v.find(ledgerPath(dir), id)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}, func(int) bool { return false })
	// One note is damaged: it is lost, the others are not, and nobody calls the ledger whole, also not when it is opened again.
	f, err := os.OpenFile(ledgerPath(dir), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(len((&note{file: []byte(numbered(stem(time.Now(), "push"), 1)), guid: []byte(id(0).guid)}).frame()))
	if _, err := f.WriteAt([]byte{0xff, 0xff}, segmentHeader+size+frameHeader+40); err != nil {
		t.Fatal(err)
	}
	g = open()
	check("damaged", find(g), func(i int) bool { return i == 1 })
	if err := g.tidy(); err != nil {
		t.Fatal(err)
	}
	check("written again", find(g), func(i int) bool { return i == 1 })
	g.close()
	g = open()
	if check("opened again", find(g), func(i int) bool { return i == 1 }); g.isWhole() {
		t.Error("the ledger calls itself whole")
	}
	g.close()
}

// What a power cut leaves of a record file has holes anywhere. It is replaced, and not taken for another program's.
func TestATornRecordFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	r := unfiled(t, dir, 1)[0]
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	clear(data[10:60])
	if err := os.WriteFile(filepath.Join(dir, r.File), data, 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWriter(t, Config{Dir: dir})
	allFiled(t, w)
	if got, err := w.Log().Read(t.Context(), r.File); err != nil || got.DeliveryID != r.DeliveryID {
		t.Errorf("%+v, %v", got, err)
	}
	if names := recordFiles(t, dir); len(names) != 1 {
		t.Errorf("records %v, want one", names)
	}
}

// A ledger that is completed from the index says nothing of a record whose file is not durable yet: after a power cut it would
// pass for one that has been removed.
func TestACompletedLedgerLeavesOutWhatTheSpoolHolds(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	mustAppend(t, w, deliveryTo("a", "durable"))
	allFiled(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ledgerPath(dir)); err != nil {
		t.Fatal(err)
	}
	held := &index{logDir: dir, home: filepath.Join(dir, hiddenDir)}
	building := held.buildLock()
	if locked, err := building.TryLock(); !locked {
		t.Fatal(err)
	}
	var f faults
	f.set(times(1<<30, syscall.EIO, onRecords(disk.OpSync)))
	if err := os.Chtimes(dir, testTime, testTime); err != nil { // so that the index is compared with it
		t.Fatal(err)
	}
	w = openWriter(t, Config{Dir: dir, fault: f.check})
	r := deliveryTo("a", "in the spool")
	r.Source = SourceReplay // whether it is known is not asked
	mustAppend(t, w, r)
	if err := w.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := building.Unlock(); err != nil {
		t.Fatal(err)
	}
	<-w.PendingComplete()
	notes, err := readAll(w.filer.ledger)
	if err != nil || len(notes) != 1 || string(notes[0].guid) != "durable" {
		t.Errorf("notes %v, %v; want one, of what is durable", notes, err)
	}
	f.set(nil)
}

func TestPendingRecordsOfOneInstantStandInTheirOrder(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	var want []string
	for i := range 11 {
		r := deliveryTo("", fmt.Sprint("id-", i))
		r.ReceivedAt = testTime
		r.Notifications = []Notification{{Type: "push", Status: StatusPending}}
		want = append(want, mustAppend(t, w, r).File)
	}
	if got, err := w.Pending(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("pending %v, %v, want %v", got, err, want)
	}
}
