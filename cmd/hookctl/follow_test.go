package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"hookctl/cmd/hookctl/settings"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// A record from before whose notification comes to its end while somebody follows the log is not a new one. Who follows failures
// gets a record once it fails.
func TestFollowPrintsNewRecordsOnly(t *testing.T) {
	for _, filter := range []string{"", "status:failed"} {
		home := t.TempDir()
		writer, err := logs.OpenWriter(t.Context(), logs.Config{Dir: filepath.Join(home, "webhook_logs")})
		if err != nil {
			t.Fatal(err)
		}
		record := func(event string) *logs.Record {
			t.Helper()
			now := time.Now().UTC()
			r := &logs.Record{
				EventType: event, DeliveryID: uuid.NewString(), Timestamp: now.Format("20060102_150405"), ReceivedAt: now, Source: logs.SourceDelivery,
				Payload: []byte(`{}`),
			}
			if err := errors.Join(writer.Append(t.Context(), r), writer.Log().Settle(t.Context())); err != nil {
				t.Fatal(err)
			}
			return r
		}
		end := func(r *logs.Record, status string) {
			t.Helper()
			err := writer.SetNotifications(t.Context(), r.File, []logs.Notification{{Type: "x", Sink: "x", Status: status, At: time.Now()}})
			if err := errors.Join(err, writer.Log().Settle(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		old := record("push")

		following, notes := io.Pipe()
		var out bytes.Buffer
		p := &program{out: &out, err: notes, environ: environment{"HOOKCTL_HOME": home}.get}
		ended := make(chan error, 1)
		go func() {
			s, err := settings.Load(p.environ)
			if err != nil {
				ended <- err
				return
			}
			ended <- withLog(t.Context(), s, filter, func(log *logs.Log, f logs.Filter) error {
				return p.followEvents(t.Context(), log, f, 1, &output{jq: ".event"})
			})
			_ = notes.Close()
		}()
		if _, err := following.Read(make([]byte, 1<<10)); err != nil { // it says that it watches
			t.Fatal(err)
		}
		end(old, logs.StatusSent)
		end(record("release"), logs.StatusFailed)
		if err := errors.Join(<-ended, writer.Close()); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "release\n" {
			t.Errorf("%q printed %q, want the new record alone", filter, got)
		}
	}
}

// Following the receiver's log prints each line once it is whole, also in a log that begins again.
func TestLogFollows(t *testing.T) {
	home := t.TempDir()
	file := daemon.LogFile(home)
	write := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(0, "one\nha")
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- (&program{out: in, err: io.Discard}).followLog(ctx, daemon.LogTail{Home: home}, "")
		in.Close() //nolint:errcheck // never fails
	}()
	lines := bufio.NewScanner(out)
	for _, step := range []struct {
		flag        int
		write, line string
	}{{os.O_APPEND, "", "one"}, {os.O_APPEND, "lf of it\n", "half of it"}, {os.O_TRUNC, "again\n", "again"}} {
		write(step.flag, step.write)
		if !lines.Scan() || lines.Text() != step.line {
			t.Fatalf("printed %q, want %q", lines.Text(), step.line)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
