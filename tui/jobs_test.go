package tui

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
)

// The loop may end between Update and the command that it returned.
func TestCloseDoesNotWaitForWorkThatNeverBegan(t *testing.T) {
	s := full(t, 80, 24)
	_, cmd := s.begin(func(context.Context, func(hooks.Step)) tea.Msg {
		t.Error("work began after the interface had closed")
		return nil
	})
	_, doctor := s.Update(key("5"))
	closed := make(chan struct{})
	go func() {
		s.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("close waits for work that nobody does")
	}
	s.settle(tea.Batch(cmd, doctor)) // too late: nothing hangs, nothing is done
	if n := len(s.pages[4].(*doctorPage).all); n > 0 {
		t.Fatalf("%d checks ran after the interface had closed", n)
	}
}

func TestLeavingAmidAnExportLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := full(t, 80, 24)
	s.press("2")
	cmd := s.events().startExport(filepath.Join(dir, "out.ndjson"))
	s.events().export.files = make([]string, 2*exportBatch) // more than one batch
	for i := range s.events().export.files {
		s.events().export.files[i] = "20260101_000000_push.json" // pruned meanwhile
	}
	if msg, ok := cmd().(exported); !ok || msg.err != nil || msg.of.over {
		t.Fatalf("the first batch: %+v", msg)
	}
	s.close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}
