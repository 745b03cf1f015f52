package hooks

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"hookctl/hooks/secret"
)

// rotating is the work on the hooks of one rotation.
type rotating struct {
	*Rotator
	progress func(Step)

	mu    sync.Mutex
	state *secret.Rotation
}

// hooks brings every hook that is not finished to its proof, a few at a time. Its error is about the state file, without
// which no further hook is touched, or the context; what went wrong with a hook is in the state.
func (w *rotating) hooks(ctx context.Context) error {
	// From here on a change may reach GitHub and the answer not reach us. What was certain before is kept in
	// memory only, and written again if it proves to be so still.
	untouched := make([]bool, len(w.state.Hooks))
	for i := range w.state.Hooks {
		h := &w.state.Hooks[i]
		untouched[i], h.Untouched = h.Untouched, false
	}
	if err := w.keep(); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	each(len(w.state.Hooks), w.Client.waiters(), func(i int) {
		if err := w.hook(ctx, i, untouched[i]); err != nil {
			stop(err)
		}
	})
	return context.Cause(ctx)
}

// hook takes one hook from the step where it is to its proof. untouched means that GitHub certainly has the old secret.
func (w *rotating) hook(ctx context.Context, i int, untouched bool) error {
	h := w.state.Hooks[i] // only this goroutine changes it
	target, err := ParseTarget(h.Repository)
	if err != nil {
		return err
	}
	value := cmp.Or(h.New, w.state.New)
	if h.Step == secret.StepGone || h.Step == secret.StepVerified {
		return nil
	}
	if ctx.Err() != nil {
		if h.Untouched = untouched; untouched {
			return w.save(i, h)
		}
		return nil
	}
	if h.Step != secret.StepChanged {
		w.report(target, h, "set secret", StateRunning, nil)
		err := w.Client.Configure(ctx, target, h.HookID, ConfigChange{Secret: &value})
		if err != nil {
			h.Untouched = untouched && refused(err)
			return w.failed(ctx, i, target, h, "set secret", err)
		}
		h.Step, h.Error, h.Cure = secret.StepChanged, "", ""
		if err := w.save(i, h); err != nil {
			return err
		}
		w.report(target, h, "set secret", StateDone, nil)
	}
	w.report(target, h, "verify", StateRunning, nil)
	last, err := w.Client.prove(ctx, proof{target: target, hookID: h.HookID, fingerprint: secret.Fingerprint(value), confirm: w.Confirm, wait: cmp.Or(w.Wait, DefaultWait), patient: true})
	idle := err != nil && w.Client.idle(ctx, target, h.HookID, last, err)
	if err != nil && !idle {
		return w.failed(ctx, i, target, h, "verify", err)
	}
	h.Step, h.Error, h.Cure = secret.StepVerified, "", ""
	if err := w.save(i, h); err != nil {
		return err
	}
	if idle {
		h.Error = inactiveNote
		w.report(target, h, "verify", StateSkipped, nil)
		return nil
	}
	w.report(target, h, "verify", StateDone, nil)
	return nil
}

// refused reports whether GitHub has certainly not acted.
func refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && !e.lost
}

// failed notes why a hook could not go on. One that was deleted needs no secret any more. An interruption is not a
// failure of the hook: it stays where it is.
func (w *rotating) failed(ctx context.Context, i int, t Target, h secret.RotationHook, step string, err error) error {
	switch {
	case errors.Is(err, ErrHookNotFound):
		h.Step, h.Error, h.Cure = secret.StepGone, "the hook was deleted in the meantime", ""
		w.report(t, h, step, StateSkipped, err)
	case ctx.Err() != nil:
		return nil
	default:
		h.Step, h.Error, h.Cure = secret.StepFailed, err.Error(), CureOf(err)
		if OfTarget(err) {
			h.Step = secret.StepAside
		}
		w.report(t, h, step, StateFailed, err)
	}
	return w.save(i, h)
}

// save writes the state of one hook durably. One that came through after the promotion leaves those that were set aside; before, the
// promotion does that.
func (w *rotating) save(i int, h secret.RotationHook) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Hooks[i] = h
	if err := w.keep(); err != nil || h.Step != secret.StepVerified || w.state.Promoted.IsZero() {
		return err
	}
	return w.Store.BackFromAside(h.HookID)
}

func (w *rotating) keep() error {
	err := w.Store.SaveRotation(w.state)
	if err == nil {
		return nil
	}
	return &Error{Op: "rotate", Message: "cannot save the state of the rotation, so no further hook is changed: " + clean(err.Error()),
		Cure: "free space on the disk, then run: hookctl rotate --resume", Err: err}
}

func (w *rotating) report(t Target, h secret.RotationHook, name, state string, err error) {
	w.progress(Step{Target: t, HookID: h.HookID, Name: name, State: state, Detail: h.Error, Err: err})
}
