package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/hooks/secret"
)

// What stands in the way of a rotation.
var (
	ErrUnfinished = errors.New("the rotation is not finished")
	ErrNoRotation = errors.New("no rotation is under way")
	ErrGraceOver  = errors.New("the grace period is over: the old secret is gone")
)

// DefaultGrace is how long the old secret stays accepted after every hook has the new one.
const DefaultGrace = time.Hour

// lockPause is between two looks at whether another process still rotates.
const lockPause = 50 * time.Millisecond

// Rotator replaces the secret of hooks so that no delivery is lost.
//
//  1. The new secret is generated and saved, and the receiver confirms that it accepts both.
//  2. Each hook gets the new secret.
//  3. Each hook proves by a ping that GitHub signs with it.
//  4. The new secret becomes the current one; the old one is accepted for the grace period, then refused.
//
// After each step of each hook the state is durable, and both secrets are in it. So a rotation that was killed or has
// failed anywhere leaves a receiver that accepts both, and [Rotator.Resume] goes on. Every step can be repeated, so a
// step whose outcome is not known is repeated.
//
// A Rotator's methods lock the rotation: two at once, in any process, is an error that is [secret.ErrRotating].
type Rotator struct {
	Client *Client
	Store  *secret.Store
	// Accept makes the receiver read its secrets again and returns when it accepts all of these. Nil where no receiver
	// runs: the next one to start reads them.
	Accept func(ctx context.Context, fingerprints []string) error
	// Confirm waits for the proof of a hook; nil to believe what GitHub says became of the ping.
	Confirm  Confirm
	Progress func(Step)
	Now      func() time.Time // time.Now if nil
	Wait     time.Duration    // for the proof of one hook; [DefaultWait] if zero
	PerHook  bool             // each hook gets a secret of its own
	// Aside are hooks that cannot be rotated, because GitHub refuses this user their repositories. Where they share the secret
	// that is replaced, it stays accepted from them alone. Their Secret and Since are filled in.
	Aside []secret.AsideHook
}

// Rotate replaces the secret of these hooks: all that share it, because the old one is refused in the end. A part of them
// is rotated with PerHook, which gives each a secret of its own and leaves the shared one alone. With a failed hook the
// result is not complete and the error is [ErrUnfinished]: the receiver goes on accepting both secrets until Resume
// succeeds or Finish leaves the hook out.
func (r *Rotator) Rotate(ctx context.Context, hooks []Hook, grace time.Duration) (RotateResult, error) {
	unlock, err := r.lock()
	if err != nil {
		return RotateResult{}, err
	}
	defer unlock()
	earlier, err := r.earlier()
	if err != nil {
		return RotateResult{}, err
	}
	known, err := r.Store.Aside()
	if err != nil {
		return RotateResult{}, err
	}
	state, err := r.begin(hooks, grace, earlier)
	if err != nil {
		return RotateResult{}, err
	}
	if err := r.accept(ctx, "hookctl status; then rotate again", allSecrets(state)...); err != nil {
		// No hook was touched yet, so there is nothing to resume, and everything is put back.
		err = errors.Join(err, r.Store.SetAside(known))
		if earlier != nil {
			return Result(state), errors.Join(err, r.Store.SaveRotation(earlier))
		}
		return Result(state), errors.Join(err, r.Store.EndRotation())
	}
	return r.run(ctx, state)
}

// Resume goes on with a rotation that was interrupted or has failed hooks, also where Finish left them out, and with hooks
// that were set aside by it or an earlier one. [ErrNoRotation] when there is nothing of these; one that is complete is left as
// it is.
func (r *Rotator) Resume(ctx context.Context) (RotateResult, error) {
	return r.onCurrent(func(state *secret.Rotation) (RotateResult, error) {
		if err := r.callBack(state); err != nil {
			return Result(state), err
		}
		if err := r.accept(ctx, resumeCure, allSecrets(state)...); err != nil {
			return Result(state), err
		}
		result, err := r.run(ctx, state)
		if err == nil && state.Over(r.now()) {
			err = r.Store.EndRotation()
		}
		return result, err
	})
}

// Undo gives every hook its old secret back, with the same care, while the old one is still accepted; after that it is
// [ErrGraceOver]. It can itself be resumed, and undone.
func (r *Rotator) Undo(ctx context.Context) (RotateResult, error) {
	return r.onCurrent(func(state *secret.Rotation) (RotateResult, error) {
		if !state.Promoted.IsZero() && !r.now().Before(state.Expires) {
			return RotateResult{}, &Error{Op: "undo rotation", Message: ErrGraceOver.Error(), Cure: "rotate again: hookctl rotate --all", Err: ErrGraceOver}
		}
		back := turned(state, r.now())
		if err := r.Store.SaveRotation(back); err != nil {
			return RotateResult{}, err
		}
		if err := r.accept(ctx, resumeCure, allSecrets(back)...); err != nil {
			return Result(back), err
		}
		return r.run(ctx, back)
	})
}

// turned is the rotation that takes another one back.
func turned(state *secret.Rotation, now time.Time) *secret.Rotation {
	back := *state
	back.Old, back.New, back.Undo = state.New, state.Old, !state.Undo
	back.OldSince, back.NewSince = state.NewSince, state.OldSince
	back.Started, back.Promoted, back.Expires = now, time.Time{}, time.Time{}
	back.Hooks = slices.Clone(state.Hooks)
	for i := range back.Hooks {
		h := &back.Hooks[i]
		h.Old, h.New = h.New, h.Old
		switch {
		case h.Step == secret.StepGone:
		case h.Untouched:
			// GitHub still has the secret that it is to have.
			h.Step, h.Error, h.Cure, h.Untouched = secret.StepVerified, "", "", false
		default:
			h.Step, h.Error, h.Cure = secret.StepPending, "", ""
		}
	}
	return &back
}

// Finish ends a rotation now. One that is complete loses the rest of its grace period: the old secret is refused, also from
// hooks that were set aside. One that is not leaves out the hooks that could not be changed: the new secret becomes the current
// one and the grace period begins, so that their owners have that long to act.
func (r *Rotator) Finish(ctx context.Context) (RotateResult, error) {
	return r.onCurrent(func(state *secret.Rotation) (RotateResult, error) {
		if state.Promoted.IsZero() {
			err := r.promote(ctx, state)
			return Result(state), err
		}
		result := Result(state)
		known, err := r.Store.Aside()
		if err == nil {
			err = r.Store.EndRotation()
		}
		if err == nil {
			err = r.Store.SetAside(nil)
		}
		if err != nil {
			return result, err
		}
		const cure = "hookctl status; then hookctl rotate --finish"
		err = r.accept(ctx, cure, newSecrets(state)...)
		if err != nil {
			// Such as a receiver that has another secret in its environment, and the new one from the state alone.
			err = errors.Join(err, r.Store.SetAside(known), r.Store.SaveRotation(state), r.accept(ctx, cure, newSecrets(state)...))
		}
		return result, err
	})
}

// onCurrent does something with the rotation that there is while nobody else rotates.
func (r *Rotator) onCurrent(do func(*secret.Rotation) (RotateResult, error)) (RotateResult, error) {
	unlock, err := r.lock()
	if err != nil {
		return RotateResult{}, err
	}
	defer unlock()
	state, err := r.current()
	if err != nil {
		return RotateResult{}, err
	}
	return do(state)
}

// Due are those of the hooks whose secret is older than maxAge, and since when the oldest secret of the others is in use.
// A hook signs with its own secret where it has one, else with the shared one, so that all who share it are due together.
// A secret of unknown age is due.
func (r *Rotator) Due(hooks []Hook, maxAge time.Duration) (due []Hook, since time.Time, err error) {
	for _, h := range hooks {
		at, err := r.Store.HookChangedAt(h.ID, h.URL)
		if err != nil {
			return nil, since, err
		}
		if r.now().Sub(at) > maxAge {
			due = append(due, h)
		} else if since.IsZero() || at.Before(since) {
			since = at
		}
	}
	return due, since, nil
}

func (r *Rotator) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r *Rotator) lock() (func(), error) {
	unlock, err := r.Store.LockRotation()
	if errors.Is(err, secret.ErrRotating) {
		return nil, &Error{Op: "rotate", Message: err.Error(), Cure: "wait for it; if its process dies, run: hookctl rotate --resume", Err: err}
	}
	return unlock, err
}

func (r *Rotator) current() (*secret.Rotation, error) {
	state, err := r.Store.Rotation()
	if err == nil && state == nil {
		state, err = r.forAside()
	}
	if err == nil && state == nil {
		err = &Error{Op: "rotate", Message: ErrNoRotation.Error(), Cure: "start one: hookctl rotate --all", Err: ErrNoRotation}
	}
	if err == nil && state.Host != "" && state.Host != r.Client.host {
		err = &Error{Op: "rotate", Message: "the rotation is of hooks on " + clean(state.Host) + ", and this is a login to " + r.Client.host, Cure: "choose the host: GH_HOST=" + clean(state.Host)}
	}
	return state, err
}

// earlier is the state of a rotation before this one, which must have come to its end.
func (r *Rotator) earlier() (*secret.Rotation, error) {
	state, err := r.Store.Rotation()
	if err == nil && state != nil && state.Promoted.IsZero() {
		err = &Error{Op: "rotate", Message: "an earlier rotation is not finished", Cure: "finish it first: hookctl rotate --resume", Err: ErrUnfinished}
	}
	return state, err
}

// begin saves the state of a new rotation: from then on both secrets are known, whatever happens.
func (r *Rotator) begin(hooks []Hook, grace time.Duration, earlier *secret.Rotation) (*secret.Rotation, error) {
	if len(hooks) == 0 {
		return nil, &Error{Op: "rotate", Message: "no hook to rotate", Cure: "list the hooks: hookctl hooks list"}
	}
	old, origin, err := r.Store.Current()
	switch {
	case err != nil:
		return nil, err
	case origin == secret.FromEnvironment:
		return nil, &Error{Op: "rotate", Message: secret.ErrFromEnvironment.Error(),
			Cure: "unset " + secret.Variable + " and put the secret into .env: hookctl secret import", Err: secret.ErrFromEnvironment}
	case old == "":
		return nil, &Error{Op: "rotate", Message: "no secret is set", Cure: "run: hookctl setup"}
	}
	since, err := r.Store.ChangedAt()
	if err != nil {
		return nil, err
	}
	now := r.now()
	state := &secret.Rotation{Host: r.Client.host, Old: old, OldSince: since, Started: now, Grace: grace}
	if earlier != nil {
		// What an earlier rotation still accepts for a while stays accepted.
		state.Retired = slices.DeleteFunc(earlier.Keys(), func(k secret.Key) bool { return k.Expires.IsZero() || !now.Before(k.Expires) })
		if err := r.Store.Retire(earlier, now); err != nil {
			return nil, err
		}
	}
	if !r.PerHook {
		if state.New, err = secret.Generate(); err != nil {
			return nil, err
		}
	}
	seen := make(map[int64]bool)
	for _, h := range hooks {
		if seen[h.ID] {
			continue
		}
		seen[h.ID] = true
		one := secret.RotationHook{Repository: h.Target.String(), HookID: h.ID, Step: secret.StepPending, Untouched: true}
		own, err := r.Store.SecretOf(h.ID, h.URL)
		if err != nil {
			return nil, err
		}
		// A hook that has its own secret keeps having one, and one that has its path's gets one.
		if r.PerHook || own != "" {
			one.Old = cmp.Or(own, old)
			if one.New, err = secret.Generate(); err != nil {
				return nil, err
			}
		}
		state.Hooks = append(state.Hooks, one)
	}
	if !state.PerHook() {
		if err := r.keepAside(r.Aside, old); err != nil {
			return nil, err
		}
	}
	return state, r.Store.SaveRotation(state)
}


// run takes a saved rotation, of which the receiver accepts the secrets, as far as it goes.
func (r *Rotator) run(ctx context.Context, state *secret.Rotation) (RotateResult, error) {
	promoted := !state.Promoted.IsZero()
	if promoted && unfinished(state) == 0 && !hasAside(state) {
		return Result(state), nil
	}
	w := &rotating{r: r, state: state, progress: oneAtATime(r.Progress), wait: cmp.Or(r.Wait, DefaultWait)}
	if err := w.hooks(ctx); err != nil {
		return Result(state), err
	}
	if open := unfinished(state); open > 0 {
		until := "until all have it"
		if promoted {
			until = "until " + state.Expires.Format(time.RFC3339)
		}
		return Result(state), &Error{Op: "rotate", Message: fmt.Sprintf("%d of %d hooks do not have the new secret yet; the old one is accepted %s", open, len(state.Hooks), until),
			Cure: "when the reason is gone, run: hookctl rotate --resume", Err: ErrUnfinished}
	}
	if promoted {
		return Result(state), nil
	}
	err := r.promote(ctx, state)
	return Result(state), err
}

func unfinished(state *secret.Rotation) (n int) {
	for _, h := range state.Hooks {
		if h.Step != secret.StepVerified && h.Step != secret.StepGone && h.Step != secret.StepAside {
			n++
		}
	}
	return n
}

// newSecrets are the ones that hooks get.
func newSecrets(state *secret.Rotation) []string {
	secrets := []string{state.New}
	for _, h := range state.Hooks {
		secrets = append(secrets, h.New)
	}
	return secrets
}

// allSecrets are the ones that the receiver has to accept: of a rotation that is over, only the new ones.
func allSecrets(state *secret.Rotation) []string {
	secrets := newSecrets(state)
	if state.Promoted.IsZero() {
		secrets = append(secrets, state.Old)
		for _, h := range state.Hooks {
			secrets = append(secrets, h.Old)
		}
	}
	return secrets
}

// resumeCure is what to do where a rotation is saved and the receiver does not accept its secrets.
const resumeCure = "see the receiver: hookctl status; then run: hookctl rotate --resume"

// accept has the receiver accept secrets. cure is what leads on where it does not, and the receiver knows no better.
func (r *Rotator) accept(ctx context.Context, cure string, secrets ...string) error {
	if r.Accept == nil {
		return nil
	}
	var prints []string
	for _, s := range secrets {
		if p := secret.Fingerprint(s); p != "" && !slices.Contains(prints, p) {
			prints = append(prints, p)
		}
	}
	report := oneAtATime(r.Progress)
	step := Step{Name: "accept secrets", State: StateRunning}
	report(step)
	if err := r.Accept(ctx, prints); err != nil {
		step.State, step.Err = StateFailed, fmt.Errorf("the receiver does not accept the secrets: %w", err)
		report(step)
		return &Error{Op: "rotate", Message: clean(step.Err.Error()), Cure: cmp.Or(CureOf(err), cure), Err: step.Err}
	}
	step.State = StateDone
	report(step)
	return nil
}
