package tui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
)

// newLines is a rig with a secret, a receiver and a hook on each repository.
func newLines(t *testing.T, repositories ...string) *rig {
	t.Helper()
	r := newRig(t, repositories...)
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	r.receive()
	r.cfg.Setup.Repositories = repositories
	for _, name := range repositories {
		r.hook(name)
	}
	return r
}

// A rotation of which a hook fails says so, and is gone on with, taken back or
// ended from here.
func TestLineModeRotationThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		has   []string
	}{
		"resumed": {
			[]string{"rotate all", "", "rotate", "status", "resume", "resume", "quit"},
			[]string{"These get a new secret:", "octo-org/api, hook", "octo-org/web, hook", "Change the secret of 2 hooks?", "it could not be given the secret", "error: the rotation is not finished: 1 of 2 hooks failed; both secrets are accepted, and nothing is lost",
				"hint: resume goes on with it", "> rotate", "error: a rotation is not finished", "> resume", "Going on with the rotation of 2 hooks.", "Done: 2 hooks are signed with the new secret", "The rotation is finished already."},
		},
		"undone": {
			[]string{"rotate", "", "undo", "", "quit"},
			[]string{"is not finished", "Give 2 hooks the old secret back?", "Done: 2 hooks are signed with", "again"},
		},
		"finished": {
			[]string{"rotate", "", "rotate finish", "no", "finish", "y", "quit"},
			[]string{"is not finished", "Make the new secret the current one without the hooks that failed?", "Cancelled", "> finish", "Done: 1 hook is signed with the new secret", "1 hook given up for now; resume tries them again"},
		},
		"left": {
			[]string{"rotate", "", "quit"},
			[]string{"is not finished", "The receiver keeps running", "A rotation is not finished, and both secrets are accepted; rotate resume goes on with it."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newLines(t, "octo-org/api", "octo-org/web")
			r.gh.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/octo-org/web/hooks/*/config", Status: http.StatusInternalServerError})
			d := newDialogue(t, c.lines...)
			d.then = map[string]func(){"resume": r.gh.ClearFaults, "undo": r.gh.ClearFaults}
			has(t, d.with(r.cfg), c.has...)
		})
	}
}

// A rotation without a receiver is refused before GitHub is asked.
func TestLineModeRotationNeedsTheReceiver(t *testing.T) {
	r := newRig(t, "octo-org/web")
	if err := r.cfg.Store.SetCurrent("0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	id := r.hook("octo-org/web")
	r.cfg.Setup.Repositories = []string{"octo-org/web"}
	got := talk(t, r.cfg, "rotate", "undo", "resume", "ping 1", "quit")
	has(t, got, "error: the receiver has to accept both secrets: the receiver is not running", "hint: type start", "> undo", "error: there is no rotation", "error: there is no rotation", "error: ", fmt.Sprint(id), "hint: type deliveries 1")
}

// Hooks that were found by looking everywhere stay known, and a number means
// the hook that was heard with it, whatever came in between.
func TestLineModeKeepsToTheHooksThatWereHeard(t *testing.T) {
	r := newLines(t, "octo-org/web", "octo-org/zoo")
	r.cfg.Setup.Repositories = nil
	d := newDialogue(t, "hooks", "hooks all", "rotate 2,2", "", "quit")
	d.then = map[string]func(){"rotate 2,2": func() { r.gh.AddRepository("octo-org/api", githubtest.Repository{}); r.hook("octo-org/api") }}
	r.cfg.Setup.Repositories = []string{"octo-org/api"}
	got := d.with(r.cfg)
	has(t, got, "> hooks all", "1. octo-org/web", "2. octo-org/zoo", "> rotate 2,2", "Each of these gets a secret of its own", "octo-org/zoo, hook", "Change the secret of 1 hook?", "Done: 1 hook is signed")
	if r.gh.Hooks("octo-org/zoo")[0].Secret == "0123456789abcdef" || r.gh.Hooks("octo-org/web")[0].Secret != "0123456789abcdef" {
		t.Errorf("another hook was rotated:\n%s", got)
	}
	r.cfg.Setup.Repositories = nil
	has(t, talk(t, r.cfg, "hooks", "quit"), "octo-org/web, hook", "octo-org/zoo, hook")
}

// Some of the hooks get secrets of their own; the others keep the shared one.
func TestLineModeRotatesSome(t *testing.T) {
	r := newLines(t, "octo-org/api", "octo-org/web")
	got := talk(t, r.cfg, "rotate 7", "rotate 2", "no", "rotate 2", "", "ping 1 2", "quit")
	has(t, got, `error: "7" is the number of no hook`, "hint: hooks lists them", "Each of these gets a secret of its own", "octo-org/web, hook", "Cancelled", "Done: 1 hook is signed with new secrets of their own", "The ping of hook", "The ping of hook")
	if strings.Contains(got, "which is not the current secret") {
		t.Errorf("a hook signs with another secret than it should:\n%s", got)
	}
	if a, b := r.gh.Hooks("octo-org/api")[0].Secret, r.gh.Hooks("octo-org/web")[0].Secret; a != "0123456789abcdef" || b == a {
		t.Errorf("the secrets are %s and %s", a, b)
	}
}

// A first ctrl+c ends the work and comes back to the prompt, a second leaves.
func TestLineModeInterruptedAtWork(t *testing.T) {
	r := newLines(t, "octo-org/web")
	r.gh.Fault(githubtest.Fault{Method: http.MethodGet, Path: "/repos/*/*/hooks", Delay: time.Minute})
	d := newDialogue(t, "hooks", "status", "quit")
	d.when = map[string]func(){"Asking GitHub": d.interrupt}
	has(t, d.with(r.cfg), "Interrupting.", "Interrupted: what was done stays", "> status", "The receiver is running on")

	d = newDialogue(t, "work", "status", "quit")
	let := make(chan struct{})
	d.when = map[string]func(){"Working.": d.interrupt, "Interrupting.": func() {
		d.interrupt()
		close(let)
	}}
	released := 0
	c := newConsole(d, d, true)
	defer c.close()
	c.interrupts, c.release = d.ctrlC, func() { released++ }
	err := c.work(t.Context(), func(ctx context.Context) error {
		c.say("Working.")
		<-let // what takes its time to end
		return ctx.Err()
	})
	close(d.over)
	if !errors.Is(err, errInterrupted) || !c.leave || released != 1 {
		t.Errorf("after two interrupts: %v, leave %v, released %d times", err, c.leave, released)
	}
}

// What cannot be done says why, one hook's failure does not stop the others.
func TestLineModeHookFailures(t *testing.T) {
	r := newLines(t, "octo-org/api", "octo-org/web")
	r.gh.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/octo-org/api/hooks/*", Status: http.StatusForbidden})
	got := talk(t, r.cfg, "ping", "hook x", "delete 1 2", "deliveries", "redeliver 1", "redeliver missed", "hooks web", "hooks bad nothing", "pause 1 2", "test 2", "hook 2", "deliveries 2 failed", "quit")
	has(t, got, "error: ping takes the number of a hook", `error: "x" is the number of no hook`, "error: delete takes the number of one hook", "error: deliveries takes the number of a hook",
		"error: redeliver takes numbers", "error: no deliveries were listed", "2. octo-org/web", "1 of 2 hooks.", "0 of 2 hooks.", "error: ", "Hook", "of octo-org/web is paused.", "Note: it is paused, and GitHub sends nothing; type resume.", "Nothing went wrong.")
	if h := r.gh.Hooks("octo-org/web")[0]; h.Active {
		t.Error("the hook is active")
	}
}

// Text from GitHub comes clean.
func TestLineModeCleansWhatComesFromOutside(t *testing.T) {
	r := newLines(t, "octo-org/web")
	r.gh.AddHook("octo-org/web", githubtest.Hook{Name: "web", Active: true, Events: []string{"push" + nasty}, Config: githubtest.Config{URL: publicURL + nasty, ContentType: "json"},
		Last: githubtest.LastResponse{Code: 500, Status: nasty, Message: "broken" + nasty}})
	r.cfg.Checks = func(_ context.Context, progress func(Check)) {
		progress(Check{Name: "x" + nasty, Status: "fail", Detail: nasty, Fix: nasty})
	}
	r.cfg.Settings = []Setting{{"a" + nasty, nasty, nasty}}
	r.cfg.Filters = map[string]string{nasty: nasty}
	records := sampleRecords()
	for _, rec := range records {
		rec.Summary.Title, rec.Summary.Sender, rec.EventType = nasty, nasty, "push"+nasty
	}
	got := talk(t, r.cfg, "hooks", "hook 1 2", "deliveries 2", "doctor", "settings", "filters", "events", "view 1", "quit")
	has(t, got, "broken", "wrong", "quit") // talk has looked for control characters
	r.gh.Fault(githubtest.Fault{Method: http.MethodGet, Path: "/repos/*/*/hooks", Status: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"message":"no\u001b[2J\u202e way"}`})
	got = talk(t, r.cfg, "hooks", "rotate", "quit")
	has(t, got, "no", "way", "not every hook could be listed, and the others would keep the old secret")
	if strings.ContainsFunc(got, func(r rune) bool { return r == 0x202e || r == 0x2066 || r == 0x9b }) {
		t.Errorf("it says %q", got)
	}
}

// Saved filters are made, replaced and forgotten.
func TestLineModeSavesFilters(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	saved := map[string]string{}
	cfg.SaveFilter = func(_ context.Context, name, text string) error {
		if name == "broken" {
			return errors.New("the file cannot be written")
		}
		saved[name] = text
		return nil
	}
	got := talk(t, cfg, "save x", "events event:push", "save", "save -x", "save broken", "save mine", "events event:star", "save mine", "no", "save mine", "yes", "filters", "forget 2", "forget 1", "", "filters", "quit")
	has(t, got, "error: there is no filter to save", "error: a saved filter needs a name", "error: a name begins with a letter", "error: the file cannot be written", "Saved mine: event:push.",
		"mine is saved as event:push. Replace it by event:star?", "Cancelled", "Saved mine: event:star.", "1. mine: event:star", "error: forget takes the number", "Forgotten: mine.", "No filter is saved.")
	if len(saved) != 1 || saved["mine"] != "" {
		t.Errorf("saved are %v", saved)
	}
}

// What is odd about a hook is said in its line, with what to type about it, and
// how long a secret has been in use in words.
func TestLineModeSaysWhatIsOdd(t *testing.T) {
	r := newLines(t, "octo-org/web")
	r.gh.AddHook("octo-org/web", githubtest.Hook{Name: "web", Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: publicURL, ContentType: "json"}})
	r.gh.AddHook("octo-org/web", githubtest.Hook{Name: "web", Active: true, Events: []string{"push"}, Config: githubtest.Config{URL: "https://other.example.com/", ContentType: "json", Secret: "x"}})
	got := talk(t, r.cfg, "hooks", "hooks bad", "hook 2", "quit")
	has(t, got, "but hook ", "delivers to the same URL, so events come twice; type delete", "no secret", "of another receiver", "3 hooks.", "> hooks bad", "1. ", "2. ", "2 of 3 hooks.", "Note: it has no secret, so the receiver refuses what it sends; type rotate.")
	for d, want := range map[time.Duration]string{time.Second: "made just now", -time.Hour: "made just now", time.Minute: "1 minute old", 3 * time.Hour: "3 hours old", 47 * time.Hour: "47 hours old", 90 * 24 * time.Hour: "90 days old"} {
		if got := madeAgo(d); got != want {
			t.Errorf("%s: %q", d, got)
		}
	}
}

// A hook that was changed is judged as when it was listed: that of another
// receiver stays one.
func TestLineModeJudgesChangedHooksAsBefore(t *testing.T) {
	r := newLines(t, "octo-org/web")
	r.gh.AddRepository("octo-org/zoo", githubtest.Repository{})
	r.gh.AddHook("octo-org/zoo", githubtest.Hook{Name: "web", Active: true, Events: []string{"push"},
		Config: githubtest.Config{URL: "https://elsewhere.example.com/webhook", ContentType: "json", InsecureSSL: "0"}})
	r.cfg.Setup.Repositories = []string{"octo-org/web", "octo-org/zoo"}
	got := talk(t, r.cfg, "pause 2", "resume 2", "hook 2", "quit")
	_, after, _ := strings.Cut(got, "is active again")
	has(t, after, "of octo-org/zoo", "Note: it delivers to another receiver, not to https://hooks.example.com/webhook")
}
