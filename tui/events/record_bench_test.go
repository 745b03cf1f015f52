package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// follow gives what the log reports of new records to the model until the screen
// shows the text.
func (s *pageScreen) follow(came <-chan []logs.Entry, text string) {
	s.T.Helper()
	limit := time.After(20 * time.Second)
	for !strings.Contains(s.View().Content, text) {
		select {
		case batch := <-came:
			s.Send(kit.News[logs.Entry](batch))
		case <-limit:
			s.T.Fatalf("waited for %q without success:\n%s", text, s.Text())
		}
	}
}

// newRecord is a record with a title that nothing else has.
func newRecord(i int, at time.Time) *logs.Record {
	return &logs.Record{EventType: "push", ReceivedAt: at, DeliveryID: fmt.Sprintf("new-%d-%d", i, at.UnixNano()), Source: logs.SourceDelivery,
		Summary: logs.Summary{Title: fmt.Sprintf("arrival-%d.", i), Repository: "octo-org/web", Sender: "mona", Branch: "main"}, Payload: []byte(`{"ref":"refs/heads/main"}`)}
}

// A record that another process appends is on the screen once the log reports
// it, and stays the newest line of a list that follows.
func TestAppendedRecordIsInTheNextFrame(t *testing.T) {
	s := eventful(t, 120, 40)
	s.Press("2")
	ctx := context.Background()
	w, err := logs.OpenWriter(ctx, s.Cfg.Logs)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	came, err := s.Log.Value.Watch(s.Ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := w.Append(ctx, newRecord(i, kittest.Noon.Add(time.Duration(i)*time.Second))); err != nil {
			t.Fatal(err)
		}
		s.follow(came, fmt.Sprintf("arrival-%d.", i))
		if s.events.feed.At != 0 {
			t.Fatal("the list does not follow")
		}
	}
}

// BenchmarkRecordToFrame is from before a record is appended, durably, to the
// frame that shows it: writer, watch, model and view in one process.
func BenchmarkRecordToFrame(b *testing.B) {
	s := largeScreen(b)
	ctx := context.Background()
	w, err := logs.OpenWriter(ctx, s.Cfg.Logs)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	came, err := s.Log.Value.Watch(s.Ctx)
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		if err := w.Append(ctx, newRecord(len(took), begin)); err != nil {
			b.Fatal(err)
		}
		s.follow(came, fmt.Sprintf("arrival-%d.", len(took)))
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	ms := func(percent int) float64 { return float64(took[len(took)*percent/100].Microseconds()) / 1000 }
	b.ReportMetric(100, "ms-goal")
	b.ReportMetric(ms(50), "ms-p50")
	b.ReportMetric(ms(99), "ms-p99")
}

// largeScreen is the page on the large log.
func largeScreen(b *testing.B) *pageScreen {
	cfg := kittest.QuietSettings(b)
	cfg.Logs, cfg.Now = kittest.LargeLog(b), time.Now
	s := newEventScreen(b, cfg, 120, 40, nil, nil)
	s.Press("2")
	return s
}

// BenchmarkFilter is from the accepted filter to the frame with its first
// results; their number comes later.
func BenchmarkFilter(b *testing.B) {
	for _, text := range []string{"event:push", "database", "nosuchtextanywhere", "conclusion:failure repo:octo-org/web"} {
		b.Run(text, func(b *testing.B) {
			s := largeScreen(b)
			f, err := logs.ParseFilter(text, kittest.Noon)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s.Update(s.events.setFilter(f)())
				s.View()
			}
		})
	}
}
