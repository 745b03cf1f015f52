package hooks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// checkTimeout is GitHub's own patience with a receiver.
const checkTimeout = 10 * time.Second

// ErrURLCheck says that a public URL does not lead to this receiver as far as can be seen from here.
var ErrURLCheck = errors.New("the URL does not lead to this receiver")

// CheckURL asks a public URL's /healthz, from the outside as it were, and returns nil when this receiver answers: the one
// that calls itself instance, or any that knows the question when instance is "". A returned error is a warning that
// says what was seen: GitHub may reach what this machine cannot, and the ping is the proof.
func CheckURL(ctx context.Context, address, instance string) error {
	fail := func(cure, format string, args ...any) error {
		return &Error{Op: "check URL", Target: clean(address), Message: clean(fmt.Sprintf(format, args...)), Cure: cure, Err: ErrURLCheck}
	}
	u, err := parseURL(address)
	if err != nil {
		return fail("give a public https URL", "it is not a valid URL")
	}
	nonce := rand.Text()
	// A receiver answers at …/webhook and at …/webhook/<name>, and describes itself beside them.
	cutToBase(u)
	u.Path, u.RawPath = u.Path+"/healthz", u.RawPath+"/healthz"
	u.RawQuery = url.Values{"nonce": {nonce}}.Encode()
	// GitHub follows no redirect, so a check that did would see what GitHub does not.
	res, err := open(ctx, u, checkTimeout)
	if err != nil {
		return fail("is the tunnel up, and does the name resolve? GitHub may still reach it", "it cannot be reached from here: %v", noURL(err))
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return fail("run the command again", "its answer broke off: %v", err)
	}
	var health struct{ Status, Instance, Nonce string }
	switch err := json.Unmarshal(raw, &health); {
	case res.StatusCode != http.StatusOK:
		return fail(Explain(res.StatusCode, "").Hint(), "%s answers %d %s", u.Path, res.StatusCode, http.StatusText(res.StatusCode))
	case err != nil || health.Nonce != nonce:
		return fail("check where the tunnel or the proxy leads to", "another program answers")
	case instance != "" && health.Instance != instance:
		return fail("check where the tunnel or the proxy leads to", "another hookctl receiver answers")
	}
	return nil
}
