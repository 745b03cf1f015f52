package secret

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// AsideHook is a hook that could not take part in a rotation, because GitHub refuses this user its repository. What it signs
// with stays accepted from it alone, until it can be rotated or a rotation is finished without it. It prints itself redacted.
type AsideHook struct {
	Repository string    `json:"repository"`
	HookID     int64     `json:"hook_id"`
	Secret     string    `json:"secret"`
	Since      time.Time `json:"since"`
	Error      string    `json:"error,omitempty"` // why it could not
	Cure       string    `json:"cure,omitempty"`
}

// String names the hook and its secret by fingerprint.
func (h AsideHook) String() string {
	return fmt.Sprintf("%s#%d aside with %s", h.Repository, h.HookID, Fingerprint(h.Secret))
}

// GoString is String.
func (h AsideHook) GoString() string { return h.String() }

// MarshalJSON is String too.
func (h AsideHook) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// Aside are the hooks that were set aside, in the order in which they were.
func (s *Store) Aside() (list []AsideHook, err error) {
	err = s.read(asideFile, &list)
	return list, err
}

// SetAside replaces the hooks that are set aside. What is no longer accepted by that is remembered as former. It is durable
// on return.
func (s *Store) SetAside(list []AsideHook) error {
	return s.locked(func() error {
		before, err := s.Aside()
		if err != nil {
			return err
		}
		var over []Key
		for _, h := range before {
			if !slices.ContainsFunc(list, func(o AsideHook) bool { return o.HookID == h.HookID && o.Secret == h.Secret }) {
				over = append(over, Key{Value: h.Secret, HookID: h.HookID})
			}
		}
		if err := s.retire(over, time.Now()); err != nil {
			return err
		}
		if len(list) == 0 {
			return removePrivate(s.file(asideFile))
		}
		type plain AsideHook // without the redacting methods
		return s.write(asideFile, each(list, func(h AsideHook) plain { return plain(h) }))
	})
}

// BackFromAside takes hooks that sign with what is current from those that were set aside.
func (s *Store) BackFromAside(hookIDs ...int64) error {
	known, err := s.Aside()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(known), func(h AsideHook) bool { return slices.Contains(hookIDs, h.HookID) })
	if len(left) == len(known) {
		return nil
	}
	return s.SetAside(left)
}

// asideKeys are what the hooks that were set aside sign with, each accepted from that hook alone.
func asideKeys(list []AsideHook) []Key {
	return each(list, func(h AsideHook) Key { return Key{Value: h.Secret, HookID: h.HookID, Alone: true} })
}
