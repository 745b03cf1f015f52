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
