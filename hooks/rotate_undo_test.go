package hooks

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

func TestUndoGivesTheOldSecretBack(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/b")
	r := w.rotator()
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	replaced := w.current()
	result, err := r.Undo(t.Context())
	if err != nil || !result.Complete || !result.Undo || result.New != secret.Fingerprint("old") {
		t.Fatalf("undo: %+v, %v", result, err)
	}
	if w.current() != "old" || !slices.Equal(w.secrets("o/a", "o/b"), []string{"old", "old"}) {
		t.Errorf("current %q, GitHub signs with %q", w.current(), w.secrets("o/a", "o/b"))
	}
	if !w.accepts(replaced, 0, time.Now()) || w.accepts(replaced, 0, time.Now().Add(2*time.Hour)) {
		t.Error("what was undone is not accepted for exactly the grace period")
	}
	if _, err := r.Undo(t.Context()); err != nil || w.current() != replaced {
		t.Errorf("undoing the undo: %v, current %q", err, w.current())
	}
	r.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if _, err := r.Undo(t.Context()); !errors.Is(err, ErrGraceOver) || CureOf(err) == "" {
		t.Errorf("after the grace period: %v", err)
	}
}

// A hook that GitHub refused to change still has the old secret, so undoing needs no change that would be refused again.
func TestUndoOfAnUnfinishedRotation(t *testing.T) {
	w := newWorld(t, "o/a", "o/refused")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/refused")
	w.refuse("o/refused")
	r := w.rotator()
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	if result, err := r.Resume(t.Context()); !errors.Is(err, ErrUnfinished) || result.Hooks[0].Status != "rotated" {
		t.Fatalf("resume: %+v, %v", result, err)
	}
	result, err := r.Undo(t.Context())
	if err != nil || !result.Complete {
		t.Fatalf("undo: %+v, %v", result, err)
	}
	if w.current() != "old" || !slices.Equal(w.secrets("o/a", "o/refused"), []string{"old", "old"}) {
		t.Errorf("current %q, GitHub signs with %q", w.current(), w.secrets("o/a", "o/refused"))
	}
}

func TestUndoOfTheFirstOwnSecretsGoesBackToTheSharedOne(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("shared")
	hooks := w.setup("o/a")
	r := w.rotator()
	r.PerHook = true
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	own := w.secrets("o/a")[0]
	if _, err := r.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := w.store.HookSecret(hooks[0].ID); v != "" || err != nil || w.secrets("o/a")[0] != "shared" || w.current() != "shared" {
		t.Errorf("own secret %q, %v; GitHub signs with %q", v, err, w.secrets("o/a")[0])
	}
	if w.accepts(own, hooks[0].ID, time.Now().Add(2*time.Hour)) {
		t.Error("the own secret is accepted after the grace period")
	}
}

// A hook that is set up while a rotation lasts shares its fate: the new secret when it goes on, the old one when it is
// undone.
func TestHooksSetUpDuringARotationAreTakenIn(t *testing.T) {
	w := newWorld(t, "o/a", "o/refused", "o/late", "o/later", "o/raced")
	w.setSecret("old")
	hooks, ctx := w.setup("o/a", "o/refused"), t.Context()
	lift := w.refuse("o/refused")
	r := w.rotator()
	if err := r.TakeIn(ctx, hooks, "old"); err != nil {
		t.Errorf("without a rotation: %v", err)
	}
	if _, err := r.Rotate(ctx, hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	// A setup of o/a takes it back to the old secret, which is still the current one.
	if err := r.TakeIn(ctx, w.setup("o/late", "o/a"), "old"); err != nil || w.secrets("o/a")[0] != "old" {
		t.Fatal(err, w.secrets("o/a"))
	}
	lift()
	result, err := r.Resume(ctx)
	if err != nil || !result.Complete || len(result.Hooks) != 3 || w.secrets("o/late")[0] != w.current() || w.secrets("o/a")[0] != w.current() {
		t.Fatalf("resume: %+v, %v; GitHub signs with %q", result, err, w.secrets("o/late"))
	}
	if err := r.TakeIn(ctx, w.setup("o/later"), w.current()); err != nil {
		t.Fatal(err)
	}
	// This one was made with the old secret while another process promoted the new one.
	raced := w.AddHook("o/raced", githubtest.Hook{Active: true, Config: githubtest.Config{URL: hookURL, Secret: "old"}})
	if err := r.TakeIn(ctx, []Hook{{ID: raced, Target: target(t, "o/raced")}}, "old"); err != nil || w.secrets("o/raced")[0] != w.current() {
		t.Fatalf("%v; GitHub signs with %q", err, w.secrets("o/raced"))
	}
	if result, err = r.Undo(ctx); err != nil || len(result.Hooks) != 5 {
		t.Fatalf("undo: %+v, %v", result, err)
	}
	if at := w.secrets("o/a", "o/refused", "o/late", "o/later", "o/raced"); !slices.Equal(at, []string{"old", "old", "old", "old", "old"}) {
		t.Errorf("GitHub signs with %q", at)
	}
}

func TestTakeInWaitsForARotationThatIsUnderWay(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("old")
	hooks := w.setup("o/a")
	unlock, err := w.store.LockRotation()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.rotator().TakeIn(ctx, hooks, "old"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another rotates: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- w.rotator().TakeIn(t.Context(), hooks, "old") }()
	unlock()
	if err := <-done; err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestARotationIsResumedOnItsOwnHostOnly(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("old")
	if _, err := w.rotator().Rotate(t.Context(), w.setup("o/a"), time.Hour); err != nil {
		t.Fatal(err)
	}
	r := w.rotator()
	other, err := New(Config{Host: "ghe.example.com", Token: "t", Socket: w.socket})
	if err != nil {
		t.Fatal(err)
	}
	r.Client = other
	if _, err := r.Undo(t.Context()); CureOf(err) != "choose the host: GH_HOST=github.com" {
		t.Errorf("%v, cure %q", err, CureOf(err))
	}
}

// Hooks that Finish left out can still be fixed: a resume gives those hooks the secret that is current by then.
func TestResumeAfterFinishFixesFailedHooks(t *testing.T) {
	w := newWorld(t, "o/a", "o/refused")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/refused")
	lift := w.refuse("o/refused")
	r := w.rotator()
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	if _, err := r.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	lift()
	result, err := r.Resume(t.Context())
	if err != nil || !result.Complete || w.secrets("o/refused")[0] != w.current() {
		t.Errorf("resume: %+v, %v; GitHub signs with %q", result, err, w.secrets("o/refused"))
	}
}
