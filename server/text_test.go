package server

import (
	"regexp"
	"strings"
	"testing"
)

func TestNamesFromOutside(t *testing.T) {
	texts := []string{
		"", "push", "workflow_run", "Push", "a-b", "a.b", "9", "é", "a\x00", "a b", "a\n", "/", "a/b", "a/", "/b", "a/b/c", "Octo-Org/web.site_1",
		"72d3162e-cc78-11e3-81ab-4c9367dc0958", "abcdef0", "abcdef", "abcdefg", "ABCDEF0", "0000000", "../../etc", "a\u202e",
	}
	for _, n := range []int{6, 7, 63, 64, 65, 100, 101, 128, 129} {
		a := strings.Repeat("a", n)
		texts = append(texts, a, a+"/"+a, "x/"+a, a+"/x")
	}
	for _, tc := range []struct {
		name    string
		fit     func(string) bool
		pattern string
	}{
		{"event", isEventName, `^[a-z0-9_]{1,64}$`},
		{"repository", isRepository, `^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$`},
		{"delivery", isDeliveryID, `^[A-Za-z0-9-]{1,64}$`},
		{"nonce", isNonce, `^[A-Za-z0-9._-]{1,128}$`},
		{"commit", func(s string) bool { return sha(s) != "" }, `^[0-9a-f]{0,63}[1-9a-f][0-9a-f]{0,63}$`},
	} {
		pattern := regexp.MustCompile(tc.pattern)
		for _, text := range texts {
			want := pattern.MatchString(text)
			if tc.name == "commit" {
				want = want && len(text) >= 7 && len(text) <= 64
			}
			if got := tc.fit(text); got != want {
				t.Errorf("%s %q: %v, want %v", tc.name, text, got, want)
			}
		}
	}
}
