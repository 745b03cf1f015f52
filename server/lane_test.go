package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs"
	"hookctl/server/sink"
)

// scripted is a sink without a network, for tests on a clock of their own.
type scripted struct {
	mu     sync.Mutex
	refuse func(m sink.Message) error // nil takes everything
	took   []sink.Message
	tries  map[string]int // by delivery
	at     map[string]time.Time
}

func (s *scripted) Check(context.Context) error { return nil }

func (s *scripted) Send(_ context.Context, m sink.Message) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries[m.DeliveryID]++
	if s.refuse != nil {
		if err := s.refuse(m); err != nil {
			return "", err
		}
	}
	s.took = append(s.took, m)
	s.at[m.DeliveryID] = time.Now()
	return "msg", nil
}

func (s *scripted) set(refuse func(m sink.Message) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

// pass moves the test's clock on, which takes no time, and waits until nothing is at work, so that a test may read what the sink has.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (s *scripted) order() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.took {
		ids = append(ids, m.DeliveryID)
	}
	return ids
}

// onTestClock runs a receiver with the waits of the default settings, whose notifications go to a scripted sink. Time stands
// still while anything works.
func onTestClock(t *testing.T, test func(t *testing.T, s *Server, agent *scripted)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		agent := &scripted{tries: map[string]int{}, at: map[string]time.Time{}}
		s := newTestServerIn(t, dir, func(c *Config) {
			c.Retry, c.CoalesceMax = Retry{}, 0
			c.Sinks = []sink.Config{{Name: "agent", Type: "http", URL: "http://127.0.0.1:1"}}
		})
		s.settings.Load().sinks["agent"] = target{Sink: agent, to: "agent"}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.queue.run(ctx) })
		synctest.Wait() // It has looked for what an earlier run left.
		test(t, s, agent)
		cancel()
		running.Wait()
		if err := s.log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// block takes an event in: the issue of a repository was labeled blocked.
func block(t *testing.T, s *Server, n int, repository string) {
	t.Helper()
	<-time.After(time.Millisecond) // Of the test's clock: no two arrive at the same instant.
	event, payload := sample(t, "issues_labeled_blocked")
	rec := &logs.Record{EventType: event, DeliveryID: guid(n), Payload: []byte(strings.ReplaceAll(string(payload), "octo-org/Hello-World", repository))}
	if _, err := s.Ingest(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
}

func refuseOnly(ids ...string) func(sink.Message) error {
	return func(m sink.Message) error {
		if slices.Contains(ids, m.DeliveryID) {
			return errors.New("the answer is 500 Internal Server Error")
		}
		return nil
	}
}

func statusOf(t *testing.T, s *Server, n int) logs.Notification {
	t.Helper()
	found, err := s.log.Log().Find(t.Context(), guid(n))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d records of %s, %v", len(found), guid(n), err)
	}
	rec, err := s.log.Log().Read(t.Context(), found[0].File)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Notifications[0]
}

func TestOneRefusedMessageHoldsNobodyUp(t *testing.T) {
	for name, others := range map[string]string{"of the same repository": "o/r", "of other repositories": "o/other"} {
		t.Run(name, func(t *testing.T) {
			onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
				agent.set(refuseOnly(guid(666), guid(667)))
				start := time.Now()
				block(t, s, 666, "o/r")
				block(t, s, 667, "o/r")
				for i := 1; i <= 3; i++ {
					block(t, s, i, others)
				}
				block(t, s, 4, "o/r")
				pass(15 * time.Second)
				for _, i := range []int{1, 2, 3, 4} {
					if agent.at[guid(i)].IsZero() || agent.at[guid(i)].Sub(start) > 15*time.Second {
						t.Errorf("%d was not sent within 15 s", i)
					}
				}
				if got := statusOf(t, s, 666); got.Status != logs.StatusPending {
					t.Errorf("the refused one is %s", got.Status)
				}
				pass(time.Hour)
				if n := agent.tries[guid(666)]; n < 8 || n > 20 {
					t.Errorf("the refused one was tried %d times in an hour", n)
				}
				agent.set(nil)
				pass(15 * time.Minute)
				synctest.Wait()
				if got := statusOf(t, s, 666); got.Status != logs.StatusSent {
					t.Errorf("later it is %s", got.Status)
				}
				if n := s.Stats().Pending; n != 0 {
					t.Errorf("%d are pending", n)
				}
			})
		})
	}
}

func TestRefusedMessageFailsAfterADayBesideItsLane(t *testing.T) {
	onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
		agent.set(refuseOnly(guid(666)))
		block(t, s, 666, "o/r")
		block(t, s, 1, "o/r")
		pass(23 * time.Hour)
		if got := statusOf(t, s, 666); got.Status != logs.StatusPending {
			t.Errorf("after 23 hours: %+v", got)
		}
		pass(61 * time.Minute)
		if got := statusOf(t, s, 666); got.Status != logs.StatusFailed || got.Error == "" {
			t.Errorf("after a day: %+v", got)
		}
	})
}

// TestOutcomeIsWrittenWhenItIsKnown looks at the record before any time has passed: a crash would send the message again.
func TestOutcomeIsWrittenWhenItIsKnown(t *testing.T) {
	onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
		agent.set(func(m sink.Message) error {
			if m.DeliveryID == guid(2) {
				return backoff.Permanent(errors.New("the answer is 400 Bad Request"))
			}
			return nil
		})
		block(t, s, 1, "o/r")
		block(t, s, 2, "o/r")
		synctest.Wait()
		if n := statusOf(t, s, 1); n.Status != logs.StatusSent || n.MessageID != "msg" {
			t.Errorf("the record of a message that was sent: %+v", n)
		}
		if n := statusOf(t, s, 2); n.Status != logs.StatusFailed {
			t.Errorf("the record of a message that was refused: %+v", n)
		}
	})
}

// TestSinkThatIsDownHoldsItsLanes keeps the order when nothing gets through for an hour.
func TestSinkThatIsDownHoldsItsLanes(t *testing.T) {
	onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
		agent.set(func(sink.Message) error { return errors.New("connection refused") })
		for i := range 10 {
			block(t, s, i, fmt.Sprintf("o/r%d", i%2))
		}
		pass(time.Hour)
		agent.set(nil)
		pass(15 * time.Minute)
		last := map[string]string{}
		for _, m := range agent.took {
			repo := m.Field("repository")
			if m.DeliveryID <= last[repo] {
				t.Errorf("%s after %s in %s", m.DeliveryID, last[repo], repo)
			}
			last[repo] = m.DeliveryID
		}
		if len(agent.took) != 10 {
			t.Errorf("%d were sent: %v", len(agent.took), agent.order())
		}
	})
}

// TestHangingMessagesLeaveTheirSinkToOthers sets many aside whose every attempt takes ten seconds.
func TestHangingMessagesLeaveTheirSinkToOthers(t *testing.T) {
	onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
		s.settings.Load().sinks["agent"] = target{Sink: hanging{agent}, to: "agent"}
		for i := range 12 { // More than the sink has places.
			block(t, s, 600+i, fmt.Sprintf("o/r%d", i))
		}
		for i := range 12 {
			block(t, s, i, fmt.Sprintf("o/r%d", i))
		}
		pass(3 * time.Minute)
		if n := len(agent.order()); n != 12 {
			t.Errorf("%d of 12 got through", n)
		}
		block(t, s, 50, "o/r1")
		pass(time.Second)
		if agent.at[guid(50)].IsZero() {
			t.Error("messages that are set aside take all places")
		}
	})
}

// hanging answers messages of deliveries from 600 on after ten seconds with an error.
type hanging struct{ *scripted }

func (h hanging) Send(ctx context.Context, m sink.Message) (string, error) {
	if m.DeliveryID >= guid(600) {
		select {
		case <-time.After(10 * time.Second):
			return "", context.DeadlineExceeded
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return h.scripted.Send(ctx, m)
}

// TestSlowSinkGetsASummary sends the first of a backlog one by one and the rest as one message.
func TestSlowSinkGetsASummary(t *testing.T) {
	onTestClock(t, func(t *testing.T, s *Server, agent *scripted) {
		agent.set(func(sink.Message) error { return errors.New("connection refused") })
		for i := range 100 {
			block(t, s, i, "o/r")
		}
		pass(time.Minute)
		agent.set(nil)
		pass(15 * time.Minute)
		if n := len(agent.took); n != 22 {
			t.Fatalf("%d messages", n)
		}
		sum := agent.took[21]
		if !summaryOf(sum, 79) || sum.Priority != "high" {
			t.Errorf("the summary %q: %q, %s", sum.Subject, sum.Text, sum.Priority)
		}
		for _, part := range []string{`- task_blocked: GH-73 "Spelling error in the README file"`, "- and 39 others", "hookctl events list repo:o/r"} {
			if !strings.Contains(sum.Text, part) {
				t.Errorf("the summary does not say %q: %s", part, sum.Text)
			}
		}
		for i := range 100 {
			n := statusOf(t, s, i)
			if n.Status != logs.StatusSent || n.MessageID == "" || (n.GatheredBy != "") != (i > 21) {
				t.Errorf("%d: %+v", i, n)
			}
		}
		if st := s.Stats(); st.Pending != 0 || st.Sent != 100 {
			t.Errorf("%+v", st)
		}
	})
}

func summaryOf(m sink.Message, n int) bool {
	return m.Kind == summaryKind && m.Subject == fmt.Sprintf("%d notifications waiting in o/r", n) && m.Context["notifications"] == n
}
