package wizard

import (
	"context"
	"slices"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

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

// What GitHub cannot send to is refused on the step of the URL, before anything
// is created, and used only where the user insists.
func TestWizardRefusesWhatGitHubCannotReach(t *testing.T) {
	s := wizarded(t, 80, 24)
	w := at(s, stepURL)
	for url, reason := range map[string]string{
		"http://localhost:3000": "not on the public internet", "https://10.0.0.7": "not on the public internet", "https://svc.internal": "not on the public internet",
		"https://receiver": "not on the public internet", "ftp://files.example.com": "not ftp", "": "type the URL",
	} {
		w.at, w.address.touched = stepURL, true
		w.address.at = len(w.address.offers)
		w.address.input.SetValue(url)
		w.address.err = nil
		s.Press("enter")
		if w.at != stepURL || w.address.err == nil {
			t.Errorf("%q is taken", url)
			continue
		}
		s.Shows(reason)
	}
	w.address.input.SetValue("http://localhost:3000")
	s.Press("enter")
	s.Shows("Nothing was created.")
	s.Press("ctrl+g")
	if w.at == stepURL && w.address.busy == "" && len(w.address.tested) == 0 {
		t.Error("there is no way to use it anyway")
	}
	if r := w.request(); !r.AllowUnreachable || r.URL != "http://localhost:3000/webhook" {
		t.Errorf("asked for is %+v", r)
	}
	w.address.input.SetValue("https://10.0.0.7")
	if w.request().AllowUnreachable {
		t.Error("another URL is used unasked")
	}
	w.at = stepURL
	w.address.input.SetValue("http://hooks.example.com")
	s.Shows("without encryption")
}

// A wrong URL that is corrected after no ping came updates the hooks that were
// created for it.
func TestWizardUpdatesHooksOfAWrongURL(t *testing.T) {
	r := newWizardRig(t, "octo-org/api", "octo-org/web")
	r.setup.Wait = time.Second
	r.Start()
	r.toReviewAt(2, "https://nobody.example.com")
	r.Press("enter")
	r.Shows("No signed ping arrived at https://nobody.example.com/webhook")
	r.Shows("the hooks that were created are updated")
	ids := []int64{r.GitHub.Hooks("octo-org/api")[0].ID, r.GitHub.Hooks("octo-org/web")[0].ID}
	r.setup.Wait = 10 * time.Second
	r.wizard.address.input.SetValue("")
	r.Typed("https://hooks.example.com")
	r.Press("enter")
	r.Until("the test of the URL", func() bool { return r.wizard.address.busy == "" })
	if r.wizard.at == stepURL {
		r.Press("enter") // from here the address leads nowhere
	}
	r.Shows("url: https://nobody.example.com/webhook becomes")
	r.Press("enter")
	r.Shows("It works")
	for i, name := range []string{"octo-org/api", "octo-org/web"} {
		if list := r.GitHub.Hooks(name); len(list) != 1 || list[0].ID != ids[i] || list[0].URL != kittest.PublicURL {
			t.Errorf("%s has %+v", name, list)
		}
	}
}

// Setup adopts a hook that leads here in another form, keeps its events and its
// pause, and says so; events that are chosen change it.
func TestWizardKeepsWhatSomeoneChose(t *testing.T) {
	for _, choose := range []bool{false, true} {
		r := newWizardRig(t, "octo-org/web")
		if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
			t.Fatal(err)
		}
		id := r.GitHub.AddHook("octo-org/web", githubtest.Hook{Name: "web", Active: false, Events: []string{"*"},
			Config: githubtest.Config{URL: "https://hooks.example.com:443/webhook/", ContentType: "json", Secret: "0123456789abcdef", InsecureSSL: "0"}})
		r.Start()
		if choose {
			r.events = "without check_run"
		}
		r.toReview(1)
		r.Shows("stays paused")
		if !choose {
			r.Shows("keeps its events (*)")
		}
		r.Press("enter")
		r.Until("the end", func() bool { return r.wizard.at == stepApply && r.wizard.apply.working() == "" })
		want := []string{"*"}
		if choose {
			want = []string{"issues", "pull_request", "push", "workflow_run"}
		}
		list := r.GitHub.Hooks("octo-org/web")
		if len(list) != 1 || list[0].ID != id || list[0].Active || list[0].URL != kittest.PublicURL || !slices.Equal(slices.Sorted(slices.Values(list[0].Events)), want) {
			t.Errorf("GitHub has %+v", list)
		}
	}
}

// What the wizard sets up is known to every face, beside what others set up, and
// also after the pings are pruned.
func TestWizardRemembersThroughTheFleet(t *testing.T) {
	r := newWizardRig(t, "octo-org/api", "octo-org/web")
	f := fleet.New(r.cfg.Config)
	if err := f.Remember(t.Context(), hooks.Target{Owner: "octo-org", Repo: "api"}); err != nil { // as the command setup does
		t.Fatal(err)
	}
	r.Start()
	r.Press("w")
	r.Shows("signed in")
	r.wizard.repos.pick.On["octo-org/web"] = true
	r.toReview(0)
	r.Press("enter")
	r.Shows("It works")
	r.cfg.Logs.Dir = t.TempDir() // as if the pings were pruned
	targets, err := fleet.New(r.cfg.Config).Targets(t.Context())
	if want := []hooks.Target{{Owner: "octo-org", Repo: "api"}, {Owner: "octo-org", Repo: "web"}}; err != nil || !slices.Equal(targets, want) {
		t.Errorf("known are %v (%v), not %v", targets, err, want)
	}
}

// In a low window a long reason is read to its end, and typing shows the input again.
func TestWizardScrollsALongReason(t *testing.T) {
	s := wizarded(t, 40, 12)
	w := at(s, stepURL)
	w.review.plan.URL = kittest.PublicURL
	s.Settle(w.address.broken(kittest.PublicURL, badPing))
	s.Lacks("are updated.")
	s.Press("pgdown", "pgdown", "pgdown")
	s.Shows("are updated.")
	s.Typed("x")
	s.Lacks("are updated.")
	s.Shows("another:")
}

// An answer that comes after the wizard was closed turns no page: somebody may be at something else by then.
func TestLateAnswersTurnNoPage(t *testing.T) {
	s := wizarded(t, 80, 24)
	s.setup.SaveSync = func(context.Context, string) error { return nil }
	w := at(s, stepApply)
	w.Over, w.at = true, stepSync
	saved := w.next()
	s.Press("esc", "3")
	s.Settle(saved)
	s.Shows("project sync suggests")
	if s.Top() != nil || s.Pages[s.At].Name() != kit.PageHooks {
		t.Errorf("it shows %s", s.Pages[s.At].Name())
	}

	// A sign-in goes on where the wizard was left once it is on screen again.
	w = at(s, stepSignIn)
	w.goal = stepEvents
	s.Shut(w)
	if s.Settle(w.signIn.found(w.signIn.who, nil)); w.at != stepSignIn {
		t.Errorf("a closed wizard went to step %d", w.at)
	}
	s.Settle(w.Resume())
	s.Shows("continuing where you left off", "Which events?")
}
