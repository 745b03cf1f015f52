package secret

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// former is what a home's ring says of a signature that is not accepted.
func former(t *testing.T, s *Store, key string, hook int64, now time.Time) string {
	t.Helper()
	ring, err := s.Ring(now)
	must(t, err)
	body := []byte("x")
	if print, ok := ring.Match(body, Sign(key, body), hook, "/webhook", now); ok {
		t.Errorf("%s is accepted as %s", key, print)
	}
	return ring.Former(body, Sign(key, body), hook, now)
}

func TestFormerSecretIsKnownAfterTheGracePeriod(t *testing.T) {
	s, cfg := newStore(t)
	must(t, s.SetCurrent("old"))
	r := &Rotation{Old: "old", New: "new", Hooks: []RotationHook{{HookID: 7, Old: "own", New: "own 2"}}}
	must(t, s.SaveRotation(r))
	must(t, s.SetCurrent("new"))
	must(t, s.SetHookSecrets(map[int64]string{7: "own 2"}, noon))
	r.Promoted, r.Expires = noon, noon.Add(time.Hour)
	must(t, s.SaveRotation(r))
	ring, err := s.Ring(noon)
	must(t, err)
	later := noon.Add(2 * time.Hour)
	// The time is over: first while the ring is in use, then in a new one, then without the state.
	if got := ring.Former(nil, Sign("old", nil), 1, later); got != Fingerprint("old") {
		t.Errorf("in a ring of before: %q", got)
	}
	for _, state := range []string{"with the state", "ended"} {
		if got := former(t, s, "old", 1, later); got != Fingerprint("old") {
			t.Errorf("%s: %q, want %q", state, got, Fingerprint("old"))
		}
		if got := former(t, s, "own", 7, later); got != Fingerprint("own") {
			t.Errorf("%s, a hook's own: %q", state, got)
		}
		if got := former(t, s, "own", 8, later) + former(t, s, "nobody's", 7, later); got != "" {
			t.Errorf("%s: another's is taken for %q", state, got)
		}
		if _, err := s.Expire(later); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(cfg.RotationFile), "former.json"))
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("former secrets have mode %v", info.Mode())
	}
}

func TestOnlyTheLastThreeFormerSecretsAreKept(t *testing.T) {
	s, _ := newStore(t)
	for i := range 6 {
		must(t, s.SetCurrent(fmt.Sprint("s", i)))
	}
	must(t, s.SetCurrent("s3")) // taken back, so it is none any longer
	known := func() (values []string) {
		keys, err := s.readFormer()
		must(t, err)
		for _, k := range keys {
			values = append(values, k.Value)
		}
		return values
	}
	if got, want := known(), []string{"s5", "s4", "s2"}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	// A rotation that touched nothing retires nothing.
	must(t, s.SaveRotation(&Rotation{Old: "s3", New: "never used"}))
	must(t, s.EndRotation())
	if got := known(); slices.Contains(got, "never used") || len(got) != 3 {
		t.Errorf("kept %v", got)
	}
	for value, want := range map[string]string{"s5": Fingerprint("s5"), "s0": ""} {
		if got := former(t, s, value, 0, noon); got != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
}
