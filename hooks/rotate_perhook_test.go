package hooks

import (
	"slices"
	"testing"
	"time"
)

func TestRotatePerHookGivesEachItsOwnSecret(t *testing.T) {
	w := newWorld(t, "o/a", "o/b", "o/shared")
	w.setSecret("shared")
	hooks := w.setup("o/a", "o/b", "o/shared")
	r := w.rotator()
	r.PerHook = true
	const day = 24 * time.Hour
	born := time.Now().Add(-100 * day).Truncate(time.Second)
	if err := w.store.NoteChanged(born); err != nil {
		t.Fatal(err)
	}
	result, err := r.Rotate(t.Context(), hooks[:2], time.Hour)
	if err != nil || !result.Complete || result.New != "" || result.Hooks[0].New == result.Hooks[1].New {
		t.Fatalf("result %+v, %v", result, err)
	}
	if w.current() != "shared" {
		t.Errorf("the shared secret became %q", w.current())
	}
	// What is left of the shared secret is as old as it was, and alone due.
	if at, err := w.store.ChangedAt(); !at.Equal(born) || err != nil {
		t.Errorf("the shared secret changed at %v, %v; want %v", at, err, born)
	}
	if due, since, err := r.Due(hooks, 90*day); len(due) != 1 || due[0].ID != hooks[2].ID || since.Before(born.Add(99*day)) || err != nil {
		t.Errorf("due are %v, the others are in use since %v, %v", due, since, err)
	}
	at := w.secrets("o/a", "o/b", "o/shared")
	if at[0] == at[1] || at[0] == "shared" || at[1] == "shared" || at[2] != "shared" {
		t.Errorf("GitHub signs with %q", at)
	}
	for i, h := range hooks {
		if !w.accepts(at[i], h.ID, time.Now().Add(100*time.Hour)) {
			t.Errorf("%s is refused", h.Target)
		}
	}
	if err := w.store.EndRotation(); err != nil {
		t.Fatal(err)
	}
	// A rotation of everything keeps own secrets apart from the shared one.
	r.PerHook = false
	if result, err = r.Rotate(t.Context(), hooks, time.Hour); err != nil || !result.Complete {
		t.Fatalf("second rotation: %+v, %v", result, err)
	}
	next := w.secrets("o/a", "o/b", "o/shared")
	if next[0] == next[1] || next[0] == at[0] || next[2] != w.current() || next[2] == "shared" {
		t.Errorf("GitHub signs with %q", next)
	}
	if result, err = r.Undo(t.Context()); err != nil || !slices.Equal(w.secrets("o/a", "o/b", "o/shared"), at) {
		t.Errorf("undo: %+v, %v; GitHub signs with %q, want %q", result, err, w.secrets("o/a", "o/b", "o/shared"), at)
	}
	for i, h := range hooks {
		if !w.accepts(at[i], h.ID, time.Now().Add(100*time.Hour)) {
			t.Errorf("after the undo %s is refused", h.Target)
		}
	}
}
