package tunnel

import (
	"net"
	"strings"
	"testing"

	"hookctl/logs/text"
)

// A tunnel's own words become an address that can be dialled, or none.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"http://localhost:9000", "localhost:9000", "9000", "file:///srv", "", "https://[::1]", "http://a\x1b[2J", "99999", "//x", "]"} {
		f.Add(seed, "https://a.example.com")
		f.Add("9000", seed)
	}
	f.Fuzz(func(t *testing.T, target, public string) {
		if at := localTarget(target); at != "" {
			if host, port, err := net.SplitHostPort(at); err != nil || host == "" || port == "" {
				t.Errorf("%q became %q: %v", target, at, err)
			}
		}
		for _, found := range add(nil, Ngrok, public, target) {
			if text.Clean(found.URL) != found.URL || !strings.HasPrefix(strings.ToLower(found.URL), "http") {
				t.Errorf("%q became %q", public, found.URL)
			}
		}
	})
}
