package webhooks

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/server/fleet"
	"hookctl/tui/kittest"
)

// again is another hookctl on the same home, after the first one has ended.
func (r *pageRig) again() *pageRig {
	r.T.Helper()
	other := hooksOn(r.T, r.Another(r.T), r.World.Cfg)
	other.Start()
	other.Until("the receiver", other.Status.OK)
	other.Press("3")
	other.Until("the hooks", func() bool {
		return other.hooks.loaded && !other.hooks.loading() && other.hooks.rot.now.State != nil
	})
	return other
}

// A rotation that was interrupted can be resumed by the next hookctl, and one
// that is done can be undone there.
func TestRotationOutlivesHookctl(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	lift := r.GitHub.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/web/hooks/*/config", Delay: time.Hour})
	r.start("r")
	r.Shows("ping verified")
	r.Press("ctrl+x")
	r.Until("the end", func() bool { return !r.hooks.rot.busy() })
	r.Shows("r resumes")
	lift()

	second := r.again()
	second.Shows("rotation not finished; r resumes")
	second.Press("r")
	second.Shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil || fresh == old {
		t.Fatalf("the secret is the old one (%v)", err)
	}

	third := second.again()
	third.Shows("rotated, u undoes until")
	third.start("u")
	third.Until("the undo", func() bool { return !third.hooks.rot.busy() })
	if back, _, err := r.cfg.Store.Current(); err != nil || back != old {
		t.Errorf("the old secret is not back (%v)", err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.GitHub.Hooks(name)[0].Secret; got != old {
			t.Errorf("%s signs with %s", name, secret.Fingerprint(got))
		}
	}
}

// What another hookctl rotates is seen here, and not disturbed.
func TestRotationOfAnotherHookctl(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	unlock, err := r.cfg.Store.LockRotation()
	if err != nil {
		t.Fatal(err)
	}
	r.start("r")
	r.Shows("another rotation is running")
	r.Press("esc")
	unlock()

	plan, err := r.Fleet.PlanRotation(t.Context(), fleet.RotateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fleet.Rotate(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
	r.Shows("rotated, u undoes until")
}

// A rotation after one that was undone shows what it does, from the count-down to its end, and so does the undo of it.
func TestRotationAfterAnUndo(t *testing.T) {
	r := withHooks(t, "octo-org/web")
	hold := githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/web/hooks/*/config", Delay: time.Hour}
	lift := func() {}
	turn := func(key string, before, during []string, after string) {
		t.Helper()
		r.Press(key)
		r.Shows("enter starts now")
		for _, want := range before {
			r.Shows(want)
		}
		lift = r.GitHub.Fault(hold)
		r.Press("enter")
		r.Shows("changing")
		for _, want := range during {
			r.Shows(want)
		}
		r.Press("ctrl+x")
		lift()
		r.Until("the end", func() bool { return !r.hooks.rot.busy() })
		r.Press("r") // resumes
		r.Shows(after)
	}
	first := []string{"Rotate the secret", "new secret for 1 hook"}
	turn("r", first, []string{"Rotating the secret", "new secret saved"}, "Done. u undoes it until")
	turn("u", []string{"Undo the rotation", "old secret back for 1 hook"}, []string{"Undoing the rotation", "old secret restored"}, "Undone. u rotates again until")
	r.Press("esc")
	r.Shows("rotation undone, u rotates again until")
	turn("r", first, []string{"Rotating the secret", "new secret saved", "the new secret is the current one"}, "Done. u undoes it until")
	turn("u", []string{"Undo the rotation"}, []string{"Undoing the rotation"}, "Undone. u rotates again until")
	turn("u", []string{"Take back the undo", "the new secret again for 1 hook"}, []string{"Rotating the secret", "new secret saved"}, "Done. u undoes it until")
}

// One that cannot begin does not show the one before.
func TestRotationThatCannotBeginAfterAnUndo(t *testing.T) {
	s := hooked(t, 80, 24)
	listing(s)
	state := rotationOf(s, secret.StepVerified)
	state.Undo, state.Promoted, state.Expires = true, kittest.Noon, kittest.Noon.Add(time.Hour)
	s.hooks.rot.stored(stored(state))
	s.hooks.rot.begin("rotate")
	s.hooks.rot.err = hooks.ErrNotAdmin
	s.hooks.rot.stored(stored(state)) // a poll
	s.hooks.watch()
	screen := s.Text()
	if !strings.Contains(screen, "Rotating the secret") || strings.Contains(screen, "ping verified") || strings.Contains(screen, "restored") {
		t.Errorf("it shows the rotation before:\n%s", screen)
	}
}

// The reasons why a key of the rotation is off, each in words.
func TestRotationSaysWhyNot(t *testing.T) {
	off := func(s *pageScreen, id string) string {
		for _, a := range s.hooks.Actions() {
			if a.ID == id {
				return a.Off
			}
		}
		t.Fatalf("there is no action %s", id)
		return ""
	}
	for name, c := range map[string]struct {
		id, says string
		change   func(*pageScreen)
	}{
		"receiver stopped": {"hook.rotate", "the receiver has to accept both secrets", func(s *pageScreen) { s.Status.Err = http.ErrServerClosed }},
		"nothing to undo":  {"hook.undo", "there is no rotation to undo", func(*pageScreen) {}},
		"grace is over": {"hook.undo", "the grace period is over", func(s *pageScreen) {
			r := rotationOf(s, secret.StepVerified)
			r.Promoted, r.Expires = kittest.Noon.Add(-2*time.Hour), kittest.Noon.Add(-time.Hour)
			s.hooks.rot.stored(stored(r))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := hooked(t, 80, 24)
			listing(s)
			c.change(s)
			if got := off(s, c.id); c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("it says %q, and not %q", got, c.says)
			}
		})
	}
}

// The line of a rotation says how far it is, hook by hook.
func TestRotationStepsOfEachHook(t *testing.T) {
	s := hooked(t, 80, 24)
	listing(s)
	r := &s.hooks.rot
	r.stored(stored(rotationOf(s, secret.StepPending)))
	r.job, r.verb = kittest.Job0(), "rotate"
	k := r.ranked()[0]
	step := func(name, state string, err error) hookStep {
		r.took(hooks.Step{Target: k.target, HookID: k.id, Name: name, State: state, Err: err})
		return r.steps[k]
	}
	for _, c := range []struct {
		name, state string
		err         error
		step        string
	}{
		{"set secret", hooks.StateRunning, nil, secret.StepPending},
		{"set secret", hooks.StateDone, nil, secret.StepChanged},
		{"verify", hooks.StateRunning, nil, secret.StepChanged},
		{"verify", hooks.StateFailed, hooks.ErrNotDelivered, secret.StepFailed},
		{"set secret", hooks.StateFailed, hooks.ErrNotAdmin, secret.StepAside},
		{"set secret", hooks.StateSkipped, hooks.ErrHookNotFound, secret.StepGone},
		{"verify", hooks.StateRunning, nil, secret.StepChanged},
		{"verify", hooks.StateSkipped, nil, secret.StepVerified}, // a paused hook
		{"verify", hooks.StateDone, nil, secret.StepVerified},
	} {
		if got := step(c.name, c.state, c.err); got.step != c.step {
			t.Errorf("%s %s makes it %q, not %q", c.name, c.state, got.step, c.step)
		}
	}
	if got := r.share(); got != 100/len(r.steps) {
		t.Errorf("%d %% are done", got)
	}
	r.took(hooks.Step{Name: "promote", State: hooks.StateDone})
	if r.made != hooks.StateDone {
		t.Error("the promotion is not seen")
	}
}

// Leaving during a rotation does not wait for GitHub: it is interrupted, and
// can be resumed.
func TestLeavingInterruptsARotation(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	second := hooksOn(t, r.Another(t), r.World.Cfg)
	second.Start()
	second.Until("the receiver", second.Status.OK)
	second.Press("3")
	second.Until("the hooks", func() bool { return second.hooks.loaded && !second.hooks.loading() })
	lift := r.GitHub.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/web/hooks/*/config", Delay: time.Hour})
	defer lift()
	second.start("r")
	second.Shows("ping verified")
	second.Leave()
	second.Stop()
	closed := make(chan struct{})
	go func() { second.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("leaving waits for GitHub")
	}
	if state, err := r.cfg.Store.Rotation(); err != nil || state == nil || !state.Promoted.IsZero() {
		t.Errorf("the rotation is not kept as unfinished: %v (%v)", state, err)
	}
}

func TestRotationInAFewWords(t *testing.T) {
	hook := func(status ...string) (out []hooks.RotateHook) {
		for _, s := range status {
			out = append(out, hooks.RotateHook{Status: s})
		}
		return out
	}
	aside := []fleet.Aside{{Target: kittest.TargetAPI, Err: hooks.ErrNotAdmin}}
	for _, c := range []struct {
		verb   string
		result hooks.RotateResult
		aside  []fleet.Aside
		want   string
	}{
		{"rotate", hooks.RotateResult{New: "aa", Hooks: hook("rotated", "rotated", "gone")}, nil, "rotated: 2 hooks are signed with the new secret"},
		{"rotate", hooks.RotateResult{New: "aa", Hooks: hook("rotated", "aside")}, aside, "rotated: 1 hook is signed with the new secret, 1 set aside"},
		{"rotate", hooks.RotateResult{Hooks: hook("rotated")}, nil, "rotated: 1 hook is signed with a new secret of its own"},
		{"rotate", hooks.RotateResult{Hooks: hook("rotated", "rotated")}, nil, "rotated: 2 hooks are signed with new secrets of their own"},
		{"finish", hooks.RotateResult{New: "aa", Hooks: hook("rotated", "failed")}, nil, "rotated: 1 hook is signed with the new secret, 1 failed"},
		{"undo", hooks.RotateResult{New: "aa", Undo: true, Hooks: hook("rotated")}, nil, "undone: 1 hook is signed with aa again"},
		{"undo", hooks.RotateResult{Undo: true, Hooks: hook("rotated")}, nil, "undone: 1 hook is signed as before"},
	} {
		if got := rotatedWords(c.verb, fleet.RotateReport{RotateResult: c.result, Aside: c.aside}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.verb, got, c.want)
		}
	}
}
