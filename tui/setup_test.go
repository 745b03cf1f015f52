package tui

import (
	"strings"
	"testing"

	"hookctl/tui/kittest"
)

// A newcomer gets from nothing to a verified hook with enter, space, arrows
// and the address.
func TestWizardEndToEnd(t *testing.T) {
	r := newAppRig(t, "octo-org/widgets", "octo-org/api", "octo-org/web")
	r.Start()
	r.Shows("Welcome to hookctl")
	r.Press("enter")
	r.Shows("signed in to github.com as octocat")
	r.Press("enter")
	r.Shows("octo-org/widgets")
	r.Press("space", "down", "space", "enter")
	r.Shows("At which public URL")
	r.Shows("No tunnel runs here")
	r.Typed("hooks.example.com")
	r.Press("enter")
	r.Shows("Which events?")
	r.Press("enter")
	r.Shows("a new secret is generated")
	r.Press("enter")
	r.Shows("AI Maestro is there")
	r.Press("enter")
	r.Shows("starts it on port")
	r.Press("enter")
	unseen := func() bool { return strings.Contains(r.Text(), "GitHub may see what") }
	r.Until("the test of the address", func() bool { return unseen() || strings.Contains(r.Text(), "Nothing is changed") })
	if unseen() { // from here
		r.Press("enter")
	}
	r.Shows("Nothing is changed at GitHub yet")
	if n := len(r.GitHub.Hooks("octo-org/api")); n != 0 {
		t.Fatalf("%d hooks before the review was accepted", n)
	}
	r.Press("enter")
	r.Shows("It works")
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		list := r.GitHub.Hooks(name)
		if len(list) != 1 || list[0].URL != kittest.PublicURL {
			t.Fatalf("%s has the hooks %v", name, list)
		}
		value, _, err := r.cfg.Store.Current()
		if err != nil || list[0].Secret != value {
			t.Errorf("%s does not sign with the secret of the store (%v)", name, err)
		}
	}
	if len(r.GitHub.Hooks("octo-org/widgets")) != 0 {
		t.Error("a hook was made on a repository that was not chosen")
	}
	r.Press("enter")
	r.Shows("ping")
	r.Press("3")
	r.Shows("2 hooks")
	if targets, err := r.app.cfg.Fleet.Targets(t.Context()); err != nil || len(targets) != 2 {
		t.Errorf("remembered are %v (%v)", targets, err)
	}
}
