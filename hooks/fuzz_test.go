package hooks

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"
)

// Whatever a person or a file names as a repository stays within the API's path for it.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"o/r", "https://github.com/o/r.git", "git@github.com:o/r", "acme", "../../user", "o/r?x=1#y", "o%2fr/..", "a/b\x1b[31m", "@:", "https://[::1]/o/r"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ParseTarget(text)
		if err != nil {
			if strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("unclean: %q", err)
			}
			return
		}
		want := 4
		if target.IsOrg() {
			want = 3
		}
		parts := strings.Split(target.base(), "/")
		if len(parts) != want || strings.ContainsAny(target.base(), "?#%\\ ") || strings.Contains(target.base(), "..") && strings.Contains("/"+target.base()+"/", "/../") {
			t.Fatalf("%q leads to %q", text, target.base())
		}
		if again, err := ParseTarget(target.String()); err != nil || again != target {
			t.Fatalf("%q: %q is read back as %q, %v", text, target, again, err)
		}
		if base, ok := hooksBase(target.hook(7) + "/deliveries?x=1"); !ok || base != target.base() {
			t.Fatalf("%q: base of its hook is %q", text, base)
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`<https://api.github.com/repositories/1/hooks?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last"`)
	f.Add(`<x?cursor=v1_1>; rel=next`)
	f.Add("<>;;,,rel=next")
	f.Fuzz(func(t *testing.T, link string) {
		next := nextPage(http.Header{"Link": {link}})
		if next != nil && !strings.Contains(strings.ReplaceAll(link, `"`, ""), "rel=next") {
			t.Fatalf("%q has a next page %v", link, next)
		}
	})
}

// Whatever GitHub, or who plays it, writes into a hook or a delivery, it is shown as printable text.
func FuzzWhatGitHubSaysIsClean(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"web\u001b[2J","events":["push\n"],"config":{"url":"https://x\u202e","insecure_ssl":1},"last_response":{"code":500,"status":"\u0000","message":"\u009b31m"}}`))
	f.Add([]byte(`{"guid":"a\u0007","event":"\u200b","action":"x\r","status":"\ufeff","duration":1e300,"request":{"headers":{"x-github-encoded-secret":"s"},"payload":null},"response":{"payload":"\u001b]8;;"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h wireHook
		if json.Unmarshal(raw, &h) == nil {
			hook := h.hook(Target{"o", "r"})
			shown(t, append(hook.Events, hook.Name, hook.URL, hook.ContentType, hook.LastResponse.Status, hook.LastResponse.Message)...)
			hook.Warnings()
		}
		var d wireDelivery
		if json.Unmarshal(raw, &d) == nil {
			delivery := d.delivery(Target{"o", "r"}, 1)
			shown(t, delivery.GUID, delivery.Event, delivery.Action, delivery.Status, delivery.URL, delivery.ResponseBody)
			for name := range delivery.RequestHeaders {
				if strings.EqualFold(name, "X-Github-Encoded-Secret") {
					t.Fatal("the header with the secret is kept")
				}
			}
		}
	})
}

func shown(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("unclean: %q", s)
		}
	}
}
