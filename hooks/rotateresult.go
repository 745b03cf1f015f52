package hooks

import (
	"cmp"
	"time"

	"hookctl/hooks/secret"
)

// RotateResult says how far a rotation is, with fingerprints in place of secrets.
type RotateResult struct {
	Old      string       `json:"old"`
	New      string       `json:"new"` // "" where each hook has its own
	Complete bool         `json:"complete"`
	Hooks    []RotateHook `json:"hooks"`
	Undo     bool         `json:"undo,omitempty"`
	Expires  time.Time    `json:"expires,omitzero"` // when the old secret stops being accepted
}

// RotateHook is what became of one hook. Gone is a status of its own: a hook that was deleted in the meantime has not failed,
// for there is nothing to do about it, and calling it rotated would be untrue. Aside is one whose repository GitHub refuses
// this user: it keeps its secret, which stays accepted from it alone. A rotation with such hooks is complete.
type RotateHook struct {
	Repository string `json:"repository"`
	HookID     int64  `json:"hook_id"`
	Status     string `json:"status"` // rotated, failed, pending, gone for one that was deleted in the meantime, or aside
	Error      string `json:"error,omitempty"`
	Cure       string `json:"cure,omitempty"` // what to do about the error
	Old        string `json:"old,omitempty"`  // where each hook has its own
	New        string `json:"new,omitempty"`
}

// Result is the state of a rotation as [Rotator.Rotate] returns it.
func Result(r *secret.Rotation) RotateResult {
	out := RotateResult{Old: secret.Fingerprint(r.Old), New: secret.Fingerprint(r.New), Complete: !r.Promoted.IsZero(), Undo: r.Undo, Expires: r.Expires, Hooks: []RotateHook{}}
	for _, h := range r.Hooks {
		status := cmp.Or(map[string]string{secret.StepVerified: "rotated", secret.StepFailed: "failed", secret.StepGone: "gone", secret.StepAside: "aside"}[h.Step], "pending")
		if status == "failed" || status == "pending" {
			out.Complete = false
		}
		out.Hooks = append(out.Hooks, RotateHook{h.Repository, h.HookID, status, h.Error, h.Cure, secret.Fingerprint(h.Old), secret.Fingerprint(h.New)})
	}
	return out
}
