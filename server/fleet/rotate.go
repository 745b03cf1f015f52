package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// RotateRequest says which hooks get a new secret. Its zero value means all of ours, or going on with a rotation that is under
// way.
type RotateRequest struct {
	Targets []hooks.Target // of these only
	IDs     []int64        // these only
	Grace   time.Duration  // how long the old secret stays accepted; [hooks.DefaultGrace] if zero, none if negative
	MaxAge  time.Duration  // leaves hooks alone whose secret is younger; 0 rotates all
}

// RotatePlan is what a rotation would do.
type RotatePlan struct {
	Resume  bool          // a rotation is under way: [Fleet.Rotate] goes on with that
	Hooks   []Hook        // that would change; none where every secret is young enough
	PerHook bool          // each gets a secret of its own, because others share theirs or the settings say so
	Shared  bool          // PerHook, because hooks that were not chosen share the secret
	Aside   []Aside       // targets that GitHub refuses; their hooks keep the old secret, accepted from them alone
	Young   int           // hooks left alone because of MaxAge
	Since   time.Time     // since when the oldest secret of the young ones is in use
	Grace   time.Duration // how long the old secret stays accepted

	keep []secret.AsideHook // what is known of hooks on targets that are set aside
}

// RotateReport is how a rotation came out, with fingerprints in place of secrets. As JSON it is what `rotate` prints.
type RotateReport struct {
	hooks.RotateResult
	Aside []Aside // targets and hooks that were left out
	Next  string  // the command that goes on from here, "" where nothing is left to do
	Over  bool    // nothing is left of the rotation: there is nothing to undo or resume
}

// MarshalJSON writes the result, with an error of null where a hook has none, and what was set aside.
func (r RotateReport) MarshalJSON() ([]byte, error) {
	type hook struct {
		hooks.RotateHook
		Error *string `json:"error"`
	}
	list := []hook{}
	for _, h := range r.Hooks {
		one := hook{RotateHook: h}
		if h.Error != "" {
			one.Error = &h.Error
		}
		list = append(list, one)
	}
	return json.Marshal(struct {
		hooks.RotateResult
		Hooks []hook  `json:"hooks"`
		Aside []Aside `json:"aside,omitempty"`
		Next  string  `json:"next,omitempty"`
	}{r.RotateResult, list, r.Aside, r.Next})
}

// Failed reports whether a hook failed, waits or was set aside.
func (r RotateReport) Failed() bool { return !r.Complete || len(r.Aside) > 0 }

// Rotation is the rotation that there is.
type Rotation struct {
	State     *secret.Rotation // nil for none
	Result    hooks.RotateResult
	Open      bool               // it is not finished: [Fleet.Resume] goes on
	UndoUntil time.Time          // it can be undone until then; zero where it cannot, or as long as it is open
	Aside     []secret.AsideHook // hooks that were set aside, by this or earlier ones
	Next      string             // the command that goes on, "" where nothing is left to do
}

// Rotation reads the rotation that there is.
func (f *Fleet) Rotation() (r Rotation, err error) {
	if r.State, err = f.cfg.Store.Rotation(); err != nil {
		return r, err
	}
	if r.Aside, err = f.cfg.Store.Aside(); err != nil {
		return r, err
	}
	if len(r.Aside) > 0 {
		r.Next = "hookctl rotate --resume"
	}
	if r.State == nil || r.State.Over(f.cfg.Now()) {
		return r, nil
	}
	r.Result = hooks.Result(r.State)
	r.Open = r.State.Promoted.IsZero()
	if r.Open || !r.Result.Complete {
		r.Next = "hookctl rotate --resume"
	}
	if !r.Open && f.cfg.Now().Before(r.State.Expires) {
		r.UndoUntil = r.State.Expires
	}
	return r, nil
}

// PlanRotation looks which hooks would change, and which have to be set aside. It fails where GitHub does not answer for a
// target, because hooks there would lose their secret unseen; a 403 or 404 is set aside instead.
func (f *Fleet) PlanRotation(ctx context.Context, r RotateRequest) (RotatePlan, error) {
	plan := RotatePlan{Grace: max(0, cmp.Or(r.Grace, hooks.DefaultGrace)), PerHook: f.cfg.PerHook}
	some := r.Targets != nil || len(r.IDs) > 0
	now, err := f.Rotation()
	switch {
	case err != nil:
		return plan, err
	case now.Open && some:
		return plan, &hooks.Error{Op: "rotate", Message: "an earlier rotation is not finished", Cure: now.Next, Err: hooks.ErrUnfinished}
	case now.Open:
		plan.Resume = true
		return plan, nil
	}
	k, err := f.facts(ctx)
	if err != nil {
		return plan, err
	}
	list, err := f.list(ctx, k, ListRequest{Targets: unique(append(slices.Clone(k.targets), r.Targets...))})
	if err != nil {
		return plan, err
	}
	chosen, err := f.toRotate(list, r)
	if err != nil {
		return plan, err
	}
	for _, a := range list.Aside {
		if asked := !some || contains(r.Targets, a.Target); !hooks.OfTarget(a.Err) && asked {
			return plan, fmt.Errorf("see which hooks there are: %w", list.Err())
		} else if asked {
			plan.Aside = append(plan.Aside, a)
			plan.keep = append(plan.keep, k.keptOn(a)...)
		}
	}
	if len(chosen) == 0 {
		return plan, errors.Join(hooks.WithCure(errors.New("no hook of this receiver was found"), "hookctl setup"), joined(plan.Aside))
	}
	if some && !plan.PerHook {
		if plan.Shared, err = f.othersShare(list, chosen); err != nil {
			return plan, err
		}
		plan.PerHook = plan.Shared
	}
	plan.Hooks = chosen
	if r.MaxAge > 0 {
		err = f.leaveYoung(&plan, r.MaxAge)
	}
	return plan, err
}

func contains(list []hooks.Target, t hooks.Target) bool {
	return slices.ContainsFunc(list, func(have hooks.Target) bool { return key(have) == key(t) })
}

// keptOn are the hooks of ours that are known on a target which cannot be listed.
func (k *facts) keptOn(a Aside) (list []secret.AsideHook) {
	for id, h := range k.kept.Hooks {
		if named(a.Target)(h.Repository) {
			list = append(list, secret.AsideHook{Repository: h.Repository, HookID: id, Error: a.Err.Error(), Cure: a.Cure()})
		}
	}
	return list
}

// toRotate are the hooks of a list that a request chooses.
func (f *Fleet) toRotate(list List, r RotateRequest) ([]Hook, error) {
	for _, id := range r.IDs {
		at := slices.IndexFunc(list.Hooks, func(h Hook) bool { return h.ID == id })
		switch {
		case at < 0:
			return nil, errors.Join(hooks.WithCure(fmt.Errorf("no hook %d on the repositories looked at", id), "name its repository with -R owner/repo"), list.Err())
		case !list.Hooks[at].Ours:
			return nil, hooks.WithCure(fmt.Errorf("hook %d does not deliver to this receiver, so a new secret would break it", id), "hookctl setup "+list.Hooks[at].Target.Flag()+" --adopt")
		}
	}
	return slices.DeleteFunc(list.Ours(), func(h Hook) bool {
		return len(r.IDs) > 0 && !slices.Contains(r.IDs, h.ID) || r.Targets != nil && !contains(r.Targets, h.Target)
	}), nil
}

// othersShare reports whether hooks besides the chosen ones sign with the shared secret, which a new one would lock out. A target
// that could not be listed may have such hooks.
func (f *Fleet) othersShare(list List, chosen []Hook) (bool, error) {
	if len(list.Aside) > 0 {
		return true, nil
	}
	for _, have := range list.Ours() {
		if slices.ContainsFunc(chosen, func(h Hook) bool { return h.ID == have.ID }) {
			continue
		}
		if own, err := f.cfg.Store.SecretOf(have.ID, have.URL); err != nil || own == "" {
			return true, err
		}
	}
	return false, nil
}

// leaveYoung takes hooks out of a plan whose secret is younger than maxAge.
func (f *Fleet) leaveYoung(plan *RotatePlan, maxAge time.Duration) error {
	rotator := hooks.Rotator{Store: f.cfg.Store, Now: f.cfg.Now}
	due, since, err := rotator.Due(plain(plan.Hooks), maxAge)
	if err != nil {
		return err
	}
	plan.Young, plan.Since = len(plan.Hooks)-len(due), since
	plan.Hooks = slices.DeleteFunc(plan.Hooks, func(h Hook) bool {
		return !slices.ContainsFunc(due, func(d hooks.Hook) bool { return d.ID == h.ID })
	})
	return nil
}

func plain(list []Hook) []hooks.Hook {
	out := make([]hooks.Hook, len(list))
	for i, h := range list {
		out[i] = h.Hook
	}
	return out
}

// rotator gives package hooks what a rotation needs of this machine.
func (f *Fleet) rotator(client *hooks.Client, log *logs.Log, progress func(hooks.Step)) *hooks.Rotator {
	return &hooks.Rotator{Client: client, Store: f.cfg.Store, Accept: f.accept, Confirm: confirm(log), Progress: progress, Now: f.cfg.Now, Wait: f.cfg.Wait, PerHook: f.cfg.PerHook}
}

// Rotate gives the hooks of a plan a new secret, or goes on with what is under way. A hook that failed is in the report, with
// what to do; the error is about the rotation as a whole.
func (f *Fleet) Rotate(ctx context.Context, p RotatePlan, progress func(hooks.Step)) (RotateReport, error) {
	if p.Resume {
		return f.Resume(ctx, progress)
	}
	if len(p.Hooks) == 0 { // every secret is young enough
		current, _, err := f.cfg.Store.Current()
		print := secret.Fingerprint(current)
		return RotateReport{RotateResult: hooks.RotateResult{Old: print, New: print, Complete: true, Hooks: []hooks.RotateHook{}}, Aside: p.Aside}, err
	}
	return f.turn(ctx, progress, p.Aside, func(r *hooks.Rotator, ctx context.Context) (hooks.RotateResult, error) {
		r.PerHook, r.Aside = p.PerHook, p.keep
		return r.Rotate(ctx, plain(p.Hooks), p.Grace)
	})
}

// Resume goes on with a rotation that was interrupted, and with hooks that were set aside.
func (f *Fleet) Resume(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return f.turn(ctx, progress, nil, (*hooks.Rotator).Resume)
}

// Undo gives every hook its old secret back, while that is still accepted.
func (f *Fleet) Undo(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return f.turn(ctx, progress, nil, (*hooks.Rotator).Undo)
}

// Finish ends what is under way: it leaves out hooks that failed or were set aside, or on the rest of the grace period.
func (f *Fleet) Finish(ctx context.Context, progress func(hooks.Step)) (RotateReport, error) {
	return f.turn(ctx, progress, nil, (*hooks.Rotator).Finish)
}

// turn does one of the Rotator's works and says what is left to do, as the disk has it afterwards.
func (f *Fleet) turn(ctx context.Context, progress func(hooks.Step), out []Aside, do func(*hooks.Rotator, context.Context) (hooks.RotateResult, error)) (RotateReport, error) {
	client, err := f.GitHub()
	if err != nil {
		return RotateReport{}, err
	}
	if _, err := daemon.Dial(f.cfg.Home).Status(ctx); err != nil { // nothing is begun that it cannot take part in
		return RotateReport{}, hooks.WithCure(fmt.Errorf("a rotation needs the receiver, which has to accept both secrets: %w", err), "start the receiver: hookctl start")
	}
	var report RotateReport
	err = f.withLog(ctx, func(log *logs.Log) error {
		report.RotateResult, err = do(f.rotator(client, log, progress), ctx)
		return err
	})
	report.Aside = out
	now, stateErr := f.Rotation()
	if stateErr != nil {
		return report, errors.Join(err, stateErr)
	}
	report.Next, report.Over = now.Next, now.State == nil
	if report.Over {
		report.Expires = time.Time{}
	}
	for _, h := range now.Aside {
		t, parseErr := hooks.ParseTarget(h.Repository)
		if parseErr != nil || slices.ContainsFunc(out, func(a Aside) bool { return key(a.Target) == key(t) }) {
			continue
		}
		report.Aside = append(report.Aside, Aside{Target: t, HookID: h.HookID, Err: hooks.WithCure(errors.New(h.Error), h.Cure)})
	}
	if err == nil && report.Over && !report.Complete && report.Next == "" { // a hook that was left out has a secret that nobody accepts
		report.Next = "hookctl rotate"
	}
	if errors.Is(err, hooks.ErrUnfinished) && len(report.Hooks) > 0 {
		err = nil // the report says which hooks, and why
	}
	return report, err
}
