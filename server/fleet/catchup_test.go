package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/logs"
)

// miss has GitHub deliver a push that the receiver does not take.
func (w *world) miss(name string) {
	w.t.Helper()
	w.set(func() { w.status = http.StatusServiceUnavailable })
	if w.delivers(name) {
		w.t.Fatal("delivered")
	}
	w.set(func() { w.status = 0 })
}

// The receiver's own rounds cost one call for a hook where nothing is missing, and what could not be recorded is found again.
func TestRoundsOfCatchingUp(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	w.miss("o/a")
	var fetched []hooks.Delivery
	full := true
	ingest := func(ctx context.Context, h hooks.Hook, d hooks.Delivery) (string, bool, error) {
		if full {
			return "", false, errors.New("disk full")
		}
		fetched = append(fetched, d)
		return w.ingest(ctx, h, d)
	}
	round := func() (CatchUpReport, error) {
		return w.fleet.CatchUp(t.Context(), CatchUpRequest{Continue: true}, ingest)
	}
	if report, err := round(); err == nil || len(report.Events) != 1 || report.Recorded != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	full = false
	report, err := round()
	if err != nil || report.Recorded != 1 || !report.Events[0].Recorded || report.Events[0].File == "" || len(fetched) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if d := fetched[0]; d.Event != "push" || d.HookID == 0 || d.RequestHeaders["X-GitHub-Event"] != "push" || len(d.Payload) == 0 {
		t.Errorf("%+v", d)
	}
	w.until("the record in the log", func() bool {
		report, err := round()
		return err == nil && len(report.Events) == 0
	})
	before := len(w.Requests())
	if _, err := round(); err != nil {
		t.Fatal(err)
	}
	if calls := w.Requests()[before:]; len(calls) != 2 || !strings.HasSuffix(calls[0].Path, "/deliveries") {
		t.Errorf("%d calls for 2 hooks: %v", len(calls), calls)
	}
}

func TestCatchingUpByHand(t *testing.T) {
	w := newWorld(t, "o/a", "o/gone")
	w.setup(SetupRequest{Targets: targets("o/a", "o/gone")})
	w.miss("o/a")
	w.Remove("o/gone")
	report, err := w.fleet.CatchUp(t.Context(), CatchUpRequest{DryRun: true}, nil)
	if err == nil || len(report.Aside) != 1 || len(report.Events) != 1 || report.Events[0].Recorded {
		t.Errorf("%+v, %v", report, err)
	}
	if raw, err := json.Marshal(report); err != nil || !strings.HasPrefix(string(raw), `[{"repository":"o/a","hook_id":`) {
		t.Errorf("%s, %v", raw, err)
	}
	if report, _ := w.fleet.CatchUp(t.Context(), CatchUpRequest{Events: []string{"issues"}, DryRun: true}, nil); len(report.Events) != 0 {
		t.Errorf("%+v", report)
	}
	if report, _ := w.fleet.CatchUp(t.Context(), CatchUpRequest{Since: time.Nanosecond, DryRun: true}, nil); len(report.Events) != 0 {
		t.Errorf("%+v", report)
	}
	report, _ = w.fleet.CatchUp(t.Context(), CatchUpRequest{}, w.ingest)
	if report.Recorded != 1 || report.Events[0].File == "" {
		t.Errorf("%+v", report)
	}
}

// One event has one GUID for all hooks of a repository. What came to one path is still missing at another.
func TestEachPathIsCaughtUp(t *testing.T) {
	w := newWorld(t, "o/r")
	w.setup(SetupRequest{Targets: targets("o/r")})
	w.setup(SetupRequest{Targets: targets("o/r"), Path: "frontend"})
	w.miss("o/r")
	report, err := w.fleet.CatchUp(t.Context(), CatchUpRequest{DryRun: true}, nil)
	if err != nil || len(report.Events) != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	one, at := report.Events[0], w.Hooks("o/r")
	rec := &logs.Record{EventType: "push", DeliveryID: one.DeliveryID, HookID: at[0].ID, Payload: []byte(`{}`)}
	if err := w.log.Append(t.Context(), rec); err != nil { // to /webhook
		t.Fatal(err)
	}
	inLog := func() (files []string) {
		t.Helper()
		if err := w.log.Log().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent, err := w.fleet.Deliveries(t.Context(), DeliveriesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sent {
			if s.GUID != one.DeliveryID {
				continue // the ping of setup
			}
			if s.File != nil {
				files = append(files, *s.File)
			}
		}
		return files
	}
	if files := inLog(); !slices.Equal(files, []string{rec.File}) {
		t.Errorf("%v count as arrived, want the one of /webhook", files)
	}
	report, err = w.fleet.CatchUp(t.Context(), CatchUpRequest{}, w.ingest)
	if err != nil || report.Recorded != 1 || report.Events[0].DeliveryID != one.DeliveryID || report.Events[0].HookID != at[1].ID {
		t.Errorf("%+v, %v", report, err)
	}
	if files := inLog(); len(files) != 2 || files[0] == files[1] {
		t.Errorf("then %v", files)
	}
}

func TestSendingAgain(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	w.AddHook("o/a", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://ci.example.com/webhook"}})
	h := w.one("o/a").Hook
	w.miss("o/a")
	asked, err := w.fleet.Redeliver(t.Context(), RedeliverRequest{Missed: true}, nil)
	if err != nil || len(asked) != 1 || asked[0] != (Asked{"o/a", h.ID, 1}) {
		t.Errorf("%+v, %v", asked, err)
	}
	w.until("it to arrive", func() bool {
		sent, err := w.fleet.Deliveries(t.Context(), DeliveriesRequest{})
		return err == nil && !slices.ContainsFunc(sent, Sent.Missed)
	})
	sent, err := w.fleet.Deliveries(t.Context(), DeliveriesRequest{})
	if err != nil || len(sent[0].Attempts) != 2 || sent[0].File == nil || sent[0].HookID != h.ID {
		t.Fatalf("%+v, %v", sent, err)
	}
	one, err := w.fleet.Delivery(t.Context(), h, sent[0].ID)
	if err != nil || len(one.Payload) == 0 {
		t.Errorf("%+v, %v", one, err)
	}
	asked, err = w.fleet.Redeliver(t.Context(), RedeliverRequest{Hooks: []hooks.Hook{h}, IDs: []int64{sent[0].ID, 7}}, nil)
	if err == nil || asked[0].Asked != 1 {
		t.Errorf("%+v, %v", asked, err)
	}
}

// laterBy is the fleet of this world so much later.
func (w *world) laterBy(d time.Duration) *Fleet {
	cfg := w.cfg
	cfg.Now = func() time.Time { return time.Now().Add(d) }
	return New(cfg)
}

// swallow has what stands before the receiver acknowledge deliveries that it loses.
func (w *world) swallow(name string, n int) {
	w.t.Helper()
	w.set(func() { w.status = http.StatusOK })
	for range n {
		if !w.delivers(name) {
			w.t.Fatal("not acknowledged")
		}
	}
	w.set(func() { w.status = 0 })
}

// What GitHub calls delivered and the log lacks is fetched where it was certainly sent here, and on request in any case.
func TestAcknowledgedAndLostIsFetched(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")}) // The ping is in the log.
	w.swallow("o/a", 1)
	round := func(f *Fleet, r CatchUpRequest) CatchUpReport {
		t.Helper()
		report, err := f.CatchUp(t.Context(), r, w.ingest)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := round(w.fleet, CatchUpRequest{DryRun: true}); len(report.Events) != 0 {
		t.Errorf("without being asked: %+v", report)
	}
	if report := round(w.fleet, CatchUpRequest{Continue: true}); len(report.Events) != 0 {
		t.Errorf("while it may be on its way: %+v", report)
	}
	if report := round(w.laterBy(time.Hour), CatchUpRequest{Taken: true, DryRun: true}); len(report.Events) != 1 || !strings.Contains(report.Events[0].Reason, "not in the log") {
		t.Errorf("on request: %+v", report)
	}
	err := w.fleet.withLog(t.Context(), func(log *logs.Log) error {
		h, f := w.one("o/a").Hook, w.laterBy(time.Hour)
		e := hooks.Event{GUID: "g", Attempts: []hooks.Delivery{{ID: 1, DeliveredAt: time.Now().Add(time.Second)}}}
		other, changed := h, h
		other.ID++
		changed.UpdatedAt = time.Now().Add(time.Minute)
		for what, c := range map[string]struct {
			hook hooks.Hook
			up   time.Time
			want bool
		}{
			"it has delivered before":               {h, time.Time{}, true},
			"it has not":                            {other, time.Time{}, false},
			"it has not, while the receiver ran":    {other, time.Now().Add(-time.Minute), true},
			"it may have led elsewhere at the time": {changed, time.Now().Add(-time.Minute), false},
		} {
			if got := f.lost(t.Context(), log, c.hook, e, c.up); got != c.want {
				t.Errorf("%s: %t", what, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if report := round(w.laterBy(time.Hour), CatchUpRequest{Continue: true, Up: time.Now().Add(-time.Minute)}); report.Recorded != 1 {
		t.Errorf("by itself: %+v", report)
	}
}

// The rounds see from GitHub's own list that nothing arrives, and that it does again.
func TestSilenceIsSeenInGitHubsList(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	up := time.Now().Add(-time.Minute)
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	f := w.laterBy(10 * time.Minute)
	silent := func() []Silence {
		t.Helper()
		if err := w.log.Log().Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		report, err := f.CatchUp(t.Context(), CatchUpRequest{Continue: true, Up: up}, w.ingest)
		if err != nil {
			t.Fatal(err)
		}
		return report.Silent
	}
	expect := func(what string, failed, lost int) {
		t.Helper()
		got := silent()
		if failed+lost == 0 {
			if len(got) != 0 {
				t.Errorf("%s: %+v", what, got)
			}
			return
		}
		if len(got) != 1 || got[0].Repository != "o/a" || got[0].Failed != failed || got[0].Lost != lost || got[0].Since.IsZero() || got[0].Reason == "" {
			t.Errorf("%s: %+v, want %d failed, %d lost", what, got, failed, lost)
		}
	}
	expect("at the start", 0, 0)
	w.miss("o/a")
	expect("one may have met a restart", 0, 0)
	w.miss("o/a")
	expect("two in a row", 2, 0)
	expect("nothing new", 2, 0)
	if !w.delivers("o/a") {
		t.Fatal("not delivered")
	}
	expect("one arrives", 0, 0)
	w.swallow("o/a", 2)
	expect("acknowledged and lost", 0, 2)
	if !w.delivers("o/a") {
		t.Fatal("not delivered")
	}
	expect("one arrives again", 0, 0)
	up = time.Now().Add(20 * time.Minute)
	w.miss("o/a")
	w.miss("o/a")
	expect("while no receiver ran", 0, 0)
}
