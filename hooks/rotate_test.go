package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

func (w *world) current() string {
	w.t.Helper()
	value, _, err := w.store.Current()
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

func (w *world) accepts(value string, hookID int64, at time.Time) bool {
	w.t.Helper()
	ring, err := w.store.Ring(at)
	if err != nil {
		w.t.Fatal(err)
	}
	_, ok := ring.Match([]byte("x"), secret.Sign(value, []byte("x")), hookID, "/webhook", at)
	return ok
}

// secrets are what GitHub signs with, by repository.
func (w *world) secrets(names ...string) (list []string) {
	for _, name := range names {
		for _, h := range w.Hooks(name) {
			list = append(list, h.Secret)
		}
	}
	return list
}

func TestRotateGivesEveryHookTheNewSecret(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.AddOrg("acme")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/b", "acme")
	var steps []string
	r := w.rotator()
	r.Progress = func(s Step) { steps = append(steps, s.Name+" "+s.State) }
	result, err := r.Rotate(t.Context(), hooks, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	current := w.current()
	if current == "old" || !result.Complete || result.Old != secret.Fingerprint("old") || result.New != secret.Fingerprint(current) {
		t.Errorf("result %+v", result)
	}
	for _, s := range w.secrets("o/a", "o/b", "acme") {
		if s != current {
			t.Errorf("GitHub signs with %q, want the new secret", s)
		}
	}
	now := time.Now()
	if !w.accepts(current, 0, now) || !w.accepts("old", 0, now.Add(59*time.Minute)) || w.accepts("old", 0, now.Add(61*time.Minute)) {
		t.Error("not exactly the new secret, and the old one for an hour, are accepted")
	}
	if steps[0] != "accept secrets running" || !slices.Contains(steps, "set secret done") || !slices.Contains(steps, "verify done") || steps[len(steps)-1] != "accept secrets done" {
		t.Errorf("steps %q", steps)
	}
	raw, err := json.Marshal(result)
	if err != nil || strings.Contains(string(raw), current) || !strings.Contains(string(raw), `"status":"rotated"`) || !strings.Contains(string(raw), `"complete":true`) {
		t.Errorf("JSON %s, %v", raw, err)
	}
	if ended, err := w.store.Expire(now.Add(2 * time.Hour)); !ended || err != nil {
		t.Errorf("Expire = %v, %v", ended, err)
	}
	if w.accepts("old", 0, now) {
		t.Error("the old secret is accepted although the rotation is over")
	}
}

func TestRotateNamesWhatFailsAndResumes(t *testing.T) {
	tests := []struct {
		name   string
		breaks func(*world) (fix func())
		says   string
	}{
		{"GitHub fails to change", func(w *world) func() {
			return w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/**", Status: 500})
		}, "500"},
		{"GitHub hangs up after changing", func(w *world) func() {
			return w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/o/b/**", DropAfter: true})
		}, "configure hook on o/b"},
		{"GitHub fails to ping", func(w *world) func() {
			return w.Fault(githubtest.Fault{Method: http.MethodPost, Path: "/repos/o/b/**", Status: 500})
		}, "ping hook on o/b: 500"},
		{"the ping does not arrive", func(w *world) func() {
			w.receiver.answer(http.StatusBadGateway)
			return func() { w.receiver.answer(0) }
		}, "502"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "o/a", "o/b")
			w.setSecret("old")
			hooks := w.setup("o/a", "o/b")
			limits := fast()
			limits.Tries = 2
			w.client = w.newClient(Config{Limits: limits})
			fix := tt.breaks(w)
			r := w.rotator()
			r.Wait = time.Second
			result, err := r.Rotate(t.Context(), hooks, time.Hour)
			if !errors.Is(err, ErrUnfinished) || !strings.Contains(CureOf(err), "--resume") || result.Complete {
				t.Fatalf("result %+v, %v", result, err)
			}
			b := result.Hooks[1]
			if b.Repository != "o/b" || b.Status != "failed" || !strings.Contains(b.Error, tt.says) || b.Cure == "" {
				t.Errorf("the failed hook: %+v, want %q and a cure", b, tt.says)
			}
			if w.current() != "old" {
				t.Error("promoted although a hook does not have the new secret")
			}
			for _, s := range w.secrets("o/a", "o/b") {
				if !w.accepts(s, 0, time.Now().Add(1000*time.Hour)) {
					t.Errorf("GitHub signs with a secret that is not accepted")
				}
			}
			if _, err := r.Rotate(t.Context(), hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
				t.Errorf("another rotation in the meantime: %v", err)
			}
			fix()
			r.Wait = 3 * time.Second
			result, err = r.Resume(t.Context())
			if err != nil || !result.Complete || result.Hooks[1].Cure != "" {
				t.Fatalf("resumed: %+v, %v", result, err)
			}
			for _, s := range w.secrets("o/a", "o/b") {
				if s != w.current() || s == "old" {
					t.Errorf("GitHub signs with %q after all", s)
				}
			}
		})
	}
}

func TestRotateSurvivesChangesAtGitHub(t *testing.T) {
	w := newWorld(t, "o/deleted", "o/renamed", "o/stays")
	w.setSecret("old")
	hooks := w.setup("o/deleted", "o/renamed", "o/stays")
	if err := w.client.Delete(t.Context(), hooks[0].Target, hooks[0].ID); err != nil {
		t.Fatal(err)
	}
	w.Rename("o/renamed", "acme/new-name")
	result, err := w.rotator().Rotate(t.Context(), append(hooks, hooks[2]), time.Hour)
	if err != nil || !result.Complete {
		t.Fatalf("result %+v, %v", result, err)
	}
	var status []string
	for _, h := range result.Hooks {
		status = append(status, h.Status)
	}
	if want := []string{"gone", "rotated", "rotated"}; !slices.Equal(status, want) {
		t.Errorf("%v, want %v", status, want)
	}
	for _, s := range w.secrets("acme/new-name", "o/stays") {
		if s != w.current() {
			t.Errorf("GitHub signs with %q", s)
		}
	}
}

// The context ends at every possible moment in turn, as an interruption does, and each time another process resumes.
func TestRotateResumesFromEveryPoint(t *testing.T) {
	w := newWorld(t, "o/a", "o/b")
	w.setSecret("s0")
	hooks := w.setup("o/a", "o/b")
	for stop := 1; ; stop++ {
		before := w.current()
		ctx, cancel := context.WithCancel(t.Context())
		r := w.rotator()
		var steps atomic.Int64
		r.Progress = func(Step) {
			if steps.Add(1) == int64(stop) {
				cancel()
			}
		}
		_, err := r.Rotate(ctx, hooks, 0)
		cancel()
		finished := steps.Load() < int64(stop)
		if finished && err != nil {
			t.Fatalf("not stopped: %v", err)
		}
		for _, s := range w.secrets("o/a", "o/b") {
			if !w.accepts(s, 0, time.Now()) {
				t.Fatalf("stopped after step %d: GitHub signs with a secret that is not accepted", stop)
			}
		}
		state, stateErr := w.store.Rotation()
		if stateErr != nil {
			t.Fatal(stateErr)
		}
		if state != nil {
			if result, err := w.rotator().Resume(t.Context()); err != nil || !result.Complete {
				t.Fatalf("stopped after step %d: resume: %+v, %v", stop, result, err)
			}
			if w.current() == before {
				t.Fatalf("stopped after step %d: the secret is still the old one", stop)
			}
			for _, s := range w.secrets("o/a", "o/b") {
				if s != w.current() {
					t.Fatalf("stopped after step %d: GitHub signs with %q", stop, s)
				}
			}
		}
		if finished {
			return
		}
	}
}

// refuse makes GitHub refuse to change the hooks of a repository, for a reason that is not the user's role.
func (w *world) refuse(name string) (lift func()) {
	w.odd = true // the status is none that is published for these calls
	return w.Fault(githubtest.Fault{Method: http.MethodPatch, Path: "/repos/" + name + "/**", Status: http.StatusUnavailableForLegalReasons})
}

func TestFinishLeavesHooksThatCannotBeChanged(t *testing.T) {
	w := newWorld(t, "o/a", "o/refused")
	w.setSecret("old")
	hooks := w.setup("o/a", "o/refused")
	w.refuse("o/refused")
	r := w.rotator()
	if _, err := r.Finish(t.Context()); !errors.Is(err, ErrNoRotation) {
		t.Errorf("without a rotation: %v", err)
	}
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	result, err := r.Finish(t.Context())
	if err != nil || result.Complete || result.Hooks[1].Status != "failed" {
		t.Fatalf("finish: %+v, %v", result, err)
	}
	if w.current() == "old" || !w.accepts("old", 0, time.Now()) {
		t.Error("the new secret is not current, or the old one is refused at once")
	}
	if _, err := r.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.accepts("old", 0, time.Now()) {
		t.Error("the old secret is accepted after the end")
	}
	if state, err := w.store.Rotation(); state != nil || err != nil {
		t.Errorf("state after the end: %v, %v", state, err)
	}
}

// A receiver that has another secret in its environment knows the new one from the state alone, so that has to stay.
func TestFinishKeepsTheStateThatTheReceiverNeeds(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("old")
	hooks := w.setup("o/a")
	r := w.rotator()
	r.Accept = func(_ context.Context, prints []string) error {
		state, err := w.store.Rotation()
		if err != nil || (state == nil && slices.Contains(prints, secret.Fingerprint(w.current()))) {
			return errors.Join(err, errors.New("the receiver does not have it"))
		}
		return nil
	}
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(t.Context()); err == nil {
		t.Error("no error")
	}
	if state, err := w.store.Rotation(); state == nil || err != nil {
		t.Errorf("the state is gone: %v", err)
	}
}

func TestRotateAgainWithinTheGracePeriodKeepsBothOldSecrets(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("first")
	hooks := w.setup("o/a")
	r := w.rotator()
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	second := w.current()
	if _, err := r.Rotate(t.Context(), hooks, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	soon, later, end := time.Now().Add(30*time.Minute), time.Now().Add(90*time.Minute), time.Now().Add(3*time.Hour)
	if !w.accepts("first", 0, soon) || !w.accepts(second, 0, soon) || w.accepts("first", 0, later) || !w.accepts(second, 0, later) || w.accepts(second, 0, end) {
		t.Error("each old secret is not accepted for its own grace period")
	}
}

func TestARefusedRotationLeavesTheEarlierOneAsItWas(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("first")
	hooks := w.setup("o/a")
	r := w.rotator()
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.Accept = func(context.Context, []string) error { return errors.New("the receiver is gone") }
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err == nil {
		t.Fatal("no error")
	}
	r.Accept = w.receiver.accept
	if _, err := r.Undo(t.Context()); err != nil || w.current() != "first" {
		t.Errorf("the earlier one can no longer be undone: %v, current %q", err, w.current())
	}
}

func TestRotateRefusesWhatCannotWork(t *testing.T) {
	w := newWorld(t, "o/a")
	w.setSecret("old")
	hooks := w.setup("o/a")
	refused := func(name string, r *Rotator, hooks []Hook, want error) {
		t.Helper()
		_, err := r.Rotate(t.Context(), hooks, time.Hour)
		if err == nil || (want != nil && !errors.Is(err, want)) || CureOf(err) == "" {
			t.Errorf("%s: %v, cure %q", name, err, CureOf(err))
		}
		if state, stateErr := w.store.Rotation(); state != nil || stateErr != nil {
			t.Errorf("%s: leaves the state %v, %v", name, state, stateErr)
		}
	}
	refused("no hooks", w.rotator(), nil, nil)
	r := w.rotator()
	r.Accept = func(context.Context, []string) error { return errors.New("the receiver is gone") }
	refused("receiver does not accept", r, hooks, nil)
	r.Accept = func(context.Context, []string) error { return hinted{} }
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); CureOf(err) != "hookctl start" {
		t.Errorf("the receiver's own hint is not passed on: %v, cure %q", err, CureOf(err))
	}
	if w.secrets("o/a")[0] != "old" {
		t.Error("a hook was changed although the receiver does not accept the new secret")
	}
	unlock, err := w.store.LockRotation()
	if err != nil {
		t.Fatal(err)
	}
	refused("two at once", w.rotator(), hooks, secret.ErrRotating)
	unlock()
	empty := w.rotator()
	empty.Store = storeIn(t.TempDir())
	refused("no secret", empty, hooks, nil)
	real := w.rotator()
	real.Store = secret.NewStore(secret.Config{EnvFile: "unused", RotationFile: t.TempDir() + "/r.json", Environ: func(string) string { return "set" }})
	refused("secret from the environment", real, hooks, secret.ErrFromEnvironment)
	if _, err := w.rotator().Resume(t.Context()); !errors.Is(err, ErrNoRotation) {
		t.Errorf("resume without a rotation: %v", err)
	}
	if _, err := w.rotator().Undo(t.Context()); !errors.Is(err, ErrNoRotation) {
		t.Errorf("undo without a rotation: %v", err)
	}
}

type hinted struct{}

func (hinted) Error() string { return "no receiver" }
func (hinted) Hint() string  { return "hookctl start" }

func TestDueReturnsTheAge(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t, "o/a")
	w.setSecret("x")
	hooks := w.setup("o/a")
	start := time.Now()
	r := w.rotator()
	age := func(days int) { r.Now = func() time.Time { return start.Add(time.Duration(days) * day) } }
	due := func(when string, want bool) {
		t.Helper()
		got, since, err := r.Due(hooks, 90*day)
		if (len(got) == 1) != want || since.IsZero() != want || err != nil {
			t.Errorf("%s: %v since %v, %v", when, got, since, err)
		}
	}
	due("a new secret", false)
	age(91)
	due("an old one", true)
	if _, err := r.Rotate(t.Context(), hooks, day); err != nil {
		t.Fatal(err)
	}
	age(92)
	due("after a rotation", false)
	age(91)
	if _, err := r.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	due("the old one taken back", true)
	r.PerHook = true
	if _, err := r.Rotate(t.Context(), hooks, day); err != nil {
		t.Fatal(err)
	}
	due("after a rotation per hook", false)
}

func TestProgressComesOneAtATime(t *testing.T) {
	w := newWorld(t)
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("o/r", i))
		w.AddRepository(names[i], githubtest.Repository{})
	}
	w.setSecret("old")
	hooks := w.setup(names...)
	var mu sync.Mutex
	r := w.rotator()
	r.Progress = func(Step) {
		if !mu.TryLock() {
			t.Error("two at once")
			return
		}
		mu.Unlock()
	}
	if _, err := r.Rotate(t.Context(), hooks, time.Hour); err != nil {
		t.Fatal(err)
	}
}
