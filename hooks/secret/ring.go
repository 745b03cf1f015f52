package secret

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const signaturePrefix = "sha256="

// Key is one secret and where it is accepted, or was. It prints itself redacted; its JSON form is that of the private files.
type Key struct {
	Value   string    `json:"secret"`
	HookID  int64     `json:"hook_id,omitempty"` // the hook that signs with it; 0 for any hook
	Name    string    `json:"-"`                 // accepted on /webhook/<name> only; "" for any path
	Expires time.Time `json:"expires,omitzero"`  // no longer accepted from then on; zero for never
	Retired time.Time `json:"retired,omitzero"`  // of a former key: since when it is not accepted
	// Alone accepts the key from what names HookID as its hook, and from nothing else. That header is not signed, so this keeps
	// order among our own hooks rather than an attacker out: who lacks the secret is refused anyway.
	Alone bool `json:"-"`
}

// String names the key by fingerprint.
func (k Key) String() string { return "secret " + Fingerprint(k.Value) }

// GoString is String, so that %#v does not print the secret either.
func (k Key) GoString() string { return k.String() }

// MarshalJSON is String too.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

func (k Key) equal(o Key) bool {
	return k.Value == o.Value && k.HookID == o.HookID && k.Name == o.Name && k.Alone == o.Alone && k.Expires.Equal(o.Expires)
}

func (k Key) validAt(now time.Time) bool { return k.Expires.IsZero() || now.Before(k.Expires) }

// Ring is the set of accepted keys, the current one first. It never changes, so it is safe for concurrent use.
type Ring struct {
	keys []Key
	// prints are the fingerprints of keys, computed once: a receiver asks for them with every delivery.
	prints []string
	// former are no longer accepted, the latest first; see [Ring.Former].
	former []Key
}

// NewRing returns a ring of keys in order of preference. A key without a value is dropped: an empty secret would
// accept what anyone can sign. The same key twice is kept once, with the later expiry.
func NewRing(keys ...Key) *Ring {
	r := &Ring{}
	type identity struct {
		value, name string
		hook        int64
		alone       bool
	}
	seen := make(map[identity]int)
	for _, k := range keys {
		if k.Value == "" {
			continue
		}
		k.Name = pathName(k.Name)
		id := identity{k.Value, k.Name, k.HookID, k.Alone}
		if at, ok := seen[id]; ok {
			if known := &r.keys[at]; !known.Expires.IsZero() && (k.Expires.IsZero() || k.Expires.After(known.Expires)) {
				known.Expires = k.Expires
			}
			continue
		}
		seen[id] = len(r.keys)
		r.keys = append(r.keys, k)
		r.prints = append(r.prints, Fingerprint(k.Value))
	}
	return r
}

// String lists the keys by fingerprint.
func (r *Ring) String() string { return fmt.Sprint("secrets ", r.Fingerprints(time.Time{})) }

// GoString is String.
func (r *Ring) GoString() string { return r.String() }

// MarshalJSON writes the fingerprints.
func (r *Ring) MarshalJSON() ([]byte, error) { return json.Marshal(r.Fingerprints(time.Time{})) }

// Redact takes every secret of the ring out of a text.
func (r *Ring) Redact(text string) string {
	if r == nil {
		return text
	}
	for _, k := range r.keys {
		if len(k.Value) >= 6 { // a shorter one would take words apart
			text = strings.ReplaceAll(text, k.Value, "[removed]")
		}
	}
	return text
}

// Empty reports that the ring accepts nothing.
func (r *Ring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Fingerprints names the keys that are valid at now, the current one first, each once.
func (r *Ring) Fingerprints(now time.Time) []string {
	if r == nil {
		return nil
	}
	var prints []string
	seen := make(map[string]bool)
	for i, k := range r.keys {
		if k.validAt(now) && !seen[r.prints[i]] {
			seen[r.prints[i]] = true
			prints = append(prints, r.prints[i])
		}
	}
	return prints
}

// Match reports whether signature, the value of X-Hub-Signature-256, was made over body with a key that is valid at
// now, and with which.
//
// The keys of hookID and those of any hook are tried first, then those of other hooks: the header that names the
// hook is not signed, so it may order the search but not decide it. A key that is bound to a path counts on
// that path only. Within each of the two groups every key is tried, so that the time taken does not show
// which one, or how much of one, was right.
func (r *Ring) Match(body []byte, signature string, hookID int64, path string, now time.Time) (fingerprint string, ok bool) {
	digits, found := strings.CutPrefix(signature, signaturePrefix)
	if !found || r == nil {
		return "", false
	}
	given, err := hex.DecodeString(digits)
	if err != nil {
		return "", false
	}
	name := pathName(strings.TrimPrefix(path, "/webhook/"))
	for _, near := range []bool{true, false} {
		for i, k := range r.keys {
			isNear := k.HookID == 0 || k.HookID == hookID
			if isNear != near || (k.Alone && !isNear) || !k.validAt(now) || (k.Name != "" && (k.Name != name || !strings.HasPrefix(path, "/webhook/"))) {
				continue
			}
			if hmac.Equal(given, sum([]byte(k.Value), body)) && !ok {
				fingerprint, ok = r.prints[i], true
			}
		}
		if ok {
			return fingerprint, true
		}
	}
	return "", false
}

// pathName brings a name from a URL path and a name from an environment variable to one form: lower case, and
// "_" for what a variable's name cannot hold.
func pathName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + ('a' - 'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		}
		return '_'
	}, name)
}
