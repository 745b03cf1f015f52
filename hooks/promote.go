package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"hookctl/hooks/secret"
)

// promote makes the new secrets the current ones. The .env file comes first: a crash before the state is saved leaves
// both secrets accepted and the step to be repeated, which changes nothing.
func (r *Rotator) promote(ctx context.Context, state *secret.Rotation) error {
	if err := doing(oneAtATime(r.Progress), Step{Name: "promote"}, func() error { return r.save(state) }); err != nil {
		return err
	}
	return r.accept(ctx, resumeCure, state)
}

func (r *Rotator) save(state *secret.Rotation) error {
	shared := cmp.Or(state.New, state.Old) // where each hook has its own, the shared one stays
	if err := r.putAside(state, shared); err != nil {
		return err
	}
	own := make(map[int64]string)
	for _, h := range state.Hooks {
		switch {
		case h.New == "" && h.Old == "":
		case h.Step == secret.StepGone, h.New == shared:
			own[h.HookID] = ""
		case h.New != "":
			own[h.HookID] = h.New
		}
	}
	if len(own) > 0 {
		if err := r.Store.SetHookSecrets(own, r.now()); err != nil {
			return err
		}
	}
	if err := r.Store.SetCurrent(shared); err != nil {
		return err
	}
	state.Promoted = r.now()
	if state.NewSince.IsZero() {
		state.NewSince = state.Promoted
	}
	// Hooks that got secrets of their own leave the shared one as old as it is.
	if !state.PerHook() {
		if err := r.Store.NoteChanged(state.NewSince); err != nil {
			return err
		}
	}
	state.Expires = state.Promoted.Add(state.Grace)
	return r.Store.SaveRotation(state)
}

// TakeIn adds hooks that were set up, to sign with a secret, while the state of a rotation exists, so that it does not end
// without them: one that is not promoted yet changes them when it is resumed, and one in its grace period takes them
// along when it is undone. It waits for a rotation that is being worked on; a hook that got the old secret in the meantime gets
// the new one at once. Without a rotation it does nothing.
func (r *Rotator) TakeIn(ctx context.Context, hooks []Hook, signed string) error {
	unlock, err := r.lock()
	for ; errors.Is(err, secret.ErrRotating); unlock, err = r.lock() {
		if err := sleep(ctx, lockPause); err != nil {
			return fmt.Errorf("wait for a rotation: %w", err)
		}
	}
	if err != nil {
		return err
	}
	defer unlock()
	state, err := r.Store.Rotation()
	if err != nil || state == nil || state.Over(r.now()) || state.PerHook() {
		return err
	}
	changed := false
	for _, h := range hooks {
		own, err := r.Store.SecretOf(h.ID, h.URL)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(state.Hooks, func(known secret.RotationHook) bool { return known.HookID == h.ID })
		if own != "" || (at >= 0 && signed == state.New) {
			continue // it has no part in the change of the shared secret, or has come through it
		}
		one := secret.RotationHook{Repository: h.Target.String(), HookID: h.ID, Step: secret.StepPending}
		if signed == state.New {
			one.Step = secret.StepVerified
		}
		if at >= 0 {
			state.Hooks[at] = one // the setup may have taken it back to the old secret
		} else {
			state.Hooks = append(state.Hooks, one)
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if err := r.Store.SaveRotation(state); err != nil || state.Promoted.IsZero() {
		return err
	}
	return r.run(ctx, state)
}
