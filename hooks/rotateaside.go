package hooks

import (
	"cmp"
	"slices"

	"hookctl/hooks/secret"
)

// keepAside adds hooks to those that were set aside, which sign with a shared secret. One that has a secret of its own is none
// of them, and one that is set aside already signs with what it did then.
func (r *Rotator) keepAside(list []secret.AsideHook, shared string) error {
	known, err := r.Store.Aside()
	if err != nil {
		return err
	}
	for _, h := range list {
		own, err := r.Store.HookSecret(h.HookID)
		if err != nil {
			return err
		}
		if own != "" || slices.ContainsFunc(known, func(k secret.AsideHook) bool { return k.HookID == h.HookID }) {
			continue
		}
		h.Secret, h.Since = shared, r.now()
		known = append(known, h)
	}
	return r.Store.SetAside(known)
}

// putAside settles, as a rotation is promoted, which hooks are set aside: those that GitHub refused go on with the secret that
// they had, and those that came through leave. shared is the secret that will be the current one.
func (r *Rotator) putAside(state *secret.Rotation, shared string) error {
	known, err := r.Store.Aside()
	if err != nil {
		return err
	}
	for _, h := range state.Hooks {
		old := cmp.Or(h.Old, state.Old)
		switch {
		case h.Step == secret.StepVerified, h.Step == secret.StepGone:
			known = slices.DeleteFunc(known, func(k secret.AsideHook) bool { return k.HookID == h.HookID })
		case h.Step == secret.StepAside && !slices.ContainsFunc(known, func(k secret.AsideHook) bool { return k.HookID == h.HookID && k.Secret == old }):
			known = append(known, secret.AsideHook{Repository: h.Repository, HookID: h.HookID, Secret: old, Since: r.now(), Error: h.Error, Cure: h.Cure})
		}
	}
	// After an undo the secret that a hook kept may be the current one again.
	known = slices.DeleteFunc(known, func(k secret.AsideHook) bool {
		own, err := r.Store.HookSecret(k.HookID)
		rotating := slices.ContainsFunc(state.Hooks, func(h secret.RotationHook) bool { return h.HookID == k.HookID && h.New != "" })
		return err == nil && own == "" && !rotating && k.Secret == shared
	})
	return r.Store.SetAside(known)
}

// callBack adds the hooks that were set aside to a rotation that is resumed.
func (r *Rotator) callBack(state *secret.Rotation) error {
	known, err := r.Store.Aside()
	if err != nil {
		return err
	}
	for _, k := range known {
		if slices.ContainsFunc(state.Hooks, func(h secret.RotationHook) bool { return h.HookID == k.HookID }) {
			continue
		}
		h := secret.RotationHook{Repository: k.Repository, HookID: k.HookID, Step: secret.StepPending}
		if h.New, err = r.Store.HookSecret(k.HookID); err != nil {
			return err
		}
		if h.New == "" && state.PerHook() {
			if h.New, _, err = r.Store.Current(); err != nil {
				return err
			}
		}
		state.Hooks = append(state.Hooks, h)
	}
	return nil
}

// forAside is a rotation that gives hooks which were set aside the secrets that are current now, where no other is there. Nil
// where none was.
func (r *Rotator) forAside() (*secret.Rotation, error) {
	known, err := r.Store.Aside()
	if err != nil || len(known) == 0 {
		return nil, err
	}
	current, _, err := r.Store.Current()
	if err != nil {
		return nil, err
	}
	since, err := r.Store.ChangedAt()
	if err != nil {
		return nil, err
	}
	now := r.now()
	state := &secret.Rotation{Host: r.Client.host, Old: current, New: current, OldSince: since, NewSince: since, Started: now, Promoted: now, Expires: now}
	return state, r.callBack(state)
}
