package logs

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

func TestWatchTellsOfNewAndChangedRecords(t *testing.T) {
	testWatch(t, Config{})
}

func TestWatchLooksItselfWhereThereIsNoWatcher(t *testing.T) {
	testWatch(t, Config{pollInterval: 20 * time.Millisecond, newWatcher: func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }})
}

func testWatch(t *testing.T, cfg Config) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Dir = dir
	l, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	batches, err := l.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]Entry{}
	until := func(what string, cond func() bool) {
		t.Helper()
		timeout := time.After(2 * time.Minute)
		for !cond() {
			select {
			case batch, ok := <-batches:
				if !ok {
					t.Fatal("the channel closed early")
				}
				for _, e := range batch {
					seen[e.File] = e
				}
			case <-timeout:
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	r := mustAppend(t, w, &Record{DeliveryID: "g1", Notifications: []Notification{{Type: "push", Status: StatusPending}}})
	for range 20 {
		mustAppend(t, w, &Record{})
	}
	until("the new records", func() bool { return len(seen) == 21 })
	if err := w.SetNotifications(ctx, r.File, []Notification{{Type: "push", Status: StatusSent}}); err != nil {
		t.Fatal(err)
	}
	until("the change", func() bool { return seen[r.File].Notification.Status == StatusSent })
	old := `{"event_type":"push","timestamp":"20260101_000000","result":null,"payload_summary":{}}`
	if err := os.WriteFile(filepath.Join(dir, "20260101_000000_push.json"), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	until("a foreign file", func() bool { return seen["20260101_000000_push.json"].Event == "push" })
	cancel()
	for range batches {
	}
}
