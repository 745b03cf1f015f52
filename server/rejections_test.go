package server

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hookctl/hooks/secret"
)

// A hook that a rotation forgot is refused after the grace period, and the owner is told which secret it has; whoever sent
// the request is not.
func TestRejectionTellsTheFormerSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := secret.NewStore(secret.Config{EnvFile: filepath.Join(dir, ".env"), RotationFile: filepath.Join(dir, "run", "rotation.json"), Environ: func(string) string { return "" }})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(store.SetCurrent("forgotten"))
	rotation := &secret.Rotation{Old: "forgotten", New: testSecret, Hooks: []secret.RotationHook{{HookID: 7, Step: secret.StepFailed}}}
	check(store.SaveRotation(rotation))
	check(store.SetCurrent(testSecret))
	rotation.Promoted, rotation.Expires = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	check(store.SaveRotation(rotation))
	if over, err := store.Expire(time.Now()); !over || err != nil {
		t.Fatal(over, err)
	}
	ring, err := store.Ring(time.Now())
	check(err)
	r := run(t, func(c *Config) { c.Keys = ring })
	print := secret.Fingerprint("forgotten")
	for key, want := range map[string]string{"forgotten": print, "forged": ""} {
		req := request(t, r.url+"/webhook", "push", guid(1), []byte(`{}`))
		req.Header.Set("X-Hub-Signature-256", secret.Sign(key, []byte(`{}`)))
		status, body := do(t, req)
		if status != http.StatusUnauthorized || strings.Contains(fmt.Sprint(body), print) {
			t.Errorf("%s: %d %s", key, status, body)
		}
		if x := r.Rejections()[0]; x.Former != want {
			t.Errorf("%s: former is %q, want %q", key, x.Former, want)
		}
	}
}
