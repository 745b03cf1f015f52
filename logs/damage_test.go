package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hookctl/logs/disk"
)

// spooled fills a spool with records that become no files, and returns its used segment.
func spooled(t *testing.T, dir string, segmentSize int64, n int) (path string) {
	t.Helper()
	var f faults
	w := openWriter(t, Config{Dir: dir, fault: f.check, segmentSize: segmentSize})
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	for i := range n {
		mustAppend(t, w, &Record{EventType: "push", DeliveryID: fmt.Sprintf("id-%d", i), ReceivedAt: testTime})
	}
	w.spool.mu.Lock()
	path = w.spool.active.path
	w.spool.mu.Unlock()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A segment is cut at every byte, and every byte of it is flipped. Either all frames are read, or the damage is reported.
func TestNoDamageOfASegmentIsSilent(t *testing.T) {
	const size, records = 2048, 4
	data, err := os.ReadFile(spooled(t, t.TempDir(), size, records))
	if err != nil || len(data) != size {
		t.Fatalf("a segment of %d bytes, %v", len(data), err)
	}
	path := filepath.Join(t.TempDir(), "00000000.seg")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &spool{log: Config{}.withDefaults().Logger, segmentSize: size}
	buf := make([]byte, size)
	check := func(what string, needless bool) {
		seg, err := s.loadSegment(path)
		if err != nil {
			return // put aside and reported
		}
		defer seg.f.Close()
		frames, damage := scanSegment(seg, buf[:seg.size])
		switch {
		case len(frames) < records && len(damage) == 0:
			t.Errorf("%s: %d of %d frames are left, and it is not reported", what, len(frames), records)
		case len(frames) == records && len(damage) > 0 && needless:
			t.Errorf("%s: nothing is lost, and this is reported: %v", what, damage)
		}
	}
	check("whole", true)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put := func(i int, b byte) {
		if _, err := f.WriteAt([]byte{b}, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range data {
		for _, flip := range []byte{1, 0x80, 0xff} {
			put(i, b^flip)
			check(fmt.Sprintf("byte %d flipped by %#x", i, flip), i >= segmentHeader)
		}
		put(i, b)
	}
	for i := size - 1; i >= 0; i-- {
		if err := f.Truncate(int64(i)); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("cut at byte %d", i), false)
	}
}
