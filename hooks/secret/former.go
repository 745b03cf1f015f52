package secret

import (
	"errors"
	"slices"
	"time"
)

// formerKept is how many secrets that are no longer accepted are remembered for each hook, and for those that share one.
// It also bounds what looking for one costs: a refused request is compared with at most so many.
const formerKept = 3

// formerMost bounds the file however many hooks there were.
const formerMost = 3000

// formerFile keeps the secrets that are no longer accepted, the latest first.
//
// It is for one purpose: a delivery that is refused because its hook was not
// rotated along can be distinguished from a forged one. The trade-off is that who reads the home, which holds the secrets in
// use too, also learns the last few before: those open nothing, since no receiver accepts them. Deleting the file
// costs only that explanation.
const formerFile = "former.json"

// Former returns which secret that is no longer accepted made a signature, "" where none did that is still known. It is for
// a request that [Ring.Match] refused, and never a reason to accept it. At most three secrets are tried: those of the
// hook and those that hooks shared, the latest first.
func (r *Ring) Former(body []byte, signature string, hookID int64, now time.Time) (fingerprint string) {
	if r == nil {
		return ""
	}
	var tried []Key
	// Those of which the time ended while the ring was in use come before those that it was created with.
	for _, k := range r.keys {
		if !k.validAt(now) {
			tried = append(tried, k)
		}
	}
	tried = slices.DeleteFunc(append(tried, r.former...), func(k Key) bool { return k.HookID != 0 && k.HookID != hookID })
	for i := range tried {
		tried[i].Expires = time.Time{} // to try them although their time is over
	}
	fingerprint, _ = NewRing(tried[:min(len(tried), formerKept)]...).Match(body, signature, hookID, "/webhook", now)
	return fingerprint
}

// readFormer reads the secrets that are no longer accepted. A file that cannot be understood is as good as none, since it only
// explains.
func (s *Store) readFormer() (keys []Key, err error) {
	if err = s.read(formerFile, &keys); errors.Is(err, errDamaged) {
		return nil, nil
	}
	return keys, err
}

// retire remembers keys that are no longer accepted. The caller holds the lock. What is in .env is in use, and so not
// remembered, nor any longer.
func (s *Store) retire(keys []Key, at time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	env, err := OpenEnv(s.cfg.EnvFile)
	if err != nil {
		return err
	}
	current, _ := env.Get(Variable)
	inUse := []string{current}
	for _, k := range boundKeys(env) {
		inUse = append(inUse, k.Value)
	}
	known, err := s.readFormer()
	if err != nil {
		return err
	}
	all := each(keys, func(k Key) Key { return Key{Value: k.Value, HookID: k.HookID, Retired: at.UTC().Truncate(time.Second)} })
	var kept []Key
	count := make(map[int64]int)
	for _, k := range append(all, known...) {
		same := func(have Key) bool { return have.Value == k.Value && have.HookID == k.HookID }
		if k.Value == "" || slices.Contains(inUse, k.Value) || count[k.HookID] == formerKept || len(kept) == formerMost || slices.ContainsFunc(kept, same) {
			continue
		}
		count[k.HookID]++
		kept = append(kept, k)
	}
	return s.write(formerFile, plainKeys(kept))
}

// Retire remembers the secrets of a rotation that it ceases to need although its state goes on being replaced: those of
// which the time is over at now.
func (s *Store) Retire(r *Rotation, now time.Time) error {
	var over []Key
	for _, k := range r.Keys() {
		if !k.validAt(now) {
			over = append(over, k)
		}
	}
	return s.locked(func() error { return s.retire(over, now) })
}
