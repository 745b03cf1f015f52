package hooks

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestHookURL(t *testing.T) {
	for _, c := range []struct{ address, path, want, base string }{
		{"https://hooks.example.com", "", "https://hooks.example.com/webhook", "https://hooks.example.com"},
		{"https://hooks.example.com/", "ci", "https://hooks.example.com/webhook/ci", "https://hooks.example.com"},
		{"https://hooks.example.com/webhook", "", "https://hooks.example.com/webhook", "https://hooks.example.com"},
		{"https://example.com/behind/webhook", "ci", "https://example.com/behind/webhook/ci", "https://example.com/behind"},
		{"https://example.com/own", "", "https://example.com/own", "https://example.com/own"},
		{"https://webhook.example.com", "", "https://webhook.example.com/webhook", "https://webhook.example.com"},
		{"https://webhook.example.com/", "ci", "https://webhook.example.com/webhook/ci", "https://webhook.example.com"},
		{"https://example.com/webhooks", "", "https://example.com/webhooks", "https://example.com/webhooks"},
		{"hooks.example.com", "", "https://hooks.example.com/webhook", "https://hooks.example.com"},
		{"  hooks.example.com/webhook/app/ \n", "", "https://hooks.example.com/webhook/app", "https://hooks.example.com"},
		{"https://hooks.example.com?x=1", "", "https://hooks.example.com/webhook?x=1", "https://hooks.example.com"},
		{"localhost:3000", "", "https://localhost:3000/webhook", "https://localhost:3000"},
		{"http://[::1]:80/a%2fb/webhook", "ci", "http://[::1]/a%2Fb/webhook/ci", "http://[::1]/a%2Fb"},
		{"https://bücher.example/ä,b", "", "https://xn--bcher-kva.example/%C3%A4,b", "https://xn--bcher-kva.example/%C3%A4,b"},
	} {
		got, err := HookURL(c.address, c.path)
		if err != nil || got != c.want {
			t.Errorf("HookURL(%q, %q) = %q, %v", c.address, c.path, got, err)
		}
		if base := BaseURL(got); base != c.base {
			t.Errorf("%s is kept as %s, not %s", got, base, c.base)
		}
		if !SameReceiver(got, c.base) {
			t.Errorf("%s does not lead to %s", got, c.base)
		}
	}
	for _, address := range []string{"", " ", "https://", "https:///webhook", "ftp://example.com", "https://a:b@example.com", "a@example.com", "https://a b.example",
		"https://h.example:0", "https://h.example:65536", "https://h.example:x", "https://[fe80::1%25eth0]/", "https://[1.2.3.4:5]", "https://h\x1b[31m.example",
		"https://h.example/%zz", "https://%2f.example", "https://.", "\x00"} {
		got, err := HookURL(address, "")
		var e *Error
		if !errors.Is(err, ErrURL) || !errors.As(err, &e) || e.Cure == "" || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q became %q, %v", address, got, err)
		}
		if BaseURL(address) != address {
			t.Errorf("BaseURL(%q) = %q", address, BaseURL(address))
		}
	}
	for _, name := range []string{"../x", "a b", "a/b", "%2e", strings.Repeat("a", 65)} {
		if got, err := HookURL("https://hooks.example.com", name); !errors.Is(err, ErrURL) {
			t.Errorf("path %q became %s", name, got)
		}
	}
}

// Every form of a group leads to one place, and no two groups do.
func TestSameURL(t *testing.T) {
	groups := [][]string{
		{"https://h.example.com/webhook", "HTTPS://H.example.COM/webhook", "https://h.example.com:443/webhook", "https://h.example.com:0443/webhook",
			"https://h.example.com:/webhook", "https://h.example.com./webhook", "https://h.example.com/webhook/", "https://h.example.com/webhook?",
			"https://h.example.com/webhook/?", "https://h.example.com/%77ebhook", "https://h.example.com/webhook#part", " https://h.example.com/webhook\n",
			"h.example.com/webhook", "https://h。example.com/webhook", "https://ｈ.example.com/webhook", "hTTps://h.example.com.:443/webhook/?"},
		{"https://h.example.com", "https://h.example.com/", "https://h.example.com?", "https://H.example.com:443"},
		{"https://h.example.com/Webhook"},
		{"https://h.example.com/webhook/ci", "https://h.example.com/webhook/%63i/"},
		{"https://h.example.com/webhook%2Fci", "https://h.example.com/webhook%2fci"},
		{"http://h.example.com/webhook", "http://h.example.com:80/webhook"},
		{"https://h.example.com:80/webhook"},
		{"https://h.example.com:8443/webhook"},
		{"https://h.example.com/webhook?a=1", "https://h.example.com/webhook/?%61=1"},
		{"https://h.example.com/a%20b", "https://h.example.com/a b"},
		{"https://h.example.com/ü,(x)", "https://h.example.com/%c3%bc%2C%28x%29"},
		{"https://bücher.example/", "https://BÜCHER.example", "https://xn--bcher-kva.example", "https://XN--BCHER-KVA.example./"},
		{"https://127.0.0.1/", "https://127.1", "https://0x7f.1", "https://2130706433", "https://0177.0.0.1", "https://[::ffff:127.0.0.1]", "https://127.0.0.1.", "https://１２７.0.0.1"},
		{"https://[2001:db8::1]/", "https://[2001:0DB8:0:0::0001]:443"},
		{"https://my_host.example.com"},
		{"not a url"}, {""}, {"ftp://h.example.com"},
	}
	for i, group := range groups {
		for _, a := range group {
			for j, other := range groups {
				for _, b := range other {
					if SameURL(a, b) != (i == j) {
						t.Errorf("SameURL(%q, %q) is %v: %q, %q", a, b, i != j, normalURL(a), normalURL(b))
					}
				}
			}
		}
	}
}

func TestSameReceiver(t *testing.T) {
	for _, c := range []struct {
		hook, public string
		same         bool
	}{
		{"https://h.example.com/webhook", "https://h.example.com", true},
		{"https://H.example.com.:443/webhook/?", "https://h.example.com/", true},
		{"https://h.example.com", "https://h.example.com", true},
		{"https://h.example.com/webhook/ci", "https://h.example.com", true},
		{"https://h.example.com/webhook/ci", "https://h.example.com/webhook", true},
		{"http://h.example.com/webhook", "https://h.example.com", true},
		{"https://h.example.com/github-webhook/", "https://h.example.com", false}, // such as Jenkins behind the same proxy
		{"https://h.example.com:8443/webhook", "https://h.example.com", false},
		{"https://h.example.com/behind/webhook/ci", "https://h.example.com/behind", true},
		{"https://h.example.com/behind/ci", "https://h.example.com/behind", true},
		{"https://h.example.com/behind", "https://h.example.com/behind/webhook", true},
		{"https://h.example.com/behindother/webhook", "https://h.example.com/behind", false},
		{"https://h.example.com/webhook", "https://h.example.com/behind", false},
		{"https://x.example.com/webhook", "https://h.example.com", false},
		{"https://h.example.com.evil.org/webhook", "https://h.example.com", false},
		{"https://h.example.com/webhook", "", false},
		{"", "", false},
		{"", "https://h.example.com", false},
	} {
		if SameReceiver(c.hook, c.public) != c.same {
			t.Errorf("SameReceiver(%q, %q) is %v", c.hook, c.public, !c.same)
		}
	}
}

func TestCheckPublic(t *testing.T) {
	for _, host := range []string{"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001",
		"0.0.0.0", "0", "10.0.0.7", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1",
		"198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[fec0::1]", "[2001:db8::1]",
		"[::ffff:10.0.0.1]", "[::ffff:a00:1]", "[::10.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:0a00:0001::1]",
		"printer.local", "svc.internal", "router.lan", "nas.home.arpa", "nas.home", "app.test", "x.invalid", "x.corp", "x.intranet", "x.localdomain", "x.private", "x.onion",
		"buildserver", "buildserver.", "１２７.0.0.1", "ｌocalhost"} {
		for _, address := range []string{"https://" + host, "http://" + host + ":8443/webhook", host} {
			_, err := CheckPublic(address, "github.com")
			var e *Error
			if !errors.Is(err, ErrNotPublic) || !errors.Is(err, ErrURLRefused) || !errors.As(err, &e) || e.Cure == "" {
				t.Errorf("%s: %v", address, err)
			}
			if _, err := CheckPublic(address, "acme.ghe.com"); !errors.Is(err, ErrNotPublic) {
				t.Errorf("%s, with data residency: %v", address, err)
			}
			if _, err := CheckPublic(address, "github.acme.example"); err != nil {
				t.Errorf("%s, of an Enterprise Server: %v", address, err)
			}
		}
	}
	for _, address := range []string{"https://hooks.example.com", "https://140.82.112.3/", "https://172.32.0.1", "https://100.128.0.1", "https://[2606:50c0::1]/", "https://x.ts.net",
		"https://local.example.com", "https://localhost.example.com", "https://xn--bcher-kva.de", "https://host.testing.com", "https://[64:ff9b::8.8.8.8]"} {
		for _, host := range []string{"", "github.com", "api.github.com", "github.acme.example"} {
			if warning, err := CheckPublic(address, host); err != nil || warning != "" {
				t.Errorf("%s at %s: %q, %v", address, host, warning, err)
			}
		}
	}
	if warning, err := CheckPublic("http://hooks.example.com", "github.com"); err != nil || !strings.Contains(warning, "https") {
		t.Errorf("plain http: %q, %v", warning, err)
	}
	if _, err := CheckPublic("ftp://hooks.example.com", "github.acme.example"); !errors.Is(err, ErrURL) {
		t.Errorf("ftp: %v", err)
	}
}

// The form in which URLs are compared is its own form, and a hook's URL stays as it is once it is written so.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://H.example.com.:443/webhook/?", "h/a%2fb//", "://", "http://[::1", "%zz", "https://xn--a.b/%", "http://0x7f.1/ä?b=%c3%a4#c", "https://ẞ。example..",
		"https://h/webhook/webhook/x?y", "https://h/?%"} {
		f.Add(s, "https://h.example.com/webhook")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		normal := normalURL(a)
		if again := normalURL(normal); again != normal {
			t.Errorf("%q becomes %q and then %q", a, normal, again)
		}
		if SameURL(a, b) != SameURL(b, a) || !SameURL(a, a) || !SameURL(a, normal) {
			t.Errorf("SameURL(%q, %q) depends on the order", a, b)
		}
		_, _ = CheckPublic(a, "github.com")
		got, err := HookURL(a, "")
		if err != nil {
			return
		}
		if again, err := HookURL(got, ""); err != nil || again != got {
			t.Errorf("%q becomes %q and then %q, %v", a, got, again, err)
		}
		if _, err := url.Parse(got); err != nil || clean(got) != got || strings.Contains(got, " ") {
			t.Errorf("%q becomes %q: %v", a, got, err)
		}
		base := BaseURL(got)
		if !SameReceiver(got, base) || BaseURL(base) != base && !strings.Contains(base, "/webhook") {
			t.Errorf("%q: %q does not lead to %q", a, got, base)
		}
	})
}

func TestMovedURL(t *testing.T) {
	for _, test := range []struct {
		hook, from, to, want string
	}{
		{"https://a.ngrok.app/webhook", "https://a.ngrok.app", "https://b.ngrok.app", "https://b.ngrok.app/webhook"},
		{"https://A.ngrok.app", "https://a.ngrok.app/", "https://b.ngrok.app/", "https://b.ngrok.app"},
		{"https://h.ts.net/hooks/webhook/x?y=1", "https://h.ts.net/hooks", "https://h.ts.net/other", "https://h.ts.net/other/webhook/x?y=1"},
		{"https://h.ts.net/hooks2", "https://h.ts.net/hooks", "https://h.ts.net/other", ""},
		{"http://a.ngrok.app/webhook", "https://a.ngrok.app", "https://b.ngrok.app", ""},
		{"https://a.ngrok.app.example.com/", "https://a.ngrok.app", "https://b.ngrok.app", ""},
	} {
		if have, lies := MoveURL(test.hook, test.from, test.to); have != test.want || lies != (test.want != "") {
			t.Errorf("%s from %s to %s: %q %v, want %q", test.hook, test.from, test.to, have, lies, test.want)
		}
	}
}
