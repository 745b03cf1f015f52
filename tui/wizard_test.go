package tui

import (
	"slices"
	"strings"
	"testing"

	"hookctl/hooks"
)

// A newcomer gets from nothing to a verified hook with enter, space, arrows
// and the address.
func TestWizardEndToEnd(t *testing.T) {
	r := newRig(t, "octo-org/widgets", "octo-org/api", "octo-org/web")
	r.start()
	r.shows("Welcome to hookctl")
	r.press("enter")
	r.shows("signed in to github.com as octocat")
	r.press("enter")
	r.shows("octo-org/widgets")
	r.press("space", "down", "space", "enter")
	r.shows("At which address")
	r.shows("No tunnel runs here yet")
	r.typed("hooks.example.com")
	r.press("enter")
	r.shows("Which events?")
	r.press("enter")
	r.shows("a new secret is made")
	r.press("enter")
	r.shows("AI Maestro is there")
	r.press("enter")
	r.shows("starts it on port")
	r.press("enter")
	r.until("the receiver", func() bool { return r.wizard.receiver.done && r.wizard.address.busy == "" })
	if r.wizard.at == stepReceiver { // the address cannot be seen from here
		r.press("enter")
	}
	r.shows("Nothing is changed at GitHub yet")
	if n := len(r.gh.Hooks("octo-org/api")); n != 0 {
		t.Fatalf("%d hooks before the review was accepted", n)
	}
	r.press("enter")
	r.shows("It works")
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		list := r.gh.Hooks(name)
		if len(list) != 1 || list[0].URL != publicURL {
			t.Fatalf("%s has the hooks %v", name, list)
		}
		value, _, err := r.cfg.Store.Current()
		if err != nil || list[0].Secret != value {
			t.Errorf("%s does not sign with the secret of the store (%v)", name, err)
		}
	}
	if len(r.gh.Hooks("octo-org/widgets")) != 0 {
		t.Error("a hook was made on a repository that was not chosen")
	}
	r.press("enter")
	r.shows("ping")
	r.press("3")
	r.shows("2 hooks")
	if names := r.hooks().repositories(); !slices.Equal(names, []string{"octo-org/api", "octo-org/web"}) {
		t.Errorf("remembered are %v", names)
	}
}

// In the demo the public address is a simulated one, and nobody looks it up.
func TestSimulatedAddressIsNotLookedUp(t *testing.T) {
	for _, temporary := range []bool{true, false} {
		r := newRig(t, "octo-org/web")
		r.cfg.Temporary, r.cfg.Setup.URL = temporary, "https://hooks.invalid/webhook"
		if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
			t.Fatal(err)
		}
		r.receive()
		w := newWizard(r.app)
		m, ok := w.address.test("https://hooks.invalid/webhook")().(urlTested)
		if !ok || m.answer.ok != temporary || temporary != strings.Contains(m.answer.saw, "simulated") {
			t.Errorf("temporary %v: %+v", temporary, m)
		}
	}
}

// Where there is much to do the review counts it.
func TestReviewCountsWhatItDoes(t *testing.T) {
	s := hooked(t, 80, 24)
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
