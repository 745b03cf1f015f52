package secret

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPublished(t *testing.T) {
	for _, value := range []string{
		"your_generated_secret_here", "YOUR_SECRET_HERE", "changeme", "secret", "********", "xxxxxxxx", "<your-secret>", `"your_secret_here"`,
		"Your Secret Here", "${GITHUB_WEBHOOK_SECRET}", "It's a Secret to Everybody", "my-secret", "test",
	} {
		if !Published(value) {
			t.Errorf("%q is not known as published", value)
		}
	}
	generated, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", generated, "hunter2-and-more", "secretariat", "a secret of our own", "ab"} {
		if Published(value) {
			t.Errorf("%q is taken for published", value)
		}
	}
}

func TestRingWithAPublishedSecret(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		keys []Key
		want error
	}{
		"a good one":              {[]Key{{Value: "made-for-tests"}}, nil},
		"the shared one":          {[]Key{{Value: "changeme"}}, ErrPublished},
		"of a path":               {[]Key{{Value: "made-for-tests"}, {Value: "secret", Name: "A"}}, ErrPublished},
		"of a hook":               {[]Key{{Value: "made-for-tests"}, {Value: "secret", HookID: 7}}, ErrPublished},
		"on its way out":          {[]Key{{Value: "made-for-tests"}, {Value: "changeme", Expires: now.Add(time.Hour)}}, nil},
		"of a hook set aside":     {[]Key{{Value: "made-for-tests"}, {Value: "changeme", HookID: 7, Alone: true}}, nil},
		"set aside, but also any": {[]Key{{Value: "changeme", HookID: 7, Alone: true}, {Value: "changeme"}}, ErrPublished},
	} {
		if got := NewRing(tc.keys...).Published(now); !errors.Is(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestPlaceholdersAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("OTHER=secret\n"+Variable+"=YOUR_SECRET_HERE\n"+Variable+"_OPS=changeme\n"+Variable+"_7=made-for-tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := ""
	s := NewStore(Config{EnvFile: file, RotationFile: filepath.Join(t.TempDir(), "r"), Environ: func(string) string { return environ }})
	got, err := s.Placeholders()
	if want := []string{Variable, Variable + "_OPS"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	environ = "secret"
	if got, err = s.Placeholders(); err != nil || len(got) != 3 || got[0] != Variable+" in the environment" {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.SetCurrent("changeme"); err == nil {
		t.Error("a published secret was stored")
	}
}

func TestOneSecret(t *testing.T) {
	for given, want := range map[string]string{
		"made-for-tests":                          "made-for-tests",
		"made-for-tests\r\n":                      "made-for-tests",
		"\ufeff\n\nmade-for-tests\n\n":            "made-for-tests",
		"GITHUB_WEBHOOK_SECRET=made-for-tests\n":  "made-for-tests",
		"export GITHUB_WEBHOOK_SECRET='it is #1'": "it is #1",
		"c2VjcmV0LW9mLXRlc3Rz==":                  "c2VjcmV0LW9mLXRlc3Rz==",
		"with space":                              "with space",
	} {
		if got, err := One(given); err != nil || got != want {
			t.Errorf("One(%q) = %q, %v, want %q", given, got, err, want)
		}
	}
	for given, want := range map[string]string{
		"":                            "no secret was given",
		" \n":                         "no secret was given",
		"first-of-two\nsecond-of-two": "not 2 lines",
		"OTHER=made-for-tests":        "another variable",
		"********":                    "GitHub shows",
		"GITHUB_WEBHOOK_SECRET=":      "no secret was given",
		"changeme":                    "placeholder",
		" made-for-tests":             "space",
		"made-for\x00tests":           "control character",
	} {
		got, err := One(given)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("One(%q) = %q, %v, want an error with %q", given, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "made-for") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}
