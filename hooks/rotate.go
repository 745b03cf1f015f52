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
	return r.locked(func() (*secret.Rotation, error) {
		earlier, err := r.Store.Rotation()
		if err != nil {
			return nil, err
		}
		known, err := r.Store.Aside()
		if err != nil {
			return nil, err
		}
		state, err := r.begin(hooks, grace, earlier)
		if err != nil {
			return nil, err
		}
		if err := r.accept(ctx, "hookctl status; then rotate again", state); err != nil {
			// No hook was touched yet, so there is nothing to resume, and everything is put back.
			err = errors.Join(err, r.Store.SetAside(known))
			if earlier != nil {
				return state, errors.Join(err, r.Store.SaveRotation(earlier))
			}
			return state, errors.Join(err, r.Store.EndRotation())
		}
		return state, r.run(ctx, state)
	})
}

// Resume goes on with a rotation that was interrupted or has failed hooks, also where Finish left them out, and with hooks
// that were set aside by it or an earlier one. [ErrNoRotation] when there is nothing of these; one that is complete is left as
// it is.
func (r *Rotator) Resume(ctx context.Context) (RotateResult, error) {
	return r.locked(func() (*secret.Rotation, error) {
		state, err := r.current()
		if err != nil {
			return nil, err
		}
		if err = r.callBack(state); err == nil {
			err = r.accept(ctx, resumeCure, state)
		}
		if err == nil {
			err = r.run(ctx, state)
		}
		if err == nil && state.Over(r.now()) {
			err = r.Store.EndRotation()
		}
		return state, err
	})
}

// Undo gives every hook its old secret back, with the same care, while the old one is still accepted; after that it is
// [ErrGraceOver]. It can itself be resumed, and undone.
func (r *Rotator) Undo(ctx context.Context) (RotateResult, error) {
	return r.locked(func() (*secret.Rotation, error) {
		state, err := r.current()
		if err != nil {
			return nil, err
		}
		if !state.Promoted.IsZero() && !r.now().Before(state.Expires) {
			return nil, &Error{Op: "undo rotation", Message: ErrGraceOver.Error(), Cure: "rotate again: hookctl rotate --all", Err: ErrGraceOver}
		}
		turn(state, r.now())
		if err := r.Store.SaveRotation(state); err != nil {
			return nil, err
		}
		if err := r.accept(ctx, resumeCure, state); err != nil {
			return state, err
		}
		return state, r.run(ctx, state)
	})
}

// turn makes of a rotation the one that takes it back.
func turn(r *secret.Rotation, now time.Time) {
	r.Old, r.New, r.Undo = r.New, r.Old, !r.Undo
	r.OldSince, r.NewSince = r.NewSince, r.OldSince
	r.Started, r.Promoted, r.Expires = now, time.Time{}, time.Time{}
	for i := range r.Hooks {
		h := &r.Hooks[i]
		h.Old, h.New = h.New, h.Old
		switch {
		case h.Step == secret.StepGone:
			continue
		case h.Untouched: // GitHub still has the secret that it is to have
			h.Step = secret.StepVerified
		default:
			h.Step = secret.StepPending
		}
		h.Error, h.Cure, h.Untouched = "", "", false
	}
}

// Finish ends a rotation now. One that is complete loses the rest of its grace period: the old secret is refused, also from
// hooks that were set aside. One that is not leaves out the hooks that could not be changed: the new secret becomes the current
// one and the grace period begins, so that their owners have that long to act.
func (r *Rotator) Finish(ctx context.Context) (RotateResult, error) {
	return r.locked(func() (*secret.Rotation, error) {
		state, err := r.current()
		if err != nil {
			return nil, err
		}
		if state.Promoted.IsZero() {
			return state, r.promote(ctx, state)
		}
		known, err := r.Store.Aside()
		if err == nil {
			err = r.Store.EndRotation()
		}
		if err == nil {
			err = r.Store.SetAside(nil)
		}
		if err != nil {
			return state, err
		}
		const cure = "hookctl status; then hookctl rotate --finish"
		if err = r.accept(ctx, cure, state); err != nil {
			// Such as a receiver that has another secret in its environment, and the new one from the state alone.
			err = errors.Join(err, r.Store.SetAside(known), r.Store.SaveRotation(state), r.accept(ctx, cure, state))
		}
		return state, err
	})
}

// locked does something while nobody else rotates, and returns how the rotation is afterwards that it returned.
func (r *Rotator) locked(do func() (*secret.Rotation, error)) (RotateResult, error) {
	unlock, err := r.lock()
	if err != nil {
		return RotateResult{}, err
	}
	defer unlock()
	state, err := do()
	if state == nil {
		return RotateResult{}, err
	}
	return Result(state), err
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

// begin saves the state of a new rotation: from then on both secrets are known, whatever happens. earlier is that of one before
// it, which must have come to its end; nil for none.
func (r *Rotator) begin(hooks []Hook, grace time.Duration, earlier *secret.Rotation) (*secret.Rotation, error) {
	if earlier != nil && earlier.Promoted.IsZero() {
		return nil, &Error{Op: "rotate", Message: "an earlier rotation is not finished", Cure: "finish it first: hookctl rotate --resume", Err: ErrUnfinished}
	}
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
func (r *Rotator) run(ctx context.Context, state *secret.Rotation) error {
	w := &rotating{Rotator: r, state: state, progress: oneAtATime(r.Progress)}
	if err := w.hooks(ctx); err != nil {
		return err
	}
	if open := unfinished(state); open > 0 {
		until := "until all have it"
		if !state.Promoted.IsZero() {
			until = "until " + state.Expires.Format(time.RFC3339)
		}
		return &Error{Op: "rotate", Message: fmt.Sprintf("%d of %d hooks do not have the new secret yet; the old one is accepted %s", open, len(state.Hooks), until),
			Cure: "when the reason is gone, run: hookctl rotate --resume", Err: ErrUnfinished}
	}
	if !state.Promoted.IsZero() {
		return nil
	}
	return r.promote(ctx, state)
}

func unfinished(state *secret.Rotation) (n int) {
	for _, h := range state.Hooks {
		if h.Step != secret.StepVerified && h.Step != secret.StepGone && h.Step != secret.StepAside {
			n++
		}
	}
	return n
}

// resumeCure is what to do where a rotation is saved and the receiver does not accept its secrets.
const resumeCure = "see the receiver: hookctl status; then run: hookctl rotate --resume"

// accept has the receiver accept the secrets of a rotation: of one that was promoted, only the new ones. cure is what leads on where
// it does not, and the receiver knows no better.
func (r *Rotator) accept(ctx context.Context, cure string, state *secret.Rotation) error {
	if r.Accept == nil {
		return nil
	}
	keys := []secret.Key{{Value: state.New}}
	for _, h := range state.Hooks {
		keys = append(keys, secret.Key{Value: h.New})
	}
	if state.Promoted.IsZero() {
		keys = append(keys, secret.Key{Value: state.Old})
		for _, h := range state.Hooks {
			keys = append(keys, secret.Key{Value: h.Old})
		}
	}
	err := doing(oneAtATime(r.Progress), Step{Name: "accept secrets"}, func() error {
		if err := r.Accept(ctx, secret.NewRing(keys...).Fingerprints(time.Time{})); err != nil {
			return fmt.Errorf("the receiver does not accept the secrets: %w", err)
		}
		return nil
	})
	if err != nil {
		return &Error{Op: "rotate", Message: clean(err.Error()), Cure: cmp.Or(CureOf(err), cure), Err: err}
	}
	return nil
}
