package logs

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// While a sync lasts long, everybody who would send more is waiting for it. Other work must not take that for a rest,
// or it would make the sync longer still.
func TestASlowSyncIsNoRest(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var fault faults
	w := openWriter(t, Config{Dir: t.TempDir(), fault: fault.check})
	mustAppend(t, w, crashRecord("the segment is there"))
	w.spool.mu.Lock()
	active := w.spool.active.f.Name() // a spare segment may be made in the meantime, and synced too
	w.spool.mu.Unlock()
	var once sync.Once
	fault.set(func(op disk.Op, path string) error {
		if op == disk.OpSync && path == active {
			once.Do(func() {
				close(started)
				<-finish
			})
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

// Who stopped waiting for a record that could not be stored may send it again.
func TestAFailureThatNobodyWaitsForIsForgotten(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var fault faults
	w := openWriter(t, Config{Dir: t.TempDir(), fault: fault.check})
	mustAppend(t, w, crashRecord("the segment is there"))
	first := true
	fault.set(func(op disk.Op, path string) error {
		if !inSpool(disk.OpSync)(op, path) {
			return nil
		}
		if first {
			first = false
			close(started)
			<-finish
		}
		return syscall.EIO
	})
	ctx, giveUp := context.WithCancel(t.Context())
	appended := make(chan error, 1)
	go func() { appended <- w.Append(ctx, crashRecord("a")) }()
	<-started
	giveUp()
	if err := <-appended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(finish)
	await(t, "the delivery to be forgotten", func() bool {
		w.filer.mu.Lock()
		defer w.filer.mu.Unlock()
		return w.filer.ids[identity{guid: "a"}] == ""
	})
	fault.set(nil)
	if err := w.Append(t.Context(), crashRecord("a")); err != nil {
		t.Errorf("sent again: %v", err)
	}
}
