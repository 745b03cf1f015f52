package wizard

import (
	"slices"
	"testing"

	"hookctl/hooks"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// An organization is offered where it is meant, and needs a permission of its
// own.
func TestRepositoriesOffersOrganizations(t *testing.T) {
	s := wizarded(t, 80, 24)
	w := at(s, stepRepositories)
	w.signIn.who.User = hooks.User{Login: "octocat", Scopes: []string{"repo", "admin:org_hook"}}
	s.Typed("octo-org")
	s.Shows("organization octo-org")
	s.Press("end", "space")
	if got := w.targets(); !slices.Contains(got, hooks.Target{Owner: "octo-org"}) {
		t.Errorf("chosen are %v", got)
	}
	s.Typed("octo-or")
	s.Lacks("organization octo-or ")
	for range len("octo-or") {
		s.Press("backspace")
	}
	w.signIn.who.User.Scopes = []string{"repo"}
	s.Typed("hub-org")
	s.Shows("organization hub-org")
	s.Press("space")
	s.Shows("gh auth refresh -s admin:org_hook")
}

// A repository of another host is not taken for its namesake here.
func TestRepositoriesRefusesAnotherHost(t *testing.T) {
	r := newWizardRig(t, "octo-org/api")
	r.Start()
	r.Press("w")
	r.Shows("signed in to github.com as octocat")
	r.Press("enter")
	r.Shows("octo-org/api")
	r.Typed("ghe.example.com/octo-org/api")
	r.Shows("on another host")
	r.Press("space")
	r.Shows("GH_HOST=ghe.example.com")
	if got := r.wizard.targets(); len(got) != 0 {
		t.Errorf("chosen are %v", got)
	}
}

// A click chooses the line under it.
func TestClicksChoose(t *testing.T) {
	for name, open := range map[string]func(*wizardScreen) *kit.Picker{
		"repositories": func(s *wizardScreen) *kit.Picker { return at(s, stepRepositories).repos.pick },
		"events":       func(s *wizardScreen) *kit.Picker { return at(s, stepEvents).events.pick },
	} {
		t.Run(name, func(t *testing.T) {
			s := wizarded(t, 80, 24)
			kittest.RequireClickable(t, s.Screen, open(s))
		})
	}
}

// What was typed and is not there stops a step, and is not there when one comes back to it.
func TestTypedWhatIsNotThereStops(t *testing.T) {
	for _, step := range []int{stepRepositories, stepEvents} {
		s := wizarded(t, 80, 24)
		w := at(s, step)
		chosen := w.repos.pick.Picked()
		s.Typed("zz/zz/zz")
		s.Press("enter")
		if w.at != step {
			t.Fatalf("step %d is left", step)
		}
		s.Shows("nothing matches")
		for range len("zz/zz/zz") {
			s.Press("backspace")
		}
		s.Press("enter")
		if w.at != step+1 || !slices.Equal(w.repos.pick.Picked(), chosen) {
			t.Errorf("step %d does not end, or chose something", step)
		}
	}
}

// ? shows the keys of every step that has no text to type it into, and f1 those of all.
func TestEveryStepShowsItsKeys(t *testing.T) {
	for step := stepSignIn; step <= stepReview; step++ {
		s := wizarded(t, 80, 24)
		at(s, step)
		s.Press("f1")
		s.Shows("Keys in this box")
		s.Press("esc")
		if step != stepURL && step != stepNotify {
			s.Press("?")
			s.Shows("Keys in this box")
		}
	}
}

// Who leaves the wizard before choosing anything reads nothing of what is kept.
func TestLeavingAtOnceSaysNothing(t *testing.T) {
	s := wizarded(t, 80, 24)
	w := at(s, stepSignIn)
	w.chosen = false
	s.Press("esc")
	s.Lacks("are saved")
	s = wizarded(t, 80, 24)
	w = at(s, stepRepositories)
	w.chosen = false
	s.Press("esc", "esc")
	s.Shows("are saved")
}
