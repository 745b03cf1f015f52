// Package secret keeps the key that GitHub and the receiver share.
//
// A webhook's secret can never be read back from GitHub, and a delivery that is signed with a key that the
// receiver does not have is refused and lost. So everything here serves one rule: while a secret is being
// replaced, the old one and the new one are both accepted, and what is needed for that survives a crash at any
// point.
//
//   - [Ring] reports whether a signature was made with one of the accepted keys, in constant time.
//   - [Env] edits a .env file in place, because people and other programs keep things there too.
//   - [Store] is everything secret of one home: the .env file and the state of a running rotation.
//
// A secret is shown by its [Fingerprint] only. Types that hold one print themselves redacted.
package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Size is the length of a generated secret in random bytes.
const Size = 32

// Generate returns a new secret: [Size] random bytes from the system's generator, as lower-case hex.
func Generate() (string, error) {
	raw := make([]byte, Size)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("generate a secret: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// Fingerprint names a secret without showing it: the first 8 hex digits of its SHA-256, and "" for "".
func Fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}

// Sign returns the value of the header X-Hub-Signature-256 for a body: "sha256=" and the HMAC in hex.
func Sign(secret string, body []byte) string {
	return signaturePrefix + hex.EncodeToString(sum([]byte(secret), body))
}

func sum(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return mac.Sum(nil)
}
