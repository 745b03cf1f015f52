package hooks

import (
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
	w.Grant("o/refused", githubtest.DefaultLogin, "write")
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
func TestHooksSetUpDuringARotationAreAdopted(t *testing.T) {
	w := newWorld(t, "o/a", "o/refused", "o/late", "o/later")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/refused")
	w.Grant("o/refused", githubtest.DefaultLogin, "write")
	r := w.rotator()
	if err := r.Adopt(hooks); err != nil {
		t.Errorf("without a rotation: %v", err)
	}
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	late := w.setup("o/late")
	if err := r.Adopt(append(late, hooks...)); err != nil {
		t.Fatal(err)
	}
	w.Grant("o/refused", githubtest.DefaultLogin, "admin")
	result, err := r.Resume(t.Context())
	if err != nil || !result.Complete || len(result.Hooks) != 3 || w.secrets("o/late")[0] != w.current() {
		t.Fatalf("resume: %+v, %v; GitHub signs with %q", result, err, w.secrets("o/late"))
	}
	if err := r.Adopt(w.setup("o/later")); err != nil {
		t.Fatal(err)
	}
	if result, err = r.Undo(t.Context()); err != nil || len(result.Hooks) != 4 {
		t.Fatalf("undo: %+v, %v", result, err)
	}
	if at := w.secrets("o/a", "o/refused", "o/late", "o/later"); !slices.Equal(at, []string{"old", "old", "old", "old"}) {
		t.Errorf("GitHub signs with %q", at)
	}
}
