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
	"hookctl/hooks/secret"
	"hookctl/logs"
)

// secrets are what the hooks of some repositories sign with at GitHub.
func (w *world) secrets(names ...string) (list []string) {
	for _, name := range names {
		for _, h := range w.Hooks(name) {
			list = append(list, h.Secret)
		}
	}
	return list
}

// after lets the grace period pass that began now.
func (w *world) afterGrace() {
	w.t.Helper()
	w.cfg.Now = func() time.Time { return time.Now().Add(2 * hooks.DefaultGrace) }
	w.again()
	if _, err := w.store.Expire(w.cfg.Now()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.reload(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// Whatever face set a hook up, and whether its pings are still there: a rotation changes it, and nothing is refused after the
// grace period.
func TestARotationTakesEveryHookAlong(t *testing.T) {
	w := newWorld(t, "octo-org/api", "octocat/hello-world", "o/by-hand")
	w.cfg.Repositories = []string{"octo-org/api"} // of the settings
	w.again()
	w.setup(SetupRequest{})
	w.setup(SetupRequest{Targets: targets("octocat/hello-world")}) // of another face
	w.byHand("o/by-hand", githubtest.Hook{Active: true, Config: githubtest.Config{URL: "https://proxy.hooks.example.com/webhook", Secret: w.current()}})
	w.until("the ping in the log", func() bool { return len(w.targets()) == 3 })
	old := w.current()
	report := w.rotate(RotateRequest{})
	if !report.Complete || report.Failed() || len(report.Hooks) != 3 || report.Next != "" || w.current() == old {
		t.Errorf("%+v", report)
	}
	w.afterGrace()
	for _, name := range []string{"octo-org/api", "octocat/hello-world", "o/by-hand"} {
		if !w.delivers(name) {
			t.Errorf("%s is refused", name)
		}
	}
}

// A target that was deleted, or that this user may no longer administer, is named and set aside; the others are rotated. The
// old secret stays accepted from its hook alone, until it can be rotated.
func TestWhatGitHubRefusesIsSetAside(t *testing.T) {
	for name, refuse := range map[string]func(*world){
		"listing": func(w *world) { w.Grant("o/b", "read") },
		"changing": func(w *world) {
			w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/hooks/*/config", Status: http.StatusForbidden, Body: `{"message":"Must have admin rights to Repository."}`})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "o/a", "o/b", "o/gone")
			w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
			w.cfg.Repositories = []string{"o/gone"}
			w.again()
			w.Remove("o/gone")
			refuse(w)
			old := w.current()
			report := w.rotate(RotateRequest{})
			var named []string
			for _, a := range report.Aside {
				named = append(named, a.Target.String())
				if a.Err == nil || a.Cure() == "" {
					t.Errorf("%+v", a)
				}
			}
			slices.Sort(named)
			if !report.Complete || !report.Failed() || !slices.Equal(named, []string{"o/b", "o/gone"}) || report.Next != "hookctl rotate --resume" {
				t.Errorf("%+v", report)
			}
			if raw, err := json.Marshal(report); err != nil || strings.Contains(string(raw), old) || !strings.Contains(string(raw), `"aside":[{`) {
				t.Errorf("%s, %v", raw, err)
			}
			w.afterGrace()
			if !w.delivers("o/a") || !w.delivers("o/b") {
				t.Error("a delivery is refused")
			}
			a := w.Hooks("o/a")[0]
			w.SetSecret("o/a", a.ID, old)
			if w.delivers("o/a") {
				t.Error("the old secret is accepted from another hook")
			}
			w.SetSecret("o/a", a.ID, w.current())

			// It does not keep the next one from completing either, and is still accepted then.
			if report := w.rotate(RotateRequest{}); !report.Complete || !w.delivers("o/b") || w.secrets("o/b")[0] != old {
				t.Errorf("%+v", report)
			}
			w.afterGrace()
			if !w.delivers("o/b") {
				t.Error("o/b is refused after the next rotation")
			}

			// Once GitHub lets us, resuming gives it the current secret, and the old one is refused.
			w.Grant("o/b", "admin")
			w.ClearFaults()
			resumed, err := w.fleet.Resume(t.Context(), nil)
			if err != nil || resumed.Failed() || resumed.Next != "" || w.secrets("o/b")[0] != w.current() || !w.delivers("o/b") {
				t.Errorf("%+v, %v", resumed, err)
			}
			w.reload(t.Context())
			w.SetSecret("o/b", w.Hooks("o/b")[0].ID, old)
			if w.delivers("o/b") {
				t.Error("the old secret is accepted still")
			}
		})
	}
}

// Finish drops what was set aside; after it there is no hint that cannot work.
func TestFinishDropsWhatWasSetAside(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	w.Grant("o/b", "read")
	w.rotate(RotateRequest{})
	if !w.delivers("o/b") {
		t.Fatal("refused")
	}
	report, err := w.fleet.Finish(t.Context(), nil)
	if err != nil || report.Next != "" || !report.Over || len(report.Aside) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if w.delivers("o/b") {
		t.Error("accepted still")
	}
	for name, again := range map[string]error{"resume": resumed(w), "undo": undone(w)} {
		if !errors.Is(again, hooks.ErrNoRotation) {
			t.Errorf("%s: %v", name, again)
		}
	}
}

// A target that is gone is forgotten with the hooks that were set aside on it.
func TestForgettingWhatWasSetAside(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	w.Remove("o/b")
	if report := w.rotate(RotateRequest{}); !report.Failed() || report.Next == "" {
		t.Errorf("%+v", report)
	}
	if err := w.fleet.Forget(t.Context(), targets("o/b")[0]); err != nil {
		t.Fatal(err)
	}
	if now, err := w.fleet.Rotation(); err != nil || len(now.Aside) > 0 || now.Next != "" {
		t.Errorf("%+v, %v", now, err)
	}
	if report := w.rotate(RotateRequest{}); report.Failed() {
		t.Errorf("%+v", report)
	}
}

func resumed(w *world) error {
	_, err := w.fleet.Resume(w.t.Context(), nil)
	return err
}

func undone(w *world) error {
	_, err := w.fleet.Undo(w.t.Context(), nil)
	return err
}

// TestNoHintThatCannotWork: what a report names as the next command works then.
func TestNoHintThatCannotWork(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	lift := w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/hooks/*/config", Status: http.StatusInternalServerError})
	report := w.rotate(RotateRequest{})
	if report.Complete || report.Next != "hookctl rotate --resume" {
		t.Fatalf("%+v", report)
	}
	// The bare command goes on with what is under way, and a part of the hooks cannot be rotated beside it.
	if plan, err := w.fleet.PlanRotation(t.Context(), RotateRequest{}); err != nil || !plan.Resume {
		t.Errorf("%+v, %v", plan, err)
	}
	if _, err := w.fleet.PlanRotation(t.Context(), RotateRequest{Targets: targets("o/a")}); !errors.Is(err, hooks.ErrUnfinished) || hooks.CureOf(err) != "hookctl rotate --resume" {
		t.Errorf("%v", err)
	}
	report, err := w.fleet.Finish(t.Context(), nil) // goes on without o/b; the grace period begins
	if err != nil || report.Complete || report.Next != "hookctl rotate --resume" {
		t.Errorf("%+v, %v", report, err)
	}
	if report, err = w.fleet.Resume(t.Context(), nil); err != nil || report.Complete || report.Over {
		t.Errorf("resumed too early: %+v, %v", report, err)
	}
	if report, err = w.fleet.Finish(t.Context(), nil); err != nil || !report.Over || report.Next != "hookctl rotate" {
		t.Errorf("%+v, %v", report, err)
	}
	lift()
	if report := w.rotate(RotateRequest{}); !report.Complete || report.Failed() || report.Next != "" {
		t.Errorf("%+v", report)
	}
	if report, err = w.fleet.Finish(t.Context(), nil); err != nil || report.Next != "" || !report.Over {
		t.Errorf("%+v, %v", report, err)
	}
}

// A rotation with nothing else to say goes back, and what is undone can be undone.
func TestUndo(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	old := w.current()
	w.rotate(RotateRequest{})
	now, err := w.fleet.Rotation()
	if err != nil || now.Open || now.UndoUntil.IsZero() || now.Next != "" {
		t.Errorf("%+v, %v", now, err)
	}
	report, err := w.fleet.Undo(t.Context(), nil)
	if err != nil || !report.Complete || !report.Undo || w.current() != old || w.secrets("o/a")[0] != old || !w.delivers("o/a") {
		t.Errorf("%+v, %v", report, err)
	}
}

// Other answers than 403 and 404 may hide hooks that are there, so nothing is changed.
func TestARotationDoesNotBeginBlind(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	w.Fault(githubtest.Fault{Method: http.MethodGet, Path: "/repos/o/b/hooks", Status: http.StatusBadGateway})
	if _, err := w.fleet.PlanRotation(t.Context(), RotateRequest{}); !errors.Is(err, hooks.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestAPartOfTheHooksGetsSecretsOfItsOwn(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	shared := w.current()
	plan, err := w.fleet.PlanRotation(t.Context(), RotateRequest{Targets: targets("O/A")})
	if err != nil || !plan.PerHook || !plan.Shared || len(plan.Hooks) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
	report, err := w.fleet.Rotate(t.Context(), plan, nil)
	if err != nil || report.Failed() || w.current() != shared || w.secrets("o/b")[0] != shared || w.secrets("o/a")[0] == shared {
		t.Errorf("%+v, %v", report, err)
	}
	if h := w.one("o/a"); h.SecretState != SecretCurrent {
		t.Errorf("%+v", h)
	}
}

func TestRotationsThatAreNotDue(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	before := w.current()
	plan, err := w.fleet.PlanRotation(t.Context(), RotateRequest{MaxAge: 24 * time.Hour})
	if err != nil || plan.Young != 1 || len(plan.Hooks) != 0 || plan.Since.IsZero() {
		t.Fatalf("%+v, %v", plan, err)
	}
	report, err := w.fleet.Rotate(t.Context(), plan, nil)
	if err != nil || !report.Complete || report.Failed() || w.current() != before || report.New != secret.Fingerprint(before) {
		t.Errorf("%+v, %v", report, err)
	}
	if due := w.rotate(RotateRequest{MaxAge: time.Nanosecond}); len(due.Hooks) != 1 || w.current() == before {
		t.Errorf("%+v", due)
	}
}

// A ping confirms a hook only if it was signed with that hook's new secret. Here GitHub says that it took the new one and goes
// on signing with the old one, which the receiver accepts as well.
func TestAPingOfTheOldSecretConfirmsNothing(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	old, id := w.current(), w.Hooks("o/a")[0].ID
	w.set(func() {
		w.after = func(r *http.Request) {
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/config") {
				w.SetSecret("o/a", id, old)
			}
		}
	})
	w.cfg.Wait = 300 * time.Millisecond
	w.again()
	report := w.rotate(RotateRequest{})
	if report.Complete || report.Hooks[0].Status != "failed" || w.current() != old {
		t.Errorf("%+v", report)
	}
	w.set(func() { w.after = nil })
	if report, err := w.fleet.Resume(t.Context(), nil); err != nil || !report.Complete || w.current() == old {
		t.Errorf("%+v, %v", report, err)
	}
}

// A ping of before the change confirms nothing either.
func TestAnEarlierPingConfirmsNothing(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	h := w.one("o/a")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := w.fleet.withLog(t.Context(), func(log *logs.Log) error {
		return confirm(log)(ctx, h.ID, h.Secret, time.Now())
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// No hook is touched unless the receiver says that it accepts both secrets.
func TestTheReceiverHasToAcceptBothSecrets(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setup(SetupRequest{Targets: targets("o/a")})
	old := w.current()
	w.set(func() { w.deaf = true })
	plan, err := w.fleet.PlanRotation(t.Context(), RotateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.fleet.Rotate(t.Context(), plan, nil)
	if err == nil || hooks.CureOf(err) == "" || strings.Contains(hooks.CureOf(err), "--resume") || report.Next != "" {
		t.Errorf("%+v, %v, cure %q", report, err, hooks.CureOf(err))
	}
	if w.secrets("o/a")[0] != old || w.current() != old || len(w.writes("/config")) > 0 {
		t.Error("a hook was touched")
	}
	if now, err := w.fleet.Rotation(); err != nil || now.State != nil {
		t.Errorf("%+v, %v", now, err)
	}
}

// Hooks that are set up while a rotation is under way end with its new secret.
func TestARotationTakesNewHooksAlong(t *testing.T) {
	w := newWorld(t, "o/a", "o/b", "o/c")
	w.setup(SetupRequest{Targets: targets("o/a", "o/b")})
	lift := w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/hooks/*/config", Status: http.StatusInternalServerError})
	w.rotate(RotateRequest{})
	w.setup(SetupRequest{Targets: targets("o/c")})
	lift()
	report, err := w.fleet.Resume(t.Context(), nil)
	if err != nil || !report.Complete || len(report.Hooks) != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	w.afterGrace()
	for _, name := range []string{"o/a", "o/b", "o/c"} {
		if !w.delivers(name) {
			t.Errorf("%s is refused", name)
		}
	}
}
