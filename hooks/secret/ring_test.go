package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestSignReturnsGitHubsSignature(t *testing.T) {
	const want = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := Sign("It's a Secret to Everybody", []byte("Hello, World!")); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

func TestGenerateMakesDifferentSecretsOf32Bytes(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		s, err := Generate()
		if err != nil {
			t.Fatal(err)
		}
		if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
			t.Fatalf("Generate = %q, want 64 lower-case hex digits", s)
		}
		seen[s] = true
	}
	if len(seen) != 100 {
		t.Errorf("100 secrets, %d different", len(seen))
	}
}

func TestFingerprint(t *testing.T) {
	if got := Fingerprint("abc"); got != "ba7816bf" { // SHA-256("abc") = ba7816bf…
		t.Errorf("Fingerprint(abc) = %q", got)
	}
	if got := Fingerprint(""); got != "" {
		t.Errorf(`Fingerprint("") = %q, want ""`, got)
	}
}

func TestRingMatches(t *testing.T) {
	ring := NewRing(
		Key{Value: "current"},
		Key{Value: "old", Expires: noon.Add(time.Hour)},
		Key{Value: "of hook 7", HookID: 7},
		Key{Value: "of hook 8", HookID: 8},
		Key{Value: "of a path", Name: "MY_APP"},
		Key{Value: ""},
	)
	body := []byte(`{"a":1}`)
	tests := []struct {
		name      string
		signature string
		hook      int64
		path      string
		at        time.Time
		want      string // the secret that matches
	}{
		{"current", Sign("current", body), 0, "/webhook", noon, "current"},
		{"old within its time", Sign("old", body), 0, "/", noon, "old"},
		{"old when its time is over", Sign("old", body), 0, "/", noon.Add(time.Hour), ""},
		{"the hook's own", Sign("of hook 7", body), 7, "/", noon, "of hook 7"},
		{"another hook's, by falling back to all", Sign("of hook 8", body), 7, "/", noon, "of hook 8"},
		{"a path's own", Sign("of a path", body), 0, "/webhook/my-app", noon, "of a path"},
		{"a path's on another path", Sign("of a path", body), 0, "/webhook/other", noon, ""},
		{"a path's on the root", Sign("of a path", body), 0, "/my_app", noon, ""},
		{"shared on a path", Sign("current", body), 0, "/webhook/my-app", noon, "current"},
		{"unknown", Sign("unknown", body), 0, "/", noon, ""},
		{"empty secret", Sign("", body), 0, "/", noon, ""},
		{"other body", Sign("current", []byte("{}")), 0, "/", noon, ""},
		{"missing", "", 0, "/", noon, ""},
		{"prefix alone", "sha256=", 0, "/", noon, ""},
		{"sha1", strings.Replace(Sign("current", body), "sha256", "sha1", 1), 0, "/", noon, ""},
		{"no prefix", strings.TrimPrefix(Sign("current", body), "sha256="), 0, "/", noon, ""},
		{"cut short", Sign("current", body)[:40], 0, "/", noon, ""},
		{"no hex", "sha256=" + strings.Repeat("zz", 32), 0, "/", noon, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			print, ok := ring.Match(body, tt.signature, tt.hook, tt.path, tt.at)
			if ok != (tt.want != "") || print != Fingerprint(tt.want) {
				t.Errorf("Match = %q, %v; want %q", print, ok, Fingerprint(tt.want))
			}
		})
	}
}

func TestEmptyRingMatchesNothing(t *testing.T) {
	for name, ring := range map[string]*Ring{"nil": nil, "none": NewRing(), "empty keys": NewRing(Key{}, Key{HookID: 3})} {
		if !ring.Empty() {
			t.Errorf("%s: not empty", name)
		}
		if _, ok := ring.Match([]byte("x"), Sign("", []byte("x")), 3, "/", noon); ok {
			t.Errorf("%s: matched", name)
		}
		if prints := ring.Fingerprints(noon); len(prints) != 0 {
			t.Errorf("%s: fingerprints %v", name, prints)
		}
	}
}

func TestRingKeepsTheLongerLifeOfAKeyGivenTwice(t *testing.T) {
	body := []byte("x")
	ring := NewRing(Key{Value: "a", Expires: noon}, Key{Value: "a"}, Key{Value: "b"}, Key{Value: "b", Expires: noon})
	for _, s := range []string{"a", "b"} {
		if _, ok := ring.Match(body, Sign(s, body), 0, "/", noon.Add(time.Hour)); !ok {
			t.Errorf("%s is refused although it was given without an end", s)
		}
	}
}

func TestRingFingerprintsListsValidKeysCurrentFirst(t *testing.T) {
	ring := NewRing(Key{Value: "new"}, Key{Value: "old", Expires: noon}, Key{Value: "new", HookID: 5})
	if got := fmt.Sprint(ring.Fingerprints(noon.Add(-1))); got != fmt.Sprint([]string{Fingerprint("new"), Fingerprint("old")}) {
		t.Errorf("before expiry: %s", got)
	}
	if got := fmt.Sprint(ring.Fingerprints(noon)); got != fmt.Sprint([]string{Fingerprint("new")}) {
		t.Errorf("after expiry: %s", got)
	}
}

func TestNothingThatHoldsASecretPrintsIt(t *testing.T) {
	const hidden = "very-secret-value"
	env := &Env{path: "x", lines: parseEnv(Variable + "=" + hidden)}
	rotation := Rotation{Old: hidden, New: hidden, Hooks: []RotationHook{{Old: hidden, New: hidden}}, Retired: []Key{{Value: hidden}}}
	for _, v := range []any{Key{Value: hidden}, &Key{Value: hidden}, NewRing(Key{Value: hidden}), env, rotation, &rotation, rotation.Hooks, rotation.Retired, rotation.Hooks[0], rotation.Retired[0]} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for how, out := range map[string]string{"%v": fmt.Sprintf("%v", v), "%+v": fmt.Sprintf("%+v", v), "%#v": fmt.Sprintf("%#v", v), "%s": fmt.Sprintf("%s", v), "slog": log.String(), "json": string(raw)} {
			if strings.Contains(out, hidden) {
				t.Errorf("%T prints its secret with %s: %s", v, how, out)
			}
		}
	}
}

func FuzzMatchNeverAcceptsWhatWasNotSigned(f *testing.F) {
	ring := NewRing(Key{Value: "a"}, Key{Value: "b", HookID: 3}, Key{Value: "c", Name: "x"})
	f.Add([]byte("{}"), Sign("a", []byte("{}")), int64(3), "/webhook/x")
	f.Add([]byte(""), "sha256=", int64(0), "/")
	f.Fuzz(func(t *testing.T, body []byte, signature string, hook int64, path string) {
		print, ok := ring.Match(body, signature, hook, path, noon)
		signed := false
		for _, s := range []string{"a", "b", "c"} {
			if strings.EqualFold(signature, Sign(s, body)) && print == Fingerprint(s) {
				signed = true
			}
		}
		if ok && !signed {
			t.Errorf("accepted %q over %q", signature, body)
		}
	})
}
