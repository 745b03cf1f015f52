package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A disk that fills up while the state is written stops the rotation at once, with one error, and loses nothing.
func TestRotateStopsWhereItsStateCannotBeKept(t *testing.T) {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("o/r", i))
	}
	w := newWorld(t, names...)
	w.setSecret("old")
	hooks := w.setup(names...)
	limits := fast()
	limits.Concurrent = 1
	w.client = w.newClient(Config{Limits: limits})
	state := filepath.Join(filepath.Dir(w.socket), "home", "state", "rotation.json")
	var kept []byte
	r := w.rotator()
	r.Progress = func(s Step) {
		if s.Name != "set secret" || kept != nil {
			return
		}
		// No file can take the place of a directory.
		var err error
		if kept, err = os.ReadFile(state); err == nil {
			err = errors.Join(os.Remove(state), os.MkdirAll(filepath.Join(state, "full"), 0o700))
		}
		if err != nil {
			t.Error(err)
		}
	}
	_, err := r.Rotate(t.Context(), hooks, time.Hour)
	if err == nil || !strings.Contains(CureOf(err), "--resume") || strings.Count(err.Error(), "cannot save the state") != 1 {
		t.Fatalf("%v, hint %q", err, CureOf(err))
	}
	if changed := slices.DeleteFunc(w.secrets(names...), func(s string) bool { return s == "old" }); len(changed) > w.client.waiters() {
		t.Errorf("%d hooks were changed, only those under way may be: %d", len(changed), w.client.waiters())
	}
	if err := errors.Join(os.RemoveAll(state), os.WriteFile(state, kept, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.secrets(names...) {
		if !w.accepts(s, 0, time.Now()) {
			t.Error("GitHub signs with a secret that is not accepted")
		}
	}
	if result, err := w.rotator().Resume(t.Context()); err != nil || !result.Complete {
		t.Fatalf("resumed: %+v, %v", result, err)
	}
	for _, s := range w.secrets(names...) {
		if s != w.current() || s == "old" {
			t.Errorf("GitHub signs with %q after all", s)
		}
	}
}
