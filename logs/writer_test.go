package logs

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
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
