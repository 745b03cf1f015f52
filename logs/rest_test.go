package logs

import (
	"testing"
	"time"
)

// While a sync lasts long, everybody who would send more is waiting for it. Other work must not take that for a rest,
// or it would make the sync longer still.
func TestASlowSyncIsNoRest(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var fault faults
	w := openWriter(t, Config{Dir: t.TempDir(), fault: fault.check})
	mustAppend(t, w, crashRecord("the segment is there"))
	matches := inSpool(opSync)
	fault.set(func(op diskOp, path string) error {
		if matches(op, path) {
			close(started)
			<-finish
			matches = func(diskOp, string) bool { return false }
		}
		return nil
	})
	appended := make(chan error, 1)
	go func() { appended <- w.Append(t.Context(), crashRecord("slow")) }()
	<-started
	s := w.spool
	s.mu.Lock()
	s.last = time.Now().Add(-time.Minute)
	s.mu.Unlock()
	if idle := s.idleFor(); idle != 0 {
		t.Errorf("the spool calls itself idle for %v", idle)
	}
	if rush, _ := s.rush(); !rush {
		t.Error("there is no rush while a delivery waits for its sync")
	}
	close(finish)
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
}
