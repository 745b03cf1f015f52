package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// logbook is the least that a log does.
type logbook struct {
	mu   sync.Mutex
	have map[string]int
	bad  string // a GUID that cannot be recorded
}

func (l *logbook) hasOf(_ Hook, guid string) bool { return l.has(guid) }

func (l *logbook) has(guid string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.have[guid] > 0
}

func (l *logbook) record(_ context.Context, m Missing, d Delivery) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.GUID == l.bad {
		return errors.New("disk full")
	}
	if len(d.Payload) == 0 || d.GUID != m.GUID {
		return fmt.Errorf("payload %q of %q", d.Payload, d.GUID)
	}
	l.have[m.GUID]++
	return nil
}

func payload(n int) []byte { return fmt.Appendf(nil, `{"n":%d}`, n) }

// The receiver is down, 300 deliveries are sent over five hooks and some of them again by hand: each is recorded once,
// oldest first, and after that a check costs one call for each hook.
func TestMissedDeliveriesAreFetchedOnceEach(t *testing.T) {
	names := []string{"o/a", "o/b", "o/c", "o/d", "o/e"}
	w := newWorld(t, names...)
	w.setSecret("s1")
	hooks := w.setup(names...)
	ctx, since := t.Context(), time.Now().Add(-time.Hour)
	book := &logbook{have: make(map[string]int)}
	send := func(n int) {
		t.Helper()
		results, err := w.Deliver(ctx, names[n%5], "push", payload(n))
		if err != nil || len(results) != 1 {
			t.Fatal(results, err)
		}
		if results[0].OK() {
			book.have[results[0].GUID]++
		}
	}
	for n := range 20 {
		send(n)
	}
	w.receiver.answer(http.StatusBadGateway)
	for n := range 300 {
		send(n)
	}
	w.receiver.answer(0)
	for _, h := range hooks[:3] {
		list := w.Deliveries(h.ID)
		for _, d := range list[len(list)-5:] {
			if err := w.client.Redeliver(ctx, h.Target, h.ID, d.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	redelivered := func() (n int) {
		for _, d := range w.receiver.deliveries() {
			if d.event == "push" && d.fingerprint != "" {
				n++
			}
		}
		return n
	}
	await(t, "15 redeliveries", func() bool { return redelivered() == 20+15 })
	for _, d := range w.receiver.deliveries() {
		if d.event == "push" && !book.has(d.guid) {
			book.have[d.guid]++
		}
	}
	query := MissedQuery{Hooks: hooks, Since: since, Have: book.hasOf}
	missing, cursor, err := w.client.Missed(ctx, query)
	if err != nil || len(missing) != 285 {
		t.Fatalf("%d missing, %v; want 285", len(missing), err)
	}
	for i := 1; i < len(missing); i++ {
		if missing[i].Latest().DeliveredAt.Before(missing[i-1].Latest().DeliveredAt) {
			t.Fatal("not oldest first")
		}
	}
	book.bad = missing[7].GUID
	recorded, err := w.client.Fetch(ctx, missing, book.record)
	if recorded != 284 || err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("recorded %d, %v", recorded, err)
	}
	book.bad = ""
	query.Cursor = cursor
	if missing, cursor, err = w.client.Missed(ctx, query); err != nil || len(missing) != 1 {
		t.Fatalf("what could not be recorded is not found again: %d, %v", len(missing), err)
	}
	if recorded, err := w.client.Fetch(ctx, missing, book.record); recorded != 1 || err != nil {
		t.Errorf("recorded %d, %v", recorded, err)
	}
	query.Cursor = cursor
	if missing, cursor, err = w.client.Missed(ctx, query); err != nil || len(missing) != 0 {
		t.Fatalf("%d missing after all, %v", len(missing), err)
	}
	if len(book.have) != 320 {
		t.Errorf("the log has %d events, want 320", len(book.have))
	}
	for guid, n := range book.have {
		if n != 1 {
			t.Errorf("%s is recorded %d times", guid, n)
		}
	}
	before := len(w.Requests())
	query.Cursor = cursor
	if missing, _, err = w.client.Missed(ctx, query); err != nil || len(missing) != 0 {
		t.Errorf("%d missing, %v", len(missing), err)
	}
	if calls := len(w.Requests()) - before; calls != len(hooks) {
		t.Errorf("a check with nothing missing costs %d calls for %d hooks", calls, len(hooks))
	}
}

// await polls for a condition that other goroutines bring about.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s without success", what)
		}
	}
}

// A receiver that does not answer keeps a delivery open for ten seconds. GitHub lists it after one that began later and was
// answered at once, and it is found anyway.
func TestACursorWaitsForWhatIsStillBeingDelivered(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	one := func(id int64, after time.Duration, status string) string {
		return fmt.Sprintf(`{"id":%d,"guid":"g%d","event":"push","delivered_at":%q,"status":%q}`, id, id, began.Add(after).Format(time.RFC3339Nano), status)
	}
	early, quick, slow, late := one(90, 0, "OK"), one(101, time.Minute, "OK"), one(100, time.Minute-time.Second, "timed out"), one(200, 10*time.Minute, "OK")
	query := MissedQuery{Hooks: []Hook{{ID: 7, Target: Target{"o", "r"}}}, Have: func(Hook, string) bool { return false }}
	for _, step := range []struct {
		list    []string
		missing int
		cursor  int64
	}{
		{[]string{quick, early}, 0, 90},
		{[]string{quick, slow, early}, 1, 90}, // not recorded yet
		{[]string{late, quick, slow, early}, 1, 99},
	} {
		client, err := New(Config{Host: "github.com", Token: "t", Transport: answering("[" + strings.Join(step.list, ",") + "]")})
		if err != nil {
			t.Fatal(err)
		}
		missing, cursor, err := client.Missed(t.Context(), query)
		if err != nil || len(missing) != step.missing || cursor[7] != step.cursor {
			t.Errorf("%d missing, cursor %v, %v; want %d, %d", len(missing), cursor, err, step.missing, step.cursor)
		}
		query.Cursor = cursor
	}
	query.Have = func(Hook, string) bool { return true }
	client, err := New(Config{Host: "github.com", Token: "t", Transport: answering("[" + strings.Join([]string{late, quick, slow}, ",") + "]")})
	if err != nil {
		t.Fatal(err)
	}
	if _, cursor, err := client.Missed(t.Context(), query); err != nil || cursor[7] != 101 {
		t.Errorf("with nothing missing the cursor is %v, %v; want 101", cursor, err)
	}
}

// answering is a GitHub that says the same to everything.
type answering string

// RoundTrip answers 200.
func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))), Request: req}, nil
}

func TestMissedGoesOnPastAHookThatCannotBeSeen(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s1")
	hooks := w.setup("o/a", "o/b")
	w.receiver.answer(http.StatusBadGateway)
	for _, name := range []string{"o/a", "o/b"} {
		if _, err := w.Deliver(t.Context(), name, "push", payload(1)); err != nil {
			t.Fatal(err)
		}
	}
	w.Grant("o/a", "read")
	missing, cursor, err := w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: func(Hook, string) bool { return false }, Cursor: Cursor{hooks[0].ID: 5, 99: 1}})
	if !errors.Is(err, ErrNotAdmin) || len(missing) != 1 || missing[0].Hook.Target.String() != "o/b" {
		t.Errorf("%+v, %v", missing, err)
	}
	if _, seen := cursor[hooks[1].ID]; !seen || cursor[hooks[0].ID] != 5 || len(cursor) != 2 {
		t.Errorf("cursor %v", cursor)
	}
}

func TestMissedCanIncludeWhatAnotherReceiverTook(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	hooks := w.setup("o/a")
	if _, err := w.Deliver(t.Context(), "o/a", "push", payload(1)); err != nil {
		t.Fatal(err)
	}
	for taken, want := range map[bool]int{false: 0, true: 1} {
		var lost func(Hook, Event) (bool, bool)
		if taken {
			lost = func(Hook, Event) (bool, bool) { return true, false }
		}
		missing, _, err := w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: func(Hook, string) bool { return false }, Lost: lost})
		if err != nil || len(missing) != want {
			t.Errorf("taken %v: %d missing, %v", taken, len(missing), err)
		}
	}
}

func TestAnEventOfTwoHooksIsMissedOnce(t *testing.T) {
	w := newWorld(t, "acme/r")
	w.AddOrg("acme")
	w.setSecret("s1")
	hooks := w.setup("acme", "acme/r")
	w.receiver.answer(http.StatusBadGateway)
	if _, err := w.Deliver(t.Context(), "acme/r", "push", payload(1)); err != nil {
		t.Fatal(err)
	}
	missing, cursor, err := w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: func(Hook, string) bool { return false }})
	if err != nil || len(missing) != 1 {
		t.Errorf("%+v, %v", missing, err)
	}
	missing, _, err = w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: func(Hook, string) bool { return true }, Cursor: cursor})
	if err != nil || len(missing) != 0 {
		t.Errorf("once it is in the log: %+v, %v", missing, err)
	}
}

func TestRedeliverAllBringsWhatIsMissing(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s1")
	hooks := w.setup("o/a", "o/b")
	w.receiver.answer(http.StatusServiceUnavailable)
	for n := range 10 {
		if _, err := w.Deliver(t.Context(), []string{"o/a", "o/b"}[n%2], "push", payload(n)); err != nil {
			t.Fatal(err)
		}
	}
	w.receiver.answer(0)
	never := func(Hook, string) bool { return false }
	missing, _, err := w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: never})
	if err != nil || len(missing) != 10 {
		t.Fatalf("%d missing, %v", len(missing), err)
	}
	steps := 0
	asked, err := w.client.RedeliverAll(t.Context(), append(missing, missing...), func(Step) { steps++ })
	if err != nil || asked != 10 || steps != 10 {
		t.Errorf("asked for %d in %d steps, %v", asked, steps, err)
	}
	await(t, "nothing missing", func() bool {
		missing, _, err := w.client.Missed(t.Context(), MissedQuery{Hooks: hooks, Have: never})
		if err != nil {
			t.Fatal(err)
		}
		return len(missing) == 0
	})
}

func TestOutcomesOfEvents(t *testing.T) {
	ok := Delivery{GUID: "1", Status: "OK", StatusCode: 200}
	refused := Delivery{GUID: "1", Status: "Invalid HTTP Response: 401", StatusCode: 401}
	dead := Delivery{GUID: "1", Status: "failed to connect to host", StatusCode: 502}
	for _, tt := range []struct {
		attempts []Delivery
		inLog    bool
		want     string
		reason   string
	}{
		{[]Delivery{ok}, true, OutcomeDelivered, ""},
		{[]Delivery{refused, ok}, true, OutcomeDelivered, ""},
		{[]Delivery{ok}, false, OutcomeElsewhere, ""},
		{[]Delivery{dead}, true, OutcomeRecovered, "failed to connect"},
		{[]Delivery{refused, dead}, false, OutcomeRefused, "different secrets"},
		{[]Delivery{dead, refused}, false, OutcomeMissing, "hookctl start"},
	} {
		events := GroupByGUID(tt.attempts)
		if len(events) != 1 || len(events[0].Attempts) != len(tt.attempts) {
			t.Fatalf("groups %+v", events)
		}
		outcome, reason := events[0].Outcome(tt.inLog)
		if outcome != tt.want || !strings.Contains(reason, tt.reason) {
			t.Errorf("%+v in log %v: %s, %q; want %s, %q", tt.attempts, tt.inLog, outcome, reason, tt.want, tt.reason)
		}
	}
}

func TestDeliveriesOfManyHooksGoOnPastAFailure(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s1")
	hooks := w.setup("o/a", "o/b")
	awaitDelivery(t, w, hooks[1].ID) // a ping is listed after it has arrived
	w.Grant("o/a", "read")
	lists, err := w.client.DeliveriesOf(t.Context(), hooks, DeliveryQuery{})
	if !errors.Is(err, ErrNotAdmin) || len(lists) != 2 || len(lists[0]) != 0 || len(lists[1]) != 1 || lists[1][0].HookID != hooks[1].ID {
		t.Errorf("%+v, %v", lists, err)
	}
}

func TestDeliveriesCanBeSelected(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("s1")
	h := w.setup("o/a")[0]
	for n := range 130 {
		w.receiver.answer(0)
		if n%2 == 0 {
			w.receiver.answer(http.StatusInternalServerError)
		}
		if _, err := w.Deliver(t.Context(), "o/a", "push", payload(n)); err != nil {
			t.Fatal(err)
		}
	}
	all := w.Deliveries(h.ID)
	half := all[len(all)/2]
	count := func(q DeliveryQuery) int {
		t.Helper()
		list, err := w.client.Deliveries(t.Context(), h.Target, h.ID, q)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(list, func(a, b Delivery) int { return int(min(1, max(-1, b.ID-a.ID))) }) {
			t.Error("not newest first")
		}
		return len(list)
	}
	for name, got := range map[string][2]int{
		"all":    {count(DeliveryQuery{}), len(all)},
		"failed": {count(DeliveryQuery{Failed: true}), 65},
		"limit":  {count(DeliveryQuery{Limit: 3}), 3},
		"after":  {count(DeliveryQuery{After: half.ID}), len(all) - len(all)/2 - 1},
		"since":  {count(DeliveryQuery{Since: half.DeliveredAt}), len(all) - len(all)/2},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d deliveries, want %d", name, got[0], got[1])
		}
	}
}
