package wizard

import (
	"strings"
	"testing"

	"hookctl/hooks"
)

// In the demo the public address is a simulated one, and nobody looks it up.
func TestSimulatedAddressIsNotLookedUp(t *testing.T) {
	for _, temporary := range []bool{true, false} {
		r := newWizardRig(t, "octo-org/web")
		r.demo, r.setup.URL = temporary, "https://hooks.invalid/webhook"
		if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
			t.Fatal(err)
		}
		r.Receive()
		w := r.newWizard()
		m, ok := w.address.test("https://hooks.invalid/webhook")().(urlTested)
		if !ok || m.answer.ok != temporary || temporary != strings.Contains(m.answer.saw, "simulated") {
			t.Errorf("temporary %v: %+v", temporary, m)
		}
	}
}

// Where there is much to do the review counts it.
func TestReviewCountsWhatItDoes(t *testing.T) {
	s := wizarded(t, 80, 24)
	w := at(s, stepReview)
	for i := range 12 {
		action := hooks.ActionCreate
		if i > 8 {
			action = hooks.ActionKeep
		}
		w.review.plan.Items = append(w.review.plan.Items, hooks.SetupItem{Action: action, Target: hooks.Target{Owner: "o", Repo: string(rune('a' + i))}})
	}
	if got := w.review.tally(); got != " create 9, keep 3" {
		t.Errorf("it counts %q", got)
	}
	w.review.plan.Items = w.review.plan.Items[:3]
	if got := w.review.tally(); got != "" {
		t.Errorf("of three it says %q", got)
	}
}
