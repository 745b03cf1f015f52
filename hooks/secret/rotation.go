package secret

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The steps of one hook within a rotation.
const (
	StepPending  = "pending"  // not changed, or not known to be
	StepChanged  = "changed"  // GitHub took the new secret
	StepVerified = "verified" // a ping signed with the new secret arrived
	StepFailed   = "failed"   // see Error; tried again by the next resume
	StepGone     = "gone"     // deleted at GitHub in the meantime
	StepAside    = "aside"    // GitHub refuses this user its repository: it keeps its secret, see [AsideHook]
)

// Rotation is the state of a rotation, kept in a file of mode 0600 until its grace period is over, so that whatever
// happens in between both secrets are known. It prints itself redacted.
type Rotation struct {
	Host     string         `json:"host,omitempty"`     // the GitHub host of the hooks
	Old      string         `json:"old"`                // the secret that hooks have before
	New      string         `json:"new"`                // the secret that they get; "" when each gets its own
	OldSince time.Time      `json:"old_since,omitzero"` // since when Old was the current one
	NewSince time.Time      `json:"new_since,omitzero"` // since when New is; zero before it ever was
	Started  time.Time      `json:"started"`            //
	Promoted time.Time      `json:"promoted,omitzero"`  // when New became the current one; zero before
	Expires  time.Time      `json:"expires,omitzero"`   // when Old stops being accepted; zero before promotion
	Grace    time.Duration  `json:"grace"`              // how long Old stays accepted after promotion
	Undo     bool           `json:"undo,omitempty"`     // this one takes an earlier one back
	Hooks    []RotationHook `json:"hooks"`              //
	// Retired are the secrets of earlier rotations whose grace period this one interrupted.
	Retired []Key `json:"retired,omitempty"`
}

// RotationHook is one hook within a rotation.
type RotationHook struct {
	Repository string `json:"repository"`      // owner/repo, or the organization
	HookID     int64  `json:"hook_id"`         //
	Step       string `json:"step"`            // one of the Step constants
	Error      string `json:"error,omitempty"` // why it failed
	Cure       string `json:"cure,omitempty"`  // what to do about it
	// Untouched means that GitHub certainly still has the old secret, because it refused the change.
	Untouched bool `json:"untouched,omitempty"`
	// Old and New are set where each hook has its own secret. Old may be the shared one.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// PerHook reports whether each hook gets its own secret.
func (r *Rotation) PerHook() bool { return r.New == "" }

// Over reports whether nothing of the rotation is needed any more.
func (r *Rotation) Over(now time.Time) bool {
	return !r.Promoted.IsZero() && !now.Before(r.Expires) &&
		!slices.ContainsFunc(r.Retired, func(k Key) bool { return now.Before(k.Expires) })
}

// Keys are the secrets that the rotation needs accepted, besides the current one. Nil, which is no rotation, needs none.
func (r *Rotation) Keys() []Key {
	if r == nil {
		return nil
	}
	keys := []Key{{Value: r.New}}
	for _, h := range r.Hooks {
		keys = append(keys, Key{Value: h.New, HookID: h.HookID})
	}
	if !r.PerHook() {
		keys = append(keys, Key{Value: r.Old, Expires: r.Expires})
	}
	for _, h := range r.Hooks {
		keys = append(keys, Key{Value: h.Old, HookID: h.HookID, Expires: r.Expires})
	}
	return append(keys, r.Retired...)
}

// String names the fingerprints and how many hooks take part.
func (r Rotation) String() string {
	return fmt.Sprintf("rotation %s to %s of %d hooks", Fingerprint(r.Old), Fingerprint(r.New), len(r.Hooks))
}

// GoString is String.
func (r Rotation) GoString() string { return r.String() }

// MarshalJSON is String too; the state file is written by [Store.SaveRotation].
func (r Rotation) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// String names the hook and its step.
func (h RotationHook) String() string { return fmt.Sprintf("%s#%d %s", h.Repository, h.HookID, h.Step) }

// GoString is String.
func (h RotationHook) GoString() string { return h.String() }

// MarshalJSON is String too.
func (h RotationHook) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// SaveRotation writes the state of a rotation. It is durable on return.
func (s *Store) SaveRotation(r *Rotation) error {
	type plain Rotation // without the redacting methods, as below
	type plainHook RotationHook
	return s.locked(func() error {
		return s.write(rotationFile, struct {
			plain
			Hooks   []plainHook `json:"hooks"`
			Retired []plainKey  `json:"retired,omitempty"`
		}{plain(*r), each(r.Hooks, func(h RotationHook) plainHook { return plainHook(h) }), plainKeys(r.Retired)})
	})
}

// plainKey is a [Key] without the redacting methods, for private files only.
type plainKey Key

func plainKeys(keys []Key) []plainKey {
	return each(keys, func(k Key) plainKey { return plainKey(k) })
}

func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

// Rotation returns the state of a rotation, nil if none.
func (s *Store) Rotation() (r *Rotation, err error) {
	err = s.read(rotationFile, &r)
	return r, err
}
