package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"hookctl/logs"
)

// A record from before whose notification comes to its end while somebody follows the log is not a new one.
func TestFollowPrintsNewRecordsOnly(t *testing.T) {
	home := t.TempDir()
	writer, err := logs.OpenWriter(t.Context(), logs.Config{Dir: filepath.Join(home, "webhook_logs")})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	record := func(event string) *logs.Record {
		t.Helper()
		now := time.Now().UTC()
		r := &logs.Record{
			EventType: event, DeliveryID: uuid.NewString(), Timestamp: now.Format("20060102_150405"), ReceivedAt: now, Source: logs.SourceDelivery,
			Payload: []byte(`{}`),
		}
		if err := writer.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := writer.Log().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := record("push")

	following, notes := io.Pipe()
	var out bytes.Buffer
	p := &program{out: &out, err: notes, environ: environment{"HOOKCTL_HOME": home}.get}
	ended := make(chan error, 1)
	go func() {
		ended <- p.withLog(t.Context(), eventsFilter{}, func(log *logs.Log, f logs.Filter) error {
			return p.followEvents(t.Context(), log, f, 1, &output{jq: ".event"})
		})
		_ = notes.Close()
	}()
	if _, err := following.Read(make([]byte, 1<<10)); err != nil { // it says that it watches
		t.Fatal(err)
	}
	if err := writer.SetNotifications(t.Context(), old.File, []logs.Notification{{Type: "push", Sink: "x", Status: "sent", At: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Log().Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	record("release")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "release\n" {
		t.Errorf("printed %q, want the new record alone", got)
	}
}
