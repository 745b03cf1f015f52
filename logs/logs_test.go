package logs

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAppendReadPage(t *testing.T) {
	ctx := t.Context()
	w, err := OpenWriter(ctx, Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	at := time.Date(2026, 1, 1, 12, 30, 45, 0, time.UTC)
	for i := range 3 {
		r := &Record{EventType: "push", DeliveryID: fmt.Sprint("id-", i), ReceivedAt: at.Add(time.Duration(i)), Payload: []byte(`{"a": 1.0}`)}
		if err := w.Append(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	var dup *DuplicateError
	if err := w.Append(ctx, &Record{EventType: "push", DeliveryID: "id-1"}); !errors.As(err, &dup) || dup.File != "20260101_123045_push_2.json" {
		t.Fatalf("append of a known delivery: %v", err)
	}
	p, err := w.Log().Page(ctx, Query{Limit: 2})
	if err != nil || len(p.Entries) != 2 || p.Entries[0].DeliveryID != "id-2" || !p.HasOlder {
		t.Fatalf("page: %+v, %v", p, err)
	}
	r, err := w.Log().Read(ctx, p.Entries[0].File)
	if err != nil || string(r.Payload) != `{"a": 1.0}` {
		t.Fatalf("read: %+v, %v", r, err)
	}
}
