package fleet

import (
	"context"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
)

// RotateRequest says which hooks get a new secret. Its zero value means all of ours.
type RotateRequest struct {
	Targets []hooks.Target // of these only
	IDs     []int64        // these only
	Grace   time.Duration  // how long the old secret stays accepted; [hooks.DefaultGrace] if zero, none if negative
	MaxAge  time.Duration  // leaves hooks alone whose secret is younger; 0 rotates all
}

// RotatePlan is what a rotation would do.
type RotatePlan struct {
	Resume  bool          // a rotation is under way or has something left to do: [Fleet.Rotate] goes on with that
	Hooks   []Hook        // that would change
	PerHook bool          // each gets a secret of its own, because others share theirs or the settings say so
	Shared  bool          // PerHook, because hooks that were not chosen share the secret
	Aside   []Aside       // targets that cannot be rotated now; their hooks keep the old secret, accepted for them alone
	Young   int           // hooks left alone because of MaxAge
	Since   time.Time     // since when the oldest secret of the young ones is in use
	Grace   time.Duration // how long the old secret stays accepted
}

// RotateReport is how a rotation came out, with fingerprints in place of secrets.
type RotateReport struct {
	hooks.RotateResult
	Aside []Aside // targets and hooks that were left out
	Next  string  // the command that goes on from here, "" where nothing is left to do
	Over  bool    // the rotation is over: there is nothing to undo or resume
}

// Failed tells whether a hook failed or was set aside.
func (r RotateReport) Failed() bool { return false }

// Rotation is the rotation that there is.
type Rotation struct {
	State     *secret.Rotation // nil for none
	Result    hooks.RotateResult
	Open      bool      // it is not finished: [Fleet.Resume] goes on
	UndoUntil time.Time // it can be undone until then; zero where it cannot, or as long as it is open
	Aside     []secret.AsideHook
}

// Rotation reads the rotation that there is.
func (f *Fleet) Rotation() (Rotation, error) { return Rotation{}, errTodo }

// PlanRotation looks which hooks would change, and which have to be set aside. It fails where GitHub does not answer for a
// target, because hooks there would lose their secret unseen; a 403 or 404 is set aside instead.
func (f *Fleet) PlanRotation(ctx context.Context, r RotateRequest) (RotatePlan, error) {
	return RotatePlan{}, errTodo
}

// Rotate gives the hooks of a plan a new secret, or goes on with what is under way.
func (f *Fleet) Rotate(ctx context.Context, p RotatePlan, progress func(hooks.Step)) (RotateReport, error) {
	return RotateReport{}, errTodo
}

// Resume goes on with a rotation that was interrupted, and with hooks that were set aside.
func (f *Fleet) Resume(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return RotateReport{}, errTodo
}

// Undo gives every hook its old secret back, while that is still accepted.
func (f *Fleet) Undo(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return RotateReport{}, errTodo
}

// Finish ends what is under way: it gives up on hooks that failed or were set aside, or on the rest of the grace period.
func (f *Fleet) Finish(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return RotateReport{}, errTodo
}
