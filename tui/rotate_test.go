package tui

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
)

// again is another hookctl on the same home, after the first one has ended.
func (r *rig) again() *rig {
	r.t.Helper()
	other := &rig{t: r.t, gh: r.gh, home: r.home, msgs: make(chan tea.Msg, 64), quit: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	other.app = newApp(ctx, r.cfg)
	r.t.Cleanup(func() {
		close(other.quit)
		stop()
		other.close()
	})
	other.start()
	other.until("the receiver", other.running)
	other.press("3")
	other.until("the hooks", func() bool {
		return other.hooks().loaded && other.hooks().waiting == 0 && other.hooks().secret.fingerprint != ""
	})
	return other
}

// A rotation that was interrupted is gone on with by whichever hookctl comes
// next, and one that is done can be undone there.
func TestRotationOutlivesHookctl(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	old, _, err := r.cfg.Store.Current()
	if err != nil {
		t.Fatal(err)
	}
	lift := r.gh.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/web/hooks/*/config", Delay: time.Hour})
	r.press("r")
	r.shows("ping verified")
	r.press("ctrl+x")
	r.until("the end", func() bool { return !r.hooks().rot.busy() })
	r.shows("r resumes")
	lift()

	second := r.again()
	second.shows("rotation not finished; r resumes")
	second.press("r")
	second.shows("Done. u undoes it until")
	fresh, _, err := r.cfg.Store.Current()
	if err != nil || fresh == old {
		t.Fatalf("the secret is the old one (%v)", err)
	}

	third := second.again()
	third.shows("rotated, u undoes until")
	third.press("u")
	third.until("the undo", func() bool { return !third.hooks().rot.busy() })
	if back, _, err := r.cfg.Store.Current(); err != nil || back != old {
		t.Errorf("the old secret is not back (%v)", err)
	}
	for _, name := range []string{"octo-org/api", "octo-org/web"} {
		if got := r.gh.Hooks(name)[0].Secret; got != old {
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
	r.press("r")
	r.shows("another rotation is running")
	r.press("esc")
	unlock()

	rotator := r.hooks().rotator()
	list := make([]hooks.Hook, 0, 1)
	for _, row := range r.hooks().mine() {
		list = append(list, row.Hook)
	}
	if _, err := rotator.Rotate(context.Background(), list, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.shows("rotated, u undoes until")
}

// The reasons why a key of the rotation is off, each in words.
func TestRotationSaysWhyNot(t *testing.T) {
	off := func(s *screen, id string) string {
		for _, a := range s.hooks().actions() {
			if a.id == id {
				return a.off
			}
		}
		t.Fatalf("there is no action %s", id)
		return ""
	}
	for name, c := range map[string]struct {
		id, says string
		change   func(*screen)
	}{
		"receiver stopped":      {"hook.rotate", "the receiver has to accept both secrets", func(s *screen) { s.statusErr, s.status.Running = http.ErrServerClosed, false }},
		"secret in environment": {"hook.rotate", "the secret is set in the environment", func(s *screen) { s.hooks().secret.origin = secret.FromEnvironment }},
		"no hook": {"hook.rotate", "no hook delivers to this receiver", func(s *screen) {
			clear(s.hooks().listed)
			s.hooks().rejudge()
		}},
		"a repository is not known": {"hook.rotate", "octo-org/gone could not be listed", func(s *screen) {
			s.send(hooksListed{target: hooks.Target{Owner: "octo-org", Repo: "gone"}, err: &hooks.Error{Op: "list hooks", Err: hooks.ErrRateLimited}})
		}},
		"a repository is gone": {"hook.rotate", "", func(s *screen) {
			s.send(hooksListed{target: hooks.Target{Owner: "octo-org", Repo: "gone"}, err: &hooks.Error{Op: "list hooks", Err: hooks.ErrNotFound}})
		}},
		"nothing to undo": {"hook.undo", "there is no rotation to undo", func(*screen) {}},
		"grace is over": {"hook.undo", "the grace period is over", func(s *screen) {
			r := rotationOf(s, secret.StepVerified)
			r.Promoted, r.Expires = noon.Add(-2*time.Hour), noon.Add(-time.Hour)
			s.hooks().rot.stored(r)
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
	r := &s.hooks().rot
	r.stored(rotationOf(s, secret.StepPending))
	r.job, r.verb = job0(), "rotate"
	k := r.order[0]
	step := func(name, state string) hookStep {
		r.took(hooks.Step{Target: k.target, HookID: k.id, Name: name, State: state})
		return r.steps[k]
	}
	for _, c := range []struct{ name, state, step string }{
		{"set secret", hooks.StateRunning, secret.StepPending},
		{"set secret", hooks.StateDone, secret.StepChanged},
		{"verify", hooks.StateRunning, secret.StepChanged},
		{"verify", hooks.StateFailed, secret.StepFailed},
		{"verify", hooks.StateRunning, secret.StepChanged},
		{"verify", hooks.StateDone, secret.StepVerified},
	} {
		if got := step(c.name, c.state); got.step != c.step {
			t.Errorf("%s %s makes it %q, not %q", c.name, c.state, got.step, c.step)
		}
	}
	if got := r.share(); got != 100/len(r.order) {
		t.Errorf("%d %% are done", got)
	}
	r.took(hooks.Step{Name: "promote", State: hooks.StateDone})
	if r.made != hooks.StateDone {
		t.Error("the promotion is not seen")
	}
}

// Whoever leaves while a rotation is at work does not wait for GitHub: it is
// interrupted, and can be resumed.
func TestLeavingInterruptsARotation(t *testing.T) {
	r := withHooks(t, "octo-org/api", "octo-org/web")
	ctx, stop := context.WithCancel(context.Background())
	second := &rig{t: t, gh: r.gh, home: r.home, msgs: make(chan tea.Msg, 64), quit: make(chan struct{})}
	second.app = newApp(ctx, r.cfg)
	second.start()
	second.until("the receiver", second.running)
	second.press("3")
	second.until("the hooks", func() bool { return second.hooks().loaded && second.hooks().cannotRotate() == "" })
	lift := r.gh.Fault(githubtest.Fault{Method: "PATCH", Path: "/repos/octo-org/web/hooks/*/config", Delay: time.Hour})
	defer lift()
	second.press("r")
	second.shows("ping verified")
	close(second.quit) // the program has ended, and nobody takes messages any more
	stop()
	closed := make(chan struct{})
	go func() { second.close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Fatal("leaving waits for GitHub")
	}
	if !second.unfinished() {
		t.Error("the rotation is not told as unfinished")
	}
}

func TestRotationInAFewWords(t *testing.T) {
	hook := func(status ...string) (out []hooks.RotateHook) {
		for _, s := range status {
			out = append(out, hooks.RotateHook{Status: s})
		}
		return out
	}
	for _, c := range []struct {
		verb   string
		result hooks.RotateResult
		want   string
	}{
		{"rotate", hooks.RotateResult{New: "aa", Hooks: hook("rotated", "rotated", "gone")}, "rotated: 2 hooks are signed with the new secret"},
		{"rotate", hooks.RotateResult{Hooks: hook("rotated")}, "rotated: 1 hook is signed with a new secret of its own"},
		{"rotate", hooks.RotateResult{Hooks: hook("rotated", "rotated")}, "rotated: 2 hooks are signed with new secrets of their own"},
		{"finish", hooks.RotateResult{New: "aa", Hooks: hook("rotated", "failed")}, "rotated: 1 hook is signed with the new secret, 1 given up"},
		{"undo", hooks.RotateResult{New: "aa", Undo: true, Hooks: hook("rotated")}, "undone: 1 hook is signed with aa again"},
		{"undo", hooks.RotateResult{Undo: true, Hooks: hook("rotated")}, "undone: 1 hook is signed as before"},
	} {
		if got := rotatedWords(c.verb, c.result); got != c.want {
			t.Errorf("%s: got %q, want %q", c.verb, got, c.want)
		}
	}
}
